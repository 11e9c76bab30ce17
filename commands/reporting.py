"""What of a verdict is asked for, and where the reports go: the options of `wsrec validate`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ..checks.scope import SessionRange
from ..schemas.codes import CODES, FAMILIES
from ..schemas.mistakes import did_you_mean

if TYPE_CHECKING:
    from ..judge.reports import ReportFormat, Wanted

    _Type = click.ParamType[Any]
else:  # the oldest click that will do has no type parameter there
    _Type = click.ParamType

__all__ = ["REPORTS", "SCOPE", "Codes", "Ordered", "sessions_option", "wanted_reports"]

_ORDER = f"{__name__}.order"
_STANDARD: Final = (Path("-"), Path("/dev/stdout"))
"""Names of standard output. Taken for a file, the second would be what that is redirected to."""


class Ordered(click.Command):
    """A command that knows in which order its options were given, also those given repeatedly."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as ever; the parser's own list of what came is the only one across options."""
        _, _, order = self.make_parser(ctx).parse_args(list(args))
        ctx.meta[_ORDER] = [parameter.name for parameter in order]
        return super().parse_args(ctx, args)


def wanted_reports(formats: Sequence[ReportFormat], outputs: Sequence[Path]) -> list[Wanted]:
    """Return the reports that were asked for: each format with the `-o` that follows it.

    Raises UsageError where it is not clear which goes where.
    """
    from ..judge.reports import Wanted

    if len(formats) <= 1 and len(outputs) <= 1:  # then their order cannot matter
        return [Wanted(formats[0] if formats else "text", _file(outputs))]
    if not formats:
        raise click.UsageError("several -o FILE, and no --format for any: one for each, before it")
    named, files = iter(formats), iter(outputs)
    pairs: list[tuple[ReportFormat, list[Path]]] = []
    for option in click.get_current_context().meta[_ORDER]:
        if option == "formats":
            pairs.append((next(named), []))
        elif option == "outputs":
            file = next(files)
            if not pairs:
                raise click.UsageError(f"-o {file} has no --format before it; give --format first")
            name, given = pairs[-1]
            if given:
                raise click.UsageError(f"-o {file} is a second file for one --format {name}")
            given.append(file)
    wanted = [Wanted(name, _file(given)) for name, given in pairs]
    bare = [each.format for each in wanted if each.path is None]
    if len(bare) > 1:
        raise click.UsageError(
            f"{' and '.join(bare)} would go to standard output together; give all but one a file:"
            f" --format {bare[0]} -o FILE"
        )
    return wanted


def _file(given: Sequence[Path]) -> Path | None:
    return given[0] if given and given[0] not in _STANDARD else None


class Codes(_Type):
    """Finding codes with commas between them."""

    name = "codes"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the codes; each is a code or a dotted prefix of some."""
        codes = [each.strip() for each in value.split(",")]
        for each in codes:
            known = {*CODES, *FAMILIES}
            if each not in known:
                self.fail(f"no finding code {each!r}{did_you_mean(each, known)}", param, ctx)
        return tuple(codes)


class _Sessions(_Type):
    """A session's number, or a range of them."""

    name = "sessions"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the range; one session is a range of itself."""
        if isinstance(value, SessionRange):
            return value
        match = re.fullmatch(r"([0-9]{1,18})(-([0-9]{1,18})?)?", value, re.ASCII)
        if match is None:
            self.fail(f"{value!r} is no session; expected 3, 3-7 or 3-", param, ctx)
        first = int(match[1])
        last = first if match[2] is None else None if match[3] is None else int(match[3])
        if last is not None and last < first:
            self.fail(f"{value!r} ends before it begins", param, ctx)
        return SessionRange(first, last)


def sessions_option(what: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return the option that selects sessions; its help begins with `what`."""
    return click.option(
        "--session", "sessions", type=_Sessions(), multiple=True, metavar="N|N-M|N-",
        help=f"{what} May be repeated.",
    )  # fmt: skip


_FORMATS = ("text", "json", "junit", "github")

REPORTS = (
    click.option(
        "--format", "formats", type=click.Choice(_FORMATS), multiple=True,
        help="How to write the report; text by default. May be repeated: each report goes to the"
        " -o that follows its --format, one without to standard output.",
    ),
    click.option(
        "-o", "--output", "outputs", multiple=True, metavar="FILE",
        type=click.Path(dir_okay=False, writable=True, allow_dash=True, path_type=Path),
        help="Where the report of the --format before it goes. With one report, their order does"
        " not matter.",
    ),
    click.option(
        "--fail-on", type=click.Choice(["error", "warning", "info"]), default="error",
        show_default=True, help="The least severity that makes the exit code 1.",
    ),
)  # fmt: skip

SCOPE = (
    click.option(
        "--rules", type=Codes(), multiple=True, metavar="CODE[,CODE]",
        help="Only these findings count: codes, or what they begin with, such as `latency`.",
    ),
    sessions_option("Judge only this session, or these."),
    click.option(
        "--max-findings", type=click.IntRange(1, 1_000_000), default=100, show_default=True,
        metavar="N", help="Findings of one code kept for one session; the rest is counted.",
    ),
)  # fmt: skip
