"""How long events took: each the step to it, and all that was said since the client had spoken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from ..checks.samples import Samples
from .contrast import LatencyChange, Measure

__all__ = ["ENOUGH_NS", "MAX_EVENTS", "Delays", "changes"]

MAX_EVENTS: Final = 1000
"""Different events whose times are kept: where a peer makes up names, there may be any number."""
ENOUGH_NS: Final = 10_000_000
"""By how much B must be slower at least to count as slower: less is what happens on any machine."""

_ORDER: Final[tuple[Measure, ...]] = ("step", "first", "rest")


class _Times(NamedTuple):
    own: Samples
    asked: Samples


class Delays:
    """Times of events by name, in one session or in many."""

    def __init__(self) -> None:
        self._times: dict[tuple[str, Measure], _Times] = {}
        self._ends: set[tuple[str, Measure]] = set()

    def add(self, event: str, measure: Measure, own_ns: int, asked_ns: int) -> None:
        """Take a time of its own, and that since the client spoke.

        Those of an event beyond the first `MAX_EVENTS` are not kept.
        """
        found = self._times.get((event, measure))
        if found is None:
            if len(self._times) >= MAX_EVENTS:
                return
            found = self._times[event, measure] = _Times(Samples(), Samples())
        found.own.add(own_ns)
        found.asked.add(asked_ns)

    def end(self, event: str, measure: Measure) -> None:
        """Note that it was the last that the server said before the client spoke again."""
        if len(self._ends) < MAX_EVENTS:
            self._ends.add((event, measure))

    def update(self, other: Delays) -> None:
        """Take all times of another session."""
        for key, times in other._times.items():
            if key in self._times or len(self._times) < MAX_EVENTS:
                found = self._times.setdefault(key, _Times(Samples(), Samples()))
                for mine, each in zip(found, times, strict=True):
                    mine.update(each)
        for key in other._ends:
            self.end(*key)


def changes(
    a: Delays, b: Delays, min_samples: int, max_slower: float | None
) -> Iterator[LatencyChange]:
    """Yield the times of each event that both have, by name.

    An event is slower when p95 of B's own time is more than `max_slower` times that of A, and 10 ms
    more.
    """
    both = a._times.keys() & b._times.keys()
    for key in sorted(both, key=lambda key: (key[0], _ORDER.index(key[1]))):
        ours, theirs = a._times[key], b._times[key]
        own = ours.own.quantiles(), theirs.own.quantiles()
        enough = min(each.count for each in own) >= min_samples
        slower = (
            enough
            and max_slower is not None
            and own[1].p95 > own[0].p95 * max_slower
            and own[1].p95 - own[0].p95 > ENOUGH_NS
        )
        asked = ours.asked.quantiles(), theirs.asked.quantiles()
        ends = key in a._ends or key in b._ends
        yield LatencyChange(*key, *own, *asked, ends, enough, slower)
