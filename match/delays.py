"""How long events took: from the client's last message to what the server said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..checks.samples import Samples
from .contrast import LatencyChange, Measure

__all__ = ["ENOUGH_NS", "MAX_EVENTS", "Delays", "changes"]

MAX_EVENTS: Final = 1000
"""Different events whose times are kept: where a peer makes up names, there may be any number."""
ENOUGH_NS: Final = 10_000_000
"""By how much B must be slower at least to count as slower: less is what happens on any machine."""

_ORDER: Final[tuple[Measure, ...]] = ("time", "first", "total")


class Delays:
    """Times of events by name, in one session or in many."""

    def __init__(self) -> None:
        self._samples: dict[tuple[str, Measure], Samples] = {}

    def add(self, event: str, measure: Measure, took_ns: int) -> None:
        """Take a time; that of an event beyond the first `MAX_EVENTS` is not kept."""
        found = self._samples.get((event, measure))
        if found is None:
            if len(self._samples) >= MAX_EVENTS:
                return
            found = self._samples[event, measure] = Samples()
        found.add(took_ns)

    def update(self, other: Delays) -> None:
        """Take all times of another session."""
        for key, samples in other._samples.items():
            if key in self._samples or len(self._samples) < MAX_EVENTS:
                self._samples.setdefault(key, Samples()).update(samples)


def changes(
    a: Delays, b: Delays, min_samples: int, max_slower: float | None
) -> Iterator[LatencyChange]:
    """Yield the times of each event that both have, by name.

    An event is slower when p95 of B is more than `max_slower` times that of A, and 10 ms more.
    """
    both = a._samples.keys() & b._samples.keys()
    for event, measure in sorted(both, key=lambda key: (key[0], _ORDER.index(key[1]))):
        ours, theirs = (each._samples[event, measure].quantiles() for each in (a, b))
        enough = min(ours.count, theirs.count) >= min_samples
        slower = (
            enough
            and max_slower is not None
            and theirs.p95 > ours.p95 * max_slower
            and theirs.p95 - ours.p95 > ENOUGH_NS
        )
        yield LatencyChange(event, measure, ours, theirs, enough, slower)
