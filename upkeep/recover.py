"""What a killed recorder left in its spool, written into the recording."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from ..store.begin import open_to_write
from ..store.errors import RecordingError
from ..store.lock import RecordingLock
from ..store.opening import WRONG_VALUES
from ..store.recovery import Recovered, recover_into
from ..store.spool import remove_spool, spool_folder

__all__ = ["recover"]


def recover(path: Path) -> Recovered | None:
    """Write the spool of the recording at `path` into it, and remove the spool.

    Returns:
        None: there is no spool.

    Raises:
        RecordingError: not a recording, being recorded into, or it cannot be written.
    """
    if not path.is_file():
        raise RecordingError(f"{path}: no such file")
    if not path.stat().st_size:  # it would be made one
        raise RecordingError(f"{path}: not a wsrec recording (it is empty)")
    lock = RecordingLock(path)
    try:
        with closing(open_to_write(path, synced=True)) as connection:
            recovered = recover_into(connection, path)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            # Not while somebody reads: then a -wal stays beside it, empty.
            with suppress(sqlite3.OperationalError):
                connection.execute("PRAGMA journal_mode = DELETE")
        folder = spool_folder(path)
        if folder.is_dir():
            remove_spool(folder)
    except (sqlite3.Error, *WRONG_VALUES) as error:
        raise RecordingError(f"{path}: cannot be recovered: {repr(str(error))[1:-1]}") from error
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from error
    finally:
        lock.release()
    return recovered
