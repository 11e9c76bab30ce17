"""A recording whose recorder was killed, with what it left in the spool, for those who only read.

Nothing beside the recording is written: what is read is a copy, into which the spool was drained.
"""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from .errors import RecordingError
from .lock import is_locked
from .spool import segments, spool_folder
from .tables import schema, schema_of_this_format

__all__ = ["has_leftover", "recovered_copy"]

_GROWTH = 32
"""Times its size that a spool may come to as rows, for a reader: compressed messages grow."""
_ROOM = 64 << 20
_PAGES = 1000
"""Pages copied at a time."""


def has_leftover(path: Path) -> bool:
    """Whether a spool with something in it lies beside a recording that nobody records into.

    Raises:
        RecordingError: it cannot be looked at.
    """
    try:
        return bool(segments(spool_folder(path))) and not is_locked(path)
    except OSError as error:
        raise RecordingError(f"{path}: its spool: {error.strerror or error}") from error


def recovered_copy(
    path: Path, original: sqlite3.Connection
) -> tempfile.TemporaryDirectory[str] | None:
    """Return a folder with a copy of `original`, the recording at `path`, named `copy.db`.

    None: its spool adds nothing, or it is no recording of this format.

    Raises:
        RecordingError: the spool is another recording's, no spool, or too much for a reader.
        sqlite3.Error: it cannot be read, or there is no place for the copy.
    """
    # Only now: what records and recovers takes longer to load than all that reads.
    from .begin import connect
    from .recovery import recover_into

    folder = tempfile.TemporaryDirectory(prefix="wsrec-", ignore_cleanup_errors=True)
    try:
        copy = Path(folder.name) / "copy.db"
        if schema(original) != schema_of_this_format():
            folder.cleanup()
            return None
        with closing(sqlite3.connect(copy)) as target:
            original.backup(target, pages=_PAGES)
        with closing(connect(copy, synced=False)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            _disarm(connection)
            (page,) = connection.execute("PRAGMA page_size").fetchone()
            spool = sum(file.stat().st_size for _, file in segments(spool_folder(path)))
            most = (copy.stat().st_size + _GROWTH * spool + _ROOM) // page
            connection.execute(f"PRAGMA max_page_count = {most}")
            try:
                recovered = recover_into(connection, path)
            except sqlite3.OperationalError as error:
                raise RecordingError(
                    f"{path}: a recorder was killed, and what it left in the spool cannot be "
                    f"read on the fly ({error}); `wsrec recover` writes it into the recording"
                ) from error
            connection.execute("PRAGMA journal_mode = DELETE")
        if recovered is None:
            folder.cleanup()
            return None
    except OSError as error:
        folder.cleanup()
        raise RecordingError(f"{path}: its spool: {error.strerror or error}") from error
    except BaseException:
        folder.cleanup()
        raise
    return folder


def _disarm(connection: sqlite3.Connection) -> None:
    """Take out of a copy what somebody else has added and writing to it would run."""
    connection.execute("PRAGMA trusted_schema = OFF")
    added = connection.execute(
        "SELECT type, name FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql > ''"
    )
    for kind, name in added.fetchall():
        quoted = name.replace('"', '""')
        connection.execute(f'DROP {kind} IF EXISTS "{quoted}"')
