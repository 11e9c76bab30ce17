"""`wsrec.validate`: what a contract says of a recording, as values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import get_args

from ..checks.finding import Finding, Verdict
from ..checks.outcome import LatencyRow, SessionOutcome, Skipped
from ..checks.scope import MAX_FINDINGS, Scope, SessionRange
from ..judge import validate as judging
from ..judge.asked import UnknownSessionError, require_sessions
from ..judge.reports import ReportFormat, render
from ..net.amounts import one_of
from ..report.model import Report
from ..schemas.codes import CODES, FAMILIES, SEVERITIES, Severity
from ..schemas.mistakes import did_you_mean
from ..schemas.model import Contract
from ..store import reader
from ..store.errors import NoSessionError
from .contracts import as_contract
from .recording import Recording, path_of

__all__ = ["Finding", "SessionOutcome", "Verdicts", "meta_of", "ranges_of", "validate"]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What a contract says of one recording; `str()` is what `wsrec validate` prints of it."""

    path: Path
    verdict: Verdict
    """`pass`, `fail`, or `inconclusive`: too little was recorded to tell, or nothing was judged."""
    exit_code: int
    """Of `wsrec validate`: 0 pass, 1 findings or not enough recorded, 5 nothing was validated."""
    contract: Contract
    """The contract that judged."""
    sessions: tuple[SessionOutcome, ...]
    """Those that were judged, by id: `id`, `verdict`, `findings` and more of each."""
    skipped: tuple[Skipped, ...]
    """Those that were not: `id` and `reason` of each."""
    findings: tuple[Finding, ...]
    """All of them: the sessions' by id, then those about the recording as a whole."""
    latency: tuple[LatencyRow, ...]
    """What was measured, in nanoseconds, for each span that the contract speaks of."""
    _report: Report = field(repr=False, compare=False)
    _fail_on: Severity = field(repr=False, compare=False)

    def report(self, format: ReportFormat = "text") -> str:  # noqa: A002 - the option's name
        """Return it as `wsrec validate --format` writes it: `text`, `json`, `junit`, `github`."""
        one_of(format, "format", get_args(ReportFormat))
        return render(self._report, format, self._fail_on)

    def __str__(self) -> str:
        return self.report()


def validate(
    recording: str | PathLike[str] | Recording,
    contract: str | PathLike[str] | Contract | None = None,
    *,
    sessions: Iterable[int] | None = None,
    rules: Iterable[str] = (),
    max_findings: int = MAX_FINDINGS,
    fail_on: Severity = "error",
    jobs: int = 1,
) -> Verdicts:
    """Judge a recording by a contract, as `wsrec validate` does.

    Args:
        recording: its path, or the open recording.
        contract: a pack's name, a path, or a contract that is loaded; None: the one stored in the
            recording, else `agent-events`.
        sessions: the ids of those to judge; None: all.
        rules: only findings of these codes count, or of what they begin with: `latency`.
        max_findings: findings of one code that are kept for one session; the rest is counted.
        fail_on: the least severity that makes `exit_code` 1.
        jobs: how many processes judge. With more than one each loads the main module anew, which
            must begin its work behind `if __name__ == "__main__":`.

    Raises:
        RecordingError: the file cannot be read, is not what was recorded, or has no such session.
        ContractError: the contract cannot be used.
        ValueError: a code, a severity or a number that there is not.
    """
    path = path_of(recording)
    given = None if contract is None else as_contract(contract)
    scope = Scope(_codes(rules), ranges_of(sessions), _limit(max_findings))
    one_of(fail_on, "fail_on", SEVERITIES)
    if jobs < 1:
        raise ValueError(f"jobs={jobs}: expected 1 or more")
    try:
        report = judging.validate([path], given, scope=scope, jobs=jobs, show=False)
    except UnknownSessionError as error:
        raise NoSessionError(str(error)) from None
    (judged,) = report.recordings
    outcome = judged.outcome
    return Verdicts(
        path,
        outcome.verdict,
        judging.exit_code(report, fail_on),
        judged.contract,
        outcome.sessions,
        outcome.skipped,
        outcome.all_findings(),
        outcome.latency,
        report,
        fail_on,
    )


def _codes(rules: Iterable[str]) -> tuple[str, ...]:
    codes = (rules,) if isinstance(rules, str) else tuple(rules)
    known = {*CODES, *FAMILIES}
    for code in codes:
        if code not in known:
            raise ValueError(f"no finding code {code!r}{did_you_mean(code, known)}")
    return codes


def _limit(max_findings: int) -> int:
    if max_findings < 1:
        raise ValueError(f"max_findings={max_findings}: expected 1 or more")
    return max_findings


def ranges_of(sessions: Iterable[int] | None) -> tuple[SessionRange, ...]:
    """Return the sessions that are asked for; none of them means all to a scope.

    Raises:
        ValueError: none is asked for, and not None.
    """
    ranges = tuple(SessionRange(each, each) for each in sessions or ())
    if sessions is not None and not ranges:
        raise ValueError("sessions is empty: name one, or give None for all")
    return ranges


def meta_of(path: Path, scope: Scope) -> Mapping[str, str]:
    """Return a recording's table `meta`; raises RecordingError, also for lack of a session."""
    with reader.Recording.open(path) as opened:
        try:
            require_sessions(opened, scope)
        except UnknownSessionError as error:
            raise NoSessionError(str(error)) from None
        return opened.meta
