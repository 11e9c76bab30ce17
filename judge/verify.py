"""`wsrec verify`: are these recordings what was recorded?"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TextIO

from ..report.inert import inert
from ..store.errors import RecordingError
from ..store.reader import Recording
from ..store.verify import Fault, Verification

if TYPE_CHECKING:
    from ..store.keys import PublicKeys

__all__ = ["DAMAGED", "INTACT", "verify"]

INTACT: Final = 0
DAMAGED: Final = 3

Format = Literal["text", "json"]


def verify(
    paths: Iterable[str | Path],
    out: TextIO,
    format: Format,  # noqa: A002
    keys: PublicKeys | None = None,
) -> int:
    """Write a line for each session with a fault, then one for each recording.

    A file that cannot be opened as a recording has only that line. With `json`, each line is an
    object. With `keys`, all that has ended has to be sealed by one of them.

    Returns:
        0: everything is what was recorded, though a recording may have been interrupted.
        3: something is not, or cannot be read.
    """
    code = INTACT
    for path in paths:
        try:
            with Recording.open(path) as recording:
                damaged = _verify(recording, out, format, keys)
        except RecordingError as error:
            _write(out, format, str(error), recording=str(path), status="damaged", what=str(error))
            damaged = True
        if damaged:
            code = DAMAGED
    return code


def _verify(
    recording: Recording,
    out: TextIO,
    format: Format,  # noqa: A002
    keys: PublicKeys | None,
) -> bool:
    path = str(recording.path)
    verification = Verification(recording, keys)
    damaged = interrupted = without = gaps = 0
    for fault in verification.faults():
        damaged += fault.damage
        interrupted += not fault.damage
        if not fault.damage and fault.session is not None:
            gaps += fault.first_seq is not None
            without += fault.first_seq is None
        _write(out, format, f"{path}: {fault}", recording=path, **_fields(fault))
    status = "damaged" if damaged else "interrupted" if interrupted else "intact"
    frames = _count(verification.frames, "frame")
    sessions = _count(verification.sessions, "session")
    if damaged:
        line = f"{path}: damaged; {frames} of {sessions} were found to be what was recorded"
    else:
        line = f"{path}: {sessions}, {frames}: intact"
    if without and not damaged:
        line += f", {_count(without, 'session')} without an end record"
    if gaps and not damaged:
        line += f", {_count(gaps, 'session')} of which frames were not recorded"
    seals = verification.seals
    checked = "none"
    if keys is not None:
        checked = "checked"
        line += f"; {_count(seals.sessions, 'seal')} of sessions checked"
    elif seals.count:
        checked = "not checked"
        line += "; sealed, not checked: give --public-key"
    counts = {"sessions": verification.sessions, "frames": verification.frames}
    counts["sealed_sessions"] = seals.sessions
    _write(out, format, line, recording=path, status=status, **counts, seals=checked)
    return damaged > 0


def _fields(fault: Fault) -> dict[str, Any]:
    return {
        "session": fault.session,
        "status": "damaged" if fault.damage else "interrupted",
        "first_seq": fault.first_seq,
        "last_seq": fault.last_seq,
        "what": fault.what,
    }


def _write(out: TextIO, format: Format, line: str, **fields: Any) -> None:  # noqa: A002
    print(json.dumps(fields) if format == "json" else inert(line), file=out)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
