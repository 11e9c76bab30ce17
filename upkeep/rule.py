"""Which sessions of a recording are to be removed: the oldest ones, by one of three rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["EMPTY", "Ended", "Rule"]

EMPTY = 12 << 14
"""Bytes of a recording without a session: a page for each of its tables and indexes."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A session, and what decides whether it stays."""

    number: int
    ended_ns: int
    """By the wall clock, nanoseconds since 1970; of an interrupted one, its last frame."""
    bytes: int
    """Its part of what the file has beyond `EMPTY`, in about."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One of the three is set."""

    before_ns: int | None = None
    """Sessions that ended before go; nanoseconds since 1970."""
    keep_last: int | None = None
    """As many stay, those that ended last."""
    max_bytes: int | None = None
    """Sessions go until the file is smaller."""

    def removed(self, sessions: Sequence[Ended], size: int) -> Sequence[Ended]:
        """Return which of `sessions`, in order of their end, go from a file of `size` bytes."""
        if self.before_ns is not None:
            return [session for session in sessions if session.ended_ns < self.before_ns]
        if self.keep_last is not None:
            return sessions[: max(len(sessions) - self.keep_last, 0)]
        if self.max_bytes is None or size < self.max_bytes:
            return ()
        # Pages are filled more or less well: if this is not enough, there is another round.
        parts = sum(session.bytes for session in sessions)
        enough = (size - self.max_bytes + 1) * parts / max(size - EMPTY, 1)
        gone = count = 0
        while count < len(sessions) and (gone < enough or not count):
            gone += sessions[count].bytes
            count += 1
        return sessions[:count]
