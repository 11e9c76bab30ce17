"""What a live peer says, held against what it had said: which line it is, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..wire.utterance import Utterance
from .compare import Comparer
from .difference import Difference
from .doubts import Doubt, Doubts
from .expected import Awaited, Expected, Found, Live, runs
from .ids import Binding, Ids
from .line import Role
from .order import Order
from .overdue import Overdue
from .pacing import Turn
from .parse import Stream
from .rules import Matching
from .steps import Lag
from .text import Departure, Text
from .texts import Texts
from .wording import Wording

__all__ = ["Hearing"]


class Hearing:
    """Whoever hears one peer of a session. `turn` is always our next line, None: there is none."""

    def __init__(
        self,
        peer: Role,
        comparer: Comparer,
        ids: Ids,
        matching: Matching,
        wording: Wording,
        began_ns: int,
    ) -> None:
        self._peer = peer
        self._comparer = comparer
        self._ids = ids
        self._unconsumed = matching.unconsumed
        self._wording = wording
        self._texts = Texts(comparer.rest)
        self._doubts = Doubts()
        self.expected = Expected(comparer, ids)
        self._order = Order(peer, self.expected, wording, any_order=matching.any_order)
        self.overdue = Overdue(self.expected, wording)
        self.heard = 0
        """Utterances of the peer; pings and pongs do not count."""
        self.matched = 0
        """Recorded lines of the peer that came, changed or not."""
        self.lag: Lag | None = None
        """Of the message that was furthest behind its recorded step; None: none has come."""
        self.moved_ns = began_ns
        """When a line of either peer was last said, came or was given up."""
        self.ready_ns = began_ns
        """Since when our next line may be said, if it may."""

    def expect(self, turn: Turn) -> None:
        """Expect one more line."""
        self._texts.expect(self.expected.add(turn))

    def hear(self, said: Utterance, turn: Turn | None, at_ns: int) -> Iterator[Difference]:
        """Take a message; yield what is wrong with it, or was with one before."""
        live = Live(self.heard, self._comparer.parse(self._peer, said))
        if live.parsed.stream is None:
            yield from self._message(live, turn, at_ns)
        else:
            yield from self._piece(live, live.parsed.stream, turn, at_ns)

    def moved(self, now_ns: int) -> None:
        """Take it that something of ours was said, or something of the peer's given up."""
        self.moved_ns = self.ready_ns = now_ns

    def advance(self, turn: Turn | None, now_ns: int) -> None:
        """Let pieces that have come already complete what is expected only now."""
        for awaited in self._texts.advance(_place(turn)):
            self._complete(awaited, turn, now_ns)

    def give_up(self, lines: Sequence[Awaited], now_ns: int, *, end: bool) -> Iterator[Difference]:
        """Expect these lines no longer; yield that they are missing.

        What a server does not say in time may still come, and is `overdue`; a client is left.
        `end`: nothing is behind them, so that some of them may be missing.
        """
        wanting = self.wanting(lines, end=end)
        for awaited in lines:
            self.expected.drop(awaited)
        if self._peer == "server":
            yield from self.overdue.add(wanting, now_ns)
            return
        for run in runs(wanting):
            yield self._wording.missing(run)

    def wanting(self, lines: Sequence[Awaited], *, end: bool) -> list[Awaited]:
        """Return lines without those at the session's end that may be missing there."""
        wanting = list(lines)
        while end and wanting and self._may_be_missing(wanting[-1]):
            wanting.pop()
        return wanting

    def certain(self, place: int | None = None) -> Iterator[Difference]:
        """Yield what is not in doubt any more, now that nothing comes before a place."""
        yield from self._doubts.settle(None)
        for text in self._texts.open():
            yield from self._end_text(text, place)

    def apart(self, place: int | None = None) -> Iterator[Difference]:
        """Yield what is not in doubt any more, now that nothing comes at all before a place.

        A text that just ends is missing like all that comes behind it.
        """
        yield from self._doubts.settle(None)
        for text in self._texts.open():
            if text.differs():
                yield from self._end_text(text, place)
            else:
                yield from _aside(text, None)

    def _may_be_missing(self, awaited: Awaited) -> bool:
        return awaited.parsed.event in self._unconsumed and not self.expected.passed(awaited)

    # Messages.

    def _message(self, live: Live, turn: Turn | None, at_ns: int) -> Iterator[Difference]:
        place = _place(turn)
        found = self.expected.find(live, place)
        if found is None or found.leaps:
            doubted = self._doubts.other(live, self.expected)
            if doubted is not None:
                doubt, comparison = doubted
                self._ids.take(comparison.bindings)
                taken_for = Found(doubt.awaited, doubt.comparison)
                before = doubt.awaited.turn.line.seq
                yield self._wording.unexpected(doubt.live, taken_for, before - 1)
                return
            overdue = self.overdue.find(live)
            if overdue is not None:
                self._late(overdue.awaited, live, at_ns, overdue.comparison.bindings)
                return
        found = found or self.expected.beyond(live, place)
        if found is not None:
            yield from self._came(found, live, turn, at_ns)
            return
        found = self.expected.changed(live, place)
        if found is None:
            overdue = self.overdue.changed(live)
            if overdue is None:
                yield self._unexpected(live)
            else:
                yield self._wording.changed(live, overdue)
                self._late(overdue.awaited, live, at_ns, overdue.comparison.bindings)
            return
        difference = self._wording.changed(live, found)
        self._take(found, live, turn, at_ns)
        yield from self._doubts.add(Doubt(found.awaited, live, found.comparison, difference))

    def _late(
        self, awaited: Awaited, live: Live, at_ns: int, bindings: Sequence[Binding] = ()
    ) -> None:
        self._ids.take(bindings)
        self.matched += self.overdue.come(awaited, live.number, at_ns)
        self.moved_ns = max(self.moved_ns, at_ns)

    def _unexpected(self, live: Live) -> Difference:
        nearest, after = self.expected.nearest(live), self.expected.latest()
        return self._wording.unexpected(live, nearest, after)

    def _came(
        self, found: Found, live: Live, turn: Turn | None, at_ns: int
    ) -> Iterator[Difference]:
        awaited = found.awaited
        before = self._order.overtaker(awaited)
        self._take(found, live, turn, at_ns)
        ahead = turn is not None and awaited.place > turn.place
        if turn is not None and ahead and self._peer == "client":
            for doubt in self._order.early(found, live, turn):
                yield from self._doubts.add(doubt)
        elif before is not None:
            for doubt in self._order.reordered(found, live, before):
                yield from self._doubts.add(doubt)
        elif not ahead:
            yield from self._doubts.settle(awaited.place)
            for text in self._texts.open():
                if text.ends_before(awaited.place):
                    yield from self._end_text(text, awaited.place)

    def _take(self, found: Found, live: Live, turn: Turn | None, at_ns: int) -> None:
        awaited = found.awaited
        self._ids.take(found.comparison.bindings)
        ahead = turn is not None and awaited.place > turn.place
        self.expected.come(awaited, live, ahead=ahead)
        self._progress(awaited, turn, at_ns)

    def _progress(self, awaited: Awaited, turn: Turn | None, at_ns: int) -> None:
        self.matched += 1
        step = awaited.turn
        took_ns = at_ns - self.moved_ns
        if self.lag is None or took_ns - step.pause_ns > self.lag.more_ns:
            self.lag = Lag(step.line.seq, awaited.parsed.event, took_ns, step.pause_ns)
        self.moved_ns = max(self.moved_ns, at_ns)
        if turn is None or awaited.place < turn.place:
            self.ready_ns = max(self.ready_ns, at_ns)

    # Texts in pieces.

    def _piece(
        self, live: Live, stream: Stream, turn: Turn | None, at_ns: int
    ) -> Iterator[Difference]:
        if not self._texts.knows(stream.key):
            yield from self._begin(live, stream, turn, at_ns)
        text = self._texts.get(stream.key)
        if text is None or (text.reported and text.idle()):
            return
        overdue = self.overdue.piece(text) if text.idle() else None
        if overdue is not None:
            self._late(overdue, live, at_ns)
            return
        self._texts.hear(text, live, stream)
        self._beside(text)
        for piece in self._texts.complete(text, _place(turn)):
            self._complete(piece, turn, at_ns)

    def _beside(self, text: Text) -> None:
        """Hold against each other what the pieces of a text have beside it."""
        for awaited, live in text.beside.met():
            self._hold(text, awaited, live)

    def _hold(self, text: Text, awaited: Awaited, live: Live) -> None:
        comparison = self.expected.compare(awaited, live)
        self._ids.take(comparison.bindings)
        if comparison.changes and not text.noted:
            text.noted = True
            text.aside = self._wording.changed(live, Found(awaited, comparison))

    def _begin(
        self, live: Live, stream: Stream, turn: Turn | None, at_ns: int
    ) -> Iterator[Difference]:
        place = _place(turn)
        found = self.expected.find(live, place) or self.expected.beyond(live, place)
        self._texts.begin(stream.key, None if found is None else found.awaited.text)
        if found is None:
            overdue = self.overdue.find(live)
            if overdue is None:
                yield self._unexpected(live)
            else:
                self._late(overdue.awaited, live, at_ns, overdue.comparison.bindings)
            return
        self._ids.take(found.comparison.bindings)
        before = self._order.overtaker(found.awaited)
        if before is not None:
            for doubt in self._order.reordered(found, live, before):
                yield from self._doubts.add(doubt)

    def _complete(self, awaited: Awaited, turn: Turn | None, at_ns: int) -> None:
        self.expected.come(awaited, None, ahead=False)
        self._progress(awaited, turn, at_ns)

    def _end_text(self, text: Text, place: int | None) -> Iterator[Difference]:
        self._beside(text)
        beyond, last = text.beside.beyond(), text.next()
        departure, rest, lost = self._texts.settle(text, place)
        for awaited in rest:
            self.expected.drop(awaited)
        if departure is not None:
            yield from _aside(text, departure)
            yield self._wording.text(departure)
            return
        if beyond is not None and last is not None:
            self._hold(text, last, beyond)
        elif lost is not None and text.latest is not None and not text.noted:
            if lost.parsed.stream is not None and lost.parsed.stream.text:
                self._hold(text, lost, text.latest)
            else:
                yield self._wording.missing([lost])
        yield from _aside(text, None)


def _aside(text: Text, departure: Departure | None) -> Iterator[Difference]:
    """Yield in what else the pieces of a text differ, unless how the text does explains it."""
    aside, text.aside = text.aside, None
    if aside is not None and (departure is None or not departure.explains(aside)):
        yield aside


def _place(turn: Turn | None) -> int | None:
    return None if turn is None else turn.place
