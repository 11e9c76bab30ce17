"""The rows of a recording, a piece at a time.

What is read at once is read before any of it is handed out: while somebody looks at it, or judges
it, no statement is open that would keep a recorder's log from being written back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any, Literal

from .opening import WRONG_VALUES, small_rows
from .values import PLACE_COLUMNS, SESSION_COLUMNS, is_place
from .work import Work

__all__ = ["BYTES", "ROWS", "Pieces"]

ROWS = 1000
BYTES = 4 << 20
"""Of a piece, if the caller does not say; the last row may go beyond."""

_NUMBERS = (
    "SELECT count(*), min(f.seq), max(f.seq), count(f.anomalies)"
    " FROM extents e CROSS JOIN frames f WHERE e.session_id = ?"
    " AND f.id BETWEEN e.first_id AND min(e.first_id + e.last_seq - e.first_seq, ?)"
)
_ANY_FRAME = (1 << 63) - 1


class Pieces:
    """Reads one recording's rows; nothing of what they hold is believed.

    Every method may raise `sqlite3.Error`, and `ValueError` for what no recorder writes.
    """

    def __init__(self, connection: sqlite3.Connection, work: Work) -> None:
        """`work`: is begun anew with each piece."""
        self.last_frame = _ANY_FRAME
        """The id of the last frame that is read."""
        self._connection = connection
        self._work = work

    def sessions(self, which: Literal["=", ">"], number: int, most: int) -> list[tuple[Any, ...]]:
        """Return the rows of the first sessions of such a number, `most` of them."""
        self._work.begin()
        with small_rows(self._connection):
            return self._connection.execute(
                f"SELECT {SESSION_COLUMNS} FROM sessions WHERE id {which} ? ORDER BY id"
                f" LIMIT {most}",
                (number,),
            ).fetchall()

    def frames(
        self,
        session_id: int,
        columns: str = "",
        rows: int = ROWS,
        most: int = BYTES,
        after: int = 0,
    ) -> Iterator[list[Any]]:
        """Yield `PLACE_COLUMNS` of a session's frames, and `columns` behind them, in order.

        Each frame is seen once: extents that overlap, have no end or lie in other sessions' frames
        cannot make a file longer than it is.

        Args:
            session_id: whose frames.
            columns: further columns; bytes in the last one are what `most` counts.
            rows: of a piece, at most.
            most: bytes of a piece; the last row may go beyond.
            after: the number of the frame behind which to begin.
        """
        statement = (
            f"SELECT e.first_seq, {PLACE_COLUMNS}{columns and f', {columns}'}"
            " FROM extents e CROSS JOIN frames f"
            " WHERE e.session_id = ? AND e.first_seq >= ?"
            " AND f.id BETWEEN e.first_id + max(? - e.first_seq, 0)"
            " AND min(e.first_id + e.last_seq - e.first_seq, ?)"
            f" ORDER BY e.first_seq, f.id LIMIT {rows}"
        )
        extent = -(1 << 63)
        last = after
        more = True
        while more:
            self._work.begin()
            piece: list[list[Any]] = []
            size = 0
            failure: Exception | None = None
            try:
                with small_rows(self._connection):
                    for begun, *row in self._connection.execute(
                        statement, (session_id, extent, last + 1, self.last_frame)
                    ):
                        if not is_place(row) or row[0] != session_id or row[1] <= last:
                            what = f"frames of session {session_id} are not what they were"
                            raise ValueError(what)
                        extent, last = begun, row[1]
                        piece.append(row)
                        if row[-1].__class__ is bytes:
                            size += len(row[-1])
                            if size > most:
                                break
            except (sqlite3.Error, *WRONG_VALUES) as error:
                failure = error  # what was there before it is told first
            more = size > most or len(piece) == rows
            yield from piece
            if failure is not None:
                raise failure

    def numbers(self, session_id: int, size: int) -> tuple[int, int | None, int | None, int]:
        """Return how many frames a session has, their least and greatest number, how many are odd.

        `size`: bytes of the file, all of which may have to be looked at. Odd are those that have
        anomalies.
        """
        self._work.begin(size)
        found = self._connection.execute(_NUMBERS, (session_id, self.last_frame))
        numbers: tuple[int, int | None, int | None, int] = found.fetchone()
        return numbers
