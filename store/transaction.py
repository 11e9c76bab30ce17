"""What is written together, and kept until that is certain: it is done again after a failure."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from typing import Any

__all__ = ["Transaction"]

_REDO = 8 << 20
"""Bytes in a transaction beyond which it is committed at once: until then they are kept."""


class Transaction:
    """Statements on their way into the recording. None of its calls raises what SQLite says.

    After an error, nothing is written until `do_again` has succeeded; what would have been is kept.
    """

    def __init__(self, connection: sqlite3.Connection, most_kept: int) -> None:
        """Write through `connection`.

        Args:
            connection: the recorder's one connection.
            most_kept: bytes that are kept while nothing can be written; 0: there is one
                transaction, and nothing of it is done again.
        """
        self.connection = connection
        """The one that it writes through."""
        self.error: Exception | None = None
        """Why nothing can be written now."""
        self.losing = False
        """Whether what cannot be written is not kept either."""
        self._most_kept = most_kept
        self._redo: list[tuple[str, Sequence[Any]]] = []
        self._redo_bytes = 0

    def begin(self) -> None:
        """Begin a transaction."""
        self._try("BEGIN IMMEDIATE")

    def end(self) -> bool:
        """Commit it; return whether what was run is in the recording now."""
        self._try("COMMIT")
        if self.error is None:
            self._forget()
        return self.error is None

    def run(self, statement: str, values: Sequence[Any], size: int = 0) -> None:
        """Run a statement; its values take `size` bytes of memory."""
        if self.losing:
            return
        if self._most_kept:
            self._redo.append((statement, values))
            self.weigh(size)
        self._try(statement, values)
        if self.error is not None and self._redo_bytes > self._most_kept:
            self.lose()

    def weigh(self, size: int) -> None:
        """Note that what was run takes so much more memory."""
        if self._most_kept:
            self._redo_bytes += size

    def end_much(self) -> None:
        """Commit what must not be kept any longer, where the tables are in order."""
        if self._redo_bytes > _REDO and self.error is None:
            self.end()
            self.begin()

    def lose(self) -> None:
        """Let go of what is kept, and of what comes, until `do_again`."""
        self.losing = True
        self._forget()

    def do_again(self, connection: sqlite3.Connection) -> None:
        """Write what was kept, through a new connection: what the old one knows is not trusted.

        Raises:
            sqlite3.Error: it still cannot be written.
        """
        former, self.connection = self.connection, connection
        with contextlib.suppress(sqlite3.Error):  # it may stand in a transaction, and be in our way
            former.close()
        connection.execute("BEGIN IMMEDIATE")
        for statement, values in self._redo:
            connection.execute(statement, values)
        connection.execute("COMMIT")
        self._forget()

    def _forget(self) -> None:
        self._redo.clear()
        self._redo_bytes = 0

    def _try(self, statement: str, values: Sequence[Any] = ()) -> None:
        if self.error is None:
            try:
                self.connection.execute(statement, values)
            except sqlite3.Error as error:
                self.error = error
