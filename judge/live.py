"""Judging a recording that is being followed: the engine of `wsrec validate`, item by item."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..checks.finding import Finding
from ..checks.judge import Judge
from ..checks.outcome import SessionOutcome
from ..report.model import Judged
from ..store.model import Message, Session
from ..store.news import Began, Ended, Item, Missing
from ..store.reader import Recording
from .choice import Chosen
from .work import MISSING

__all__ = ["Live"]


class Live:
    """Takes what a follower tells, from the first of all on; says what is said of the file."""

    def __init__(self, path: Path, chosen: Chosen) -> None:
        self.chosen = chosen
        self.sessions: dict[int, Session] = {}
        """Those that have begun and not ended, as they were when they began."""
        self._path = path
        self._judge = Judge(chosen.contract)
        self._missing: dict[int, int] = {}
        # When a message was forwarded may be known only after it has been told.
        self._delays_later = chosen.contract.session.proxy_added is not None

    def take(self, item: Item) -> Iterator[Finding | SessionOutcome]:
        """Yield what an item shows; at its end, a session's outcome."""
        if isinstance(item, Began):
            if item.session.id not in self.sessions:
                self.sessions[item.session.id] = item.session
                self._judge.open(item.session)
        elif isinstance(item, Missing):
            self._missing[item.session_id] = item.seq
        elif isinstance(item, Message):
            if self._missing.get(item.session_id, item.seq) < item.seq:
                del self._missing[item.session_id]
                yield from self._judge.gap(item.session_id, item.seq, MISSING)
            if self._delays_later:
                item = replace(item, forwarded_ns=None)
            yield from self._judge.message(item.session_id, item)
        elif isinstance(item, Ended):
            yield from self._end(item.session)

    def _end(self, session: Session) -> Iterator[Finding | SessionOutcome]:
        self.sessions.pop(session.id, None)
        missing = self._missing.pop(session.id, None)
        if missing is not None:
            yield from self._judge.gap(session.id, missing, MISSING)
        before = len(self._judge.ended)
        yield from self._judge.close(session)
        yield from self._judge.ended[before:]

    def interrupted(self, recording: Recording) -> Iterator[Finding | SessionOutcome]:
        """Yield what is to be said of sessions that have no end, and will not get one."""
        for number, session in sorted(self.sessions.items()):
            yield from self._end(recording.session(number) or session)

    def finish(self, recording: Recording) -> Judged:
        """Return the outcome, all that is to come having been taken."""
        if self._delays_later:
            for session in self._judge.ended:
                self._judge.delays(recording.delays(session.id))
        return Judged(str(self._path), self.chosen.contract, self.chosen.why, self._judge.finish())
