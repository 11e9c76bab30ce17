"""What the sessions of a recording come to together, in whatever order they were judged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from ..schemas.durations import show_duration
from ..schemas.model import AppliesTo, Contract, Limits, Scalar
from .finding import Finding, Severities, Verdict, brief, finding
from .outcome import LatencyRow, Outcome, SessionOutcome, Skipped
from .rules import Kind, Part, part
from .samples import Samples
from .scope import EVERYTHING, Scope

__all__ = ["Judged", "Merge", "Past"]


@dataclass(frozen=True, slots=True)
class Past:
    """What a session that has ended leaves for its successor; times since the recording began."""

    id: int
    started_ns: int
    ended_ns: int | None
    by: Scalar
    lost: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """One session judged, with all that the verdict on the recording needs of it.

    It holds values only: another process may have made it.
    """

    outcome: SessionOutcome
    past: Past | None
    samples: Mapping[tuple[str, str], Samples] = field(default_factory=dict)
    """What was measured, by span and kind."""
    decoded: int = 0
    """Messages that held at least one event of the contract."""
    strange: Sequence[str] = ()
    """The first few names of events that are none of it."""
    opened: bool = False
    incomplete: bool = False


class Merge:
    """Puts judged sessions together; their order does not matter."""

    def __init__(self, contract: Contract, scope: Scope = EVERYTHING) -> None:
        self.contract = contract
        self._scope = scope
        self._severities = Severities(contract.severity)
        self.done: list[SessionOutcome] = []
        """The sessions that were judged, in the order in which they came."""
        self._skipped: list[Skipped] = []
        self._past: list[Past] = []
        self._samples: defaultdict[tuple[str, str], Samples] = defaultdict(Samples)
        self._decoded = 0
        self._strange: tuple[int, Sequence[str]] | None = None
        """The first session with names of events that are none of the contract, and those."""
        self._opened = False
        self._incomplete = False

    def add(self, session: Judged | Skipped) -> None:
        """Take a session, each once."""
        if isinstance(session, Skipped):
            self._skipped.append(session)
            return
        self.done.append(session.outcome)
        if session.past is not None:
            self._past.append(session.past)
        for place, samples in session.samples.items():
            self._samples[place].update(samples)
        self._decoded += session.decoded
        if session.strange:
            strange = session.outcome.id, session.strange
            self._strange = min(self._strange or strange, strange, key=itemgetter(0))
        self._opened = self._opened or session.opened
        self._incomplete = self._incomplete or session.incomplete

    def delays(self, times: Iterable[int]) -> None:
        """Take what the proxy added to messages, in nanoseconds, that no session tells of."""
        samples = self._samples["session", "proxy_added"]
        for time in times:
            samples.add(time)

    def finish(self) -> Outcome:
        """Return the outcome of all that was added."""
        findings = [
            weighed
            for found in (*self._reconnects(), *self._percentiles())
            if self._scope.wants(found.code)
            and (weighed := self._severities.apply(found)) is not None
        ]
        failed = any(session.verdict == "fail" for session in self.done) or any(
            each.severity == "error" for each in findings
        )
        vacuous = self._vacuous()
        verdict: Verdict = "pass" if vacuous is None and not self._incomplete else "inconclusive"
        if vacuous is not None:
            weighed = self._severities.apply(finding("contract.vacuous", vacuous))
            findings += [] if weighed is None else [weighed]
        sessions = tuple(sorted(self.done, key=lambda each: each.id))
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

    def _vacuous(self) -> str | None:
        if not self.done:
            none = "no session was judged: none was opened"
            limited = self.contract.applies_to != AppliesTo()
            return f"{none} that the contract applies to" if limited else none
        if not self._decoded:
            return f"no message was an event of the contract{self._instead()}"
        if self.contract.spans and not self._opened:
            kinds = " or ".join(span.name for span in self.contract.chief)
            return f"no {kinds} was opened in any session"
        return None

    def _instead(self) -> str:
        """Say which events there were, for whoever took the wrong contract."""
        if self._strange is None:
            return ""
        names = ", ".join(brief(name) for name in self._strange[1])
        return f"; there were {names}: see wsrec contract list, or write one (docs/contracts.md)"

    def _reconnects(self) -> Iterator[Finding]:
        rule = self.contract.session.reconnect
        if rule is None:
            return
        latest: dict[Part, Past] = {}
        for past in sorted(self._past, key=lambda each: (each.started_ns, each.id)):
            by = part(past.by)
            before = latest.get(by)
            latest[by] = past
            if before is None or not before.lost or before.ended_ns is None:
                continue
            took = past.started_ns - before.ended_ns
            if took < 0:  # it overlapped its predecessor: a second connection, not a successor
                continue
            self._samples["session", "reconnect"].add(took)
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
