"""The sessions that are open, as a recording notes them for whoever has to recover it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from .batch import Batch
from .session import SessionWriter
from .shape import Maybe, Size, pack, unpack

__all__ = ["AGREED", "Unfinished", "unfinished_in"]

AGREED = bool, bool, bool, [str]
"""What an opening handshake agreed to, as a plain value."""
_BLOB = Maybe((Size, Size))
_DECODER = bytes, Size, Maybe((Size, Size, bytes, Size)), Size
_TRACKER = (
    *(bool, Size, Size, bool, bool, Size, Maybe(bytes)),
    *(bytes, bool, Maybe(bytes), Size),
)
_STREAM = Size, Size, Size, _BLOB, _BLOB, _DECODER, _TRACKER
_STATE = (
    int,
    (
        *(Size, (Size, str, Size, Maybe(str), str, str)),
        *((Maybe(Size), Maybe(str), Maybe(str), Maybe(str)), AGREED),
        *(Maybe((Maybe(Size), Maybe(str), str)), Maybe(str), _STREAM, _STREAM),
    ),
)


class Unfinished:
    """Knows which sessions are open; on the recorder's thread."""

    def __init__(self, batch: Batch) -> None:
        """`batch`: what writes the recording."""
        self._batch = batch
        self._sessions: dict[int, SessionWriter] = {}

    def begun(self, session: SessionWriter) -> None:
        """Remember a session that is open."""
        self._sessions[session.id] = session

    def over(self, session: SessionWriter) -> None:
        """Forget a session that has ended."""
        self._sessions.pop(session.id, None)

    def note(self, segment: int) -> None:
        """Write, into the transaction that is open, all that replaying from `segment` on needs."""
        self._batch.run("DELETE FROM unfinished", ())
        for number, session in self._sessions.items():
            state = pack((session.started_ns, session.state()))
            self._batch.run("INSERT INTO unfinished VALUES (?, ?)", (number, state))
        self._batch.run("INSERT OR REPLACE INTO meta VALUES ('spool', ?)", (str(segment),))


def unfinished_in(connection: sqlite3.Connection) -> Iterator[tuple[int, int, Any]]:
    """Yield the sessions that were noted: each its number, when it began, its writer's state.

    Raises:
        ValueError: a state is none that a recorder writes; or what else `unpack` raises.
        sqlite3.Error: they cannot be read.
    """
    for number, state in connection.execute("SELECT session_id, state FROM unfinished").fetchall():
        started_ns, state = unpack(state, _STATE)
        yield number, started_ns, state
