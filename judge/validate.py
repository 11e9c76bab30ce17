"""`wsrec validate`: recordings in, a report and an exit code out."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from ..checks.compiled import Compiled
from ..checks.merge import Merge
from ..checks.outcome import Outcome
from ..checks.scope import EVERYTHING, Scope
from ..report.model import Judged, Report
from ..schemas.codes import Severity, at_least
from ..schemas.model import Contract
from ..store.fault import Fault
from ..store.model import Session
from ..store.reader import Recording
from ..store.verify import Verification, require_intact
from .asked import require_sessions
from .choice import DEFAULT, Choice, Named
from .collector import seldom
from .progress import Progress, Tick, interruptible
from .work import Done, work_off
from .workers import Workers

__all__ = ["FOUND", "NOTHING", "PASSED", "exit_code", "judge", "validate"]

PASSED: Final = 0
FOUND: Final = 1
NOTHING: Final = 5

_TASK_FRAMES: Final = 5_000
_SESSION_FRAMES: Final = 20
"""Frames that take as long as all that is done once for a session."""
_WORTH_FRAMES: Final = 100_000


def _nothing(messages: int) -> None:
    """Be told of messages that were judged."""


def judge(
    recording: Recording,
    contract: Contract,
    scope: Scope = EVERYTHING,
    jobs: int = 1,
    tick: Tick = _nothing,
) -> Outcome:
    """Return what the contract says of one recording, or of a part, from so many processes.

    Raises:
        RecordingError: it is not what was recorded, or cannot be read, or a process was killed.
    """
    merge = Merge(contract, scope)
    verification = Verification(recording)
    faults: dict[int, Fault | None] = {}
    dealt: Iterator[Done]
    with contextlib.ExitStack() as stack:
        if jobs == 1:
            stack.enter_context(seldom())
            compiled = Compiled(contract, scope)
            ids = (session.id for session in recording.sessions())
            dealt = (work_off(verification, number, compiled, tick) for number in ids)
        else:
            workers = stack.enter_context(Workers(recording, contract, scope, jobs))
            dealt = workers.run(_tasks(recording, jobs), tick)
        for done in dealt:
            faults[done.session] = done.fault
            if done.judged is not None:
                merge.add(done.judged)
    require_intact(
        recording,
        session=lambda number: faults[number] if number in faults else verification.session(number),
    )
    return merge.finish()


def _tasks(recording: Recording, jobs: int) -> list[list[int]]:
    """Return the sessions in handfuls: large enough to be worth a message, small enough to share.

    The largest sessions come first, so that at the end nobody waits for one of them.
    """
    sizes = {session.id: _frames(session) for session in recording.sessions()}
    enough = min(sum(sizes.values()) // (jobs * 8), _TASK_FRAMES)
    tasks: list[list[int]] = []
    size = enough
    for number in sorted(sizes, key=lambda each: (-sizes[each], each)):
        if size >= enough:
            tasks.append([])
            size = 0
        tasks[-1].append(number)
        size += sizes[number] + _SESSION_FRAMES
    return tasks


def _frames(session: Session) -> int:
    return session.client_frames + session.server_frames


def default_jobs(recording: Recording) -> int:
    """Return how many processes a recording is worth: to start one takes as long as 20,000 frames.

    Of a session that has not ended nobody knows the frames without counting them.
    """
    frames = 0
    for session in recording.sessions():
        frames += _frames(session)
        if frames >= _WORTH_FRAMES:
            return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    return 1


def validate(
    paths: Iterable[str | Path],
    given: Contract | None = None,
    otherwise: Named = DEFAULT,
    scope: Scope = EVERYTHING,
    jobs: int | None = None,
    *,
    show: bool = True,
) -> Report:
    """Return the report on the recordings at `paths`, each judged on its own.

    By the contract that is given; without one, by the one that is stored in each, and where there
    is none, by the other. In `jobs` processes; None: as many as there are cores, where a recording
    is worth it. With `show` a bar on the terminal says how far a long one has come.

    Raises:
        RecordingError: with a one-line message at the first that cannot be read, or is not what
            was recorded: nothing is said of frames that somebody may have changed.
        UnknownSessionError: at the first without one of the sessions in `scope`.
        ContractError: a stored contract, or the other one, cannot be used.
        KeyboardInterrupt: Ctrl-C; no process is left.
    """
    choice = Choice(given, otherwise)
    judged = []
    with interruptible() as check:
        for path in paths:
            with (
                Recording.open(path) as recording,
                Progress(recording, check, show=show) as tick,
            ):
                require_sessions(recording, scope)
                number = default_jobs(recording) if jobs is None else jobs
                chosen = choice.of(path, recording.meta)
                outcome = judge(recording, chosen.contract, scope, number, tick)
                judged.append(Judged(str(path), chosen.contract, chosen.why, outcome))
    return Report(tuple(judged), scope)


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
