"""Which session of one recording is which of another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import Final

from .align import most_alike
from .outline import Outline

__all__ = ["Profile", "pair"]

_SAMPLE: Final = 200
_CELLS: Final = 40_000
"""So many comparisons at most to find out which of several sessions are most alike."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What a session is known by."""

    path: str
    """Of its request target, without the query."""
    subprotocol: str | None
    status: int | None
    outline: Outline
    sample: frozenset[int] = field(init=False)
    """Some of its keys, chosen by what they are: alike for sessions in which the like was said."""

    def __post_init__(self) -> None:
        sample = frozenset(nsmallest(_SAMPLE, set(self.outline.keys)))
        object.__setattr__(self, "sample", sample)


_ALIKE: Final[tuple[Callable[[Profile], object], ...]] = (
    lambda it: (it.path, it.subprotocol, it.status, it.outline.said),
    lambda it: (it.path, it.subprotocol, it.status, it.outline.keys.tobytes()),
    lambda it: (it.path, it.subprotocol, it.status, it.outline.opening),
    lambda it: (it.path, it.outline.opening),
    lambda it: it.path,
    lambda it: it.outline.opening or None,
)
"""What two sessions have in common that are the same, the surest first; None: nothing."""


def pair(a: Sequence[Profile], b: Sequence[Profile]) -> list[tuple[int, int]]:
    """Return which session of `a`, by its place, is which of `b`, in order of `a`.

    In which order they began does not count, but where several have as much in common the most
    alike, and of many the first and the first are the same. The last two that are left are a pair
    if each recording has no other session.
    """
    found: list[tuple[int, int]] = []
    ours, theirs = list(range(len(a))), list(range(len(b)))
    for alike in _ALIKE:
        here, there = _groups(a, ours, alike), _groups(b, theirs, alike)
        for group in here.keys() & there.keys():
            sides = here[group], there[group]
            found += most_alike(*sides, lambda i, j: _shared(a[i], b[j]), _CELLS)
        taken = {i for i, _ in found}, {j for _, j in found}
        ours = [i for i in ours if i not in taken[0]]
        theirs = [j for j in theirs if j not in taken[1]]
    if len(a) == len(b) == 1 and not found:
        found.append((0, 0))
    return sorted(found)


def _groups(
    profiles: Sequence[Profile], left: Sequence[int], alike: Callable[[Profile], object]
) -> dict[object, list[int]]:
    groups: dict[object, list[int]] = {}
    for place in left:
        group = alike(profiles[place])
        if group is not None:
            groups.setdefault(group, []).append(place)
    return groups


def _shared(a: Profile, b: Profile) -> float:
    """Return about which part of their different messages two sessions share."""
    return len(a.sample & b.sample) / max(len(a.sample | b.sample), 1)
