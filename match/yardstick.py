"""What of two values may differ."""

from __future__ import annotations

from typing import TypeGuard

from .members import Places
from .pieces import Counters
from .rules import Matching
from .usual import is_usual

__all__ = ["Path", "Yardstick", "equal_as_json"]

Path = tuple[str, ...]
"""Tokens, from a decoded object on."""


class Yardstick:
    """A `Matching`, compiled."""

    def __init__(self, matching: Matching, counters: Counters | None = None) -> None:
        """`counters`: what may differ besides, in the pieces of a text."""
        self.ignore = Places(matching.ignore)
        self.bind = Places(matching.bind)
        self.binds = matching.binds
        self._usual = matching.usual
        self._counters = counters
        self._tolerance = matching.tolerance

    def ignores(self, recorded: object, live: object, path: Path) -> bool:
        """Say whether two values at a place may differ, whatever they are or as usual ones do."""
        if path in self.ignore:
            return True
        if self._counters is not None and self._counters.count(path, recorded, live):
            return True
        if not self._usual or not path or path in self.bind:
            return False
        return is_usual(path[-1], recorded, live)

    def near(self, recorded: object, live: object) -> bool:
        """Say whether they are two numbers that are near enough."""
        if self._tolerance <= 0 or not _number(recorded) or not _number(live):
            return False
        try:
            return abs(recorded - live) <= self._tolerance * max(1.0, abs(recorded))
        except OverflowError:  # of integers beyond a double
            return False


def equal_as_json(recorded: object, live: object) -> bool:
    """Compare two values that hold no others: true is not 1, but 1 is 1.0."""
    return (
        recorded == live
        and isinstance(recorded, bool) == isinstance(live, bool)
        and isinstance(recorded, bytes) == isinstance(live, bytes)
    )


def _number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
