"""The engine: sessions and messages in, findings and an outcome out.

It is a fold: the same object judges a file session by session, many sessions
interleaved, or live traffic, and says the same. Sessions do not see each other,
except where the contract speaks of several: percentiles and reconnection.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from ..schemas.model import Contract
from .applies import misfit
from .compiled import Compiled
from .finding import Finding
from .inputs import MessageLike, SessionLike
from .merge import Judged, Merge, Past
from .outcome import Outcome, SessionOutcome, Skipped
from .samples import Samples
from .scope import EVERYTHING, Scope
from .session import SessionJudge

__all__ = ["Judge", "Trial", "unfit"]


def unfit(compiled: Compiled, session: SessionLike) -> Skipped | None:
    """Return why a session is not judged: the contract is not about it, or it was refused."""
    reason = misfit(compiled.contract.applies_to, session)
    if reason is None and session.status != 101:
        answer = "not answered" if session.status is None else f"answered with {session.status}"
        reason = f"the handshake was {answer}"
    return None if reason is None else Skipped(session.id, reason)


class Trial:
    """One session that is being judged, and what was measured in it."""

    def __init__(self, compiled: Compiled, session: SessionLike) -> None:
        self._samples: defaultdict[tuple[str, str], Samples] = defaultdict(Samples)
        self._judge = SessionJudge(compiled, session, self._samples)
        measured = compiled.contract.session.proxy_added is not None
        self._added = self._samples["session", "proxy_added"] if measured else None

    def message(self, message: MessageLike) -> list[Finding]:
        """Take the next message; return what it shows already."""
        if self._added is not None and message.forwarded_ns is not None:
            self._added.add(message.forwarded_ns - message.at_ns)
        return self._judge.message(message)

    def gap(self, seq: int, what: str) -> list[Finding]:
        """Take note that the recording misses frames before frame `seq`."""
        return self._judge.gap(seq, what)

    def close(self, session: SessionLike | None) -> tuple[list[Finding], Judged]:
        """End it, with its final values; None: its end is not known.

        Returns:
            What the end shows, and the session judged.
        """
        running = self._judge
        found = running.close(session)
        past = None
        if running.by is not None and session is not None:
            ended = None if session.ended_ns is None else session.started_ns + session.ended_ns
            lost = not _normal(session) or running.broken_off
            past = Past(session.id, session.started_ns, ended, running.by, lost)
        judged = Judged(
            running.outcome(),
            past,
            dict(self._samples),
            running.decoded,
            tuple(running.strange),
            running.opened,
            running.incomplete,
        )
        return found, judged


class Judge:
    """Judges one recording by one contract.

    Call `open`, then `message` for each message in order, then `close`, for each
    session; sessions may overlap. `finish` gives the outcome and ends the judge.
    """

    def __init__(
        self, contract: Contract, scope: Scope = EVERYTHING, compiled: Compiled | None = None
    ) -> None:
        """`scope` says which findings count; which sessions is for the caller to heed.

        `compiled` is the same contract made ready before, for whoever judges many small recordings.
        """
        self.contract = contract
        self._compiled = compiled or Compiled(contract, scope)
        self._running: dict[int, Trial] = {}
        self._merge = Merge(contract, scope)

    def open(self, session: SessionLike) -> None:
        """Begin a session; one the contract is not about, or refused, is skipped and counted."""
        skipped = unfit(self._compiled, session)
        if skipped is None:
            self._running[session.id] = Trial(self._compiled, session)
        else:
            self._merge.add(skipped)

    def message(self, session_id: int, message: MessageLike) -> list[Finding]:
        """Take the next message of a session that is open; return what it shows already."""
        running = self._running.get(session_id)
        return [] if running is None else running.message(message)

    def gap(self, session_id: int, seq: int, what: str) -> list[Finding]:
        """Take note that the recording misses frames of a session before frame `seq`."""
        running = self._running.get(session_id)
        return [] if running is None else running.gap(seq, what)

    def close(self, session: SessionLike) -> list[Finding]:
        """End a session, with its final values; return what its end shows."""
        running = self._running.pop(session.id, None)
        return [] if running is None else self._end(running, session)

    def delays(self, times: Iterable[int]) -> None:
        """Take what the proxy added to messages that were given without `forwarded_ns`; in ns."""
        self._merge.delays(times)

    @property
    def ended(self) -> Sequence[SessionOutcome]:
        """The outcomes of the sessions that have ended, in that order."""
        return self._merge.done

    def _end(self, running: Trial, session: SessionLike | None) -> list[Finding]:
        found, judged = running.close(session)
        self._merge.add(judged)
        return found

    def finish(self) -> Outcome:
        """Return the outcome; a session still open is judged as one without an end."""
        for running in self._running.values():
            self._end(running, None)
        self._running.clear()
        return self._merge.finish()


def _normal(session: SessionLike) -> bool:
    """Say whether a session ended as its peers meant it to, so that nobody had to come back."""
    if session.close_code == 1000:
        return True
    return session.closed_by == "client" and session.close_code in (1001, None)
