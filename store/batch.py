"""What the recorder writes in one transaction: many rows for one statement, grouped by session."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any

from .session import FRAME_COLUMNS
from .tables import PART_BITS

if TYPE_CHECKING:
    from .session import SessionWriter

__all__ = ["Batch", "Blob"]

_WIDTH = len(FRAME_COLUMNS)
# One statement for 100 rows instead of one for each: a fifth less CPU a frame, and the
# interpreter's lock is released and retaken once for all of them.
_ROWS = 100


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

    def flush(self) -> None:
        """Insert the rows gathered so far, and note where each session's lie."""
        groups: list[list[Any]] = []
        for session in self._dirty:
            rows, session.rows = session.rows, []
            count = len(rows) // _WIDTH
            if count:
                self._connection.execute(
                    "INSERT INTO extents VALUES (?, ?, ?, ?)",
                    (session.id, rows[1], rows[1] + count - 1, self._next_id),
                )
                self._next_id += count
                groups.append(rows)
        self._dirty.clear()
        values = groups[0] if len(groups) == 1 else list(chain.from_iterable(groups))
        full = len(values) - len(values) % (_ROWS * _WIDTH)
        for start in range(0, full, _ROWS * _WIDTH):
            self._connection.execute(_insert(_ROWS), values[start : start + _ROWS * _WIDTH])
        if full < len(values):
            self._connection.execute(_insert((len(values) - full) // _WIDTH), values[full:])

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
def _insert(rows: int) -> str:
    row = "(" + ",".join("?" * _WIDTH) + ")"
    return f"INSERT INTO frames ({','.join(FRAME_COLUMNS)}) VALUES {','.join([row] * rows)}"
