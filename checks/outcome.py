"""What judging a recording gives: a verdict for each session and one for the whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .finding import Finding, Verdict
from .samples import Quantiles

__all__ = ["LatencyRow", "Outcome", "SessionOutcome", "Skipped"]


@dataclass(frozen=True, slots=True)
class SessionOutcome:
    """One session, judged."""

    id: int
    client: str | None
    target: str
    started_at: str
    lasted_ns: int
    """From its beginning to its end, or to its last message where no end was recorded."""
    verdict: Verdict
    findings: tuple[Finding, ...]
    """In order of frames."""
    suppressed: Mapping[str, int]
    """Findings beyond those kept of a code: code and how many more."""
    reasons: tuple[str, ...]
    """Why it is inconclusive, or what was not judged."""
    messages: int
    events: Mapping[str, int]
    """How often each event that the contract speaks of came."""
    spans: Mapping[str, int]
    """How many spans of each outermost kind were opened."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A session that was not judged."""

    id: int
    reason: str


@dataclass(frozen=True, slots=True)
class LatencyRow:
    """One measured distribution, of a span's `first`, `gap` or `total`, or of the session's."""

    span: str
    """A span's name, or `session`."""
    kind: str
    """`first`, `gap`, `total`; of the session `proxy_added` or `reconnect`."""
    times: Quantiles


@dataclass(frozen=True, slots=True)
class Outcome:
    """One recording, judged."""

    verdict: Verdict
    """`inconclusive` when a session's recording is incomplete and nothing failed."""
    sessions: tuple[SessionOutcome, ...]
    """By id."""
    skipped: tuple[Skipped, ...]
    findings: tuple[Finding, ...]
    """Those about the recording as a whole."""
    latency: tuple[LatencyRow, ...]
    messages: int
    events: int
    vacuous: str | None
    """Why nothing was judged at all; None when something was."""

    def all_findings(self) -> tuple[Finding, ...]:
        """Return every finding: the sessions' by id, then the recording's."""
        return (*(f for session in self.sessions for f in session.findings), *self.findings)
