"""Payloads and messages that lie in parts, put together again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .tables import PART_BITS

__all__ = ["PART_BYTES", "Budget", "parts", "whole"]

PART_BYTES = 80 << 20
"""More than a part has: a piece of a payload, and what that inflates to."""
_WAYS = 3
"""The same parts are read as messages, as frames, and to be verified."""


class Budget:
    """What the parts of all sessions may come to: the size of the file.

    Each belongs to one frame; but pages that refer to themselves, and frames that refer to one
    blob, would give any number of bytes.
    """

    def __init__(self, path: Path, last: int = 0) -> None:
        """`last`: bytes that the file had, if it is not there any more."""
        target = path.resolve()
        self._files = target, target.with_name(target.name + "-wal")
        self._last = last
        self.size()
        self._written_before = self._written()
        self._size = 0
        self._all = 0
        self._spent: dict[tuple[str, int], int] = {}

    def afresh(self) -> Budget:
        """Return one for the same file of which nothing is spent."""
        return Budget(self._files[0], self._last)

    def begin(self, what: str, session: int) -> None:
        """Forget what was read of this before: from now on it is read once more."""
        self._all -= self._spent.pop((what, session), 0)

    def spend(self, what: str, session: int, size: int) -> None:
        """Note what is read; raises ValueError when it cannot be in the file."""
        self._spent[what, session] = self._spent.get((what, session), 0) + size
        self._all += size
        if self._all > _WAYS * self._size:
            self._size = self.size()  # it may have grown
            if self._all > _WAYS * self._size:
                raise ValueError("parts of frames are more than the file holds")

    def has_log(self) -> bool:
        """Say whether a recorder has come since: it has a -shm, and writes the file at its end."""
        shared = self._files[0].with_name(self._files[0].name + "-shm")
        return shared.exists() or self._written() not in (0, self._written_before)

    def _written(self) -> int:
        """Return when the file was written last; 0: it is not there any more."""
        with suppress(OSError):
            return self._files[0].stat().st_mtime_ns
        return 0

    def size(self) -> int:
        """Return the bytes that the file has now, with those still in its log.

        One that was deleted is read on all the same, and has what it had.
        """
        size = 0
        for path in self._files:
            with suppress(OSError):
                size += path.stat().st_size
        self._last = size or self._last
        return self._last


@contextmanager
def parts(connection: sqlite3.Connection, blob: int) -> Iterator[sqlite3.Cursor]:
    """Lend the (id, data) of a blob's parts, in order."""
    before = connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, PART_BYTES)
    try:
        first = blob << PART_BITS
        yield connection.execute(
            "SELECT id, data FROM parts WHERE id BETWEEN ? AND ? ORDER BY id",
            (first, first + (1 << PART_BITS) - 1),
        )
    finally:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, before)


def whole(
    connection: sqlite3.Connection, blob: int, budget: Budget, what: str, session: int
) -> bytes:
    """Return a blob, as `what` of a session; raises ValueError if it is not what was recorded."""
    pieces = []
    expected = blob << PART_BITS
    with parts(connection, blob) as rows:
        for part, data in rows:
            if part != expected or data.__class__ is not bytes:
                raise ValueError(f"parts of session {session} are not what was recorded")
            budget.spend(what, session, len(data))
            pieces.append(data)
            expected += 1
    if not pieces:
        raise ValueError(f"parts of session {session} are missing")
    return b"".join(pieces)
