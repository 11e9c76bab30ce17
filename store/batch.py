"""What the recorder writes in one transaction: many rows for one statement, grouped by session."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from .chain import Chain
from .rows import PLAIN_COLUMNS, UNUSUAL_COLUMNS, Columns, Runs
from .tables import PART_BITS

if TYPE_CHECKING:
    from .session import SessionWriter

__all__ = ["MANY", "MUCH", "Batch", "Blob"]

# One statement for 100 rows instead of one for each: a fifth less CPU a frame, and the
# interpreter's lock is released and retaken once for all of them.
_ROWS = 100
# Rows, and bytes, that are inserted before the transaction ends, to bound memory; also that of
# whoever verifies an extent, see EXTENT_FRAMES and EXTENT_BYTES.
MANY = 2000
MUCH = 4 << 20

_EXTENT_COLUMNS: Columns = ("session_id", "first_seq", "last_seq", "first_id")
_LINK_COLUMNS: Columns = ("first_id", "link")
_WIDTH = len(PLAIN_COLUMNS)
_HEAD, _AT_NS, _PAYLOAD = map(PLAIN_COLUMNS.index, ("head", "at_ns", "payload"))


class Blob:
    """A payload or a message stored in parts; `next_id` is the id of its next part."""

    __slots__ = ("hash", "next_id", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.next_id = number << PART_BITS
        self.hash = sha256()
        """Of the parts so far."""


class Batch:
    """Gathers rows of several sessions and writes them through the recorder's one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._dirty: list[SessionWriter] = []
        self.rows = 0
        """Gathered by all sessions: beyond `MANY` they have to be written."""
        self.bytes = 0
        """Of payload in these rows: beyond `MUCH` they have to be written."""
        self.chain = Chain()
        # Of the blobs that the rows gathered so far refer to, by number.
        self._digests: dict[int | None, bytes | None] = {None: None}
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
        blob.hash.update(data)
        blob.next_id += 1

    def complete(self, blob: Blob) -> int:
        """Return the number of a blob that has all its parts, for the next row to refer to."""
        self._digests[blob.number] = blob.hash.digest()
        return blob.number

    def flush(self) -> None:
        """Insert the rows gathered so far, and note where each session's lie."""
        columns: Columns = ()
        values: list[Any] = []
        extents: list[Any] = []
        links: list[Any] = []
        for session in self._dirty:
            runs, session.runs = session.runs, []
            first_id = self._next_id
            for run_columns, rows in runs:
                if not rows:
                    continue
                if run_columns is not columns:
                    self._insert("frames", columns, values)
                    columns, values = run_columns, []
                values += rows
                self._next_id += len(rows) // len(run_columns)
            if self._next_id > first_id:
                first_seq = session.seq - (self._next_id - first_id) + 1
                session.link = self._link(session, first_seq, runs)
                extents += (session.id, first_seq, session.seq, first_id)
                links += (first_id, bytearray(session.link))
        self._insert("frames", columns, values)
        self._insert("extents", _EXTENT_COLUMNS, extents)
        self._insert("links", _LINK_COLUMNS, links)
        self._dirty.clear()
        self.rows = self.bytes = 0
        if len(self._digests) > 1:
            self._digests = {None: None}

    def _link(self, session: SessionWriter, seq: int, runs: Runs) -> bytes:
        """Return the chain's next link; slices, because a loop over frames would cost too much."""
        place = session.id, seq, session.seq
        if len(runs) == 1 and runs[0][0] is PLAIN_COLUMNS:
            rows = runs[0][1]
            values = rows[_HEAD::_WIDTH], rows[_AT_NS::_WIDTH], rows[_PAYLOAD::_WIDTH]
            return self.chain.extent(session.link, place, *values, [])
        heads: list[int] = []
        times: list[int] = []
        payloads: list[bytes | bytearray | None] = []
        details: list[Any] = []
        for columns, rows in runs:
            width = len(columns)
            heads += rows[_HEAD::width]
            times += rows[_AT_NS::width]
            payloads += rows[_PAYLOAD::width]
            count = len(rows) // width
            if width > _WIDTH and count:
                anomalies, message_seqs, *blobs = (
                    rows[columns.index(name) :: width] if name in columns else [None] * count
                    for name in UNUSUAL_COLUMNS
                )
                digests = (map(self._digests.__getitem__, numbers) for numbers in blobs)
                seqs = range(seq, seq + count)
                details += zip(seqs, anomalies, message_seqs, *digests, strict=True)
            seq += count
        return self.chain.extent(session.link, place, heads, times, payloads, details)

    def _insert(self, table: str, columns: Columns, values: list[Any]) -> None:
        width = len(columns) or 1
        for start in range(0, len(values), _ROWS * width):
            some = values[start : start + _ROWS * width]
            self._connection.execute(_insert(table, columns, len(some) // width), some)

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
def _insert(table: str, columns: Columns, rows: int) -> str:
    row = "(" + ",".join("?" * len(columns)) + ")"
    return f"INSERT INTO {table} ({','.join(columns)}) VALUES {','.join([row] * rows)}"
