"""Sessions verified and judged, one after the other: here, or in a worker process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from ..checks.compiled import Compiled
from ..checks.judge import Trial, unfit
from ..checks.merge import Judged
from ..checks.outcome import Skipped
from ..store.fault import Fault
from ..store.model import Session
from ..store.reader import Recording
from ..store.verify import Verification

__all__ = ["MISSING", "Done", "Tick", "judge_session", "work_off"]

Tick = Callable[[int], object]
"""Told how many more messages have been judged; may raise, to end it all."""

_TICK = 500
MISSING: Final = "frames are missing from the file"


class Done(NamedTuple):
    """A session that was dealt with."""

    session: int
    fault: Fault | None
    judged: Judged | Skipped | None
    """None: it is not what was recorded, or nobody asked for it, so nothing is said of it."""


def judge_session(
    recording: Recording, session: Session, compiled: Compiled, tick: Tick
) -> Judged | Skipped:
    """Return what the contract says of one session; raises RecordingError."""
    skipped = unfit(compiled, session)
    if skipped is not None:
        return skipped
    trial = Trial(compiled, session)
    gap = recording.first_gap(session)
    number = 0
    for number, message in enumerate(recording.messages(session.id), 1):
        if gap is not None and message.seq > gap:
            trial.gap(message.seq, MISSING)
            gap = None
        trial.message(message)
        if not number % _TICK:
            tick(_TICK)
    if gap is not None:
        trial.gap(gap, MISSING)
    tick(number % _TICK)
    return trial.close(session)[1]


def work_off(
    recording: Recording, verification: Verification, number: int, compiled: Compiled, tick: Tick
) -> Done:
    """Verify a session, then judge it; raises RecordingError."""
    fault = verification.session(number)
    if fault is not None and fault.damage:
        return Done(number, fault, None)
    session = recording.session(number) if compiled.scope.judges(number) else None
    if session is None:
        return Done(number, fault, None)
    return Done(number, fault, judge_session(recording, session, compiled, tick))
