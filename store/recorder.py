"""The recording's one writer, as the event loop sees it."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from ..redaction.redactor import Redactor
from ..redaction.rules import Rules
from ..wire.mask import Unmask, xor_mask
from .backlog import Backlog
from .batch import Batch
from .begin import (
    begin_run,
    connect_again,
    last_session,
    open_to_write,
    origin_ns,
    run_of,
    spool_of,
)
from .durability import Durability
from .end import end_run
from .errors import RecordingError
from .keeper import Keeper
from .lock import RecordingLock
from .progress import STUCK, Progress
from .recovery import Recovered, recover_into
from .seal import Sealer, Signer
from .segment import MOST_SESSIONS
from .session import Headers, SessionWriter
from .share import HIGH
from .spool import Spool, remove_spool, spool_folder
from .tap import SessionTap
from .unfinished import Unfinished
from .writer import Writer

__all__ = ["Recorder"]

log = logging.getLogger("wsrec.store")

_NOTHING = Rules(defaults=False)
_KEPT = 64 << 20
"""Bytes of payload kept while nothing can be written; sessions end at once then."""


class Recorder:
    """Writes one recording, from a thread of its own; the event loop never waits for it.

    The loop appends to a queue and reads two numbers. When the backlog is full, whoever reads
    sockets pauses until `on_room` is called (from the recorder's thread).

    While the recording cannot be written, `failure` says why. It is tried again every second.
    """

    def __init__(
        self,
        path: Path,
        *,
        meta: Mapping[str, str] | None = None,
        durability: Durability = Durability.ASYNC,
        goes_on: bool | None = None,
        unmask: Unmask = xor_mask,
        redaction: Rules = _NOTHING,
        redaction_key: bytes | None = None,
        on_loop: Callable[[Callable[[], object]], object] = lambda call: call(),
        signer: Signer | None = None,
        on_room: Callable[[], object] = lambda: None,
        on_failure: Callable[[Exception], object] = lambda error: None,
        on_resumed: Callable[[], object] = lambda: None,
    ) -> None:
        """Open or create the recording at `path` and start its thread.

        Args:
            path: an existing recording is continued; what a crash left in its spool comes first.
            meta: settings worth keeping in the `meta` table.
            durability: what `SessionTap` waits for before it lets bytes be forwarded.
            goes_on: whether bytes are forwarded while they cannot be recorded; None: only where
                durability promises nothing else.
            unmask: applies RFC 6455 masks; a compiled function is faster than the default.
            redaction: what must not be stored; by default everything may.
            redaction_key: of the digests in its place, 32 bytes or more; None: a random one.
            on_loop: has a call made on the event loop, from any thread.
            signer: seals each session at its end, and the recording at its own; None: nothing is.
            on_room: called when the backlog has shrunk after it had been full.
            on_failure: called on the event loop when the recording cannot be written any more.
            on_resumed: called on the event loop when it can be written again.

        Raises:
            RecordingError: the file is something else, unwritable, or being recorded into.
            ValueError: rules about payloads, which need whole messages, with a durability that
                puts bytes on the disk before there are any.
        """
        if redaction.about_payloads and durability is not Durability.ASYNC:
            raise ValueError(f"rules about payloads cannot be applied with durability {durability}")
        self.path = path
        self.failure: Exception | None = None
        """Why the recording cannot be written now."""
        self.first_failure: Exception | None = None
        """Why it could not be written once."""
        self.goes_on = durability is Durability.ASYNC if goes_on is None else goes_on
        self.recovered: Recovered | None = None
        """What a former recorder had left in its spool."""
        self.redactor = Redactor(redaction, redaction_key) if redaction else None
        self.backlog = Backlog(on_room)
        """What is to be written; it says whether sockets may be read."""
        self._durability = durability
        self._unmask = unmask
        self._on_loop = on_loop
        self._on_failure = on_failure
        self._on_resumed = on_resumed
        self._progress = Progress(self.backlog)
        self._is_closing = False
        with contextlib.ExitStack() as undo:
            self._lock = RecordingLock(path)
            undo.callback(self._lock.release)
            try:
                self._open(meta or {}, redaction, signer, undo)
            except (sqlite3.Error, TypeError, ValueError) as error:  # the latter: what it holds
                raise RecordingError(f"{path}: cannot be recorded into: {error}") from error
            except OSError as error:
                raise RecordingError(f"{path}: {error.strerror or error}") from error
            undo.pop_all()
        power = durability is Durability.POWER
        self._writer = Writer(
            path,
            self.backlog,
            self._batch,
            self._lock,
            lambda: connect_again(self.path, self._lock, self._run, synced=power),
            lambda error: on_loop(lambda: self._failed(error)),
            lambda: on_loop(self._writable),
        )

    def _open(
        self,
        meta: Mapping[str, str],
        redaction: Rules,
        signer: Signer | None,
        undo: contextlib.ExitStack,
    ) -> None:
        connection = open_to_write(self.path, synced=self._durability is Durability.POWER)
        undo.callback(connection.close)
        self.recovered = recover_into(connection, self.path, self._unmask)
        connection.execute("BEGIN IMMEDIATE")
        begin_run(connection, {**meta, "durability": self._durability}, redaction)
        self._run = run_of(connection)
        self._last_session = last_session(connection)
        if self._last_session >= MOST_SESSIONS:
            raise ValueError(f"it has no number for a session behind {self._last_session:,}")
        self._origin_ns = origin_ns(connection)
        self._sealer = None if signer is None else Sealer(connection, signer)
        kept = HIGH if self.goes_on else _KEPT
        self._batch = Batch(connection, self._sealer, most_kept=kept)
        self.unfinished = Unfinished(self._batch)
        """The sessions that are open; on the recorder's thread."""
        identity, number = spool_of(connection)
        self.keeper: Keeper | None = None
        """What bytes have to go through before they are forwarded, if they have to."""
        if self._durability is not Durability.ASYNC:
            power = self._durability is Durability.POWER
            spool = Spool(spool_folder(self.path), identity, number, durable=power)
            undo.callback(spool.close, remove=False)
            self.unfinished.note(number)
            self.keeper = Keeper(
                *(spool, self.backlog, self._on_loop, self._failed),
                lambda number: self.backlog.put(self._turned, 0, number),
                synced=power,
                goes_on=self.goes_on,
            )
            undo.callback(self.keeper.stop)
        if self._batch.error is not None:
            raise self._batch.error
        connection.execute("COMMIT")
        if self.keeper is not None:
            self.keeper.spool.drop_before(number)
        elif spool_folder(self.path).is_dir():  # also when nothing in it was new
            remove_spool(spool_folder(self.path))

    def session(self, client: str | None, target: str, headers: Headers) -> SessionTap:
        """Begin a session: its opening handshake has arrived now."""
        now = time.monotonic_ns()
        self._last_session += 1
        payloads = None if self.redactor is None else self.redactor.payloads
        writer = SessionWriter(self._batch, self._last_session, now, self._unmask, payloads)
        tap = SessionTap(self, writer)
        tap.opened(now - self._origin_ns, client, target, headers)
        return tap

    @property
    def is_open(self) -> bool:
        """Whether sessions may begin: they are recorded, or go on without."""
        return self.failure is None or self.goes_on

    @property
    def fault(self) -> Exception | None:
        """A fault in here, after which nothing is recorded any more."""
        return self._writer.fault

    def look(self) -> None:
        """Notice that nothing has been written for long, though something waits; once a second.

        Who forwards in any case is only told: they are paused while the backlog is full.
        """
        if self._progress.is_stuck() and self.failure is None:
            error = RecordingError(f"nothing could be written for {STUCK:g} s")
            if self.goes_on:
                log.warning("%s: %s; sessions are held up", self.path, error)
            else:
                self._failed(error)

    def close(self) -> None:
        """Write what is left, mark the recording's clean end, close the file.

        Blocks until that is done. After a failure that is not over, what the spool holds is left
        in it, for the next recorder.
        """
        self._is_closing = True
        if self.keeper is not None:
            self.keeper.stop()
            told = threading.Event()
            self._on_loop(told.set)  # behind what the last sync has let go
            told.wait()
        self._writer.stop()
        connection = self._batch.connection
        ended = False
        try:
            with contextlib.closing(connection):
                if self._writer.fault is not None:
                    self._note(self._writer.fault)
                elif self._batch.error is not None:
                    self._note(self._batch.error)
                else:
                    segment = None if self.keeper is None else self.keeper.spool.number + 1
                    end_run(connection, self._last_session, segment, self._sealer)
                    ended = True
                    self.failure = None
            if ended and not self._writer.is_in_place():
                self._note(RecordingError("the file was taken away while it was recorded into"))
                ended = False
        except (sqlite3.Error, OSError) as error:
            self._note(error)
            ended = False
        try:
            if self.keeper is not None:
                self.keeper.spool.close(remove=ended)
        except OSError as error:
            self._note(error)
        finally:
            self._lock.release()

    def _note(self, error: Exception) -> None:
        self.failure = error
        self.first_failure = self.first_failure or error

    def _failed(self, error: Exception) -> None:
        """Tell, once, that nothing can be recorded; on the event loop."""
        if self.failure is None:
            self._note(error)
            if self.keeper is not None:
                self.keeper.is_keeping = False
            self.backlog.put(self._doubt, 0, error)
            self._on_failure(error)

    def _writable(self) -> None:
        """Record again, the rows being written again; on the event loop."""
        if self._is_closing:
            return
        if self.keeper is not None:
            if self.keeper.syncer is not None:
                self.keeper.syncer.give_up()  # the next segment's syncs say nothing of this one
            try:
                self.keeper.restart()
            except OSError as error:
                self.backlog.put(self._doubt, 0, error)
                return
        self.failure = None
        self._on_resumed()

    def _turned(self, number: int) -> None:
        """The spool has a new segment: see that the ones before can go."""
        self._batch.flush()
        self.unfinished.note(number)
        self._writer.after_commit(lambda: self._drop_before(number))

    def _drop_before(self, number: int) -> None:
        assert self.keeper is not None
        with contextlib.suppress(OSError):  # they are in the way of nothing: next time
            self.keeper.spool.drop_before(number)

    def _doubt(self, error: Exception) -> None:
        """Have everything tried again, from a connection of its own; on the recorder's thread."""
        if self._batch.error is None:
            self._batch.error = error
