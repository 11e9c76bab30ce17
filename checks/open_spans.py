"""The open spans of one kind in one parent, found by their keys."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Final

from .events import Event
from .instance import Instance
from .rules import Key, Part, SpanRule, common, compatible

__all__ = ["MANY", "OpenSpans"]

MANY: Final = 32
"""Open spans beyond which it is remembered which of them have a part of a key."""


class OpenSpans:
    """Open spans in order of opening; a whole key is found without looking at the others."""

    __slots__ = ("_by_key", "_by_part", "_rule", "_vague", "phantoms", "spans")

    def __init__(self, rule: SpanRule) -> None:
        self._rule = rule
        self.spans: dict[int, Instance] = {}
        """By number."""
        self._by_key: dict[Key, list[Instance]] = {}
        self._by_part: defaultdict[tuple[int, Part], set[int]] | None = None
        """Once there were many."""
        self._vague: dict[int, Instance] = {}
        """Those whose key may yet change: a part is lacking, or the opening was malformed."""
        self.phantoms: dict[int, Instance] = {}
        """Those that nothing opened."""

    def __len__(self) -> int:
        return len(self.spans)

    def __iter__(self) -> Iterator[Instance]:
        return iter(self.spans.values())

    def add(self, span: Instance) -> None:
        """Take a span that begins."""
        self.spans[span.number] = span
        self._list(span)
        if span.opened is None:
            self.phantoms[span.number] = span

    def remove(self, span: Instance) -> None:
        """Let go of a span that ends."""
        self._unlist(span)
        del self.spans[span.number]
        self.phantoms.pop(span.number, None)

    def opened(self, span: Instance, event: Event, key: Key) -> None:
        """Note the opening of a phantom that came after other events of it."""
        del self.phantoms[span.number]
        span.opened, span.opened_late = span.mark(event), True
        self.learn(span, key)

    def learn(self, span: Instance, key: Key) -> None:
        """Let a span learn the parts of its key that its first event did not carry."""
        if span.key != key and span.number in self._vague:
            self._unlist(span)
            span.adopt(key)
            self._list(span)

    def exact(self, key: Key) -> tuple[Instance, ...]:
        """Return the spans with this very key, oldest first."""
        return tuple(self._by_key.get(key, ()))

    def sole(self, key: Key) -> Instance | None:
        """Return the span that `match` finds, where it is the only one with this whole key."""
        same = self._by_key.get(key)
        return same[0] if same is not None and len(same) == 1 and None not in key else None

    def match(self, key: Key) -> list[Instance]:
        """Return the spans that an event with this key may belong to, those that fit best."""
        exact = self._by_key.get(key)
        whole = None not in key
        innermost = self._rule.span.nest
        if exact and whole:
            return exact[-1:] if innermost else exact[:1]
        pair = self._rule.span.pair
        if exact and pair != "key" and not innermost and self._all_alike(key, exact):
            return exact[-1:] if pair == "lifo" else exact[:1]
        spans = self._vague if whole else self.spans  # two whole keys agree only when equal
        if any(part is not None for part in key):
            fitting = [span for span in self._near(key, spans) if compatible(span.key, key)]
        else:
            fitting = list(spans.values())
            if pair == "lifo":
                return fitting[-1:]
            if len(fitting) > 1 and not innermost:
                return fitting
        if not fitting:
            loose = [span for span in self._vague.values() if span.loose]
            return loose if len(loose) == 1 else []
        if len(fitting) == 1:
            return fitting
        bare = self._rule.bare
        scores = [common(bare(span.key), bare(key)) for span in fitting]
        best = max(scores)
        fitting = [span for span, score in zip(fitting, scores, strict=True) if score == best]
        if pair == "lifo":
            return fitting[-1:]
        # First in, first out needs something in common; with nothing it would be a guess.
        if innermost and len({span.key for span in fitting}) == 1:
            return fitting[-1:]
        return fitting[:1] if best and pair == "fifo" else fitting

    def _all_alike(self, key: Key, exact: list[Instance]) -> bool:
        """Say whether no open span but these has what there is of a key: none fits better."""
        bare = self._rule.bare(key)
        if len(exact) <= MANY or not any(part is not None for part in bare):
            return False
        parts = self._parts()
        return any(
            len(parts[place]) == len(exact) for place in enumerate(key) if place[1] is not None
        )

    def _near(self, key: Key, spans: dict[int, Instance]) -> Iterable[Instance]:
        """Return those of `spans` that may fit, in their order: of many only some are looked at."""
        if len(spans) <= MANY:
            return spans.values()
        parts, none = self._parts(), frozenset[int]()
        some = (
            (parts.get((place, part), none), parts.get((place, None), none))
            for place, part in enumerate(key)
            if part is not None
        )
        with_it, without = min(some, key=lambda each: len(each[0]) + len(each[1]))
        return [spans[number] for number in sorted({*with_it, *without}) if number in spans]

    def _parts(self) -> dict[tuple[int, Part], set[int]]:
        """Return for each part of a key and its place there the numbers of spans that have it."""
        if self._by_part is None:
            self._by_part = defaultdict(set)
            for span in self.spans.values():
                for place in enumerate(span.key):
                    self._by_part[place].add(span.number)
        return self._by_part

    def _list(self, span: Instance) -> None:
        same = self._by_key.setdefault(span.key, [])
        same.append(span)
        if len(same) > 1 and same[-2].number > span.number:  # it has learnt its key later
            same.sort(key=attrgetter("number"))
        if self._by_part is not None:
            for place in enumerate(span.key):
                self._by_part[place].add(span.number)
        if span.loose or None in span.key:
            self._vague[span.number] = span

    def _unlist(self, span: Instance) -> None:
        same = self._by_key[span.key]
        same.remove(span)
        if not same:
            del self._by_key[span.key]
        if self._by_part is not None:
            for place in enumerate(span.key):
                self._by_part[place].remove(span.number)
                if not self._by_part[place]:
                    del self._by_part[place]
        self._vague.pop(span.number, None)
