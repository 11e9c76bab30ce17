"""The command that judges recordings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal, TextIO, cast

import click

from .options import Format, format_option

__all__ = ["validate"]

Severity = Literal["error", "warning", "info"]


@click.command()
@click.argument("recordings", nargs=-1, required=True, metavar="RECORDING...")
@click.option(
    "-c", "--contract", "name", default=None, metavar="NAME|FILE",
    help="A pack's name or a contract's file.  [default: agent-events]",
)  # fmt: skip
@format_option
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE", help="Write the report there instead of to standard output.",
)  # fmt: skip
@click.option(
    "--fail-on", type=click.Choice(["error", "warning", "info"]), default="error",
    show_default=True, help="The least severity that makes the exit code 1.",
)  # fmt: skip
def validate(
    recordings: tuple[str, ...],
    name: str | None,
    format: Format,  # noqa: A002
    output: Path | None,
    fail_on: Severity,
) -> None:
    """Judge the sessions of each RECORDING against a contract.

    Exit code: 0 pass, 1 findings or not enough recorded to tell, 2 usage or contract error,
    3 recording unreadable or damaged, 5 nothing was validated.
    """
    from ..replay.validate import exit_code, validate, write
    from ..schemas.packs import DEFAULT_PACK, find

    if output is not None:
        if output.resolve() in [Path(each).resolve() for each in recordings]:
            raise click.UsageError(f"{output}: the report would replace the recording")
        output.unlink(missing_ok=True)  # a former verdict is not this one's
    chosen = "the default" if name is None else "given with -c"
    report = validate(recordings, find(name or DEFAULT_PACK), chosen)
    with click.open_file(str(output or "-"), "w", encoding="utf-8") as out:
        write(report, cast(TextIO, out), format)
    sys.exit(exit_code(report, fail_on))
