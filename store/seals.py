"""The seals of a recording, held against keys."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .fault import Fault
from .seal import END, end_statement, links_of_all, session_statement

if TYPE_CHECKING:
    from .keys import PublicKeys
    from .reader import Recording

__all__ = ["Seals"]

_OFTEN = 1000


class Seals:
    """Looks at each seal once; what there is no key for is only counted."""

    def __init__(self, recording: Recording, keys: PublicKeys | None) -> None:
        self.count = 0
        """How many there are in the file, once `rest` is done."""
        self.sessions = 0
        """Sessions whose seals were found to be right."""
        self._recording = recording
        self._keys = keys

    def session(self, connection: sqlite3.Connection, number: int, link: bytes) -> str | None:
        """Return what is wrong with the seal of a session that has ended; None: nothing.

        `link` is that of its row, found to fit all of the session.
        """
        if self._keys is None:
            return None
        started_at = self._recording.meta.get("started_at", "")
        wrong = self._wrong(connection, number, session_statement(started_at, link))
        self.sessions += wrong is None
        return wrong

    def rest(self, connection: sqlite3.Connection, meta: Mapping[str, str]) -> Iterator[Fault]:
        """Yield what is wrong with the seal of the recording's end, and with seals of nothing."""
        self._recording.work.begin(self._recording.budget.size())
        (self.count,) = connection.execute("SELECT count(*) FROM seals").fetchone()
        ended = "SELECT id FROM sessions WHERE clean"
        strays = f"SELECT session_id FROM seals WHERE session_id <> {END}"
        rows = connection.execute(f"{strays} AND session_id NOT IN ({ended}) LIMIT 1")
        for (number,) in rows.fetchall():
            yield Fault(number, "has a seal, but no end record")
        if "ended_at" not in meta:
            if connection.execute(f"SELECT 1 FROM seals WHERE session_id = {END}").fetchone():
                yield Fault(None, "its end is sealed, but it has none")
            elif self._keys is not None:
                what = "has no clean end: nothing seals that no session is missing behind the last"
                yield Fault(None, what, damage=False)
        elif self._keys is not None:
            statement = end_statement(meta, self._links(connection))
            if wrong := self._wrong(connection, END, statement):
                yield Fault(None, f"of its end, {wrong}")

    def _wrong(self, connection: sqlite3.Connection, number: int, statement: bytes) -> str | None:
        row = connection.execute(
            "SELECT key, signature FROM seals WHERE session_id = ?", (number,)
        ).fetchone()
        if row is None:
            return "the seal is missing"
        assert self._keys is not None
        key, signature = row
        wrong = self._keys.wrong(key, signature, statement)
        return wrong and f"the seal {wrong}"

    def _links(self, connection: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
        for count, row in enumerate(links_of_all(connection)):
            if not count % _OFTEN:
                self._recording.work.begin()
            yield row
