"""Reading a recording back, without ever writing to it."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from .errors import RecordingError
from .model import Frame, Message, Session
from .tables import APPLICATION_ID, FORMAT_VERSION, PART_BITS

__all__ = ["SESSION_COLUMNS", "WRONG_VALUES", "Recording"]

_SQLITE_HEADER = b"SQLite format 3\x00"

SESSION_COLUMNS = (
    "id, started_at, started_ns, client, target, request_headers, status, response_headers,"
    " subprotocol, extensions, ended_ns, close_code, close_reason, closed_by, clean,"
    " client_frames, client_bytes, server_frames, server_bytes"
)
_MESSAGE_COLUMNS = (
    "session_id, first_seq, last_seq, sender, at_ns, forwarded_ns, kind, data, anomalies"
)
_FRAME_COLUMNS = (
    "f.session_id, f.seq, f.sender, f.at_ns, f.forwarded_ns, f.fin, f.rsv, f.opcode, f.masked,"
    " f.payload, f.payload_parts, f.anomalies"
)


class Recording:
    """One recording, open for reading; also while it is being recorded.

    Use as a context manager. Every method may raise `RecordingError` when the file is damaged.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, meta: dict[str, str]) -> None:
        self.path = path
        self.meta = meta
        """The `meta` table: format and software versions, upstream, `ended_at` on a clean end."""
        self._connection = connection

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open `path`.

        Raises:
            RecordingError: no such file, not a recording, a newer format, or damaged.
        """
        path = Path(path)
        _check_file(path)
        with _damage(path):
            # mode=ro, never immutable=1: that would not see what a -wal beside the file holds.
            connection = sqlite3.connect(
                f"file:{quote(os.fsencode(path.absolute()))}?mode=ro",
                uri=True,
                isolation_level=None,
            )
        try:
            with _damage(path):
                connection.execute("PRAGMA trusted_schema = OFF")
                connection.execute("PRAGMA query_only = ON")
                (application_id,) = connection.execute("PRAGMA application_id").fetchone()
                (version,) = connection.execute("PRAGMA user_version").fetchone()
                if application_id != APPLICATION_ID:
                    raise RecordingError(f"{path}: not a wsrec recording (another SQLite file)")
                if version > FORMAT_VERSION:
                    raise RecordingError(
                        f"{path}: recording format {version} is newer than this wsrec reads "
                        f"({FORMAT_VERSION}); upgrade wsrec"
                    )
                meta = dict(connection.execute("SELECT key, value FROM meta"))
        except BaseException:
            connection.close()
            raise
        return cls(path, connection, meta)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def clean(self) -> bool:
        """The recorder closed the file itself: nothing is missing at its end."""
        return "ended_at" in self.meta

    def sessions(self) -> Iterator[Session]:
        """Yield the sessions in order of arrival."""
        with _damage(self.path):
            for row in self._connection.execute(
                f"SELECT {SESSION_COLUMNS} FROM sessions ORDER BY id"
            ):
                yield _session(row)

    def session(self, session_id: int) -> Session | None:
        """Return one session, or None when there is none of this number."""
        with _damage(self.path):
            row = self._connection.execute(
                f"SELECT {SESSION_COLUMNS} FROM sessions WHERE id = ?", (session_id,)
            ).fetchone()
            return _session(row) if row else None

    def messages(self, session_id: int) -> Iterator[Message]:
        """Yield a session's messages in the order in which they were completed."""
        with _damage(self.path):
            for row in self._connection.execute(
                f"SELECT {_MESSAGE_COLUMNS} FROM messages WHERE session_id = ?", (session_id,)
            ):
                yield Message(*(*row[:8], _anomalies(row[8])))

    def frames(self, session_id: int) -> Iterator[Frame]:
        """Yield a session's frames in order of arrival."""
        with _damage(self.path):
            for row in self._connection.execute(
                f"SELECT {_FRAME_COLUMNS} FROM extents e CROSS JOIN frames f"
                " WHERE e.session_id = ?"
                " AND f.id BETWEEN e.first_id AND e.first_id + e.last_seq - e.first_seq"
                " ORDER BY e.first_seq, f.id",
                (session_id,),
            ):
                fin, rsv, opcode, masked, payload, blob, names = row[5:]
                if blob is not None:
                    payload = self._blob(blob)
                flags = bool(fin), rsv, opcode, bool(masked)
                yield Frame(*(*row[:5], *flags, payload, _anomalies(names)))

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection, for queries that all see the same state of the file.

        What they raise is for the caller to catch: `sqlite3.Error`, and `WRONG_VALUES`.
        """
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
        with _damage(self.path):
            rows = self._connection.execute(
                "SELECT f.seq, f.anomalies IS NOT NULL AND instr(f.anomalies, 'synthetic')"
                " FROM extents e CROSS JOIN frames f WHERE e.session_id = ?"
                " AND f.id BETWEEN e.first_id AND e.first_id + e.last_seq - e.first_seq"
                " ORDER BY e.first_seq, f.id",
                (session.id,),
            )
            expected = 1
            own = 0
            for seq, synthetic in rows:
                if seq != expected:
                    return expected
                expected += 1
                own += bool(synthetic)
            said = session.client_frames + session.server_frames + own
            return expected if session.clean and expected - 1 != said else None

    def _blob(self, number: int) -> bytes:
        first = number << PART_BITS
        rows = self._connection.execute(
            "SELECT data FROM parts WHERE id BETWEEN ? AND ? ORDER BY id",
            (first, first + (1 << PART_BITS) - 1),
        )
        return b"".join(data for (data,) in rows)


def _session(row: tuple[Any, ...]) -> Session:
    values = list(row)
    values[5] = _pairs(row[5])
    values[7] = _pairs(row[7])
    values[14] = bool(row[14])
    return Session(*values)


def _pairs(text: str | None) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in json.loads(text or "[]"))


def _anomalies(names: str | None) -> tuple[str, ...]:
    return tuple(names.split(",")) if names else ()


def _check_file(path: Path) -> None:
    """Say what is wrong with a file in better words than SQLite would."""
    try:
        with path.open("rb") as file:
            head = file.read(100)
            size = file.seek(0, 2)
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from error
    if not head.startswith(_SQLITE_HEADER):
        raise RecordingError(f"{path}: not a wsrec recording (not an SQLite file)")
    page = int.from_bytes(head[16:18], "big")
    expected = (65536 if page == 1 else page) * int.from_bytes(head[28:32], "big")
    wal = path.resolve().with_name(path.resolve().name + "-wal")
    if size < expected and not wal.exists():
        raise RecordingError(f"{path}: truncated: {size} of {expected} bytes are there")


WRONG_VALUES = (ValueError, TypeError, AttributeError, OverflowError, RecursionError)
"""What our own code raises over values of types, sizes and depths that no recorder writes."""


@contextlib.contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Turn what SQLite or a decoder says about a damaged file into a `RecordingError`."""
    try:
        yield
    except (sqlite3.Error, *WRONG_VALUES) as error:
        # SQLite quotes what it cannot decode: no recorded text reaches a terminal raw.
        raise RecordingError(f"{path}: damaged: {repr(str(error))[1:-1]}") from error
