"""One half of a recorded session, played against a live peer: whose turn it is, and what is wrong.

No socket and no clock: what is heard and what time it is are given, what is to be said and how
long to wait are returned. Times are nanoseconds of a monotonic clock.

How what is heard is matched:

- A message is the recorded one that it equals: the next, else one that was passed over, else one
  further ahead. What is passed over stays expected. If it comes later, it is `reordered`: one
  difference for each stretch in which messages came in another order.
- A message that equals none is the next one of the same event, `changed`; else it is `unexpected`.
- What does not come in time, or not before the close, is `missing`: one difference for each
  stretch of messages of the peer.
- Each of these is told once it is certain: see `doubts`. So one fault is one difference, unless
  messages are equal to others nearby.
- A text in pieces is compared as a whole: see `texts`.
- What comes before something of ours was said that it followed in the recording is `early` if we
  are the server, unless the two crossed less than 100 ms apart in the recording, or any order
  will do. A server that is ahead of us is not wrong.
- The peer's Close ends everything. It is one difference if its code or reason differs, or if more
  than one message was still to come, or something of ours to be said; that tells about all of
  these. With only one message to come, that one is missing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ..checks.samples import Samples
from ..wire.utterance import Utterance
from .compare import Comparer, Comparison, Stream
from .difference import Difference
from .doubts import Doubt, Doubts
from .expected import Awaited, Expected, Found, Live, runs
from .ids import Ids
from .line import Line, Role
from .pacing import Timeline, Turn
from .rules import Matching, Pacing, Patience
from .texts import Text, Texts
from .wording import Wording

__all__ = ["Counts", "Dialogue", "Over", "Say", "Wait"]

AHEAD: Final = 256
"""Lines of one peer that are held at most, beyond the last that were loaded."""
AHEAD_BYTES: Final = 1 << 20
CROSSED_NS: Final = 100_000_000
"""Two peers' messages may have crossed that were recorded at most so far apart."""


@dataclass(frozen=True, slots=True)
class Say:
    """Say this now."""

    line: Line
    said: Utterance
    """With the ids that are live now."""
    due_ns: int
    """When it was to be said: how late it is tells how exact the pacing is."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to say before `until_ns`, or before something is heard; None: before it is heard."""

    until_ns: int | None


@dataclass(frozen=True, slots=True)
class Over:
    """All of ours is said, and nothing more is expected."""


@dataclass(slots=True)
class Counts:
    """How much was said; pings and pongs of the peer do not count."""

    said: int = 0
    """Lines of ours."""
    heard: int = 0
    """Utterances of the peer."""
    matched: int = 0
    """Recorded lines of the peer that came, changed or not."""


