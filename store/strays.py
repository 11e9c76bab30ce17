"""Rows that belong to nothing: what was added to a recording, or left of what was taken away."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

__all__ = ["strays"]

_LEAST, _MOST = -(1 << 63), (1 << 63) - 1


def strays(connection: sqlite3.Connection) -> Iterator[tuple[int | None, str]]:
    """Yield the session that each such stretch of rows names, if any, and what it is.

    Extents follow each other in `frames` without a gap: only where one is, rows are looked for.
    """
    expected = _LEAST
    extents = connection.execute(
        "SELECT first_id, last_seq - first_seq + 1 FROM extents"
        " WHERE typeof(first_id) = 'integer' AND last_seq >= first_seq ORDER BY first_id"
    )
    for first, count in extents:
        if first > expected:
            yield from _frames(connection, expected, first - 1)
        expected = max(expected, first + count)
    if expected <= _MOST:
        yield from _frames(connection, expected, _MOST)
    rows = connection.execute(
        "SELECT first_id FROM links WHERE first_id NOT IN (SELECT first_id FROM extents)"
        " ORDER BY first_id LIMIT 1"
    )
    for (first,) in rows:
        yield None, f"row {first} of links belongs to no extent"


def _frames(
    connection: sqlite3.Connection, first: int, last: int
) -> Iterator[tuple[int | None, str]]:
    between = "FROM frames WHERE id BETWEEN ? AND ? ORDER BY id"
    found = connection.execute(f"SELECT id, session_id {between} LIMIT 1", (first, last)).fetchone()
    if found is not None:
        begin, session = found
        (end,) = connection.execute(f"SELECT id {between} DESC LIMIT 1", (first, last)).fetchone()
        rows = (
            f"row {begin} of frames belongs"
            if begin == end
            else (f"rows {begin}-{end} of frames belong")
        )
        yield session if session.__class__ is int else None, f"{rows} to no extent"
