"""Which sessions somebody who follows a recording has heard of."""

from __future__ import annotations

import sqlite3

__all__ = ["Roster"]

_SCAN = 1000
"""Sessions looked for at once."""
_OPEN = 8192
"""Sessions without an end that are remembered: more than a proxy has open, and those that a killed
recorder has left behind never end."""
_LATEST = 10_000
"""Sessions among which those are looked for that are open at the beginning."""
_AT_ONCE = 500

_KNOWN, _NEW, _TOLD = range(3)
"""Open already at the beginning: told of with its first frame; begun since; told of."""


class Roster:
    """The sessions that have no end yet, and what of them was told."""

    def __init__(
        self,
        last: int,
        states: dict[int, int],
        ends: dict[int, int] | None = None,
        *,
        closed: bool = False,
    ) -> None:
        self.last = last
        """The number of the last session looked at: those behind it are new."""
        self._states = states
        self._ends = ends or {}
        self._closed = closed

    @classmethod
    def of_one(cls, session_id: int) -> Roster:
        """Return a roster of one session, to which no other comes."""
        return cls(session_id, {session_id: _NEW}, closed=True)

    @classmethod
    def at_end(cls, connection: sqlite3.Connection) -> Roster:
        """Return a roster of the sessions that are open now."""
        (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM sessions").fetchone()
        numbers = connection.execute(
            "SELECT id FROM (SELECT id, clean FROM sessions ORDER BY id DESC LIMIT ?)"
            " WHERE NOT clean ORDER BY id DESC LIMIT ?",
            (_LATEST, _OPEN),
        ).fetchall()
        return cls(last, {number: _KNOWN for (number,) in reversed(numbers)})

    def copy(self) -> Roster:
        """Return one that can be thrown away when a look comes to nothing."""
        return Roster(self.last, dict(self._states), dict(self._ends), closed=self._closed)

    def scan(self, connection: sqlite3.Connection) -> bool:
        """Look for new sessions; say whether there may be more."""
        if self._closed:
            return False
        rows = connection.execute(
            "SELECT id FROM sessions WHERE id > ? ORDER BY id LIMIT ?", (self.last, _SCAN)
        ).fetchall()
        for (number,) in rows:
            self.last = number
            self._add(number, _NEW)
        return len(rows) == _SCAN

    def look(self, connection: sqlite3.Connection) -> list[int]:
        """Look at the open sessions; return those that were answered, and are new."""
        numbers = [number for number in self._states if number not in self._ends]
        answered = []
        for start in range(0, len(numbers), _AT_ONCE):
            some = numbers[start : start + _AT_ONCE]
            rows = connection.execute(
                "SELECT id, status IS NOT NULL, clean FROM sessions"
                f" WHERE id IN ({','.join('?' * len(some))})",
                some,
            ).fetchall()
            for number, has_status, clean in rows:
                if clean:
                    self._ends[number] = _last_frame(connection, number)
                elif has_status and self._states[number] == _NEW:
                    answered.append(number)
        return answered

    def ended(self, frame: int) -> list[tuple[int, int]]:
        """Return the sessions that ended at or before a frame, each with its last frame's id."""
        return [(number, last) for number, last in self._ends.items() if last <= frame]

    def is_told(self, session_id: int) -> bool:
        """Say whether the beginning of a session was told."""
        return self._states.get(session_id) == _TOLD

    def tell(self, session_id: int) -> None:
        """Note that the beginning of a session was told."""
        self._add(session_id, _TOLD)

    def strike(self, session_id: int) -> None:
        """Note that the end of a session was told."""
        self._states.pop(session_id, None)
        self._ends.pop(session_id, None)

    def _add(self, session_id: int, state: int) -> None:
        self._states[session_id] = state
        if len(self._states) > _OPEN:
            self.strike(next(iter(self._states)))


def _last_frame(connection: sqlite3.Connection, session_id: int) -> int:
    row = connection.execute(
        "SELECT first_id + last_seq - first_seq FROM extents WHERE session_id = ?"
        " ORDER BY first_seq DESC LIMIT 1",
        (session_id,),
    ).fetchone()
    return row[0] if row is not None and row[0].__class__ is int else 0
