"""All spans of one kind inside one parent: which of them an event belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from . import tell_span
from .closed_spans import MAX_KEYS, ClosedSpans
from .context import Context
from .ending import settle, strays
from .events import Event
from .finding import Finding, brief
from .instance import Instance
from .open_spans import OpenSpans
from .rules import Key, Role, SpanRule, show_key

__all__ = ["MAX_OPEN", "Track"]

MAX_OPEN: Final = 10_000
"""Spans of one kind open at once in one parent; the oldest is given up beyond."""


class Track:
    """The spans of one rule inside one parent; None: directly inside the session."""

    real = 0
    """Spans that were opened."""
    _next = 0
    _ambiguous: frozenset[str] = frozenset()
    _early: frozenset[str] = frozenset()
    """Events too late for one span, without a key: they may have been early for the next."""
    _forgot = False

    def __init__(self, rule: SpanRule, parent: Instance | None) -> None:
        self.rule = rule
        self._parent = parent
        self._open = OpenSpans(rule)
        self._closed = ClosedSpans(rule)

    @property
    def empty(self) -> bool:
        """Whether there never was such a span, not even a trace of one."""
        return self._next == 0

    @property
    def idle(self) -> bool:
        """Whether no such span is open."""
        return not self._open.spans

    def unclosed(self) -> Iterator[Instance]:
        """Yield the spans still open, oldest first."""
        yield from self._open

    def take(
        self, event: Event, context: Context, found: list[Finding], *, late: bool = False
    ) -> None:
        """Take an event, add what it shows to `found`.

        `late`: that it came after its parent's end is reported already.
        """
        rule = self.rule
        said = rule.mention(event.name)
        role, opener = (said.role, event.sender) if said.plain else rule.role(event)
        if role is None:
            if said.conditional:
                context.near(event.name, event.seq, rule.unfit(event), rule.name)
            if not (said.watched or rule.concerns(event)):
                if self._open.spans:
                    found += self.touch(event, context)
                return
        key = rule.key(event, opener)
        span: Instance | None
        if role == "open":
            span = self._opening(event, key, context, found, late)
        else:
            span = None if self._ambiguous else self._open.sole(key)
            if span is None:
                span = self._matched(event, key, role, context, found, late)
        if span is None or (
            not rule.unique.isdisjoint(event.fields) and span.inside.repeats(event, found)
        ):
            return
        late = late or span.told
        span.feed(event, role, context, found, late=span.told)
        for child in rule.children:
            track = span.tracks.get(child)
            if child in said.below or (track is not None and track._open.spans):
                if track is None:
                    track = span.tracks[child] = Track(child, span)
                track.take(event, context, found, late=late)
        if role == "open":
            role = rule.ends(event) or role
        if role in ("close", "abort") and span.closed is None:
            self._closing(span, event, role, context, found, late)

    def touch(self, event: Event, context: Context) -> Iterator[Finding]:
        """An event the contract does not speak of still breaks the silence of its span."""
        for span in self._open.exact(self.rule.key(event, event.sender)):
            slow = span.tick(event, context) if span.sender == event.sender else None
            if slow is not None:
                yield slow

    # Which span?

    def _matched(
        self,
        event: Event,
        key: Key,
        role: Role | None,
        context: Context,
        found: list[Finding],
        late: bool,
    ) -> Instance | None:
        """Return the span an event with this key belongs to, if it can be told."""
        fitting = self._open.match(key)
        if len(fitting) == 1:
            if self._ambiguous and len(self._open.spans) == 1:
                self._ambiguous = frozenset()
            self._open.learn(fitting[0], key)
            return fitting[0]
        if fitting or (event.malformed and self._open):
            # Which one is not known, so none of them can be blamed for lacking this event.
            for span in fitting or self._open:
                if event.name not in span.unsure:
                    span.unsure |= {event.name}
                    span.inside.explained |= {event.name}
            if fitting and not event.malformed and event.name not in self._ambiguous:
                self._ambiguous |= {event.name}
                found.append(tell_span.ambiguous(self.rule, event, fitting))
            return None
        # With first in, first out, an incomplete key of a closed span means nothing any more.
        if not self.rule.nameless(self.rule.bare(key)) and not self.rule.begins_anew:
            last = self._closed.last(key)
            if last is not None:
                if last.inside.repeats(event, found):
                    return None
                if last.reopened is not None and role is not None:
                    # So it was opened twice, and closed only once.
                    again, last.reopened = last.reopened, None
                    span = self._add(again, key, real=True)
                    span.feed(again, "open", context, found, late=False)
                    return span
                found += self._after(last, event, role, context, late)
                return last
            seq = self._closed.frame(key)
            if seq is not None:
                if self.rule.span.after_close == "forbid" and not late:
                    found.append(tell_span.after_close(self.rule, key, event, seq))
                return None
        if role == "abort" or not self.rule.claims(event):
            return None  # where nothing is open there is nothing to abort
        # Where the contract names no opening event, a span is opened by its first; one that may
        # have begun elsewhere has, when the first that is seen of it is its end.
        real = not self.rule.span.open and (self.rule.span.must_open or role == "during")
        if not real:
            shown = show_key(self.rule.bare(key))
            other = f"{self.rule.name} {brief(shown)}" if shown else f"a {self.rule.name}"
            context.near(event.name, event.seq, f"belongs to {other}, which was not open")
        self.real += real
        found += context.answered(self.rule, key, event, late=not real)
        return self._add(event, key, real=real)

    def _after(
        self, span: Instance, event: Event, role: Role | None, context: Context, late: bool
    ) -> Iterator[Finding]:
        """Take an event that carries the key of a span already closed."""
        if span.told or late:
            span.told = span.told or late
            return
        rule = self.rule.span.after_close
        for _ in context.answered(self.rule, span.key, event, late=True):
            pass
        assert span.closed is not None
        ends = role in ("close", "abort")
        if rule == "crossing" and event.sender not in span.ended_by:
            if ends:
                span.ended_by |= {event.sender}
        elif rule != "allow":
            span.told = True
            if not any(part is not None for part in self.rule.bare(span.key)):
                self._early |= {event.name}
            yield tell_span.after_close(self.rule, span.key, event, span.closed.seq)
        elif ends and (role == "abort") is not span.aborted:
            pass  # what had ended may turn out to have failed; an end and a cancelling may cross
        elif ends and event.name not in self.rule.watched and self.rule.span.must_open:
            span.told = True
            yield tell_span.closed_again(self.rule, span, event)

    # Opening and closing.

    def _opening(
        self, event: Event, key: Key, context: Context, found: list[Finding], late: bool
    ) -> Instance | None:
        """Return the span that the event opens, or has opened already."""
        bare = self.rule.bare(key)
        parallel = self.rule.nameless(bare)
        same = () if parallel else self._open.exact(key)
        for span in same:
            if span.opened is not None and not self.rule.span.nest:
                if span.inside.repeats(event, found):
                    return None
                state = f"open since frame {span.opened.seq}"
                found.append(tell_span.reopened(self.rule, key, event, state, span.opened.seq))
                span.reopened = event
                return span
        for span in self._open.match(key) if self._open.phantoms else ():
            if span.opened is None and not self.rule.span.must_open:
                self._open.remove(span)  # it was another one, which nothing is known of
            elif span.opened is None:
                self._open.opened(span, event, key)
                self.real += 1
                return span
        if self.rule.span.once:
            before, seq = self._closed.last(key), self._closed.frame(key)
            if before is not None and before.opened is not None and before.closed is not None:
                seq = before.closed.seq
            if seq is not None:
                state = f"closed at frame {seq}"
                found.append(tell_span.reopened(self.rule, key, event, state, event.seq))
        parent = self._parent
        outside = parent is not None and parent.closed is not None
        if parent is not None and outside and not late:
            found.append(tell_span.opens_outside(self.rule, key, event, parent))
            parent.told = True
        if len(self._open) >= MAX_OPEN:
            span = next(iter(self._open))
            self._open.remove(span)
            found += self._forgotten("open", MAX_OPEN)
            found += self._settled(span, context)
        self.real += 1
        span = self._add(event, key, real=True)
        span.outside = outside
        if self._early:
            span.inside.explained |= self._early
            self._early = frozenset()
        span.outer = same[-1] if same and self.rule.span.nest else None
        found += context.answered(self.rule, key, event, late=False)
        return span

    def _closing(
        self,
        span: Instance,
        event: Event,
        role: Role,
        context: Context,
        found: list[Finding],
        late: bool,
    ) -> None:
        found += span.close(event, role, context)
        self._open.remove(span)
        oldest = self._closed.add(span)
        parent = self._parent
        told = late or span.outside or span.opened is None
        if parent is not None and parent.closed is not None and not told:
            found.append(tell_span.closes_outside(self.rule, span, event, parent))
        if oldest is not None:
            found += self._settled(oldest, context)
            if self._closed.forgot:
                found += self._forgotten("closed", MAX_KEYS)

    def _forgotten(self, what: str, limit: int) -> Iterator[Finding]:
        if not self._forgot:
            self._forgot = True
            yield tell_span.forgotten(self.rule, what, limit)

    def _add(self, event: Event, key: Key, *, real: bool) -> Instance:
        span = Instance(self.rule, key, self._parent, event, self._next, real=real)
        self._next += 1
        self._open.add(span)
        return span

    # The end.

    def settle(self, context: Context) -> Iterator[Finding]:
        """Yield what the end of the parent shows, in order of the spans' first events."""
        if not context.gap:
            yield from strays(self.rule, self._closed.spans, list(self._open))
        spans = [*self._closed.spans, *self._open]
        for span in sorted(spans, key=lambda each: each.number):
            yield from self._settled(span, context)

    def _settled(self, span: Instance, context: Context) -> Iterator[Finding]:
        """Yield what the end of a span shows, and let go of what is inside it.

        Spans know what they are in: without such a circle they are freed at once, and Python's
        collector, which takes a tenth of the time to find many, finds none.
        """
        yield from settle(span, context)
        span.tracks.clear()
