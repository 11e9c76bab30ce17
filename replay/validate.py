"""`wsrec validate`: recordings in, a report and an exit code out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ..checks.judge import Judge
from ..checks.outcome import Outcome
from ..checks.scope import EVERYTHING, Scope
from ..report.groups import plural, ranges
from ..report.model import Judged, Report
from ..schemas.codes import Severity, at_least
from ..schemas.model import Contract
from ..store.reader import Recording
from ..store.verify import require_intact
from .choice import DEFAULT, Choice, Named

__all__ = [
    "FOUND",
    "MISSING",
    "NOTHING",
    "PASSED",
    "NoSessionError",
    "exit_code",
    "judge",
    "validate",
]

PASSED: Final = 0
FOUND: Final = 1
NOTHING: Final = 5

MISSING: Final = "frames are missing from the file"


class NoSessionError(ValueError):
    """A session was asked for that the recording does not hold; the message is one line."""


def judge(recording: Recording, contract: Contract, scope: Scope = EVERYTHING) -> Outcome:
    """Return what the contract says of one recording, or of a part; raises RecordingError."""
    engine = Judge(contract, scope)
    for session in recording.sessions():
        if not scope.judges(session.id):
            continue
        engine.open(session)
        if session.status == 101:
            gap = recording.first_gap(session)
            for message in recording.messages(session.id):
                if gap is not None and message.seq > gap:
                    engine.gap(session.id, message.seq, MISSING)
                    gap = None
                engine.message(session.id, message)
            if gap is not None:
                engine.gap(session.id, gap, MISSING)
        engine.close(session)
    return engine.finish()


def validate(
    paths: Iterable[str | Path],
    given: Contract | None = None,
    otherwise: Named = DEFAULT,
    scope: Scope = EVERYTHING,
) -> Report:
    """Return the report on the recordings at `paths`, each judged on its own.

    By the contract that is given; without one, by the one that is stored in each, and where there
    is none, by the other.

    Raises:
        RecordingError: with a one-line message at the first that cannot be read, or is not what
            was recorded: nothing is said of frames that somebody may have changed.
        NoSessionError: at the first without one of the sessions in `scope`.
        ContractError: a stored contract, or the other one, cannot be used.
    """
    choice = Choice(given, otherwise)
    judged = []
    for path in paths:
        with Recording.open(path) as recording:
            require_sessions(recording, scope)
            require_intact(recording)
            chosen = choice.of(path, recording.meta)
            outcome = judge(recording, chosen.contract, scope)
            judged.append(Judged(str(path), chosen.contract, chosen.why, outcome))
    return Report(tuple(judged), scope)


def require_sessions(recording: Recording, scope: Scope) -> None:
    """Raise NoSessionError unless each of the scope's sessions, or ranges, finds one."""
    ids = [session.id for session in recording.sessions()] if scope.sessions else []
    for asked in scope.sessions:
        if not any(each in asked for each in ids):
            there = f"{plural(len(ids), 'session')}, {ranges(ids)}" if ids else "no session at all"
            raise NoSessionError(f"{recording.path}: no session {asked}; it holds {there}")


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
