"""What a report is made of: the outcome of each recording, and the contract that judged it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..checks.finding import Finding, Verdict
from ..checks.outcome import Outcome
from ..checks.scope import EVERYTHING, Scope
from ..schemas.model import Contract

__all__ = ["Judged", "Report"]


@dataclass(frozen=True, slots=True)
class Judged:
    """One recording, and what a contract says of it."""

    path: str
    contract: Contract
    chosen: str
    """Why this contract: `given with -c`, `stored in the recording`, `the default`."""
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Report:
    """Every recording that was judged, in the order given."""

    recordings: tuple[Judged, ...]
    scope: Scope = EVERYTHING
    """What was asked about; the rest is in no verdict."""

    @property
    def verdict(self) -> Verdict:
        """`fail` if any recording fails, else `inconclusive` if any is, else `pass`."""
        verdicts = {judged.outcome.verdict for judged in self.recordings}
        if "fail" in verdicts:
            return "fail"
        return "pass" if verdicts == {"pass"} else "inconclusive"

    def findings(self) -> Iterator[Finding]:
        """Yield every finding of every recording."""
        for judged in self.recordings:
            yield from judged.outcome.all_findings()

    def limits(self) -> Iterator[str]:
        """Yield a sentence for each thing that was left out because somebody asked for a part."""
        if self.scope.codes:
            yield f"only findings of {', '.join(self.scope.codes)} count"
        if self.scope.sessions:
            which = ", ".join(map(str, self.scope.sessions))
            if which.isdecimal():
                yield f"only session {which} was judged; percentiles and reconnects are of it alone"
                return
            yield f"only sessions {which} were judged; percentiles and reconnects are of them alone"
