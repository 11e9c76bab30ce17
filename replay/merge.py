"""`wsrec merge`: several recordings as one."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TextIO

from .. import __version__
from ..report.inert import inert
from ..upkeep.merge import merge as merge_sources
from ..upkeep.source import Source

__all__ = ["merge"]

Format = Literal["text", "json"]


def merge(inputs: Sequence[Path], out: Path, told: TextIO, format: Format) -> None:  # noqa: A002
    """Make the recording `out` of all sessions of the inputs, and write one line about it.

    Every input is verified first.

    Raises:
        RecordingError: an input is damaged or no recording, or two are the same; a full disk.
        OSError: `out` exists, or there is no place for it.
    """
    with contextlib.ExitStack() as stack:
        sources = []
        for path in inputs:
            source = stack.enter_context(Source.open(path))
            source.require_intact()
            sources.append(source)
        made = merge_sources(sources, out, {"wsrec_version": __version__})
    if format == "json":
        counts = {"sessions": made.sessions, "frames": made.frames, "bytes": made.bytes}
        line = json.dumps({"recording": str(out), "recordings": len(sources), **counts})
    else:
        counted = f"{_count(made.sessions, 'session')}, {_count(made.frames, 'frame')}"
        inputs_counted = _count(len(sources), "recording")
        line = inert(f"{out}: {counted} of {inputs_counted}; {made.bytes:,} bytes")
    print(line, file=told)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
