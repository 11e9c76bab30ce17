"""Where what came of a replay or a mock goes: to standard output, or to a file."""

from __future__ import annotations

import io
from typing import TextIO

from rich.console import Console

from ..judge.reports import Wanted, put
from ..report.plays import Plays
from ..report.plays_json import plays_to_json
from ..report.plays_text import print_plays

__all__ = ["write_plays"]


def write_plays(plays: Plays, wanted: Wanted, out: TextIO) -> None:
    """Write it as text or JSON where it is wanted; `out` is standard output.

    Raises:
        OSError: the file cannot be written; it is on `out` then.
    """
    if wanted.path is None:
        _write(plays, wanted, out)
        return
    text = io.StringIO()
    _write(plays, wanted, text)
    try:
        put(wanted.path, text.getvalue())
    except OSError:
        out.write(text.getvalue())  # the sessions cannot always be had again
        raise


def _write(plays: Plays, wanted: Wanted, out: TextIO) -> None:
    if wanted.format == "json":
        out.write(plays_to_json(plays))
        return
    # A pipe has no width: nothing is folded for it.
    width = None if out.isatty() else 120
    print_plays(plays, Console(file=out, width=width, highlight=False))
