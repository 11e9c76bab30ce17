"""What a verification asks a recording for, piece by piece."""

from __future__ import annotations

import sqlite3
from typing import Any

from .values import SESSION_COLUMNS

__all__ = ["MANY", "last_link", "next_session", "session_row", "some_extents"]

MANY = 64
"""Extents that are gone through in one state of the file.

A recorder's log cannot be written back while somebody holds on to a state.
"""


def next_session(connection: sqlite3.Connection, after: int | float) -> int | float | None:
    """Return the next number after this one that sessions or extents know."""
    numbers = [
        number
        for column, table in (("id", "sessions"), ("session_id", "extents"), ("session_id", "gaps"))
        for (number,) in connection.execute(
            f"SELECT {column} FROM {table} WHERE {column} > ? ORDER BY {column} LIMIT 1", (after,)
        )
        if isinstance(number, int | float)
    ]
    if any(number <= after for number in numbers):
        raise ValueError("its sessions are out of order")
    return min(numbers, default=None)


def session_row(connection: sqlite3.Connection, number: int) -> tuple[list[Any], Any] | None:
    """Return a session's row, and its link; None: there is none."""
    row = connection.execute(
        f"SELECT {SESSION_COLUMNS}, link FROM sessions WHERE id = ?", (number,)
    ).fetchone()
    return None if row is None else (list(row[:-1]), row[-1])


def some_extents(
    connection: sqlite3.Connection, number: int, after: int | None
) -> list[tuple[Any, ...]]:
    """Return the next extents, and gaps, of a session behind what begins with frame `after`.

    Each is first and last frame, first row, link, and why the frames were not recorded.
    """
    return connection.execute(
        "SELECT first_seq, last_seq, e.first_id, link, NULL FROM extents e"
        " LEFT JOIN links l ON l.first_id = e.first_id"
        " WHERE session_id = ?1 AND first_seq > ?2"
        " UNION ALL SELECT first_seq, last_seq, 0, link, reason FROM gaps"
        f" WHERE session_id = ?1 AND first_seq > ?2 ORDER BY first_seq LIMIT {MANY}",
        (number, -(1 << 63) if after is None else after),
    ).fetchall()


def last_link(connection: sqlite3.Connection, number: int) -> bytes | None:
    """Return the link of a session's last extent, or gap; None: it has none."""
    row = connection.execute(
        "SELECT link, first_seq FROM extents e LEFT JOIN links l ON l.first_id = e.first_id"
        " WHERE session_id = ?1 UNION ALL SELECT link, first_seq FROM gaps"
        " WHERE session_id = ?1 ORDER BY first_seq DESC LIMIT 1",
        (number,),
    ).fetchone()
    # Something that cannot be a link must not fit by chance, and not raise.
    return None if row is None else row[0] if row[0].__class__ is bytes else b"none"
