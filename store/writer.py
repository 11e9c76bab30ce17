"""The recorder's thread: what the event loop has handed over becomes rows, in transactions."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from .backlog import Backlog
from .batch import Batch
from .begin import PATIENCE
from .errors import RecordingError
from .lock import RecordingLock
from .share import ITEM

__all__ = ["Writer"]

_HURRY = 1 << 20
"""Backlog that is written at once."""
_NAP, _NAPS = 0.005, 2
"""Seconds between looks at the backlog, and after how many it is written in any case.

The event loop waits while a batch is written: at 2000 frames a second p99 was 1.5 ms with 8 looks,
0.7 with 2, at the same CPU; the log takes 5 kB a frame then instead of 3."""
_BATCH = 1 << 20
"""Bytes written in one transaction at most."""
_STEP = 64 << 10
"""Bytes after which a waiting reader is told that there is room again."""
_LOOK = 1.0
"""Seconds between looks whether the file is still there, and whether it can be written again."""


class Writer:
    """Empties the backlog into the recording, for as long as it can be written.

    While it cannot, what the writers of sessions say is kept by the batch, and every second it
    is tried again from a connection of its own.
    """

    def __init__(
        self,
        path: Path,
        backlog: Backlog,
        batch: Batch,
        lock: RecordingLock,
        reopen: Callable[[], sqlite3.Connection],
        on_failure: Callable[[Exception], object],
        on_resumed: Callable[[], object],
    ) -> None:
        """Start the thread.

        Args:
            path: of the recording.
            backlog: what is to be done.
            batch: where it goes.
            lock: of the recording: without it, another recorder may be at work.
            reopen: opens the recording anew.
            on_failure: called on this thread when the recording cannot be written any more.
            on_resumed: called on this thread when it can, and holds all that was kept.
        """
        self.fault: Exception | None = None
        """A fault in here: nothing is written any more."""
        self._path = path
        self._backlog = backlog
        self._batch = batch
        self._lock = lock
        self._reopen = reopen
        self._on_failure = on_failure
        self._on_resumed = on_resumed
        self._after_commit: list[Callable[[], object]] = []
        self._failed = False
        self._look_at = 0.0
        self._file = path.stat()
        self._thread = threading.Thread(target=self._run, name="wsrec-recorder", daemon=True)
        self._thread.start()

    def after_commit(self, call: Callable[[], object]) -> None:
        """Have this called once what is being done now has been committed; on this thread."""
        self._after_commit.append(call)

    def stop(self) -> None:
        """Write what is left; wait until that is done, or has failed."""
        self._backlog.stop()
        self._thread.join()

    def _run(self) -> None:
        backlog = self._backlog
        try:
            while True:
                backlog.wait(_LOOK if self._failed else None)
                if not self._failed:
                    self._gather()
                self._transact()
                if self._batch.error is not None:
                    self._wait_for_better()
                if backlog.queue:
                    continue  # gather again: many small transactions cost more than a few
                if backlog.stopping:
                    return
                backlog.rest()
        except Exception as error:
            self.fault = error
            self._on_failure(error)
            self._discard()

    def _gather(self) -> None:
        """Let frames gather for a while, unless they are many already.

        Looking every few milliseconds costs less than having the event loop tell.
        """
        for _ in range(_NAPS):
            if self._backlog.stopping or self._backlog.size > _HURRY:
                return
            time.sleep(_NAP)

    def _transact(self) -> None:
        """Write up to `_BATCH` bytes of the queue in one transaction."""
        backlog, batch = self._backlog, self._batch
        queue, take = backlog.queue, backlog.queue.popleft
        if batch.error is None:
            self._look()
            batch.begin()
        weight = told = 0
        while queue and weight < _BATCH:
            work, size, args = take()
            work(*args)
            weight += size + ITEM
            if weight - told > _STEP:
                backlog.make_room(weight - told)
                told = weight
        if batch.commit() and self._after_commit:
            calls, self._after_commit = self._after_commit, []
            for call in calls:
                call()
        backlog.make_room(weight - told)

    def _look(self) -> None:
        """Notice, once in a while, that the file, or its lock, is not where it was."""
        now = time.monotonic()
        if now > self._look_at:
            self._look_at = now + _LOOK
            if not self.is_in_place():
                self._batch.error = RecordingError(
                    "the file was taken away while it was recorded into"
                )
            elif not self._lock.is_held():
                self._batch.error = RecordingError("its lock was taken away")

    def is_in_place(self) -> bool:
        """Whether the recording's name still leads to the file that is written."""
        try:
            return os.path.samestat(self._file, self._path.stat())
        except OSError:
            return False

    def _wait_for_better(self) -> None:
        """Tell of a failure, once; then try again when it is time, or for the last time."""
        error = self._batch.error
        assert error is not None
        now = time.monotonic()
        if not self._failed:
            self._failed = True
            self._look_at = now + _LOOK
            self._on_failure(error)
        if (now < self._look_at and not self._backlog.stopping) or not self.is_in_place():
            return
        self._look_at = now + _LOOK
        try:
            connection = self._reopen()
            self._batch.resume(connection, " ".join(str(error).split()))
            connection.execute(f"PRAGMA busy_timeout = {int(PATIENCE * 1000)}")
        except (sqlite3.Error, OSError, RecordingError):
            return
        self._failed = False
        self._on_resumed()

    def _discard(self) -> None:
        """After a fault: drop the queue, and let nobody wait for room."""
        while not self._backlog.stopping:
            self._backlog.drop()
            self._backlog.wait(_LOOK)
            self._backlog.rest()
        self._backlog.drop()
