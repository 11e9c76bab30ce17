"""The engine: sessions and messages in, findings and an outcome out.

It is a fold: the same object judges a file session by session, many sessions
interleaved, or live traffic, and says the same. Sessions do not see each other,
except where the contract speaks of several: percentiles and reconnection.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..schemas.durations import show_duration
from ..schemas.model import AppliesTo, Contract, Limits, Scalar
from .applies import misfit
from .compiled import Compiled
from .context import Kind
from .finding import Finding, Verdict, brief, finding
from .inputs import MessageLike, SessionLike
from .outcome import LatencyRow, Outcome, SessionOutcome, Skipped
from .samples import Samples
from .scope import EVERYTHING, Scope
from .session import SessionJudge

__all__ = ["Judge"]


@dataclass(frozen=True, slots=True)
class _Past:
    """What a session that has ended leaves for its successor; times since the recording began."""

    id: int
    started_ns: int
    ended_ns: int | None
    by: Scalar
    lost: bool


class Judge:
    """Judges one recording by one contract.

    Call `open`, then `message` for each message in order, then `close`, for each
    session; sessions may overlap. `finish` gives the outcome and ends the judge.
    """

    def __init__(self, contract: Contract, scope: Scope = EVERYTHING) -> None:
        """`scope` says which findings count; which sessions is for the caller to heed."""
        self.contract = contract
        self._compiled = Compiled(contract, scope)
        self._running: dict[int, SessionJudge] = {}
        self._done: list[SessionOutcome] = []
        self._skipped: list[Skipped] = []
        self._past: list[_Past] = []
        self._samples: dict[tuple[str, str], Samples] = {}
        self._decoded = 0
        self._opened = False
        self._incomplete = False

    def open(self, session: SessionLike) -> None:
        """Begin a session; one the contract is not about, or refused, is skipped and counted."""
        unfit = misfit(self.contract.applies_to, session)
        if unfit is not None:
            self._skipped.append(Skipped(session.id, unfit))
            return
        if session.status != 101:
            answer = "not answered" if session.status is None else f"answered with {session.status}"
            reason = f"the handshake was {answer}"
            self._skipped.append(Skipped(session.id, reason))
            return
        self._running[session.id] = SessionJudge(self._compiled, session, self._sink)

    def message(self, session_id: int, message: MessageLike) -> list[Finding]:
        """Take the next message of a session that is open; return what it shows already."""
        running = self._running.get(session_id)
        if running is None:
            return []
        if message.forwarded_ns is not None and self.contract.session.proxy_added is not None:
            self._sink("session", "proxy_added").add(message.forwarded_ns - message.at_ns)
        return running.message(message)

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
        samples = self._sink("session", "proxy_added")
        for time in times:
            samples.add(time)

    @property
    def ended(self) -> Sequence[SessionOutcome]:
        """The outcomes of the sessions that have ended, in that order."""
        return self._done

    def _end(self, running: SessionJudge, session: SessionLike | None) -> list[Finding]:
        found = running.close(session)
        self._done.append(running.outcome())
        self._decoded += running.decoded
        self._opened = self._opened or running.opened
        self._incomplete = self._incomplete or running.incomplete
        if running.by is not None and session is not None:
            ended = None if session.ended_ns is None else session.started_ns + session.ended_ns
            lost = not _normal(session) or running.broken_off
            self._past.append(_Past(session.id, session.started_ns, ended, running.by, lost))
        return found

    def finish(self) -> Outcome:
        """Return the outcome; a session still open is judged as one without an end."""
        for running in self._running.values():
            self._end(running, None)
        self._running.clear()
        findings = [
            weighed
            for found in (*self._reconnects(), *self._percentiles())
            if self._compiled.scope.wants(found.code)
            and (weighed := self._compiled.severities.apply(found)) is not None
        ]
        failed = any(session.verdict == "fail" for session in self._done) or any(
            each.severity == "error" for each in findings
        )
        vacuous = self._vacuous()
        verdict: Verdict = "pass" if vacuous is None and not self._incomplete else "inconclusive"
        if vacuous is not None:
            weighed = self._compiled.severities.apply(finding("contract.vacuous", vacuous))
            findings += [] if weighed is None else [weighed]
        sessions = tuple(sorted(self._done, key=lambda each: each.id))
        return Outcome(
            "fail" if failed else verdict,
            sessions,
            tuple(sorted(self._skipped, key=lambda each: each.id)),
            tuple(findings),
            tuple(
                LatencyRow(span, kind, samples.quantiles())
                for (span, kind), samples in sorted(self._samples.items())
                if samples.count
            ),
            sum(session.messages for session in sessions),
            sum(sum(session.events.values()) for session in sessions),
            vacuous,
        )

    def _sink(self, span: str, kind: str) -> Samples:
        return self._samples.setdefault((span, kind), Samples())

    def _vacuous(self) -> str | None:
        if not self._done:
            none = "no session was judged: none was opened"
            limited = self.contract.applies_to != AppliesTo()
            return f"{none} that the contract applies to" if limited else none
        if not self._decoded:
            return "no message was an event of the contract"
        if self.contract.spans and not self._opened:
            kinds = " or ".join(rule.name for rule in self._compiled.spans)
            return f"no {kinds} was opened in any session"
        return None

    def _reconnects(self) -> Iterator[Finding]:
        rule = self.contract.session.reconnect
        if rule is None:
            return
        latest: dict[Scalar, _Past] = {}
        for past in sorted(self._past, key=lambda each: (each.started_ns, each.id)):
            before = latest.get(past.by)
            latest[past.by] = past
            if before is None or not before.lost or before.ended_ns is None:
                continue
            took = past.started_ns - before.ended_ns
            if took < 0:  # it overlapped its predecessor: a second connection, not a successor
                continue
            self._sink("session", "reconnect").add(took)
            if took > rule.max:
                yield Finding(
                    "session.reconnect",
                    "error",
                    f"{rule.by} {brief(past.by)} came back {show_duration(took)} after session "
                    f"{before.id} was lost; expected within {show_duration(rule.max)}",
                    session=past.id,
                    expected=f"at most {show_duration(rule.max)}",
                    seen=show_duration(took),
                )

    def _percentiles(self) -> Iterator[Finding]:
        kinds: tuple[Kind, ...] = ("first", "gap", "total")
        for span in self.contract.spans:
            for kind in kinds:
                limits: Limits | None = getattr(span.latency, kind)
                yield from self._over("latency.percentile", span.name, kind, limits)
        added = self.contract.session.proxy_added
        yield from self._over("session.proxy_added", "session", "proxy_added", added)

    def _over(self, code: str, span: str, kind: str, limits: Limits | None) -> Iterator[Finding]:
        samples = self._samples.get((span, kind))
        if limits is None or samples is None or samples.count < limits.min_samples:
            return
        bounds = [
            (f"p{percent}", samples.percentile(percent), limit)
            for percent, limit in limits.percentiles
        ]
        if kind == "proxy_added" and limits.max is not None:
            bounds.append(("max", samples.max, limits.max))
        for name, seen, limit in bounds:
            if seen > limit:
                yield finding(
                    code,
                    f"{name} of {span} {kind} is {show_duration(seen)} over {samples.count} "
                    f"samples; expected at most {show_duration(limit)}",
                    span=None if span == "session" else span,
                    expected=f"at most {show_duration(limit)}",
                    seen=show_duration(seen),
                )


def _normal(session: SessionLike) -> bool:
    """Say whether a session ended as its peers meant it to, so that nobody had to come back."""
    if session.close_code == 1000:
        return True
    return session.closed_by == "client" and session.close_code in (1001, None)
