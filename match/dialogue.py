"""One half of a recorded session, played against a live peer: whose turn it is, and what is wrong.

No socket and no clock: what is heard and what time it is are given, what is to be said and how
long to wait are returned. Times are nanoseconds of a monotonic clock.

When what is ours is said is up to the pacing, but for two things that always wait for what had
come before them: our Close, and a message with an id that the peer has not said yet.

How what is heard is matched:

- A message is the recorded one that it equals: the next, else one that was passed over, else one
  further ahead. What is passed over stays expected. If it comes later, it is `reordered`: one
  difference for each stretch in which messages came in another order.
- A message that equals none is the next one of the same event, `changed`; else it is `unexpected`.
- What does not come in time, or not before the close, is `missing`: one difference for each
  stretch of messages of the peer. Of a server, what comes after it was given up is `late` instead,
  which is told at the session's end: see `overdue`.
- Each of these is told once it is certain: see `doubts`. So one fault is one difference, unless
  messages are equal to others nearby.
- A text in pieces is compared as a whole: see `text`.
- What comes before something of ours was said that it followed in the recording is `early` if we
  are the server, unless the two were recorded less than 100 ms apart, so that they may have
  crossed, or any order will do. A server may be ahead of us, as long as it keeps its order.
- Heartbeats, and what answers them, are neither expected nor compared: see `pulse`.
- The peer's Close ends everything. If its code or reason differs, or more than one message was
  still to come, or something of ours to be said, that is one difference that tells about all of
  these. If only one message was still to come, that one is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from ..checks.samples import Samples
from ..wire.utterance import Utterance
from .compare import Comparer
from .difference import Difference
from .hearing import Hearing
from .heartbeats import Heartbeat
from .ids import Ids
from .line import Line, Role
from .ours import Ours
from .pacing import Timeline, Turn
from .parting import Parting
from .pulse import Pulse
from .rules import Matching, Pacing, Patience
from .steps import Beat, Counts, Lag, Over, Say, Wait
from .waiting import Waiting
from .wording import Wording

__all__ = ["Beat", "Counts", "Dialogue", "Over", "Say", "Wait"]

AHEAD: Final = 256
"""Lines of one peer that are held at most, beyond the last that were loaded."""
AHEAD_BYTES: Final = 1 << 20


class Dialogue:
    """One half of one recorded session.

    Call `load` while it is `hungry` before `heard`, for each utterance of the peer, and `lost`, at
    the end of the connection; while it is `starved` before `late` and `next`. Do what that says,
    and tell what is `said`, until it is `Over` (`end`).
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
        heartbeats: tuple[Heartbeat, ...] = (),
    ) -> None:
        """Know who speaks to whom, and how.

        Args:
            session: its number.
            role: who we are.
            comparer: compares messages.
            ids: of this session.
            pacing: when ours are said.
            patience: how long theirs are waited for.
            began_ns: when the live session began.
            matching: what the comparer was made with: what may be missing, and in any order.
            heartbeats: of the session, see `Matching.heartbeats_of`.
        """
        matching = matching or Matching()
        self.role: Role = role
        """Who we are."""
        self._peer: Role = "server" if role == "client" else "client"
        self._ids = ids
        self._timeline = Timeline(role, pacing, began_ns)
        self._ours = Ours()
        self._wording = Wording(session, self._peer)
        self._hearing = Hearing(self._peer, comparer, ids, matching, self._wording, began_ns)
        self._expected = self._hearing.expected
        self._waiting = Waiting(self._timeline, self._hearing, self._ours, ids, matching, patience)
        self._parting = Parting(self._hearing, self._ours, self._wording)
        self._pulse = Pulse(role, heartbeats, comparer, ids, began_ns)
        self._last = False
        self._their_close = False
        """The script has their Close: nothing of ours behind it is said, but the answer to it."""
        self._answer: Utterance | None = None
        self._we_closed = False
        self._ended = False
        self._said = 0
        self.lateness = Samples()
        """How long after its time each line of ours was said, by the times given to `next`."""

    @property
    def hungry(self) -> bool:
        """Whether more lines are wanted, and there may be more."""
        return (
            not self._last
            and not self._ended
            and max(self._ours.weight, len(self._expected)) < AHEAD
            and max(self._ours.size, self._expected.size) < AHEAD_BYTES
        )

    @property
    def starved(self) -> bool:
        """Whether nothing of ours is held, and there may be more: `next` cannot tell."""
        return self.hungry and not self._ours

    @property
    def counts(self) -> Counts:
        """How far it has come."""
        left = self._parting.left if self._ended else len(self._ours) + len(self._expected)
        beats = self._pulse.counts
        return Counts(self._said, self._hearing.heard, self._hearing.matched, left, beats)

    @property
    def lag(self) -> Lag | None:
        """Which message of the peer was furthest behind its recorded step."""
        return self._hearing.lag

    def owes(self, ids: Iterable[str]) -> int | None:
        """Return when the peer had said one of these that it has still to say; None: it has not.

        Since the recorded session's start.
        """
        awaited = None if self._ended else self._expected.naming(ids, None)
        return None if awaited is None else awaited.turn.line.at_ns

    def load(self, lines: Sequence[Line], *, last: bool) -> None:
        """Take the next lines of the script, of both peers; `last`: there are no more."""
        for line in lines:
            kind = line.said.kind
            ours = line.sender == self.role
            if self._their_close and ours and kind == "close":
                self._answer = line.said
            if self._their_close or kind == "pong" or (kind == "ping" and not ours):
                continue
            if self._pulse.recorded(line, begun=bool(self._said or self._ours)):
                continue
            turn = self._timeline.place(line)
            if ours:
                self._ours.add(turn)
            else:
                self._their_close = kind == "close"
                self._hearing.expect(turn)
        self._last = last
        self._hearing.advance(self._ours.next, self._hearing.moved_ns)

    def heard(self, said: Utterance, at_ns: int) -> Iterator[Difference]:
        """Take what the peer says; yield what is wrong with it, or was with something before."""
        if said.kind in ("ping", "pong") or self.beats(said):
            return
        self._hearing.heard += 1
        if self._ended:
            return
        if said.kind == "close":
            yield from self.broken_off()
            self._ended = True
            more = not self._last
            yield from self._parting.closed(said, we_closed=self._we_closed, more=more)
            return
        yield from self._hearing.hear(said, self._ours.next, at_ns)
        if self._last and not self._expected:
            yield from self._hearing.certain()

    def beats(self, said: Utterance) -> bool:
        """Take what the peer says if it is a heartbeat, or answers one; return whether it is."""
        return self._pulse.heard(said)

    def answer(self, close: Utterance) -> Utterance:
        """Return our Close in answer to the peer's, which need not have been `heard` yet.

        The recorded one, if so is the peer's; otherwise it has the same body, as is usual.
        """
        awaited = self._expected.close()
        if self._answer is None or awaited is None or awaited.parsed.said.data != close.data:
            return close
        return self._answer

    def next(self, now_ns: int, *, may_close: bool = True) -> Say | Beat | Wait | Over:
        """Return what to do now; `may_close`: whether our Close may be said."""
        if self._ended or self._we_closed:
            return self.turn(now_ns)
        begun = self._said > 0
        beat = self._pulse.next(now_ns, begun=begun)
        if beat is not None:
            return Beat(beat)
        due, step = self._pulse.due_ns(begun=begun), self.turn(now_ns, may_close=may_close)
        if due is None or not isinstance(step, Wait):
            return step
        return Wait(due if step.until_ns is None else min(due, step.until_ns))

    def turn(self, now_ns: int, *, may_close: bool = True) -> Say | Wait | Over:
        """Return what to do now, heartbeats aside."""
        if self._ended:
            return Over()
        due = None
        turn = self._ours.next
        closing = turn is not None and turn.line.said.kind == "close"
        if turn is not None and (may_close or not closing) and not self._waiting.held(turn):
            due = self._timeline.due(turn, self._hearing.ready_ns)
            if due <= now_ns:
                return self._say(turn, due, now_ns)
        if self._last and not self._ours and not self._expected:
            return Over()
        times = [time for time in (due, self._waiting.deadline()) if time is not None]
        return Wait(min(times, default=None))

    def said(self, now_ns: int) -> None:
        """Take it that what `next` gave to `Say` is out, or the opening handshake answered.

        It may have had to wait: only now does the peer's time for what is behind it begin.
        """
        self._hearing.moved_ns = max(self._hearing.moved_ns, now_ns)

    def late(self, now_ns: int) -> Iterator[Difference]:
        """Yield what has not come in time; what waits for it goes on without it."""
        deadline = self._waiting.deadline()
        if self._ended or deadline is None or now_ns < deadline:
            return
        place = self._ours.place
        given_up = self._expected.before(place)
        yield from self._hearing.apart(place)
        messages = [awaited for awaited in given_up if awaited.here and not awaited.is_close]
        if messages:
            end = self._last and self._parting.nothing_behind(len(messages))
            yield from self._hearing.give_up(messages, now_ns, end=end)
        elif given_up[0].is_close:
            self._expected.drop(given_up[0])
            yield self._wording.not_closed(given_up[0])
        self._hearing.moved(now_ns)

    def end(self) -> Iterator[Difference]:
        """Take it that nothing more is heard, now that it is `Over`; yield what was in doubt."""
        if not self._ended:
            self._ended = True
            yield from self._hearing.certain()
            yield from self._hearing.overdue.settle()

    def broken_off(self) -> Iterator[Difference]:
        """Take it that nothing more is heard, for we leave; yield what was in doubt."""
        yield from self._hearing.apart()
        yield from self._hearing.overdue.settle()

    def lost(self, now_ns: int, how: str) -> Iterator[Difference]:
        """Take the end of the connection; yield what is missing."""
        if self._ended:
            return
        yield from self.broken_off()
        self._ended = True
        self._hearing.moved(now_ns)
        yield from self._parting.lost(how, more=not self._last)

    def _say(self, turn: Turn, due: int, now_ns: int) -> Say:
        self._ours.take()
        self._we_closed |= turn.line.said.kind == "close"
        self._said += 1
        self.lateness.add(now_ns - due)
        self._hearing.moved(now_ns)
        self._hearing.advance(self._ours.next, now_ns)
        return Say(turn.line, self._ids.renew(turn.line.said, turn.line.seq), due)
