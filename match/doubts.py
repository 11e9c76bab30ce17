"""Differences that the next messages may explain otherwise, held back for a moment.

A message comes that the recording has not at this place. Whether it is one too many, a changed
form of the one that is next, or a later one that came before its time is known when the one
comes that it was taken for, or what is behind that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from .compare import Comparison
from .difference import Difference
from .expected import Awaited, Expected, Live

__all__ = ["Doubt", "Doubts"]

_MOST: Final = 8


@dataclass(frozen=True, slots=True, eq=False)
class Doubt:
    """A live message, and the recorded one that it was taken for."""

    awaited: Awaited
    live: Live
    comparison: Comparison
    difference: Difference
    """What is wrong, if it was that."""


class Doubts:
    """The differences that are held back, a few at most."""

    def __init__(self) -> None:
        self._doubts: list[Doubt] = []

    def add(self, doubt: Doubt) -> Iterator[Difference]:
        """Hold back one more; yield what has waited too long."""
        self._doubts.append(doubt)
        if len(self._doubts) > _MOST:
            yield self._doubts.pop(0).difference

    def other(self, live: Live, expected: Expected) -> tuple[Doubt, Comparison] | None:
        """Return the doubt whose recorded message this live one is.

        So what was taken for it was one too many, and nothing else of it is in doubt.
        """
        for doubt in self._doubts:
            comparison = expected.equal(doubt.awaited, live)
            if comparison is not None:
                self._doubts = [d for d in self._doubts if d.awaited is not doubt.awaited]
                return doubt, comparison
        return None

    def settle(self, place: int | None) -> Iterator[Difference]:
        """Yield what is no longer in doubt once the recorded message at a place came; None: all."""
        settled = [d for d in self._doubts if place is None or d.awaited.place < place]
        self._doubts = [d for d in self._doubts if d not in settled]
        yield from (doubt.difference for doubt in settled)
