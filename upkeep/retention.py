"""Which finished recordings are deleted: those that are too old, and the oldest of too many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Finished", "Retention"]

_DAY_NS = 86_400 * 10**9


@dataclass(frozen=True, slots=True)
class Finished:
    """A recording that nobody records into any more."""

    path: Path
    size: int
    """Bytes, with the log that a killed recorder has left."""
    ended_ns: int
    """By the wall clock, nanoseconds since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """One rule, or both; without any, nothing is deleted."""

    days: int | None = None
    """Recordings go that ended longer ago."""
    max_bytes: int | None = None
    """The oldest go until the others have no more together."""

    def __bool__(self) -> bool:
        """Whether anything is ever deleted."""
        return self.days is not None or self.max_bytes is not None

    def removed(self, finished: Sequence[Finished], now_ns: int) -> Sequence[Finished]:
        """Return which ones go, in order of their end; `now_ns` as `Finished.ended_ns`."""
        left = sorted(finished, key=lambda each: (each.ended_ns, each.path))
        size = sum(each.size for each in left)
        gone = 0
        for each in left:
            old = self.days is not None and each.ended_ns < now_ns - self.days * _DAY_NS
            many = self.max_bytes is not None and size > self.max_bytes
            if not old and not many:
                break
            size -= each.size
            gone += 1
        return left[:gone]