class Dialogue:
    """One half of one recorded session.

    Call `load` while it is `hungry`; `heard` for each utterance of the peer; then `late` and
    `next`, and do what that says, until it is `Over` or the connection has ended (`lost`).
    """

    def __init__(
        self,
        session: int,
        role: Role,
        comparer: Comparer,
        ids: Ids,
        pacing: Pacing,
        patience: Patience,
        began_ns: int,
        *,
        matching: Matching | None = None,
    ) -> None:
        """`matching`: what the comparer was made with: what may be missing, and in any order."""
        matching = Matching() if matching is None else matching
        self.role: Role = role
        """Who we are."""
        self._peer: Role = "server" if role == "client" else "client"
        self._comparer = comparer
        self._ids = ids
        self._patience = patience
        self._unconsumed = matching.unconsumed
        self._any_order = matching.any_order
        self._timeline = Timeline(role, pacing, began_ns)
        self._ours: deque[Turn] = deque()
        self._our_bytes = 0
        self._expected = Expected(comparer, ids)
        self._texts = Texts()
        self._doubts = Doubts()
        self._disorder: int | None = None
        """Up to this place it was told that the order is another one."""
        self._wording = Wording(session, self._peer)
        self._last = False
        self._their_close = False
        """The script has their Close: nothing of ours behind it is ever said."""
        self._we_closed = False
        self._ended = False
        self._ready_ns = began_ns
        """Since when our next line may be said, if it may."""
        self._moved_ns = began_ns
        """When something of the script was last said, came or was given up."""
        self.counts = Counts()
        self.lateness = Samples()
        """How long after its time each line of ours was said."""

    @property
    def hungry(self) -> bool:
        """Whether more lines are wanted, and there may be more."""
        return (
            not self._last
            and not self._ended
            and max(len(self._ours), len(self._expected)) < AHEAD
            and max(self._our_bytes, self._expected.size) < AHEAD_BYTES
        )

    @property
    def left(self) -> int:
        """Lines in sight that are still to be said, or expected; 0 once the peer has closed."""
        return 0 if self._ended else len(self._ours) + len(self._expected)

    def load(self, lines: Sequence[Line], *, last: bool) -> None:
        """Take the next lines of the script, of both peers; `last`: there are no more."""
        for line in lines:
            kind = line.said.kind
            if kind == "pong" or (kind == "ping" and line.sender == self._peer):
                continue
            if line.sender == self.role:
                if not self._their_close:
                    self._ours.append(self._timeline.place(line))
                    self._our_bytes += len(line.said.data)
            elif not self._their_close:
                self._their_close = kind == "close"
                self._texts.expect(self._expected.add(self._timeline.place(line)))
        self._last = last
        self._advance(self._moved_ns)

    def heard(self, said: Utterance, at_ns: int) -> Iterator[Difference]:
        """Take what the peer says; yield what is wrong with it."""
        if said.kind in ("ping", "pong"):
            return
        self.counts.heard += 1
        if self._ended:
            return
        number = self.counts.heard
        if said.kind == "close":
            yield from self._closed(said, number)
            return
        live = Live(number, self._comparer.parse(self._peer, said))
        if live.parsed.stream is None:
            yield from self._message(live, at_ns)
        else:
            yield from self._piece(live, live.parsed.stream, at_ns)
        if self._last and not self._expected:
            yield from self._certain()

    def next(self, now_ns: int) -> Say | Wait | Over:
        """Return what to do now."""
        if self._ended:
            return Over()
        due = None
        if self._ours and not self._held():
            turn = self._ours[0]
            due = self._timeline.due(turn, self._ready_ns)
            if due <= now_ns:
                return self._say(turn, due, now_ns)
        if self._last and not self._ours and not self._expected:
            return Over()
        deadline = self._deadline()
        times = [time for time in (due, deadline) if time is not None]
        return Wait(min(times, default=None))

    def late(self, now_ns: int) -> Iterator[Difference]:
        """Yield what has not come in time; what waits for it goes on without it."""
        deadline = self._deadline()
        if self._ended or deadline is None or now_ns < deadline:
            return
        place = self._place()
        yield from self._certain(place)
        given_up = self._expected.before(place)
        messages = [awaited for awaited in given_up if not awaited.is_close]
        yield from self._missing(messages)
        if not messages:
            for awaited in given_up:
                self._expected.drop(awaited)
                yield self._wording.not_closed(awaited)
        self._moved_ns = self._ready_ns = now_ns

    def lost(self, now_ns: int, how: str) -> Iterator[Difference]:
        """Take the end of the connection; yield what is missing."""
        if self._ended:
            return
        yield from self._apart()
        self._ended = True
        self._moved_ns = now_ns
        missing = self._wanting(self._expected.before(None))
        unsaid = [turn.line for turn in self._ours if turn.line.said.kind != "ping"]
        if missing or unsaid or not self._last:
            yield self._wording.lost(how, missing, unsaid, not self._last)

    # Ours.

    def _place(self) -> int | None:
        """Return the place of our next line; None: there is none, or none in sight."""
        return self._ours[0].place if self._ours else None

    def _held(self) -> bool:
        """Whether our next line waits for something of the peer."""
        first = self._expected.first()
        return self._timeline.causal and first is not None and first.place < self._ours[0].place

    def _say(self, turn: Turn, due: int, now_ns: int) -> Say:
        self._ours.popleft()
        self._our_bytes -= len(turn.line.said.data)
        self._we_closed |= turn.line.said.kind == "close"
        self._moved_ns = self._ready_ns = now_ns
        self.counts.said += 1
        self.lateness.add(now_ns - due)
        self._advance(now_ns)
        return Say(turn.line, self._ids.rewrite(turn.line.said), due)

    # Time.

    def _deadline(self) -> int | None:
        """Return when what is expected before our next line is given up; None: nothing is.

        All of it may take as long as it took in the recording, and the patience on top: so what
        comes behind something that is lost is not given up with it.
        """
        awaited = self._expected.before(self._place())
        if not awaited:
            return None
        first, last = awaited[0], awaited[-1]
        patience = self._patience.close_ns
        if not first.is_close:
            patience = self._patience.message_ns
            last = awaited[-2] if last.is_close else last
        took = last.turn.at_ns - first.turn.at_ns + first.turn.pause_ns
        return self._moved_ns + self._timeline.allowed(took) + patience

    def _moved(self, awaited: Awaited, at_ns: int) -> None:
        self._moved_ns = max(self._moved_ns, at_ns)
        place = self._place()
        if place is None or awaited.place < place:
            self._ready_ns = max(self._ready_ns, at_ns)

    # Messages.

    def _message(self, live: Live, at_ns: int) -> Iterator[Difference]:
        place = self._place()
        found = self._expected.find(live, place)
        if found is None or found.leaps:
            doubted = self._doubts.other(live, self._expected)
            if doubted is not None:
                doubt, comparison = doubted
                self._ids.take(comparison.bindings)
                yield self._wording.unexpected(doubt.live, Found(doubt.awaited, doubt.comparison))
                return
        found = found or self._expected.beyond(live, place)
        if found is not None:
            yield from self._came(found, live, at_ns)
            return
        found = self._expected.changed(live, place)
        if found is None:
            yield self._wording.unexpected(live, self._expected.nearest(live))
            return
        difference = self._wording.changed(live, found)
        self._take(found, live, at_ns)
        yield from self._doubts.add(Doubt(found.awaited, live, found.comparison, difference))

    def _take(self, found: Found, live: Live | None, at_ns: int) -> None:
        awaited, place = found.awaited, self._place()
        self._ids.take(found.comparison.bindings)
        self._expected.come(awaited, live, ahead=place is not None and awaited.place > place)
        self.counts.matched += 1
        self._moved(awaited, at_ns)

    def _came(self, found: Found, live: Live, at_ns: int) -> Iterator[Difference]:
        awaited = found.awaited
        ahead = self._ours and awaited.place > self._ours[0].place
        passed = self._expected.passed(awaited)
        self._take(found, live, at_ns)
        if ahead:
            yield from self._early(found, live)
        elif passed:
            yield from self._reordered(awaited, live, found.comparison)
        else:
            yield from self._doubts.settle(awaited.place)
            for text in self._texts.open():
                if text.ends_before(awaited.place):
                    yield from self._end_text(text, awaited.place)

    def _early(self, found: Found, live: Live) -> Iterator[Difference]:
        awaited, unsaid = found.awaited, self._ours[0].line
        apart = awaited.turn.line.at_ns - unsaid.at_ns
        if self.role == "server" and not self._any_order and apart >= CROSSED_NS:
            difference = self._wording.early(awaited, live.number, unsaid)
            yield from self._doubts.add(Doubt(awaited, live, found.comparison, difference))

    def _reordered(
        self, awaited: Awaited, live: Live, comparison: Comparison
    ) -> Iterator[Difference]:
        before = self._expected.furthest
        if self._any_order or before is None:
            return
        known = self._disorder is not None and awaited.place <= self._disorder
        self._disorder = before.place
        if not known and before.came is not None:
            difference = self._wording.reordered(awaited, live.number, before)
            yield from self._doubts.add(Doubt(before, before.came, comparison, difference))

    # Texts in pieces.

    def _piece(self, live: Live, stream: Stream, at_ns: int) -> Iterator[Difference]:
        if not self._texts.knows(stream.key):
            yield from self._begin(live, stream)
        text = self._texts.get(stream.key)
        if text is None or (text.reported and text.idle()):
            return
        awaited = text.next()
        if awaited is not None:
            comparison = self._expected.compare(awaited, live)
            self._ids.take(comparison.bindings)
            if comparison.changes and not text.noted:
                text.noted = True
                yield self._wording.changed(live, Found(awaited, comparison))
        for piece in self._texts.hear(text, live.number, stream.text, self._place()):
            self._complete(piece, at_ns)

    def _begin(self, live: Live, stream: Stream) -> Iterator[Difference]:
        place = self._place()
        found = self._expected.find(live, place)
        found = found or self._expected.beyond(live, place) or self._expected.changed(live, place)
        self._texts.begin(stream.key, None if found is None else found.awaited.text)
        if found is None:
            yield self._wording.unexpected(live, self._expected.nearest(live))
        elif self._expected.passed(found.awaited):
            yield from self._reordered(found.awaited, live, found.comparison)

    def _complete(self, awaited: Awaited, at_ns: int) -> None:
        self._expected.come(awaited, None, ahead=False)
        self.counts.matched += 1
        self._moved(awaited, at_ns)

    def _advance(self, now_ns: int) -> None:
        """Let pieces complete what is expected only now."""
        for awaited in self._texts.advance(self._place()):
            self._complete(awaited, now_ns)

    def _end_text(self, text: Text, place: int | None) -> Iterator[Difference]:
        departure, rest = self._texts.settle(text, place)
        for awaited in rest:
            self._expected.drop(awaited)
        if departure is not None:
            yield self._wording.text(departure)

    # The end.

    def _certain(self, place: int | None = None) -> Iterator[Difference]:
        """Yield what is not in doubt any more, now that nothing comes before a place."""
        yield from self._doubts.settle(None)
        for text in self._texts.open():
            yield from self._end_text(text, place)

    def _apart(self) -> Iterator[Difference]:
        """Yield what is not in doubt any more, now that nothing comes at all."""
        yield from self._doubts.settle(None)
        for text in self._texts.open():
            if text.differs():
                yield from self._end_text(text, None)

    def _missing(self, given_up: Sequence[Awaited]) -> Iterator[Difference]:
        wanting = self._wanting(given_up)
        for awaited in given_up:
            self._expected.drop(awaited)
        for run in runs(wanting):
            yield self._wording.missing(run)

    def _wanting(self, lines: Sequence[Awaited]) -> Sequence[Awaited]:
        """Return lines without those at the session's end that may be missing there."""
        closes = [each for each in lines if each.is_close]
        messages = [each for each in lines if not each.is_close]
        behind = len(self._expected) - len(messages) - (self._expected.close() is not None)
        if self._last and not behind and all(t.line.said.kind == "close" for t in self._ours):
            while messages and self._may_be_missing(messages[-1]):
                messages.pop()
        return messages + closes

    def _may_be_missing(self, awaited: Awaited) -> bool:
        return awaited.parsed.event in self._unconsumed and not self._expected.passed(awaited)

    def _closed(self, live: Utterance, number: int) -> Iterator[Difference]:
        yield from self._apart()
        self._ended = True
        awaited = self._expected.close()
        messages = [each for each in self._expected.before(None) if not each.is_close]
        missing = self._wanting(messages)
        passed = [each for each in missing if self._expected.passed(each)]
        behind = missing[len(passed) :]
        recorded = None if awaited is None else awaited.turn.line
        ours = [turn.line for turn in self._ours if turn.line.said.kind not in ("ping", "close")]
        if recorded is not None:
            ours = [line for line in ours if recorded.at_ns - line.at_ns >= CROSSED_NS]
        as_recorded = self._last and self._as_recorded(live, recorded)
        if as_recorded and not ours and len(behind) <= 1:
            self.counts.matched += awaited is not None
            passed, behind = [*passed, *behind], []
        for run in runs(passed):
            yield self._wording.missing(run)
        if not as_recorded or ours or behind:
            yield self._wording.closed(number, live, recorded, behind, ours, not self._last)

    def _as_recorded(self, live: Utterance, recorded: Line | None) -> bool:
        """Whether the peer closed as it had; where it had not, whether it answers our Close.

        If only our own Close was left to be said, the two may have crossed.
        """
        if recorded is not None:
            return recorded.said.data == live.data
        if self._ours:
            closing = self._ours[-1].line.said
            return closing.kind == "close" and closing.data == live.data
        return self._we_closed or not self._expected
