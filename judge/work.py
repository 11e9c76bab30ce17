"""Sessions verified and judged in one go, one after the other: here, or in a worker process."""

from __future__ import annotations

from typing import Final, NamedTuple

from ..checks.compiled import Compiled
from ..checks.judge import Trial, unfit
from ..checks.merge import Judged
from ..checks.outcome import Skipped
from ..store.fault import Fault
from ..store.passage import Passage
from ..store.verify import Verification
from .progress import Tick

__all__ = ["MISSING", "Done", "work_off"]

MISSING: Final = "frames are missing from the file"


class Done(NamedTuple):
    """A session that was dealt with."""

    session: int
    fault: Fault | None
    judged: Judged | Skipped | None
    """None: it is not what was recorded, or nobody asked for it, so nothing is said of it."""


class _Judging:
    """One session that is judged while it is read."""

    def __init__(self, passage: Passage, compiled: Compiled, tick: Tick) -> None:
        self._session = passage.session
        self._row = passage.row
        self._skipped = unfit(compiled, self._session)
        self._trial = Trial(compiled, self._session)
        self._tick = tick
        self._gap: int | None = None
        self._gap_told = False

    def take(self, passage: Passage) -> None:
        """Judge what was read next; raises RecordingError."""
        if passage.row != self._row:  # it has ended meanwhile
            self._session, self._row = passage.session, passage.row
        self._gap = passage.gap
        if self._skipped is not None:
            return
        gap, judge = passage.gap, self._trial.message
        number = 0
        for message in passage.messages():
            if gap is not None and message.seq > gap:
                self._tell(message.seq)
            judge(message)
            number += 1
        self._tick(number)

    def _tell(self, seq: int) -> None:
        if not self._gap_told:
            self._gap_told = True
            self._trial.gap(seq, MISSING)

    def close(self) -> Judged | Skipped:
        """Return what is said of the session."""
        if self._skipped is not None:
            return self._skipped
        if self._gap is not None:
            self._tell(self._gap)
        return self._trial.close(self._session)[1]


def work_off(verification: Verification, number: int, compiled: Compiled, tick: Tick) -> Done:
    """Verify a session and judge it, both at once; raises RecordingError."""
    fault: Fault | None = None
    judging: _Judging | None = None
    for each in verification.read(number):
        if isinstance(each, Fault):
            fault = each
        elif compiled.scope.judges(number):
            judging = judging or _Judging(each, compiled, tick)
            judging.take(each)
    if judging is None or (fault is not None and fault.damage):
        return Done(number, fault, None)
    return Done(number, fault, judging.close())
