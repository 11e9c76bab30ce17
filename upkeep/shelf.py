"""The finished recordings of one output: found in their folder, and deleted, but nothing else is.

What may be deleted is looked at from all sides, because it is gone afterwards: its name, that it
is a file and not a link, that it is a recording which this output has made itself, that nobody
records into it, and that nobody is reading it.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

from ..store.errors import RecordingBusyError, RecordingError
from ..store.lock import RecordingLock
from ..store.reader import Recording
from ..store.series import Series
from ..store.spool import remove_spool, spool_folder
from .retention import Finished
from .walltime import epoch_ns

__all__ = ["Shelf"]

_Stamp = tuple[int, ...]


class Shelf:
    """Looks at a folder as often as it is told to; what has not changed is not opened again."""

    def __init__(self, series: Series) -> None:
        self._series = series
        self._known: dict[Path, tuple[_Stamp, Finished | None]] = {}

    def finished(self) -> list[Finished]:
        """Return the recordings that may be deleted.

        Raises:
            OSError: the folder cannot be read.
        """
        before, self._known = self._known, {}
        found = []
        for path in _files(self._series):
            try:
                stamp = _stamp(path)
            except OSError:
                continue  # gone meanwhile
            at_rest = before.get(path)
            if at_rest is None or at_rest[0] != stamp:
                at_rest = stamp, self._read(path, stamp)
            self._known[path] = at_rest
            if at_rest[1] is not None and not _is_recorded_into(path):
                found.append(at_rest[1])
        return found

    def delete(self, recording: Finished) -> bool:
        """Delete a recording that `finished` has found.

        Answers False, and leaves it, if it has changed since, is recorded into, or being read.

        Raises:
            OSError: this is not allowed here.
        """
        path = recording.path
        stamp, known = self._known.get(path, ((), None))
        if known != recording:
            return False
        with suppress(RecordingError):  # somebody records into it
            lock = RecordingLock(path)
            try:
                # Again, now that no recorder can come any more.
                if _stamp(path) == stamp:
                    if not _unlink_unread(path):
                        return False
                    with suppress(FileNotFoundError):  # what a killed recorder left goes with it
                        remove_spool(spool_folder(path))
                    return True
            except FileNotFoundError:
                pass
            finally:
                lock.release()
        return False

    def _read(self, path: Path, stamp: _Stamp) -> Finished | None:
        """Return what the recording says of itself; None if this output has not made it."""
        try:
            with Recording.open(path) as opened:
                meta = opened.meta
        except RecordingError:
            return None  # another program's, damaged, or of a newer wsrec: not ours to judge
        if meta.get("output") != self._series.pattern or "derived_from" in meta:
            return None
        try:
            ended_ns = epoch_ns(meta["ended_at"])
        except (KeyError, ValueError, TypeError, OverflowError):
            ended_ns = max(stamp[2], stamp[4])  # its recorder was killed: when it last wrote
        return Finished(path, stamp[1] + stamp[3], ended_ns)


def _files(series: Series) -> list[Path]:
    with os.scandir(series.folder) as entries:
        return [
            series.folder / entry.name
            for entry in entries
            if series.matches(entry.name) and entry.is_file(follow_symlinks=False)
        ]


def _stamp(path: Path) -> _Stamp:
    """Return what is another thing when the file or its log is: (inode, size, time), (size, time).

    Raises:
        OSError: there is no such file, or it is no regular file any more.
    """
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise FileNotFoundError(path)
    log = (0, 0)
    with suppress(FileNotFoundError):
        beside = path.with_name(path.name + "-wal").lstat()
        log = beside.st_size, beside.st_mtime_ns
    return status.st_ino, status.st_size, status.st_mtime_ns, *log


def _is_recorded_into(path: Path) -> bool:
    """Say whether somebody holds the lock, without making one where there is none."""
    if not path.with_name(path.name + ".lock").exists():
        return False
    try:
        RecordingLock(path).release()  # left behind by a recorder that was killed
    except RecordingBusyError:
        return True
    except RecordingError:
        return True  # nobody can tell
    return False


def _unlink_unread(path: Path) -> bool:
    """Remove the file while SQLite says that nobody else has a part of it open.

    Taking the log of a killed recorder in leaves one file, which goes in one step: a log without
    its file would be taken for that of the next file of this name.
    """
    name = f"file:{quote(os.fsencode(path.absolute()))}?mode=rw"
    try:
        with closing(
            sqlite3.connect(name, uri=True, isolation_level=None, timeout=0)
        ) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            (mode,) = connection.execute("PRAGMA journal_mode = DELETE").fetchone()
            if mode != "delete":
                return False
            connection.execute("BEGIN EXCLUSIVE")
            path.unlink()
    except sqlite3.Error:
        return False
    return True
