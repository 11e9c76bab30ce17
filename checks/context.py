"""What the spans of one session share: what was lost, what waits, where samples go."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from ..schemas.durations import show_duration
from ..schemas.mistakes import nearest
from .cause import END, lack
from .events import Event
from .finding import Finding, finding
from .inside import InsideState
from .rules import Key, Kind, SpanRule, compatible
from .samples import Samples

__all__ = ["Context"]

SampleSink = Mapping[tuple[str, str], Samples]
"""Where what is measured goes, by span and kind; it makes what it is asked for."""

MAX_WAITING: Final = 100
MAX_STRANGERS: Final = 50
MAX_NEAR: Final = 20
"""Near misses of one name that are remembered; the oldest are forgotten."""


class _Asked(NamedTuple):
    seq: int
    at_ns: int
    key: Key
    idle: bool
    """No such span was open: one had to be opened for it."""


class Context:
    """The state of one session outside its spans."""

    def __init__(self, inside: InsideState, sink: SampleSink) -> None:
        self.inside = inside
        self._sink = sink
        self.tail_lost = False
        """The recording may miss the session's last frames."""
        self.gaps = 0
        """How often the recording misses frames in the middle, so far."""
        self.end_seq: int | None = None
        self._hints: Counter[str] = Counter()
        self._strangers: dict[str, deque[int]] = {}
        self._near: dict[str, deque[tuple[int, str, str | None]]] = {}
        self._waiting: dict[str, deque[_Asked]] = {}

    @property
    def gap(self) -> bool:
        """Whether the recording misses frames in the middle."""
        return self.gaps > 0

    def limit(self, rule: SpanRule, kind: Kind) -> int | None:
        """Return the greatest time allowed for one span, in nanoseconds."""
        limits = rule.limits[kind]
        return None if limits is None else limits.max

    def sample(self, rule: SpanRule, kind: Kind, ns: int) -> bool:
        """Record a latency the contract asks for; True when it is over the limit."""
        limits = rule.limits[kind]
        if limits is None:
            return False
        self._sink[rule.name, kind].add(ns)
        return limits.max is not None and ns > limits.max

    def hint(self, names: Iterable[str]) -> None:
        """Note that an unreadable message mentions these events: it may have been one of them."""
        self._hints.update(names)

    def excuse(self, names: Iterable[str]) -> bool:
        """Say whether an unreadable message explains the absence of one of `names`."""
        for name in names:
            if self._hints[name] > 0:
                self._hints[name] -= 1
                return True
        return False

    # What nearly was what is missing.

    def stranger(self, name: str, seq: int) -> None:
        """Note an object whose name the contract does not know."""
        if name in self._strangers or len(self._strangers) < MAX_STRANGERS:
            self._strangers.setdefault(name, deque(maxlen=MAX_NEAR)).append(seq)

    def near(self, name: str, seq: int, why: str, span: str | None = None) -> None:
        """Note an event that was not counted, and why: it may be the one that is missed.

        With `span` it was not counted in spans of that kind; others may have taken it.
        """
        near = self._near.get(name)
        if near is None:
            if len(self._near) == MAX_STRANGERS:
                return
            near = self._near[name] = deque(maxlen=MAX_NEAR)
        near.append((seq, why, span))

    def nearest(
        self, names: Iterable[str], after: int = 0, before: int = END, span: str | None = None
    ) -> str | None:
        """Return, for a message, what between two frames came closest to one of `names`."""
        names = tuple(names)
        for name in names:
            for seq, why, where in self._near.get(name, ()):
                if after <= seq <= before and where in (None, span):
                    return f"{name} at frame {seq} {why}"
        strangers = {
            name: [seq for seq in seqs if after <= seq <= before]
            for name, seqs in self._strangers.items()
        }
        for name in names:
            close = nearest(name, (each for each, seqs in strangers.items() if seqs))
            if close is not None:
                return f"unknown event '{close}' at frame {strangers[close][0]}"
        return None

    # Latency from an event outside the span, such as the user's message, to its opening.

    def asked(self, rule: SpanRule, event: Event, *, idle: bool) -> None:
        """Note the event from which the next opening is measured."""
        key = rule.bare(rule.key(event, event.sender))
        waiting = self._waiting.setdefault(rule.name, deque(maxlen=MAX_WAITING))
        waiting.append(_Asked(event.seq, event.at_ns, key, idle))

    def answered(self, rule: SpanRule, key: Key, event: Event, *, late: bool) -> Iterator[Finding]:
        """Measure an opening from the latest event it can answer.

        An opening answers every such event that it is in time for; one that was
        too old stays, to be reported as never answered. `late`: the real opening
        was lost or came late, which is reported elsewhere; nothing is measured.
        """
        waiting = self._waiting.get(rule.name)
        if not waiting:
            return
        bare = rule.bare(key)
        limit = self.limit(rule, "first")
        fitting = [asked for asked in waiting if compatible(asked.key, bare)]
        for place, asked in enumerate(waiting):
            if asked not in fitting and limit is not None and event.at_ns - asked.at_ns <= limit:
                # Peers may name one run differently: enough not to say that nothing followed.
                waiting[place] = asked._replace(idle=False)
        if not fitting:
            return
        latest = fitting[-1]
        took = event.at_ns - latest.at_ns
        over = not late and self.sample(rule, "first", took)
        for asked in fitting:
            if late or over or limit is None or event.at_ns - asked.at_ns <= limit:
                waiting.remove(asked)
        if over and limit is not None:
            after = rule.span.latency.after
            yield finding(
                "latency.first",
                f"{event.name} came {show_duration(took)} after {after} (frame {latest.seq}); "
                f"expected within {show_duration(limit)}",
                seq=event.seq,
                event=event.name,
                span=rule.name,
                expected=f"at most {show_duration(limit)}",
                seen=show_duration(took),
            )

    def unanswered(self, rule: SpanRule, end_ns: int) -> Iterator[Finding]:
        """Yield the events that no opening followed although the session lasted long enough."""
        limit = self.limit(rule, "first")
        for asked in self._waiting.pop(rule.name, ()):
            waited = end_ns - asked.at_ns
            if limit is None or waited <= limit or not asked.idle or self.excuse(rule.opens):
                continue
            opens = " or ".join(rule.opens).replace("*", "event that opens it")
            yield finding(
                "latency.first",
                f"no {opens} followed {rule.span.latency.after} (frame {asked.seq}); expected "
                f"within {show_duration(limit)}, the session lasted {show_duration(waited)} more",
                seq=asked.seq,
                event=next((name for name in rule.opens if name != "*"), None),
                span=rule.name,
                expected=f"at most {show_duration(limit)}",
                seen="nothing",
                nearest=self.nearest(rule.opens, asked.seq, span=rule.name),
                cause=lack(rule.opens, asked.seq),
            )
