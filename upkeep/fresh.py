"""A recording on its way: it takes its name only when all of it is on the disk."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Self

from ..store.errors import RecordingError
from ..store.migrations import create_tables
from ..store.tables import FORMAT_VERSION

__all__ = ["Fresh"]


class Fresh:
    """A new recording under another name beside the one it is to have, of mode 0600.

    Use as a context manager; until `take_place` has returned, whatever goes wrong, or a process
    that is killed, leaves at most the file of that other name, which the next one overwrites.
    Whoever makes one holds the `RecordingLock` of `path`: there are no two.
    """

    def __init__(self, path: Path, owner: os.stat_result | None = None) -> None:
        """Make the file.

        Args:
            path: the name it is to have; no link.
            owner: of a file whose owner and mode it is to have.

        Raises:
            OSError: there is no place for it; names `path`.
        """
        self.path = path.with_name(path.name + "-unfinished")
        self._final = path
        try:
            self.path.unlink(missing_ok=True)
            # SQLite would create it readable for everybody.
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise type(error)(error.errno, error.strerror, str(path)) from error
        try:
            if owner is not None:
                own = os.fstat(fd)
                if (own.st_uid, own.st_gid) != (owner.st_uid, owner.st_gid):
                    os.fchown(fd, owner.st_uid, owner.st_gid)
                os.fchmod(fd, owner.st_mode & 0o777)
        except OSError as error:
            self._remove()
            raise type(error)(error.errno, error.strerror, str(path)) from error
        finally:
            os.close(fd)
        self.connection = sqlite3.connect(self.path, isolation_level=None, cached_statements=256)
        """In a transaction until `finish`; what goes wrong with it is for `writing` to catch."""

    def __enter__(self) -> Self:
        try:
            with self.writing():
                self.connection.execute("PRAGMA page_size = 16384")
                # No journal, no syncs on the way: half a file is never read, but removed.
                self.connection.execute("PRAGMA journal_mode = OFF")
                self.connection.execute("PRAGMA synchronous = OFF")
                create_tables(self.connection)
                self.connection.execute("BEGIN")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        with contextlib.suppress(sqlite3.Error):
            self.connection.close()
        self._remove()

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Turn what SQLite says of a full disk into a `RecordingError`."""
        try:
            yield
        except sqlite3.Error as error:
            raise RecordingError(f"{self._final}: cannot be written: {error}") from error

    def finish(
        self,
        meta: Mapping[str, str],
        seal: Callable[[sqlite3.Connection], object] = lambda connection: None,
    ) -> int:
        """Write the `meta` table, and all of it to the disk; return the file's size in bytes.

        Args:
            meta: all of it.
            seal: called when nothing else will be written.

        Raises:
            RecordingError: there is no room for it.
        """
        stated = {**meta, "format_version": str(FORMAT_VERSION)}
        with self.writing():
            self.connection.executemany("INSERT INTO meta VALUES (?, ?)", sorted(stated.items()))
            seal(self.connection)
            self.connection.execute("COMMIT")
            self.connection.close()
        _sync(self.path)
        return self.path.stat().st_size

    def take_place(self) -> None:
        """Give the file its name; what had it before is gone in the same instant."""
        self.path.replace(self._final)
        _sync(self._final.parent)

    def _remove(self) -> None:
        self.path.unlink(missing_ok=True)
        # It has no journal. A name that somebody gave to a recording may have left one.
        self.path.with_name(self.path.name + "-journal").unlink(missing_ok=True)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
