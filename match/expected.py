"""What the peer said in the recording and has not said yet: a window of it, in order."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from .compare import Comparer, Comparison, Parsed
from .ids import Ids
from .pacing import Turn

if TYPE_CHECKING:
    from .text import Text

__all__ = ["ALIKE", "Awaited", "Expected", "Found", "Live", "runs"]

ALIKE: Final = 0.6
"""From this likeness on a message of the same event may be the recorded one, changed."""
_LOOK: Final = 16
"""Recorded messages that one is held against that equals none."""
_RECENT: Final = 4
_ASTRAY: Final = 4
"""After so many messages in a row that equal none, the next are looked for nearby only."""


@dataclass(frozen=True, slots=True)
class Live:
    """What a live peer said, as it is compared."""

    number: int
    """Which of its utterances it is, 1..; pings and pongs do not count."""
    parsed: Parsed


@dataclass(slots=True, eq=False)
class Awaited:
    """A recorded line of the peer."""

    turn: Turn
    parsed: Parsed
    ordinal: int
    """0, 1.. of what the peer says."""
    text: Text | None = field(default=None, init=False)
    """The text that it is a piece of, if it is one."""
    rest: object = field(default=None, init=False)
    """What is left of that piece without its text."""
    stretch: int = field(default=0, init=False)
    """The stretch of that text's pieces that it is in: see `beside`."""
    here: bool = field(default=True, init=False)
    """Whether it has still to come."""
    came: Live | None = field(default=None, init=False)
    """What came for it; None for a piece of a text."""

    @property
    def place(self) -> int:
        """Its place among the session's lines."""
        return self.turn.place

    @property
    def is_close(self) -> bool:
        """Whether it is the peer's Close."""
        return self.parsed.said.kind == "close"


class Found(NamedTuple):
    """A recorded message, and what a live one has in common with it."""

    awaited: Awaited
    comparison: Comparison
    leaps: bool = False
    """Whether taking it leaps over others that have not come."""


