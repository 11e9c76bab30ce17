"""What the recorder writes in one transaction: many rows for one statement, grouped by session."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from .blob import Blob
from .chain import Chain
from .pruned import UNRECORDED
from .rows import PLAIN_COLUMNS, UNUSUAL_COLUMNS, Columns, Runs, blobs, split
from .seal import PUT_SEAL, Sealer
from .tables import PART_BITS
from .touched import Touched
from .transaction import Transaction

if TYPE_CHECKING:
    from .session import SessionWriter

__all__ = ["MANY", "MUCH", "PUT_GAP", "Batch", "stored_of"]

# One statement for 100 rows instead of one for each: a fifth less CPU a frame, and the
# interpreter's lock is released and retaken once for all of them.
_ROWS = 100
# Rows, and bytes, that are inserted before the transaction ends, to bound memory; also that of
# whoever verifies an extent, see EXTENT_FRAMES and EXTENT_BYTES.
MANY = 2000
MUCH = 4 << 20

_VALUE = 40  # bytes that one value of a row takes in memory, payloads aside

PUT_GAP = "INSERT INTO gaps (session_id, first_seq, last_seq, reason, link) VALUES (?, ?, ?, ?, ?)"

_EXTENT_COLUMNS: Columns = ("session_id", "first_seq", "last_seq", "first_id")
_LINK_COLUMNS: Columns = ("first_id", "link", "sums")
_WIDTH = len(PLAIN_COLUMNS)
_HEAD, _AT_NS, _PAYLOAD = map(PLAIN_COLUMNS.index, ("head", "at_ns", "payload"))


class Batch(Transaction):
    """Gathers rows of several sessions and writes them through the recorder's one connection."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        sealer: Sealer | None = None,
        *,
        most_kept: int = 64 << 20,
    ) -> None:
        """As a `Transaction`; `sealer` signs each session at its end."""
        super().__init__(connection, most_kept)
        self._sealer = sealer
        self._dirty: list[SessionWriter] = []
        self._touched = Touched()
        self.rows = 0
        """Gathered by all sessions: beyond `MANY` they have to be written."""
        self.bytes = 0
        """Of payload in these rows: beyond `MUCH` they have to be written."""
        self.chain = Chain()
        # Of the blobs that the rows gathered so far refer to, by number.
        self._digests: dict[int | None, bytes | None] = {None: None}
        self._next_id = _next_id(connection)
        (self.next_blob,) = connection.execute(
            f"SELECT (coalesce(max(id), 0) >> {PART_BITS}) + 1 FROM parts"
        ).fetchone()
        self._first_blob = self.next_blob

    def commit(self) -> bool:
        """Write what was gathered and commit it; return whether it is in the recording now."""
        self.flush()
        if not self.end():
            return False
        self._touched.sessions.clear()
        return True

    def resume(self, connection: sqlite3.Connection, reason: str) -> None:
        """Do again what has not been committed since the failure; say what is missing of it.

        Args:
            connection: a new one.
            reason: for the rows of `gaps`.

        Raises:
            Exception: it still cannot be written.
        """
        error, losing = self.error, self.losing
        try:
            self.do_again(connection)
            if losing:
                self._next_id = _next_id(connection)
                self.losing = False
                self._touched.lost(reason)
            self.error = None
            self._settle_all()
        except BaseException:
            self.error = self.error or error
            if losing:
                self.lose()
            raise

    def _settle_all(self) -> None:
        unsettled = self._touched.unsettled()
        if not unsettled:
            return
        self.begin()
        meta = dict(self.connection.execute("SELECT key, value FROM meta"))
        if statement := self._touched.unrecorded(meta):
            self.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", (UNRECORDED, statement))
        for session in unsettled:
            self.dirty(session)
        if not self.commit():
            assert self.error is not None
            raise self.error

    def execute(self, statement: str, values: Sequence[Any], session: SessionWriter) -> None:
        """Run one statement in the transaction; it is about the row of this session."""
        self._touched.sessions[session.id] = session
        self.run(statement, values)
        if self.losing and session.has_ended:
            self._touched.ended(session)

    def ended(self, session: SessionWriter, link: bytes) -> None:
        """Sign a session's end, if there is a key: its row has this link now."""
        if self._sealer is not None:
            self.execute(PUT_SEAL, self._sealer.session(session.id, link), session)

    def dirty(self, session: SessionWriter) -> None:
        """Remember a session that begins to gather rows."""
        self._dirty.append(session)

    def new_blob(self) -> Blob:
        """Return a new, empty blob."""
        self.next_blob += 1
        return Blob(self.next_blob - 1)

    def open_blob(self, number: int, next_id: int) -> Blob:
        """Return a blob that another process began; raises ValueError if it did not."""
        if number >= self._first_blob:
            raise ValueError("a message that was not complete is in parts that are not there")
        return Blob.begun(self.connection, number, next_id)

    def add_part(self, blob: Blob, data: bytes | bytearray) -> None:
        """Write the blob's next part."""
        # What follows a crash writes some of them again.
        statement = "INSERT OR REPLACE INTO parts (id, data) VALUES (?, ?)"
        self.run(statement, (blob.next_id, data), len(data))
        self.end_much()
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
        size = self.bytes
        for session in self._dirty:
            runs, session.runs = session.runs, []
            self._touched.sessions[session.id] = session
            if self.losing or session.lost is not None:
                if not self.losing and session.between_blobs:
                    self._settle(session)
                continue
            if session.stored:
                known, runs = split(runs, session.stored)
                self._take_back(known)
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
                session.link, sums = self._link(session, first_seq, runs)
                extents += (session.id, first_seq, session.seq, first_id)
                links += (first_id, bytearray(session.link), bytearray(sums))
        self._insert("frames", columns, values)
        self.weigh(size)
        self._insert("extents", _EXTENT_COLUMNS, extents)
        self._insert("links", _LINK_COLUMNS, links)
        self._dirty.clear()
        self.rows = self.bytes = 0
        if len(self._digests) > 1:
            self._digests = {None: None}
        self.end_much()

    def _take_back(self, runs: Runs) -> None:
        """Delete what was written again of frames that are in the recording from before."""
        for number in blobs(runs):
            if number >= self._first_blob:
                bounds = number << PART_BITS, (number + 1) << PART_BITS
                self.run("DELETE FROM parts WHERE id >= ? AND id < ?", bounds)

    def _link(self, session: SessionWriter, seq: int, runs: Runs) -> tuple[bytes, bytes]:
        """Return the chain's next link and the frames' check sums.

        Slices, because a loop over frames would cost too much.
        """
        first_seq = seq
        place = session.id, seq, session.seq
        if len(runs) == 1 and runs[0][0] is PLAIN_COLUMNS:
            rows = runs[0][1]
            values = rows[_HEAD::_WIDTH], rows[_AT_NS::_WIDTH], rows[_PAYLOAD::_WIDTH]
            link = self.chain.extent(session.link, place, *values, [])
            return link, self.chain.sums(first_seq, *values, [])
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
        link = self.chain.extent(session.link, place, heads, times, payloads, details)
        return link, self.chain.sums(first_seq, heads, times, payloads, details)

    def _insert(self, table: str, columns: Columns, values: list[Any]) -> None:
        width = len(columns) or 1
        for start in range(0, len(values), _ROWS * width):
            some = values[start : start + _ROWS * width]
            self.run(_insert(table, columns, len(some) // width), some, _VALUE * len(some))

    def set_forwarded(self, session_id: int, seqs: Sequence[int], forwarded_ns: int) -> None:
        """Note when the other peer had taken frames that are in the file already."""
        self.flush()
        for seq in seqs:
            self.run(
                # A frame that was not recorded lies behind the end of the extent that is found.
                "UPDATE frames SET forwarded_ns = ?1 WHERE session_id = ?2 AND seq = ?3 AND id = ("
                " SELECT first_id + ?3 - first_seq FROM extents"
                " WHERE session_id = ?2 AND first_seq <= ?3 ORDER BY first_seq DESC LIMIT 1)",
                (forwarded_ns, session_id, seq),
            )

    def _settle(self, session: SessionWriter) -> None:
        """State what is missing of a session, between what is stored of it and what comes next."""
        if self.error is not None:
            return
        try:
            stored, link = stored_of(self.connection, session.id)
        except sqlite3.Error as error:
            self.error = error
            return
        session.link = link or session.first_link  # its own may be of an extent that is lost
        if session.seq > stored:
            gap = session.id, stored + 1, session.seq, session.lost
            session.link = self.chain.row(session.link, gap)
            self.run(PUT_GAP, (*gap, session.link))
        session.lost = None
        link = session.write_row()
        if session.has_ended:
            self.ended(session, link)


def stored_of(connection: sqlite3.Connection, session_id: int) -> tuple[int, bytes | None]:
    """Return the number of the last frame that the recording has, or states as missing, of a
    session, and the chain's link there; 0 and None where there is none yet."""
    last: tuple[int, bytes] | None = connection.execute(
        "SELECT last_seq, link FROM extents JOIN links USING (first_id) WHERE session_id = ?1"
        " UNION ALL SELECT last_seq, link FROM gaps WHERE session_id = ?1"
        " ORDER BY last_seq DESC LIMIT 1",
        (session_id,),
    ).fetchone()
    return last or (0, None)


def _next_id(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(id), 0) + 1 FROM frames").fetchone()[0])


@cache
def _insert(table: str, columns: Columns, rows: int) -> str:
    row = "(" + ",".join("?" * len(columns)) + ")"
    return f"INSERT INTO {table} ({','.join(columns)}) VALUES {','.join([row] * rows)}"
