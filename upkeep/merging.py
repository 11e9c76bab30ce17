"""`wsrec merge`: several recordings as one."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO

from .. import __version__
from ..report.inert import inert
from ..store.verify import require_intact
from .merge import merge as merge_sources
from .source import Source

if TYPE_CHECKING:
    from ..store.keys import SigningKey

__all__ = ["merge"]

Format = Literal["text", "json"]


def merge(
    inputs: Sequence[Path],
    out: Path,
    told: TextIO,
    format: Format,  # noqa: A002
    signer: SigningKey | None = None,
) -> None:
    """Make the recording `out` of all sessions of the inputs, and write one line about it.

    Every input is verified first. With `signer`, each has to be sealed by this key; `out` is, too.

    Raises:
        RecordingError: an input is damaged or no recording, or two are the same; a full disk.
        OSError: `out` exists, or there is no place for it.
    """
    with contextlib.ExitStack() as stack:
        sources = []
        for path in inputs:
            source = stack.enter_context(Source.open(path))
            require_intact(source, signer.trusted() if signer else None)
            sources.append(source)
        made = merge_sources(sources, out, {"wsrec_version": __version__}, signer)
    if format == "json":
        counts = {"sessions": made.sessions, "frames": made.frames, "bytes": made.bytes}
        counts["unsealed"] = made.unsealed
        said = {"recording": str(out), "recordings": len(sources), **counts}
        line = json.dumps({**said, "contract_stored": made.contract})
    else:
        counted = f"{_count(made.sessions, 'session')}, {_count(made.frames, 'frame')}"
        inputs_counted = _count(len(sources), "recording")
        line = f"{out}: {counted} of {inputs_counted}; {made.bytes:,} bytes"
        if made.unsealed:
            line += f"; the seals of {_count(made.unsealed, 'session')} are not in it"
        if made.contract is False:
            line += "; their contracts differ, so none is stored in it"
        line = inert(line)
    print(line, file=told)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
