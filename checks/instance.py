"""One span of one session: what came inside it, and what is to be said when it is over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from ..schemas.durations import show_duration
from ..schemas.model import Peer
from .cause import Cause
from .context import Context
from .events import Event
from .finding import Finding, brief, finding
from .fold import FoldState
from .inside import InsideState
from .rules import Key, Kind, Role, SpanRule, show_key

if TYPE_CHECKING:
    from .track import Track

__all__ = ["Instance"]

_ALONE: Final[Mapping[Peer, frozenset[Peer]]] = {
    "client": frozenset(("client",)),
    "server": frozenset(("server",)),
}


class _Mark(NamedTuple):
    name: str
    seq: int
    at_ns: int


class Instance:
    """A span from the first event that shows it exists.

    Without an opening event it is a phantom: the events are still gathered, so
    that a lost opening is one finding and not one for each event that follows.

    What most spans never learn is written for all of them once, below: they are made by the
    million.
    """

    opened_late = False
    closed: _Mark | None = None
    aborted = False
    ended_by: frozenset[Peer] = frozenset()
    """Who has sent an event that closes it."""
    told = False
    """What came after the close was reported."""
    reopened: Event | None = None
    """What opened it again, which was reported: its events may be of two spans."""
    outside = False
    """It opened after its parent had ended, which was reported."""
    resolved = False
    """What is wrong with its opening or closing was reported together with another span."""
    unsure: frozenset[str] = frozenset()
    """Events that came and may have belonged here."""
    outer: Instance | None = None
    """The open span of the same kind and key in which it was opened."""
    _gaps: int | None = None
    """How often the recording had missed frames when it began."""

    def __init__(
        self, rule: SpanRule, key: Key, parent: Instance | None, event: Event, number: int, *,
        real: bool,
    ) -> None:  # fmt: skip
        """Begin with an event; `real`: it opens the span. `number`: its place among its kind."""
        self.rule = rule
        self.key = key
        self.parent = parent
        self.number = number
        self.sender = event.sender
        self.first = self.mark(event)
        self.opened = self.first if real else None
        self.loose = event.malformed
        """The opening event was malformed, so its key may be wrong."""
        self.inside = InsideState(rule.span.inside, rule.watched, rule.name, rule.bare(key))
        self.tracks: dict[SpanRule, Track] = {}
        """The spans inside, by kind, once there is something that may be of one."""
        self._last_at = event.at_ns
        self._measured_first = rule.span.latency.after is not None
        self._folds = [FoldState(fold) for fold in rule.span.fold]

    @staticmethod
    def mark(event: Event) -> _Mark:
        """Return what is kept of an event that opens or closes a span."""
        return _Mark(event.name, event.seq, event.at_ns)

    @property
    def label(self) -> str:
        """The span as messages call it."""
        key = show_key(self.rule.bare(self.key))
        return f"{self.rule.name} {brief(key)}" if key else self.rule.name

    def adopt(self, key: Key) -> None:
        """Fill what the span's key lacks with what an event that belongs to it carries."""
        if self.loose:
            self.key = tuple(
                old if new is None else new for old, new in zip(self.key, key, strict=True)
            )
            self.loose = False
        else:
            self.key = tuple(
                new if old is None else old for old, new in zip(self.key, key, strict=True)
            )
        self.inside.bare = self.rule.bare(self.key)

    def say(
        self, code: str, message: str, mark: tuple[int | None, str], *,
        expected: str | None = None, seen: str | None = None, nearest: str | None = None,
        cause: Cause | None = None,
    ) -> Finding:  # fmt: skip
        """Return a finding about this span; `mark` is the frame and the event where it shows."""
        seq, event = mark
        return finding(
            code, message, seq=seq, event=event, span=self.rule.name,
            key=show_key(self.rule.bare(self.key)), expected=expected, seen=seen,
            nearest=nearest, cause=cause,
        )  # fmt: skip

    def feed(
        self,
        event: Event,
        role: Role | None,
        context: Context,
        found: list[Finding],
        *,
        late: bool,
    ) -> None:
        """Add to `found` what an event that belongs here shows; `late`: that it was is reported."""
        slow = self.tick(event, context)
        if slow is not None:
            found.append(slow)
        if role != "open" and not self._measured_first and self.opened is not None:
            self._measured_first = True
            took = event.at_ns - self.opened.at_ns
            if context.sample(self.rule, "first", took):
                found.append(self._slow("first", event, took, context))
        boundary = late or role in ("open", "close", "abort")
        plays = role is not None and role != "abort"
        self.inside.feed(
            event,
            found,
            boundary=boundary,
            late=late,
            over=self.closed is not None,
            plays=plays,
            gaps=context.gaps,
        )
        if self._gaps is None:
            self._gaps = context.gaps
        if role == "during" and self._folds:
            self._add_up(event)

    def _add_up(self, event: Event) -> None:
        if event.malformed:
            self._folds.clear()
        for fold in self._folds:
            value = event.whole.get(fold.rule.field)
            if value is not None:
                fold.feed(value)

    def tick(self, event: Event, context: Context) -> Finding | None:
        """Return what a sign of life shows."""
        silence, self._last_at = event.at_ns - self._last_at, event.at_ns
        if self.closed is not None or event.seq == self.first.seq:
            return None
        if not context.sample(self.rule, "gap", silence):
            return None
        return self._slow("gap", event, silence, context)

    def close(self, event: Event, role: Role, context: Context) -> list[Finding]:
        """Return what the event that ends the span shows."""
        found: list[Finding] = []
        self.closed = self.mark(event)
        self.aborted = role == "abort"
        self.ended_by = _ALONE[event.sender]
        if self.opened is not None and not self.opened_late:
            took = event.at_ns - self.opened.at_ns
            if context.sample(self.rule, "total", took):
                found.append(self._slow("total", event, took, context))
        if self._folds and role == "close":
            found += self._fold(event, context)
        self._folds.clear()
        self.inside.closed()
        return found

    def _fold(self, event: Event, context: Context) -> Iterator[Finding]:
        during = [trigger.event for trigger in self.rule.span.during]
        if self.opened is None or event.malformed or context.gaps != self._gaps:
            return
        if self.reopened is not None or self.in_doubt(during):
            return
        finals = ((fold, event.whole.get(fold.rule.equals)) for fold in self._folds)
        wrong = [
            mismatch
            for fold, final in finals
            if final is not None and (mismatch := fold.settle(final)) is not None
        ]
        if wrong and not context.excuse(during):
            names = None if "*" in during else frozenset((*during, event.name))
            yield self.say(
                "span.fold",
                f"in {self.label}: {'; '.join(each.message for each in wrong)}",
                (event.seq, event.name),
                expected=wrong[0].expected,
                seen=wrong[0].seen,
                cause=Cause(names, self.possible, event.seq),
            )

    def _slow(self, kind: Kind, event: Event, ns: int, context: Context) -> Finding:
        limit = show_duration(context.limit(self.rule, kind) or 0)
        took = show_duration(ns)
        text = {
            "first": f"the first event of {self.label} came after {took}",
            "gap": f"{took} of silence in {self.label} before {event.name}",
            "total": f"{self.label} took {took}",
        }[kind]
        return self.say(
            f"latency.{kind}",
            f"{text}; expected at most {limit}",
            (event.seq, event.name),
            expected=f"at most {limit}",
            seen=took,
        )

    # The end.

    @property
    def inner(self) -> list[Track]:
        """The tracks that there are, in the contract's order."""
        return [self.tracks[child] for child in self.rule.children if child in self.tracks]

    @property
    def cut(self) -> bool:
        """Whether it ended in a way that explains what is missing inside."""
        if self.parent is not None and self.parent.cut:
            return True
        return self.aborted or self.never_closed or self._closed_otherwise() is not None

    @property
    def never_closed(self) -> bool:
        """Whether it should have closed and did not."""
        return self.closed is None and self.rule.span.must_close

    def _closed_otherwise(self) -> str | None:
        """Return the required closing event in whose place another one came."""
        if self.closed is None:
            return None
        wanted = [name for name in self.inside.missing() if name in self.rule.closes]
        return wanted[0] if wanted and self.closed.name not in wanted else None

    def in_doubt(self, names: Iterable[str]) -> bool:
        """Say whether one of these events came and may have belonged here."""
        place: Instance | None = self
        while place is not None:
            if not place.unsure.isdisjoint(names):
                return True
            place = place.parent
        return False

    @property
    def possible(self) -> int:
        """The frame from which an event can have been of this span, as far as its key tells."""
        if any(part is not None for part in self.rule.bare(self.key)):
            return self.first.seq
        return 0 if self.parent is None else self.parent.first.seq
