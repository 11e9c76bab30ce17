"""Processes that verify and judge sessions of one recording, each reading it for itself."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

from ..checks.compiled import Compiled
from ..checks.scope import Scope
from ..schemas.model import Contract
from ..store.errors import RecordingError
from ..store.reader import Recording
from ..store.verify import Verification
from .collector import seldom
from .progress import Tick
from .work import Done, work_off

__all__ = ["Workers"]

_JOIN_SECONDS = 5.0


class _Worker(NamedTuple):
    process: BaseProcess
    pipe: Connection[Any, Any]


class _Failed(NamedTuple):
    """What a worker says instead of a session that it could not read."""

    message: str


class Workers:
    """Use as a context manager: behind it no process is left, whatever happened."""

    def __init__(self, recording: Recording, contract: Contract, scope: Scope, number: int) -> None:
        """Start `number` processes, each with a fresh interpreter: nothing is inherited."""
        self._path = recording.path
        self._workers: list[_Worker] = []
        context = multiprocessing.get_context("spawn")
        # Ctrl-C is for this process alone, which ends the others: they would each say something.
        # Were it to begin below, multiprocessing's own process would have the signal unblocked.
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            for _ in range(number):
                ours, theirs = context.Pipe()
                place = recording.path, recording.file
                process = context.Process(target=_work, args=(theirs, place, contract, scope))
                process.daemon = True
                process.start()
                theirs.close()
                self._workers.append(_Worker(process, ours))
        except BaseException:
            self.stop()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the processes, in the middle of what they do."""
        for worker in self._workers:
            worker.pipe.close()
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(_JOIN_SECONDS)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self._workers = []

    def run(self, tasks: Sequence[Sequence[int]], tick: Tick) -> Iterator[Done]:
        """Yield the sessions of each task, in the order in which they are done.

        Raises:
            RecordingError: one cannot be read, or a worker was killed.
        """
        waiting = list(reversed(tasks))
        busy: dict[Connection[Any, Any], _Worker] = {}
        for worker in self._workers:
            self._give(worker, waiting, busy)
        while busy:
            for pipe in wait(list(busy), timeout=1.0):
                worker = busy[pipe]  # type: ignore[index]
                try:
                    said = worker.pipe.recv()
                except (EOFError, OSError):
                    raise RecordingError(self._killed(worker)) from None
                if isinstance(said, Done):
                    yield said
                elif isinstance(said, int):
                    tick(said)
                elif isinstance(said, _Failed):
                    raise RecordingError(said.message)
                else:
                    del busy[worker.pipe]
                    self._give(worker, waiting, busy)
            tick(0)

    def _give(
        self,
        worker: _Worker,
        waiting: list[Sequence[int]],
        busy: dict[Connection[Any, Any], _Worker],
    ) -> None:
        if waiting:
            busy[worker.pipe] = worker
            with contextlib.suppress(OSError):  # killed: its end of the pipe says so
                worker.pipe.send(waiting.pop())

    def _killed(self, worker: _Worker) -> str:
        worker.process.join(_JOIN_SECONDS)
        code = worker.process.exitcode
        how = f"was killed by signal {-code}" if code and code < 0 else f"ended with {code}"
        return f"{self._path}: a worker process {how}, so not all of it was judged; try --jobs 1"


def _work(
    pipe: Connection[Any, Any], place: tuple[Path, Path], contract: Contract, scope: Scope
) -> None:
    """Do what comes through the pipe until it is closed, by whoever is at its other end."""
    path, file = place
    with contextlib.suppress(EOFError, OSError):
        try:
            recording = Recording.another(path, file)
        except RecordingError as error:
            pipe.send(_Failed(str(error)))
            return
        with contextlib.closing(recording), seldom():
            compiled = Compiled(contract, scope)
            verification = Verification(recording)
            while True:
                for number in pipe.recv():
                    try:
                        done = work_off(verification, number, compiled, pipe.send)
                    except RecordingError as error:
                        pipe.send(_Failed(str(error)))
                        return
                    pipe.send(done)
                pipe.send(None)