class Expected:
    """The recorded lines of the peer that have still to come, and the few that came last."""

    def __init__(self, comparer: Comparer, ids: Ids) -> None:
        self._comparer = comparer
        self._ids = ids
        self._lines: list[Awaited] = []
        self._bytes = 0
        self._count = 0
        self._astray = 0
        """Messages in a row that equalled none."""
        self._recent: deque[Awaited] = deque(maxlen=_RECENT)
        self.furthest: Awaited | None = None
        """The last one, in the recording's order, of those that came; not of a text in pieces."""
        self.foremost: Awaited | None = None
        """The same, of those too that came before something of ours was said."""

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def size(self) -> int:
        """How much they hold, in bytes or characters."""
        return self._bytes

    def add(self, turn: Turn) -> Awaited:
        """Expect one more, behind the others."""
        parsed = self._comparer.parse(turn.line.sender, turn.line.said)
        awaited = Awaited(turn, parsed, self._count)
        self._count += 1
        self._lines.append(awaited)
        self._bytes += len(parsed.said.data)
        return awaited

    def first(self) -> Awaited | None:
        """Return the next one, if any is expected."""
        return self._lines[0] if self._lines else None

    def before(self, place: int | None) -> Sequence[Awaited]:
        """Return those before a place, None: all."""
        if place is None:
            return self._lines[:]
        return self._lines[: bisect_left(self._lines, place, key=_place)]

    def latest(self) -> int:
        """Return the frame of the one that came last; 0: none has."""
        return self._recent[-1].turn.line.seq if self._recent else 0

    def close(self) -> Awaited | None:
        """Return the peer's Close, if it is in the window: nothing is behind it."""
        return self._lines[-1] if self._lines and self._lines[-1].is_close else None

    def naming(self, ids: Iterable[str], place: int | None) -> Awaited | None:
        """Return the first text, before a place (None: of all), with one of these in it."""
        wanted = tuple(ids)
        for awaited in self.before(place) if wanted else ():
            data = awaited.parsed.said.data
            if isinstance(data, str) and any(each in data for each in wanted):
                return awaited
        return None

    def drop(self, awaited: Awaited) -> None:
        """Expect one no longer."""
        awaited.here = False
        del self._lines[bisect_left(self._lines, awaited.place, key=_place)]
        self._bytes -= len(awaited.parsed.said.data)

    def come(self, awaited: Awaited, live: Live | None, *, ahead: bool) -> None:
        """Expect one no longer, for it came; `ahead`: before something of ours was said."""
        self.drop(awaited)
        self._recent.append(awaited)
        awaited.came = live
        if awaited.text is not None:
            return
        if self.foremost is None or awaited.place > self.foremost.place:
            self.foremost = awaited
        if not ahead and not self.passed(awaited):
            self.furthest = awaited

    def passed(self, awaited: Awaited) -> bool:
        """Whether something came that the recording has behind it."""
        return self.furthest is not None and awaited.place < self.furthest.place

    def find(self, live: Live, place: int | None) -> Found | None:
        """Return the message that a live one equals, before `place`.

        The next one behind all that came is tried first, then those that were passed over, then
        what is further ahead: so neither a lost message nor a moved one shifts what follows.
        """
        nearby = _LOOK if self._astray >= _ASTRAY else None
        for awaited, leaps in self._in_turn(live, place, nearby):
            comparison = self.equal(awaited, live)
            if comparison is not None:
                self._astray = 0
                return Found(awaited, comparison, leaps)
        self._astray += 1
        return None

    def beyond(self, live: Live, place: int | None) -> Found | None:
        """Return the first message behind `place` that a live one equals, which `find` did not."""
        if place is None:
            return None
        lines = self._lines[bisect_left(self._lines, place, key=_place) :]
        for awaited in lines[:_LOOK] if self._astray > _ASTRAY else lines:
            comparison = self.equal(awaited, live) if _may_be(awaited, live) else None
            if comparison is not None:
                self._astray = 0
                return Found(awaited, comparison, leaps=True)
        return None

    def equal(self, awaited: Awaited, live: Live) -> Comparison | None:
        """Return how a live message equals a recorded one; None: it does not.

        Pieces of texts are equal if the texts are the same one.
        """
        recorded = awaited.parsed
        if recorded.event != live.parsed.event or recorded.said.kind != live.parsed.said.kind:
            return None
        comparison = self._whole(awaited, live)
        return comparison if comparison.equal else None

    def _whole(self, awaited: Awaited, live: Live) -> Comparison:
        """Compare messages, or of pieces only of which text they are."""
        compare = self._comparer.compare if awaited.text is None else self._comparer.same_stream
        return compare(awaited.turn.line, awaited.parsed, live.parsed, self._ids)

    def compare(self, awaited: Awaited, live: Live) -> Comparison:
        """Hold a live message against a recorded one."""
        return self._comparer.compare(awaited.turn.line, awaited.parsed, live.parsed, self._ids)

    def changed(self, live: Live, place: int | None) -> Found | None:
        """Return the message, before `place`, of which a live one is a changed form.

        It is of the same event: the next one if they are at all alike, else the one that comes
        closest. Of what has no event, it is the next one.
        """
        parsed = live.parsed
        same = [
            awaited
            for awaited, _ in self._in_turn(live, place, None)
            if awaited.parsed.event == parsed.event and awaited.parsed.said.kind == parsed.said.kind
        ][:_LOOK]
        if not same:
            return None
        comparison = self.compare(same[0], live)
        if parsed.event is None or comparison.likeness >= ALIKE:
            return Found(same[0], comparison)
        closest = self._nearest(live, same)
        if closest is None or closest.comparison.likeness < ALIKE:
            return None
        return closest

    def nearest(self, live: Live) -> Found | None:
        """Return what comes closest to a live message, of what is next and what came last."""
        there = [each for each in (*self._recent, *self._lines[:_LOOK]) if not each.is_close]
        return self._nearest(live, there)

    def _nearest(self, live: Live, those: Sequence[Awaited]) -> Found | None:
        pairs = [(each.turn.line, each.parsed) for each in those]
        found = self._comparer.nearest(live.parsed, pairs, self._ids)
        return None if found is None else Found(those[found[0]], found[1])

    def _in_turn(
        self, live: Live, place: int | None, nearby: int | None
    ) -> Iterator[tuple[Awaited, bool]]:
        """Yield what a live message may be: the next, those passed over, those further ahead.

        Each with whether taking it leaps over others; of the last two so many, None: all.
        """
        lines = [awaited for awaited in self.before(place) if _may_be(awaited, live)]
        at = 0 if self.furthest is None else bisect_left(lines, self.furthest.place, key=_place)
        yield from ((awaited, False) for awaited in (*lines[at : at + 1], *lines[:at][:nearby]))
        yield from ((awaited, True) for awaited in lines[at + 1 :][:nearby])


def runs(lines: Iterable[Awaited]) -> Iterator[Sequence[Awaited]]:
    """Yield lines, in order, as stretches of what the peer said without a gap."""
    run: list[Awaited] = []
    for awaited in lines:
        if run and awaited.ordinal != run[-1].ordinal + 1:
            yield run
            run = []
        run.append(awaited)
    if run:
        yield run


def _may_be(awaited: Awaited, live: Live) -> bool:
    """Whether a live message may be a recorded one, or a live piece begin a recorded text."""
    if awaited.text is None or live.parsed.stream is None:
        return awaited.text is None and live.parsed.stream is None and not awaited.is_close
    return not awaited.text.begun


def _place(awaited: Awaited) -> int:
    return awaited.place
