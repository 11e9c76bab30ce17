"""A recording at the beginning of a run: made, or gone on with."""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
import sqlite3
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from ..redaction.rules import Rules
from .errors import RecordingError
from .lock import RecordingLock
from .migrations import create_tables
from .pruned import UNRECORDED, Pruned
from .seal import END
from .tables import APPLICATION_ID, FORMAT_VERSION

__all__ = [
    "PATIENCE",
    "begin_run",
    "connect",
    "connect_again",
    "last_session",
    "open_to_write",
    "origin_ns",
    "run_of",
    "spool_of",
]

PATIENCE = 5.0
"""Seconds that a write waits for somebody else's lock."""
_IMPATIENCE = 0.1
"""Seconds that an attempt to write again waits for somebody's lock: the next one is due soon, and
until then nobody empties the backlog."""


def connect(path: Path, *, synced: bool, patience: float = PATIENCE) -> sqlite3.Connection:
    """Return the one connection that writes a recording.

    Args:
        path: of the recording.
        synced: every commit waits for the disk; else a power cut may take the last ones back.
        patience: seconds that a write waits for somebody else's lock.

    Raises:
        RecordingError: this is no place for a recording.
        sqlite3.Error: SQLite says so.
    """
    connection = sqlite3.connect(
        path, timeout=patience, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    try:
        connection.execute("PRAGMA page_size = 16384")  # of a new file; others keep theirs
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise RecordingError(
                f"{path}: this file system allows no write-ahead log (it answered {mode!r}); "
                "record to a local disk"
            )
        connection.execute(f"PRAGMA synchronous = {'FULL' if synced else 'NORMAL'}")
        # 4 MB of log between checkpoints: the recorder stands still while one is synced, and at
        # 40 MB that was seen as a p99 of 70 ms where it is 20 ms now, at the same rate.
        connection.execute("PRAGMA wal_autocheckpoint = 256")
        # A log that somebody's reading has let grow is cut again once it has been written back.
        connection.execute(f"PRAGMA journal_size_limit = {16 << 20}")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_again(
    path: Path, lock: RecordingLock, run_id: str | None, *, synced: bool
) -> sqlite3.Connection:
    """Return another connection after a failure, once it is sure that nobody else has written.

    Raises:
        RecordingError: another recorder has, or is about to.
        sqlite3.Error: SQLite says so.
    """
    connection = connect(path, synced=synced, patience=_IMPATIENCE)
    try:
        if not lock.is_held():
            lock.take_again()
            if run_of(connection) != run_id:
                raise RecordingError(f"{path}: another recorder has written into it")
    except BaseException:
        connection.close()
        raise
    return connection


def open_to_write(path: Path, *, synced: bool = False) -> sqlite3.Connection:
    """Open or create a recording, and bring it to this format.

    Raises:
        RecordingError: the file is something else, or unwritable.
        sqlite3.Error: SQLite says so.
    """
    new = not path.exists() or path.stat().st_size == 0
    try:
        # SQLite would create the file, and its -wal beside it, readable for everybody.
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(file).st_mode & 0o077:  # it was there before, and others could read it
                os.fchmod(file, 0o600)
        finally:
            os.close(file)
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from error
    if not new:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            _check_format(connection, path)
    connection = connect(path, synced=synced)
    try:
        create_tables(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def run_of(connection: sqlite3.Connection) -> str | None:
    """Return what tells the run that records, or did so last, from every other one."""
    found = connection.execute("SELECT value FROM meta WHERE key = 'run_id'").fetchone()
    return None if found is None else str(found[0])


def begin_run(connection: sqlite3.Connection, meta: Mapping[str, str], redaction: Rules) -> None:
    """Note who records now, in the transaction that is open.

    Raises:
        sqlite3.Error: SQLite says so.
    """
    connection.execute("DELETE FROM meta WHERE key IN ('ended_at', 'sessions')")
    connection.execute("DELETE FROM seals WHERE session_id = ?", (END,))
    before = dict(connection.execute("SELECT key, value FROM meta"))
    sessions = last_session(connection)
    standing = {
        "format_version": str(FORMAT_VERSION),
        "id": secrets.token_hex(16),
        "started_at": datetime.now(UTC).isoformat(timespec="microseconds"),
    }
    current = {
        **meta,
        "run_id": secrets.token_hex(8),
        "sqlite_version": sqlite3.sqlite_version,
        "python_version": platform.python_version(),
        "host": platform.node(),
        **redaction.for_meta(before, sessions),
    }
    connection.executemany("INSERT OR IGNORE INTO meta VALUES (?, ?)", standing.items())
    connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", current.items())


def _check_format(connection: sqlite3.Connection, path: Path) -> None:
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application_id != APPLICATION_ID:
        (tables,) = connection.execute(
            "SELECT count(*) FROM sqlite_master WHERE tbl_name <> '_sqlite_migrations'"
        ).fetchone()
        if application_id or tables:
            raise RecordingError(f"{path}: not a wsrec recording; give the recording another name")
        return  # a recorder was killed before it had made the tables
    if version > FORMAT_VERSION:
        raise RecordingError(
            f"{path}: recording format {version} is newer than this wsrec reads "
            f"({FORMAT_VERSION}); upgrade wsrec"
        )


def last_session(connection: sqlite3.Connection) -> int:
    """Return the greatest number that a session has, or had before it was removed."""
    last: int = connection.execute("SELECT coalesce(max(id), 0) FROM sessions").fetchone()[0]
    meta = dict(connection.execute("SELECT key, value FROM meta"))
    return max(last, Pruned.stated(meta).last, Pruned.stated(meta, UNRECORDED).last)


def origin_ns(connection: sqlite3.Connection) -> int:
    """Return the process's monotonic time at which the recording's time is zero.

    A continued recording goes on where the wall clock says, but never before its last session's
    end, or last frame where there is no end: sessions of two runs cannot overlap.
    """
    (started_at,) = connection.execute("SELECT value FROM meta WHERE key = 'started_at'").fetchone()
    elapsed = datetime.now(UTC) - datetime.fromisoformat(started_at)
    last: int = connection.execute(
        "SELECT coalesce(max(started_ns + coalesce(ended_ns, (SELECT at_ns FROM frames"
        " WHERE frames.id = (SELECT first_id + last_seq - first_seq FROM extents"
        " WHERE session_id = sessions.id ORDER BY first_seq DESC LIMIT 1)), 0)), 0) FROM sessions"
    ).fetchone()[0]
    passed = int(elapsed.total_seconds() * 1e9)
    return time.monotonic_ns() - max(passed, last, 0)


def spool_of(connection: sqlite3.Connection) -> tuple[bytes, int]:
    """Return the recording's id, and the number of its next spool segment."""
    meta = dict(connection.execute("SELECT key, value FROM meta WHERE key IN ('id', 'spool')"))
    return bytes.fromhex(meta["id"]), int(meta.get("spool", "1"))
