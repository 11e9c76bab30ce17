"""A recording that sessions are taken from: in one state, however long that lasts."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from ..store.errors import RecordingError
from ..store.opening import WRONG_VALUES, damaged
from ..store.reader import Recording
from ..store.values import read_meta

__all__ = ["Source", "reading"]


class Source(Recording):
    """A recording as it was when it was opened, also while it is being recorded into.

    A recorder goes on meanwhile; only the log beside its file grows until this is closed.
    """

    _changed_at: tuple[int, int] | None = None

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open `path`.

        Raises:
            RecordingError: no such file, not a recording, a newer format, or damaged.
        """
        before = _changed_at(Path(path))
        source = super().open(path)
        source._changed_at = before
        try:
            with reading(source.path):
                source._connection.execute("BEGIN")
                # What is read first is the state from then on; the `meta` read before may be older.
                source.meta = read_meta(source._connection)
        except BaseException:
            source.close()
            raise
        return source

    def __exit__(self, *exc: object) -> None:
        self.close()  # `require_still` has its say before anything is made of it

    def require_still(self) -> None:
        """Do nothing if all that was read was the same state of the file.

        Raises:
            RecordingError: SQLite read it without a look at others, and there were some.
        """
        if not self._alone:
            return
        target = self.path.resolve()
        shared = target.with_name(target.name + "-shm").exists()
        if shared or self._changed_at != _changed_at(target):
            raise RecordingError(f"{self.path}: a recorder went on with it meanwhile; try again")

    def rows(self, statement: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """Yield what a statement finds; any number of them may be under way.

        Raises:
            RecordingError: the file is damaged after all.
        """
        with reading(self.path):
            size = self.size
            rows = self._connection.execute(statement, values)
        while True:
            with reading(self.path):
                self.work.begin(size)
                row = rows.fetchone()
            if row is None:
                return
            yield row

    @property
    def size(self) -> int:
        """Bytes of the file, with the log that a killed recorder has left."""
        return self.budget.size()

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection: every query sees the same state anyway."""
        self.work.begin()
        yield self._connection

    def is_same_file(self, other: Source) -> bool:
        """Say whether the other one is this file, by whatever name."""
        return self.path.samefile(other.path)


def _changed_at(path: Path) -> tuple[int, int] | None:
    with contextlib.suppress(OSError):
        status = path.stat()
        return status.st_size, status.st_mtime_ns
    return None


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what SQLite or a decoder says of a damaged file into a `RecordingError`."""
    try:
        yield
    except (sqlite3.Error, LookupError, *WRONG_VALUES) as error:
        raise damaged(path, error) from error
