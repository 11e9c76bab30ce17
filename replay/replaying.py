"""The life of `wsrec replay`: open all that it needs, play, end cleanly whatever happens."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from .. import __version__
from ..checks.samples import Quantiles
from ..checks.scope import EVERYTHING, Scope
from ..judge.choice import Chosen
from ..net.errors import SettingError
from ..net.life import loop_factory, note_faults, open_standard_streams, stop_signals
from ..net.unmask import unmask
from ..net.upstream import Upstream
from ..redaction.rules import Rules
from ..report.plays import Played, Plays
from ..store.errors import RecordingError
from ..store.recorder import Recorder
from .backend import backend
from .player import play
from .script import Script
from .stage import Settings, Stage

__all__ = ["Output", "Replayed", "exit_code", "plays_of", "replay", "run_replay"]

_RULES: Final = Rules()
_SETTINGS: Final = Settings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """The recording of what is said now."""

    path: Path
    """Where there is nothing yet."""
    rules: Rules = _RULES
    """What it must not hold."""
    key: bytes | None = None
    """Of the digests in its place; None: a random one."""
    contract: str | None = None
    """What it stores of the contract that it is to be judged by; None: nothing."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a replay."""

    sessions: Sequence[Played]
    """Those that were begun, by number."""
    lateness: Quantiles | None
    """How long after its time each thing was said; None: nothing had its time."""
    unreachable: str | None = None
    """Why no opening handshake at all was answered; None: one was, or none was sent."""
    signal: int | None = None
    """What ended it before its end; None: nothing did."""
    faults: int = 0
    """Faults in wsrec itself, which are told on standard error."""
    failure: RecordingError | None = None
    """Why it could not be read on, or what was said now not be recorded; None: all was."""


def run_replay(
    source: Path,
    upstream: Upstream,
    settings: Settings = _SETTINGS,
    *,
    scope: Scope = EVERYTHING,
    output: Output | None = None,
    command: Sequence[str] = (),
) -> Replayed:
    """Play sessions of the recording at `source` until they are over, or a signal says so.

    With `command` it is the backend: started before, ended behind.

    Raises:
        RecordingError: the source is damaged, or the output cannot be made: nothing was played.
        SettingError: the command cannot be started, or the output is there already.
        BackendError: the command does not become a backend.
    """
    open_standard_streams()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_run(source, upstream, settings, scope, output, command))


async def _run(
    source: Path,
    upstream: Upstream,
    settings: Settings,
    scope: Scope,
    output: Output | None,
    command: Sequence[str],
) -> Replayed:
    loop = asyncio.get_running_loop()
    stop, stopped, faults = stop_signals(loop), asyncio.Event(), note_faults(loop)
    working = asyncio.ensure_future(
        replay(
            source, upstream, settings,
            scope=scope, output=output, command=command, stopped=stopped,
        )
    )  # fmt: skip
    signalled = asyncio.ensure_future(stop.get())
    signalled.add_done_callback(lambda _: stopped.set())
    try:
        replayed = await working
    finally:
        number = signalled.result() if signalled.done() else None
        signalled.cancel()
    return replace(replayed, signal=number, faults=len(faults))


async def replay(
    source: Path,
    upstream: Upstream,
    settings: Settings = _SETTINGS,
    *,
    scope: Scope = EVERYTHING,
    output: Output | None = None,
    command: Sequence[str] = (),
    stopped: asyncio.Event | None = None,
) -> Replayed:
    """Do the same on a running event loop, until `stopped` is set."""
    stopped = asyncio.Event() if stopped is None else stopped
    if output is not None and await asyncio.to_thread(os.path.lexists, output.path):
        raise SettingError(
            f"{output.path}: is there already; -o takes a name that is free, so that a recording"
            " holds one replay"
        )
    replayed: Replayed | None = None
    try:
        async with AsyncExitStack() as stack:
            script = await stack.enter_async_context(Script(source))
            sessions = [each for each in script.sessions if scope.judges(each.id)]
            if command:
                live = backend(command, upstream, settings.connect, stopped)
                await stack.enter_async_context(live)
            recorder = None
            if output is not None:
                recording = _recorder(output, source, upstream, stopped)
                recorder = await stack.enter_async_context(recording)
            stage = Stage(script, upstream, settings, recorder, stopped)
            played = await play(stage, sessions)
            timed = settings.pacing.pace == "recorded"
            replayed = Replayed(
                played,
                stage.lateness.quantiles() if timed else None,
                None if stage.answered else stage.unreachable,
                failure=stage.failure,
            )
    except RecordingError as error:
        if replayed is None:
            raise
        # What was found so far is worth a report: the sessions cannot always be had again.
        replayed = replace(replayed, failure=replayed.failure or error)
    return replayed


@asynccontextmanager
async def _recorder(
    output: Output, source: Path, upstream: Upstream, stopped: asyncio.Event
) -> AsyncIterator[Recorder]:
    """Open a new recording; at the end of the block it is complete.

    Raises:
        RecordingError: it cannot be written; `stopped` was set then.
    """
    loop = asyncio.get_running_loop()
    recorder = Recorder(
        output.path,
        meta={
            "wsrec_version": __version__,
            "upstream": str(upstream),
            "replayed": source.name,
            **({} if output.contract is None else {"contract": output.contract}),
        },
        unmask=unmask,
        redaction=output.rules,
        redaction_key=output.key,
        on_loop=loop.call_soon_threadsafe,
        on_failure=lambda error: stopped.set(),
    )
    try:
        yield recorder
    finally:
        await asyncio.to_thread(recorder.close)
    if recorder.first_failure is not None:
        raise RecordingError(f"{output.path}: cannot be written: {recorder.first_failure}")


def plays_of(
    replayed: Replayed,
    source: Path,
    upstream: Upstream,
    chosen: Chosen | None,
    output: Path | None,
) -> Plays:
    """Return what came of a replay as a report has it; `chosen` is what it was compared by."""
    return Plays(
        role="client",
        recording=str(source),
        address=str(upstream),
        sessions=replayed.sessions,
        contract=None if chosen is None else str(chosen),
        lateness=replayed.lateness,
        output=None if output is None else str(output),
    )


def exit_code(replayed: Replayed, plays: Plays) -> int:
    """Return the exit code, as docs/replay.md has it; 128 and more behind a signal."""
    if replayed.failure is not None:
        return 3
    if replayed.signal is not None:
        return 128 + replayed.signal
    if replayed.unreachable is not None:
        return 4
    return 0 if plays.verdict == "matched" and not replayed.faults else 1
