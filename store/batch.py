"""What the recorder writes in one transaction: many rows for one statement, grouped by session."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from .tables import PART_BITS

if TYPE_CHECKING:
    from .rows import Columns
    from .session import SessionWriter

__all__ = ["Batch", "Blob"]

# One statement for 100 rows instead of one for each: a fifth less CPU a frame, and the
# interpreter's lock is released and retaken once for all of them.
_ROWS = 100
_MANY = 2000  # rows that are inserted before the transaction ends, to bound memory


class Blob:
    """A payload or a message stored in parts; `next_id` is the id of its next part."""

    __slots__ = ("next_id", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.next_id = number << PART_BITS


class Batch:
    """Gathers rows of several sessions and writes them through the recorder's one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._dirty: list[SessionWriter] = []
        self._gathered = 0
        (self._next_id,) = connection.execute(
            "SELECT coalesce(max(id), 0) + 1 FROM frames"
        ).fetchone()
        (self._next_blob,) = connection.execute(
            f"SELECT (coalesce(max(id), 0) >> {PART_BITS}) + 1 FROM parts"
        ).fetchone()

    def execute(self, statement: str, values: Sequence[Any]) -> None:
        """Run one statement in the transaction."""
        self._connection.execute(statement, values)

    def dirty(self, session: SessionWriter) -> None:
        """Remember a session that begins to gather rows."""
        self._dirty.append(session)

    def new_blob(self) -> Blob:
        """Return a new, empty blob."""
        self._next_blob += 1
        return Blob(self._next_blob - 1)

    def add_part(self, blob: Blob, data: bytes | bytearray) -> None:
        """Write the blob's next part."""
        self._connection.execute("INSERT INTO parts (id, data) VALUES (?, ?)", (blob.next_id, data))
        blob.next_id += 1

    def gathered(self, rows: int) -> None:
        """Count rows that a session has gathered; write them when they have become many."""
        self._gathered += rows
        if self._gathered > _MANY:
            self.flush()

    def flush(self) -> None:
        """Insert the rows gathered so far, and note where each session's lie."""
        columns: Columns = ()
        values: list[Any] = []
        for session in self._dirty:
            runs, session.runs = session.runs, []
            first_id = self._next_id
            for run_columns, rows in runs:
                if not rows:
                    continue
                if run_columns is not columns:
                    self._insert(columns, values)
                    columns, values = run_columns, []
                values += rows
                self._next_id += len(rows) // len(run_columns)
            if self._next_id > first_id:
                first_seq = session.seq - (self._next_id - first_id) + 1
                self._connection.execute(
                    "INSERT INTO extents VALUES (?, ?, ?, ?)",
                    (session.id, first_seq, session.seq, first_id),
                )
        self._insert(columns, values)
        self._dirty.clear()
        self._gathered = 0

    def _insert(self, columns: Columns, values: list[Any]) -> None:
        width = len(columns) or 1
        for start in range(0, len(values), _ROWS * width):
            some = values[start : start + _ROWS * width]
            self._connection.execute(_insert(columns, len(some) // width), some)

    def set_forwarded(self, session_id: int, seqs: Sequence[int], forwarded_ns: int) -> None:
        """Note when the other peer had taken frames that are in the file already."""
        self.flush()
        self._connection.executemany(
            "UPDATE frames SET forwarded_ns = ? WHERE id = ("
            " SELECT first_id + ? - first_seq FROM extents"
            " WHERE session_id = ? AND first_seq <= ? ORDER BY first_seq DESC LIMIT 1)",
            [(forwarded_ns, seq, session_id, seq) for seq in seqs],
        )


@cache
def _insert(columns: Columns, rows: int) -> str:
    row = "(" + ",".join("?" * len(columns)) + ")"
    return f"INSERT INTO frames ({','.join(columns)}) VALUES {','.join([row] * rows)}"
