"""Which sessions a recording does not have, and that this is no damage: its `meta` states them."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

__all__ = ["UNRECORDED", "Pruned", "ranges_of"]

UNRECORDED = "unrecorded"
"""The key of what a recorder has let go of."""

Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Pruned:
    """Numbers of sessions that nobody need look for: `wsrec prune` removed them, or, under another
    key, a recorder that could not write has let go of them."""

    ranges: Ranges = ()
    """First and last number of each stretch, in order; no two touch."""

    @classmethod
    def stated(cls, meta: Mapping[str, Any], key: str = "pruned") -> Self:
        """Return what `meta` states under a key; nothing when it is in another form than ours."""
        try:
            ranges = [(first, last) for first, last in json.loads(meta[key])["sessions"]]
        except (KeyError, ValueError, TypeError, RecursionError):
            return cls()
        numbers = [number for each in ranges for number in each]
        sound = all(number.__class__ is int and 0 < number < 1 << 63 for number in numbers)
        if not sound or any(first > last for first, last in ranges):
            return cls()
        if any(last + 1 >= first for (_, last), (first, _) in pairwise(ranges)):
            return cls()
        return cls(tuple(ranges))

    @property
    def last(self) -> int:
        """The greatest of the numbers, none of which may be given again; 0 without any."""
        return self.ranges[-1][1] if self.ranges else 0

    @property
    def count(self) -> int:
        """How many sessions."""
        return sum(last - first + 1 for first, last in self.ranges)

    def states(self, number: int) -> bool:
        """Say whether the session of this number was removed."""
        return not any(self.unstated(number, number))

    def unstated(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Yield the stretches of first..last that are not among the numbers."""
        for place in range(max(bisect_right(self.ranges, (first,)) - 1, 0), len(self.ranges)):
            begin, end = self.ranges[place]
            if begin > last:
                break
            if begin > first:
                yield first, begin - 1
            first = max(first, end + 1)
        if first <= last:
            yield first, last

    def with_more(self, numbers: Iterable[int]) -> Pruned:
        """Return these and other numbers."""
        return self.with_ranges((number, number) for number in numbers)

    def with_ranges(self, ranges: Iterable[tuple[int, int]]) -> Pruned:
        """Return these and other stretches of numbers."""
        return Pruned(_joined(sorted([*self.ranges, *ranges])))

    def statement(self, at: str) -> str:
        """Return the value in `meta`; `at` is when: UTC, ISO 8601."""
        return json.dumps({"sessions": self.ranges, "count": self.count, "at": at})


def ranges_of(numbers: Iterable[int]) -> Ranges:
    """Return first and last of each stretch of numbers without a gap, in order."""
    return Pruned().with_more(numbers).ranges


def _joined(ranges: list[tuple[int, int]]) -> Ranges:
    joined: list[tuple[int, int]] = []
    for first, last in ranges:
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(joined[-1][1], last)
        else:
            joined.append((first, last))
    return tuple(joined)
