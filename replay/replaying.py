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
from ..checks.samples import Samples
from ..checks.scope import EVERYTHING, Scope
from ..net.errors import SettingError
from ..net.life import loop_factory, note_faults, open_standard_streams, stop_signals
from ..net.unmask import unmask
from ..net.upstream import Upstream
from ..redaction.rules import Rules
from ..store.errors import RecordingError
from ..store.recorder import Recorder
from .backend import backend
from .performance import Played
from .player import play
from .script import Script
from .stage import Settings, Stage

__all__ = ["Output", "Replayed", "replay", "run_replay"]

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

    played: Sequence[Played]
    """In order of their numbers."""
    lateness: Samples
    """How long after its time each thing was said."""
    signal: int | None = None
    """What ended it before its end; None: nothing did."""
    faults: int = 0
    """Faults in wsrec itself, which are told on standard error."""


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
        RecordingError: the source is damaged, or what is said now cannot be recorded.
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
    async with AsyncExitStack() as stack:
        script = await stack.enter_async_context(Script(source))
        sessions = [each for each in script.sessions if scope.judges(each.id)]
        if command:
            await stack.enter_async_context(backend(command, upstream, settings.connect, stopped))
        recorder = None
        if output is not None:
            recorder = await stack.enter_async_context(_recorder(output, source, upstream, stopped))
        stage = Stage(script, upstream, settings, recorder, stopped)
        return Replayed(await play(stage, sessions), stage.lateness)


@asynccontextmanager
async def _recorder(
    output: Output, source: Path, upstream: Upstream, stopped: asyncio.Event
) -> AsyncIterator[Recorder]:
    """Open a new recording; at the end of the block it is complete.

    Raises:
        SettingError: it is there already.
        RecordingError: it cannot be written; `stopped` was set then.
    """
    if await asyncio.to_thread(os.path.lexists, output.path):
        raise SettingError(
            f"{output.path}: is there already; -o takes a name that is free, so that a recording"
            " holds one replay"
        )
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
