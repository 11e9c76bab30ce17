"""Measured times: exact while few, then a sketch with a stated error.

The sketch is DDSketch's idea (Masson, Rim, Lee, VLDB 2019): buckets that grow
by a constant factor, so any percentile is off by at most `ERROR` of its value,
whatever the distribution and in whatever order the values came.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Final

__all__ = ["ERROR", "EXACT", "Quantiles", "Samples"]

EXACT: Final = 4096
"""Up to so many values the percentiles are exact."""
ERROR: Final = 0.01
"""Beyond, the greatest relative error of a percentile."""

_LOG: Final = math.log((1 + ERROR) / (1 - ERROR))
_ZERO: Final = -1
"""The bucket of what took no time."""


@dataclass(frozen=True, slots=True)
class Quantiles:
    """A distribution in five numbers; nanoseconds."""

    count: int
    p50: int
    p95: int
    p99: int
    max: int
    exact: bool


class Samples:
    """A growing collection of non-negative nanoseconds."""

    def __init__(self) -> None:
        self._values: list[int] = []
        """All of them while they are few; then those that are in no bucket yet."""
        self._buckets: Counter[int] = Counter()
        self._shelved = 0
        """How many are in buckets."""
        self._greatest = 0
        """Of those in buckets."""

    @property
    def count(self) -> int:
        """How many there are."""
        return self._shelved + len(self._values)

    @property
    def max(self) -> int:
        """The greatest; 0 for none."""
        return max(self._greatest, max(self._values, default=0))

    def add(self, ns: int) -> None:
        """Take one value; a negative one counts as zero."""
        self._values.append(ns if ns > 0 else 0)
        if len(self._values) > EXACT:
            self._shelve()

    def update(self, other: Samples) -> None:
        """Take all that another collection holds; the same comes of it in whatever order."""
        if not self._shelved and not other._shelved and self.count + other.count <= EXACT:
            self._values += other._values
            return
        for each in (self, other):
            each._shelve()
        self._buckets.update(other._buckets)
        self._shelved += other._shelved
        self._greatest = max(self._greatest, other._greatest)

    def _shelve(self) -> None:
        """Put what is in no bucket yet into its own: many at once, to be quick in between."""
        self._greatest = self.max
        self._shelved = self.count
        self._buckets.update(
            [math.ceil(math.log(ns) / _LOG) if ns else _ZERO for ns in self._values]
        )
        self._values = []

    def percentile(self, percent: int) -> int:
        """Return the smallest value that `percent` of all values do not exceed; 0 for none."""
        rank = max(math.ceil(self.count * percent / 100), 1)
        if not self._shelved:
            return sorted(self._values)[rank - 1] if self._values else 0
        self._shelve()
        below = 0
        for bucket in sorted(self._buckets):
            below += self._buckets[bucket]
            if below >= rank:
                return min(_middle(bucket), self.max)
        return self.max

    def quantiles(self) -> Quantiles:
        """Return the distribution so far."""
        p50, p95, p99 = (self.percentile(percent) for percent in (50, 95, 99))
        return Quantiles(self.count, p50, p95, p99, self.max, not self._shelved)


def _middle(bucket: int) -> int:
    """Return the value whose relative distance to both ends of the bucket is the same."""
    if bucket == _ZERO:
        return 0
    return round(2 * math.exp(bucket * _LOG) / (math.exp(_LOG) + 1))
