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
        self._values: list[int] | None = []
        self._buckets: Counter[int] = Counter()
        self.count = 0
        self.max = 0

    def add(self, ns: int) -> None:
        """Take one value; a negative one counts as zero."""
        if ns < 0:
            ns = 0
        self.count += 1
        if ns > self.max:
            self.max = ns
        if self._values is None:
            self._buckets[_bucket(ns)] += 1
            return
        self._values.append(ns)
        if self.count > EXACT:
            self._buckets.update(map(_bucket, self._values))
            self._values = None

    def update(self, other: Samples) -> None:
        """Take all that another collection holds; the same comes of it in whatever order."""
        self.count += other.count
        self.max = max(self.max, other.max)
        if self._values is not None and other._values is not None and self.count <= EXACT:
            self._values += other._values
            return
        for values in (self._values, other._values):
            self._buckets.update(map(_bucket, values or ()))
        self._buckets.update(other._buckets)
        self._values = None

    def percentile(self, percent: int) -> int:
        """Return the smallest value that `percent` of all values do not exceed; 0 for none."""
        rank = max(math.ceil(self.count * percent / 100), 1)
        if self._values is not None:
            return sorted(self._values)[rank - 1] if self._values else 0
        below = 0
        for bucket in sorted(self._buckets):
            below += self._buckets[bucket]
            if below >= rank:
                return min(_middle(bucket), self.max)
        return self.max

    def quantiles(self) -> Quantiles:
        """Return the distribution so far."""
        p50, p95, p99 = (self.percentile(percent) for percent in (50, 95, 99))
        return Quantiles(self.count, p50, p95, p99, self.max, self._values is not None)


def _bucket(ns: int) -> int:
    return math.ceil(math.log(ns) / _LOG) if ns > 0 else -1


def _middle(bucket: int) -> int:
    """Return the value whose relative distance to both ends of the bucket is the same."""
    if bucket < 0:
        return 0
    return round(2 * math.exp(bucket * _LOG) / (math.exp(_LOG) + 1))
