"""Reading a recording back, without ever writing to it."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from .errors import RecordingError
from .leftover import has_leftover, recovered_copy
from .model import Frame, Message, Session
from .opening import check_format, damage, open_read_only, restrict
from .parts import Budget, whole
from .pieces import ROWS, Pieces
from .values import FRAME_COLUMNS, MESSAGE_COLUMNS, frame_of, message_of, read_meta, session_of
from .work import Work

__all__ = ["Recording"]

_FRAME = f"{FRAME_COLUMNS}, CASE WHEN f.opcode >= {{least}} THEN f.payload END"
_OPCODE = 8
_MESSAGE = (
    f"{MESSAGE_COLUMNS},"
    " CASE WHEN f.kind IS NOT NULL AND f.message_parts IS NULL THEN f.payload END"
)
_KIND = 6
_SPOKEN = f"{MESSAGE_COLUMNS}, {FRAME_COLUMNS}, f.payload"

_SESSIONS = 16
"""Read at once."""


class Recording:
    """One recording, open for reading; also while it is being recorded.

    Use as a context manager. Every method may raise `RecordingError` when the file is damaged,
    or was never made by a recorder: nothing in it is believed, see docs/recording.md.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, meta: dict[str, str], work: Work
    ) -> None:
        self.path = path
        self.file = path
        """What is read: a copy, where a killed recorder has left something in the spool."""
        self.meta = meta
        """The `meta` table: format and software versions, upstream, `ended_at` on a clean end."""
        self.work = work
        """To be begun by who uses `snapshot`."""
        self.budget = Budget(path)
        self._connection = connection
        self._pieces = Pieces(connection, work)
        self._alone = False
        self._copy: TemporaryDirectory[str] | None = None

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open `path`.

        Raises:
            RecordingError: no such file, not a recording, a newer format, or damaged.
        """
        return cls._open(Path(path), None)

    @classmethod
    def another(cls, path: Path, file: Path) -> Self:
        """Open what another reader of `path`, perhaps in another process, has open as `file`.

        Raises:
            RecordingError: as `open` does.
        """
        return cls._open(path, file)

    @classmethod
    def _open(cls, path: Path, file: Path | None) -> Self:
        work = Work()
        with damage(path), contextlib.ExitStack() as undo:
            connection, alone = open_read_only(file or path, work)
            undo.callback(lambda: connection.close())
            left = file is None and has_leftover(path)
            copy = recovered_copy(path, connection) if left else None
            file = file or path
            if copy is not None:
                connection.close()
                undo.callback(copy.cleanup)
                file = Path(copy.name) / "copy.db"
                connection, alone = open_read_only(file, work)
            check_format(path, connection)
            restrict(connection)
            meta = read_meta(connection)
            recording = cls(path, connection, meta, work)
            recording.file = file
            recording._copy = copy
            recording.budget = Budget(file)
            work.begin(recording.budget.size())
            recording._alone = alone
            undo.pop_all()
        return recording

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
        if self._copy is not None:
            self._copy.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
        if self._alone and self.budget.has_log():
            raise RecordingError(f"{self.path}: a recorder went on with it meanwhile; try again")

    @property
    def clean(self) -> bool:
        """The recorder closed the file itself: nothing is missing at its end."""
        return "ended_at" in self.meta

    def sessions(self) -> Iterator[Session]:
        """Yield the sessions in order of arrival."""
        with damage(self.path):
            last = -(1 << 63)
            while rows := self._pieces.sessions(">", last, _SESSIONS):
                for row in rows:
                    if row[0].__class__ is not int or row[0] <= last:
                        raise ValueError("its sessions are out of order")
                    last = row[0]
                    yield session_of(row)

    def hold(self) -> list[Session]:
        """Return the sessions as they are now; from now on no frame is read that comes later.

        For who reads a session more than once, or for long, while it may still be recorded: it
        has one end, wherever it is looked at.
        """
        with damage(self.path), self.snapshot() as connection:
            (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM frames").fetchone()
            sessions = list(self.sessions())
        self._pieces.last_frame = last
        return sessions

    def session(self, session_id: int) -> Session | None:
        """Return one session, or None when there is none of this number."""
        with damage(self.path):
            rows = self._pieces.sessions("=", session_id, 1)
            return session_of(rows[0]) if rows else None

    def messages(self, session_id: int, after: int = 0) -> Iterator[Message]:
        """Yield a session's messages in the order in which they were completed.

        With `after`, only those that a later frame than this one completed.
        """
        return self._messages(session_id, after, ROWS)

    def message(self, session_id: int, seq: int) -> Message | None:
        """Return the message that a frame completed, or None when it completed none."""
        found = next(self._messages(session_id, seq - 1, 1), None)
        return found if found is not None and found.seq == seq else None

    def _messages(self, session_id: int, after: int, rows: int) -> Iterator[Message]:
        with damage(self.path):
            self.budget.begin("messages", session_id)
            blob = partial(self.blob, what="messages", session_id=session_id)
            for row in self._pieces.frames(session_id, _MESSAGE, rows, after=after):
                if row[_KIND] is not None:
                    yield message_of(row, blob)

    def delays(self, session_id: int) -> Iterator[int]:
        """Yield how many nanoseconds each message waited until it had been forwarded, if known."""
        with damage(self.path):
            for *_, at_ns, forwarded_ns, _, kind in self._pieces.frames(session_id, "f.kind"):
                if kind is not None and forwarded_ns is not None:
                    yield forwarded_ns - at_ns

    def first_ns(self, session_id: int) -> int | None:
        """Return when a session's first frame came, since its start; None: there is none."""
        with damage(self.path):
            places = self._pieces.frames(session_id, rows=1)
            return next((at_ns for *_, at_ns, _, _ in places), None)

    def frames(self, session_id: int, *, control: bool = False) -> Iterator[Frame]:
        """Yield a session's frames in order of arrival; with `control`, only control frames."""
        least = 8 if control else 0
        with damage(self.path):
            self.budget.begin("frames", session_id)
            blob = partial(self.blob, what="frames", session_id=session_id)
            for row in self._pieces.frames(session_id, _FRAME.format(least=least)):
                if row[_OPCODE] >= least:
                    yield frame_of(row, blob)

    def spoken(
        self, session_id: int, *, rows: int, size: int
    ) -> Iterator[tuple[Frame, Message | None]]:
        """Yield a session's frames in order of arrival, each with the message that it completes.

        Any number of these may go on at once, of one session too. Each holds `rows` frames and
        `size` bytes of payload, or the one frame and its message that are longer.
        """
        with damage(self.path):
            budget = self.budget.afresh()

            def blob(number: int) -> bytes:
                self.work.begin()
                return whole(self._connection, number, budget, "spoken", session_id)

            for *row, payload in self._pieces.frames(session_id, _SPOKEN, rows, size):
                place, (kind, message_seq, data), head = row[:6], row[6:9], row[9:]
                frame = frame_of([*place, *head, payload], blob)
                message = None
                if kind is not None:
                    if data == head[-1]:  # it is the payload, in parts or not
                        data = None
                    message = message_of([*place, kind, message_seq, data, frame.payload], blob)
                yield frame, message

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection, for queries that all see the same state of the file.

        What they raise is for the caller to catch: `sqlite3.Error`, and `WRONG_VALUES`. Not for
        long: a recorder's log grows meanwhile.
        """
        self.work.begin(self.budget.size())
        self._connection.execute("BEGIN")
        try:
            yield self._connection
        finally:
            if self._connection.in_transaction:  # SQLite may have ended it over an error
                self._connection.execute("ROLLBACK")

    def first_gap(self, session: Session) -> int | None:
        """Return the number of a session's first frame that is not in the file; None: all are.

        Frames are numbered without a gap, and the end record says how many there were.
        """
        said = session.client_frames + session.server_frames
        with damage(self.path):
            count, first, last, odd = self._pieces.numbers(session.id, self.budget.size())
            # Nearly always; a number that is there twice is for whoever reads the frames to notice.
            if first == 1 and count == last and (not session.clean or (count == said and not odd)):
                return None
            expected = 1
            own = 0
            for _, seq, _, _, _, names in self._pieces.frames(session.id):
                if seq != expected:
                    return expected
                expected += 1
                own += names is not None and "synthetic" in names
            return expected if session.clean and expected - 1 != said + own else None

    def blob(self, number: int, what: str, session_id: int) -> bytes:
        """Return a blob of `parts`, for `values.message_of` and `frame_of`."""
        self.work.begin()
        return whole(self._connection, number, self.budget, what, session_id)
