"""The sessions in a transaction: those of which something is missing if it comes to nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .pruned import UNRECORDED, Pruned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .session import SessionWriter

__all__ = ["Touched"]

_MOST_ENDED = 10_000
"""Ended sessions that are remembered while nothing is kept, to be written when that is over; those
beyond are only counted."""


class Touched:
    """Remembers them until the transaction has been committed; memory is bounded."""

    def __init__(self) -> None:
        self.sessions: dict[int, SessionWriter] = {}
        """By number."""
        self._ended = 0  # of these, while nothing is kept
        self._unrecorded: list[int] = []  # numbers of those that are not even remembered
        self._uncounted = Pruned()  # and of such before them

    def ended(self, session: SessionWriter) -> None:
        """Note that one has ended while nothing is kept."""
        self._ended += 1
        if self._ended > _MOST_ENDED:
            del self.sessions[session.id]
            self._unrecorded.append(session.id)
            if len(self._unrecorded) > _MOST_ENDED:
                self._uncounted = self._uncounted.with_more(self._unrecorded)
                self._unrecorded = [session.id]

    def lost(self, reason: str) -> None:
        """Note that what was kept of them has been let go."""
        for session in self.sessions.values():
            session.lost = reason

    def unsettled(self) -> list[SessionWriter]:
        """Return, and forget, those of which it has to be said what is missing."""
        found = [each for each in self.sessions.values() if each.lost is not None]
        self.sessions.clear()
        self._ended = 0
        return found

    def unrecorded(self, meta: Mapping[str, str]) -> str | None:
        """Return what `meta` has to say of sessions that are not recorded at all; None: nothing."""
        if not self._unrecorded:
            return None
        both = self._uncounted.with_more(self._unrecorded)
        both = both.with_ranges(Pruned.stated(meta, UNRECORDED).ranges)
        return both.statement(datetime.now(UTC).isoformat(timespec="microseconds"))
