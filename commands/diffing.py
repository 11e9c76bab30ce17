"""The command that holds two recordings against each other."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .matching import MATCHING, read_contract
from .options import FILE, Format, add, format_option
from .reporting import sessions_option

if TYPE_CHECKING:
    from ..checks.scope import SessionRange
    from ..match.rules import Matching

__all__ = ["diff"]


@click.command()
@click.argument("a", type=FILE)
@click.argument("b", type=FILE)
@click.option(
    "-c", "--contract", "name", metavar="NAME|FILE",
    help="What names events, tells ids from other values, and which messages are pieces of a text:"
    " a pack's name or a contract's file.  [default: the one stored in A, or named in wsrec.toml;"
    " without either, messages are compared by their shape]",
)  # fmt: skip
@add(MATCHING)
@sessions_option("Compare only this session of A, or these, with their partners in B.")
@click.option(
    "--min-samples", type=click.IntRange(1, 1_000_000), default=5, show_default=True, metavar="N",
    help="Times of an event are compared where both recordings have so many.",
)  # fmt: skip
@click.option(
    "--max-slower", type=click.FloatRange(min=1), default=None, metavar="RATIO",
    help="An event is slower when its p95 in B is more than so many times that in A, and 10 ms"
    " more: then A and B differ.  [default: no event is]",
)  # fmt: skip
@click.option(
    "--max-differences", type=click.IntRange(1, 1_000_000), default=100, show_default=True,
    metavar="N", help="Differences of one kind kept for one session; the rest is counted.",
)  # fmt: skip
@format_option
@click.option(
    "-o", "--output", metavar="FILE", default=None, help="Where the report goes.",
    type=click.Path(dir_okay=False, writable=True, allow_dash=True, path_type=Path),
)  # fmt: skip
def diff(
    a: Path,
    b: Path,
    name: str | None,
    sessions: tuple[SessionRange, ...],
    min_samples: int,
    max_slower: float | None,
    max_differences: int,
    format: Format,  # noqa: A002
    output: Path | None,
    **rules: Any,
) -> None:
    """Say what differs between A and B: sessions, messages, times.

    Sessions are aligned first, then the messages of each. A text that comes in pieces is compared
    as a whole, if a contract says what a piece is. Ids may be others in B; which stand for which
    is reported. Times are shown, and compared with --max-slower.

    Exit code: 0 nothing differs, 1 something does, or there was nothing to compare, 2 usage or
    contract error, 3 a recording is unreadable or damaged.
    """
    from ..checks.scope import Scope
    from ..judge.asked import UnknownSessionError
    from ..judge.reports import RefusedError, Wanted, clear
    from ..net.errors import SettingError
    from ..replay.diff import Wish, diff, exit_code, write
    from ..replay.settings import read_matching
    from ..schemas.packs import locate

    def matching(path: Path, meta: Mapping[str, str]) -> Matching:
        return read_matching(read_contract(name, path, meta), **rules)

    wanted = Wanted(format, None if output == Path("-") else output)
    try:
        clear([wanted], [a, b, *([] if name is None else [locate(name)[0]])], None)
        wish = Wish(Scope(sessions=sessions, max_findings=max_differences), min_samples, max_slower)
        contrast = diff(a, b, matching, wish)
    except SettingError as error:
        raise click.UsageError(str(error)) from error
    except (RefusedError, UnknownSessionError) as error:
        click.echo(f"wsrec: {error}", err=True)
        sys.exit(2)
    write(contrast, wanted, sys.stdout)
    sys.exit(exit_code(contrast))
