"""A recording at the clean end of a run."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from datetime import UTC, datetime

from .seal import Sealer

__all__ = ["end_run"]

_TRIES, _PAUSE = 20, 0.01
"""How often, and after how many seconds, it is tried to leave one file."""


def end_run(
    connection: sqlite3.Connection, sessions: int, segment: int | None, sealer: Sealer | None
) -> None:
    """Mark the clean end; leave one file, if nobody reads it.

    Args:
        connection: the recorder's.
        sessions: the number of the last one.
        segment: the spool's next one, since what it holds has been recorded; None: there is none.
        sealer: signs the end.

    Raises:
        sqlite3.Error: it cannot be written.
    """
    ended = {
        "ended_at": datetime.now(UTC).isoformat(timespec="microseconds"),
        # The last ones' loss would not show in the numbers of those before.
        "sessions": str(sessions),
    }
    if segment is not None:
        ended["spool"] = str(segment)
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", ended.items())
    connection.execute("DELETE FROM unfinished")
    if sealer is not None:
        sealer.end(connection)
    connection.execute("COMMIT")
    connection.execute("PRAGMA busy_timeout = 0")  # nobody waits for a reader
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    # One file from now on, for read-only media too. Not while somebody reads: then a -wal stays
    # beside it, empty. Most read for some milliseconds only.
    for _ in range(_TRIES):
        with contextlib.suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode = DELETE")
            return
        time.sleep(_PAUSE)
