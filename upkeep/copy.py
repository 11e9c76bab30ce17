"""Sessions of one recording on their way into another: all of each, under a number of its own.

A session's hash chain covers its number and its start, so it is made anew, by the code that the
recorder makes it with. Where both stay the same, so must the chain: that is looked at.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any, cast

from ..store.batch import PUT_GAP, Batch
from ..store.chain import NOT_YET, START
from ..store.errors import RecordingError
from ..store.parts import parts
from ..store.rows import PLAIN_COLUMNS, Columns, Runs, unusual
from ..store.values import SESSION_COLUMNS
from .source import Source, reading

__all__ = ["Copy", "Take"]

_COLUMNS = SESSION_COLUMNS.split(", ")
_ID, _STARTED_NS, _CLEAN = map(_COLUMNS.index, ("id", "started_ns", "clean"))
_INSERT = (
    f"INSERT INTO sessions ({SESSION_COLUMNS}, link)"
    f" VALUES ({', '.join('?' * (len(_COLUMNS) + 1))})"
)
_PLAIN = (None,) * 4
_CHEAP_TO_COPY = 4 << 10  # bytes, against what the driver does with `bytes`: see rows.py


@dataclass(frozen=True, slots=True)
class Take:
    """What to take: one session, found to be intact, and what becomes of it."""

    source: Source
    number: int
    """In the source."""
    as_number: int
    """In the copy."""
    later_ns: int = 0
    """How much later it starts there: the copy's own start may be another."""
    sealed: bool = False
    """Take its seal as well: number, start and the recording's `started_at` stay the same."""


class _Writer:
    """What a `Batch` knows of a session that it writes."""

    __slots__ = ("id", "link", "lost", "runs", "seq", "stored")

    def __init__(self, number: int, link: bytes) -> None:
        self.id = number
        self.link = link
        self.lost = None
        self.runs: Runs = []
        self.seq = self.stored = 0


class Copy:
    """Puts sessions into a new recording; memory is bounded by one extent, and one part."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._batch = Batch(connection, most_kept=0)
        self.sessions = 0
        """Copied so far."""
        self.frames = 0
        """Copied so far."""

    def session(self, take: Take) -> None:
        """Copy one session.

        Blobs that none of its frames refers to stay behind: nothing says whose they are.

        Raises:
            RecordingError: the source is damaged after all.
            sqlite3.Error: the copy cannot be written.
        """
        source, number = take.source, take.number
        ((*row, stored),) = source.rows(
            f"SELECT {SESSION_COLUMNS}, link FROM sessions WHERE id = ?", number
        )
        row[_ID] = take.as_number
        row[_STARTED_NS] += take.later_ns
        chain = self._batch.chain
        writer = _Writer(take.as_number, chain.row(START, (*row[:6], *NOT_YET)))
        for *extent, reason in source.rows(
            "SELECT first_seq, last_seq, first_id, NULL FROM extents WHERE session_id = ?1"
            " UNION ALL SELECT first_seq, last_seq, 0, reason FROM gaps WHERE session_id = ?1"
            " ORDER BY first_seq",
            number,
        ):
            if reason is None:
                self._extent(source, writer, *extent)
            else:
                gap = writer.id, *extent[:2], reason
                writer.link = chain.row(writer.link, gap)
                self._connection.execute(PUT_GAP, (*gap, writer.link))
        link = chain.row(writer.link if row[_CLEAN] else START, row)
        if link != stored and (number, 0) == (take.as_number, take.later_ns):
            raise RecordingError(f"{source.path}: session {number} changed meanwhile")
        self._connection.execute(_INSERT, (*row, link))
        if take.sealed and link == stored:
            seals = source.rows("SELECT * FROM seals WHERE session_id = ?", number)
            self._connection.executemany("INSERT INTO seals VALUES (?, ?, ?)", seals)
        self.sessions += 1

    def _extent(
        self, source: Source, writer: _Writer, first: int, last: int, first_id: int
    ) -> None:
        with reading(source.path), source.snapshot() as connection:
            frames = connection.execute(
                "SELECT head, at_ns, forwarded_ns, payload,"
                " anomalies, message_seq, message_parts, payload_parts"
                " FROM frames WHERE id BETWEEN ? AND ? ORDER BY id",
                (first_id, first_id + last - first),
            ).fetchall()
        number = writer.id
        writer.seq = last
        columns: Columns = PLAIN_COLUMNS
        rows: list[Any] = []
        writer.runs = [(columns, rows)]
        for seq, (head, at_ns, forwarded_ns, payload, *more) in enumerate(frames, first):
            extra: tuple[Any, ...] = ()
            its_columns: Columns = PLAIN_COLUMNS
            if more != [None, None, None, None]:
                names, message_seq, *blobs = more
                its_columns, extra = unusual(names, message_seq, *self._blobs(source, *blobs))
            if its_columns is not columns:
                columns, rows = its_columns, []
                writer.runs.append((columns, rows))
            if payload is not None and len(payload) < _CHEAP_TO_COPY:
                payload = bytearray(payload)
            rows += (number, seq, head, at_ns, forwarded_ns, payload)
            rows += extra
        self._batch.dirty(cast(Any, writer))  # it reads no more of a SessionWriter than there is
        self._batch.flush()
        if self._batch.error is not None:
            raise self._batch.error
        self.frames += len(frames)

    def _blobs(
        self, source: Source, message: int | None, payload: int | None
    ) -> tuple[int | None, int | None]:
        """Copy what a frame refers to in `parts`; return the numbers there."""
        its_message = self._blob(source, message)
        return its_message, its_message if payload == message else self._blob(source, payload)

    def _blob(self, source: Source, number: int | None) -> int | None:
        if number is None:
            return None
        blob = self._batch.new_blob()
        with source.snapshot() as connection, parts(connection, number) as rows:
            while True:
                with reading(source.path):
                    part = rows.fetchone()
                if part is None:
                    return self._batch.complete(blob)
                self._batch.add_part(blob, part[1])
