"""`wsrec validate`: recordings in, a report and an exit code out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal, TextIO

from rich.console import Console

from ..checks.judge import Judge
from ..checks.outcome import Outcome
from ..report.json import to_json
from ..report.model import Judged, Report
from ..report.text import print_report
from ..schemas.codes import Severity, at_least
from ..schemas.model import Contract
from ..store.reader import Recording
from ..store.verify import require_intact

__all__ = ["FOUND", "NOTHING", "PASSED", "exit_code", "judge", "validate", "write"]

PASSED: Final = 0
FOUND: Final = 1
NOTHING: Final = 5

_MISSING = "frames are missing from the file"


def judge(recording: Recording, contract: Contract) -> Outcome:
    """Return what the contract says of one recording; raises RecordingError."""
    engine = Judge(contract)
    for session in recording.sessions():
        engine.open(session)
        if session.status == 101:
            gap = recording.first_gap(session)
            for message in recording.messages(session.id):
                if gap is not None and message.seq > gap:
                    engine.gap(session.id, message.seq, _MISSING)
                    gap = None
                engine.message(session.id, message)
            if gap is not None:
                engine.gap(session.id, gap, _MISSING)
        engine.close(session)
    return engine.finish()


def validate(
    paths: Iterable[str | Path], contract: Contract, chosen: str = "given with -c"
) -> Report:
    """Return the report on the recordings at `paths`, each judged on its own.

    `chosen` says why by this contract.

    Raises RecordingError with a one-line message at the first that cannot be read, or is not
    what was recorded: nothing is said of frames that somebody may have changed.
    """
    judged = []
    for path in paths:
        with Recording.open(path) as recording:
            require_intact(recording)
            judged.append(Judged(str(path), contract, chosen, judge(recording, contract)))
    return Report(tuple(judged))


def write(report: Report, out: TextIO, format: Literal["text", "json"]) -> None:  # noqa: A002
    """Write the report for people or for machines; plain text where `out` is no terminal."""
    if format == "json":
        out.write(to_json(report))
        return
    # A pipe has no width: nothing is folded for it.
    width = None if out.isatty() else 120
    print_report(report, Console(file=out, width=width, highlight=False))


def exit_code(report: Report, fail_on: Severity = "error") -> int:
    """Return the exit code of a report.

    1: a finding as grave as `fail_on`, or a recording too incomplete to tell.
    5: a recording in which nothing was judged, and no other finding that grave.
    0: everything was judged and nothing that grave was found.
    """
    grave = {each.code for each in report.findings() if at_least(each.severity, fail_on)}
    if grave - {"contract.vacuous"}:
        return FOUND
    if not report.recordings or any(j.outcome.vacuous for j in report.recordings):
        return NOTHING
    return FOUND if grave or report.verdict != "pass" else PASSED
