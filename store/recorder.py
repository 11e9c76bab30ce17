"""The recording's one writer: a thread that parses and inserts what the event loop hands over."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..redaction.redactor import Redactor
from ..redaction.rules import Rules
from ..wire.mask import Unmask, xor_mask
from .batch import Batch
from .begin import last_session, open_to_write, origin_ns
from .errors import RecordingError
from .lock import RecordingLock
from .session import Headers, SessionWriter
from .share import HIGH, ITEM
from .tap import SessionTap

__all__ = ["Recorder"]

_LOW = HIGH - (256 << 10)
"""Backlog at which reading goes on. Close to `HIGH`: a long pause is a long wait for someone."""
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
_NOTHING = Rules(defaults=False)


class Recorder:
    """Writes one recording, from a thread of its own; the event loop never waits for it.

    The loop appends to a queue and reads two numbers. When `is_full` says so, whoever reads
    sockets pauses until `on_room` is called (from the recorder's thread).
    """

    def __init__(
        self,
        path: Path,
        *,
        meta: Mapping[str, str] | None = None,
        unmask: Unmask = xor_mask,
        redaction: Rules = _NOTHING,
        redaction_key: bytes | None = None,
        on_room: Callable[[], object] = lambda: None,
        on_failure: Callable[[Exception], object] = lambda error: None,
    ) -> None:
        """Open or create the recording at `path` and start its thread.

        Args:
            path: an existing recording is continued.
            meta: settings worth keeping in the `meta` table.
            unmask: applies RFC 6455 masks; a compiled function is faster than the default.
            redaction: what must not be stored; by default everything may.
            redaction_key: of the digests in its place, 32 bytes or more; None: a random one.
            on_room: called when the backlog has shrunk after it had been full.
            on_failure: called once, when the recording cannot be written any more.

        Raises:
            RecordingError: the file is something else, unwritable, or being recorded into.
        """
        self.path = path
        self.failure: Exception | None = None
        self._unmask = unmask
        self._redactor = Redactor(redaction, redaction_key) if redaction else None
        self._on_room = on_room
        self._on_failure = on_failure
        self._queue: deque[tuple[Callable[..., object], int, tuple[Any, ...]]] = deque()
        # Each counter has one thread that writes it, so that no lock is needed.
        self._taken = 0
        self._written = 0
        self._crowded = False
        self._awake = False
        self._wake = threading.Event()
        self._stopping = False
        with contextlib.ExitStack() as undo:
            self._lock = RecordingLock(path)
            undo.callback(self._lock.release)
            try:
                self._connection = undo.enter_context(
                    contextlib.closing(open_to_write(path, meta or {}, redaction))
                )
                self._batch = Batch(self._connection)
                self._last_session = last_session(self._connection)
                self._origin_ns = origin_ns(self._connection)
                self._file = path.stat()
            except (sqlite3.Error, TypeError, ValueError) as error:  # the latter: what it holds
                raise RecordingError(f"{path}: cannot be recorded into: {error}") from error
            except OSError as error:
                raise RecordingError(f"{path}: {error.strerror or error}") from error
            undo.pop_all()
        self._thread = threading.Thread(target=self._run, name="wsrec-recorder", daemon=True)
        self._thread.start()

    def session(self, client: str | None, target: str, headers: Headers) -> SessionTap:
        """Begin a session: its opening handshake has arrived now."""
        now = time.monotonic_ns()
        self._last_session += 1
        writer = SessionWriter(self._batch, self._last_session, now, self._unmask, self._redactor)
        started_at = datetime.now(UTC).isoformat(timespec="microseconds")
        size = len(target) + sum(len(name) + len(value) for name, value in headers)
        self.put(writer.opened, size, started_at, now - self._origin_ns, client, target, headers)
        return SessionTap(self, writer)

    def put(self, work: Callable[..., object], size: int, *args: Any) -> int:
        """Have `work(*args)` done on the recorder's thread; return the backlog in bytes.

        After a failure nothing is done, and there is no backlog.
        """
        if self.failure is not None:
            return 0
        self._queue.append((work, size, args))
        self._taken += size + ITEM
        if not self._awake:
            self._awake = True
            self._wake.set()
        return self._taken - self._written

    def is_full(self) -> bool:
        """Whether sockets must not be read now; if so, `on_room` is called when they may."""
        return self._taken - self._written > HIGH and not self.has_room()

    def has_room(self) -> bool:
        """Whether sockets may be read; if not, `on_room` is called when they may."""
        if self._taken - self._written < _LOW:
            return True
        self._crowded = True
        # Looked at again: if the thread made room before it could see the line above, it does
        # not call `on_room`.
        return self._taken - self._written < _LOW

    def close(self) -> None:
        """Write what is left, mark the recording's clean end, close the file.

        Blocks until that is done. Does nothing more after a failure than let go of the file.
        """
        self._stopping = True
        self._wake.set()
        self._thread.join()
        try:
            with contextlib.closing(self._connection) as connection:
                if self.failure is None:
                    ended = {
                        "ended_at": datetime.now(UTC).isoformat(timespec="microseconds"),
                        # The last ones' loss would not show in the numbers of those before.
                        "sessions": str(self._last_session),
                    }
                    connection.executemany(
                        "INSERT OR REPLACE INTO meta VALUES (?, ?)", ended.items()
                    )
                    connection.execute("PRAGMA busy_timeout = 0")  # nobody waits for a reader
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                    # One file from now on, for read-only media too. Not while somebody reads:
                    # then a -wal stays beside it, empty.
                    with contextlib.suppress(sqlite3.OperationalError):
                        connection.execute("PRAGMA journal_mode = DELETE")
            if self.failure is None and not self._is_where_it_was():
                self.failure = RecordingError("the file was taken away while it was recorded into")
        except sqlite3.Error as error:
            self.failure = error
        finally:
            self._lock.release()

    def _is_where_it_was(self) -> bool:
        try:
            return os.path.samestat(self._file, self.path.stat())
        except OSError:
            return False

    def _run(self) -> None:
        try:
            while True:
                self._wake.wait()
                self._gather()
                self._transact()
                if self._queue:
                    continue  # gather again: many small transactions cost more than a few
                if self._stopping:
                    return
                self._wake.clear()
                self._awake = False
                if self._queue or self._stopping:  # came in between: look again
                    self._awake = True
                    self._wake.set()
        except Exception as error:
            self.failure = error
            self._on_failure(error)
            self._discard()

    def _gather(self) -> None:
        """Let frames gather for a while, unless they are many already.

        Looking every few milliseconds costs less than having the event loop tell.
        """
        for _ in range(_NAPS):
            if self._stopping or self._taken - self._written > _HURRY:
                return
            time.sleep(_NAP)

    def _transact(self) -> None:
        """Write up to `_BATCH` bytes of the queue in one transaction."""
        take = self._queue.popleft
        self._connection.execute("BEGIN IMMEDIATE")
        weight = told = 0
        while self._queue and weight < _BATCH:
            work, size, args = take()
            work(*args)
            weight += size + ITEM
            if weight - told > _STEP:
                self._make_room(weight - told)
                told = weight
        self._batch.flush()
        self._connection.execute("COMMIT")
        self._make_room(weight - told)

    def _make_room(self, size: int) -> None:
        """Note that `size` bytes have left the queue; they are in rows of this transaction."""
        self._written += size
        if self._crowded and self._taken - self._written < _LOW:
            self._crowded = False
            self._on_room()

    def _discard(self) -> None:
        """After a failure: drop the queue, and let nobody wait for room."""
        while self._queue:
            self._written += self._queue.popleft()[1] + ITEM
        if self._crowded:
            self._crowded = False
            self._on_room()
