"""Completeness, order and sameness of the events inside a span, or inside a whole session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from ..schemas.model import Inside, Scalar, Trigger
from .events import Event, meets
from .finding import Finding, brief, finding
from .order import Broken, OrderState
from .rules import watched

__all__ = ["InsideState"]

MAX_VALUES: Final = 50
"""Different values of one `same` field that are reported one by one."""


def _fits(triggers: tuple[Trigger, ...], event: Event) -> bool:
    return any(
        trigger.event in (event.name, "*")
        and trigger.sender in (None, event.sender)
        and meets(trigger.when, event.fields)
        for trigger in triggers
    )


def _either(triggers: tuple[Trigger, ...]) -> str:
    return " or ".join(trigger.event for trigger in triggers)


class InsideState:
    """What is known of the events inside one place so far."""

    def __init__(self, rules: Inside, scope: str, span: str | None, key: str | None) -> None:
        """`scope` is the first word of the codes: `span` or `session`."""
        self._rules = rules
        self._scope = scope
        self._span = span
        self.key = key
        self._watched = watched(rules)
        self.seen: Counter[str] = Counter()
        """How often each watched event came."""
        self.explained: set[str] = set()
        """Events whose absence another finding already tells of."""
        self._orders = [OrderState(rule) for rule in rules.order]
        self._values: dict[str, tuple[Scalar, int]] = {}
        self._other: dict[str, set[Scalar]] = {}
        self._first: Event | None = None
        self._last: Event | None = None

    @property
    def _place(self) -> str:
        if self._span is None:
            return "the session"
        return f"{self._span} {brief(self.key)}" if self.key else self._span

    def _found(
        self, code: str, message: str, seq: int | None, event: str | None, **more: str | None
    ) -> Finding:
        return finding(
            f"{self._scope}.{code}", message, seq=seq, event=event,
            span=self._span, key=self.key, **more,
        )  # fmt: skip

    def feed(
        self, event: Event, *, boundary: bool = False, late: bool = False
    ) -> Iterator[Finding]:
        """Take one event; `boundary` events open or close the place, so they are not in it.

        A `late` one came after the close and was reported for that: it is not missing.
        """
        if late:
            self.explained.add(event.name)
        elif event.name in self._watched:
            self.seen[event.name] += 1
            for order in self._orders:
                for broken in order.feed(event.name, event.seq, event.at_ns):
                    yield self._order(broken)
        if not boundary:
            if self._rules.first and self._first is None:
                self._first = event
            if self._rules.last:
                self._last = event
        yield from self._same(event)

    def _same(self, event: Event) -> Iterator[Finding]:
        for name in (rule.field for rule in self._rules.same):
            value = event.fields.get(name)
            if value is None:
                continue
            first, seq = self._values.setdefault(name, (value, event.seq))
            if value == first:
                continue
            others = self._other.setdefault(name, set())
            if value in others or name in event.differing or len(others) >= MAX_VALUES:
                continue
            others.add(value)
            event.differing.add(name)
            yield self._found(
                "differs",
                f"{name} is {brief(value)} in {event.name}, but was {brief(first)} in "
                f"{self._place} since frame {seq}",
                event.seq,
                event.name,
                expected=str(first),
                seen=str(value),
            )

    def _order(self, broken: Broken) -> Finding:
        code = "latency.responds" if broken.kind == "responds" else f"{self._scope}.{broken.kind}"
        return finding(
            code,
            f"in {self._place}: {broken.message}",
            seq=broken.seq,
            event=broken.event,
            span=self._span,
            key=self.key,
            expected=broken.expected,
        )

    def missing(self) -> list[str]:
        """Return the required events that did not come and are not yet explained."""
        return [
            name
            for name in self._rules.requires
            if not self.seen[name] and name not in self.explained
        ]

    def settle(self, seq: int | None, *, partial: bool) -> Iterator[Finding]:
        """Yield what the end shows, except `missing`; `partial`: events may have been lost."""
        for count in self._rules.count:
            number = self.seen[count.event]
            if count.max is not None and number > count.max:
                yield self._count(count.event, number, f"at most {count.max}", seq)
            unexplained = count.event not in self.explained and not (
                count.event in self._rules.requires and number == 0
            )
            if count.min is not None and number < count.min and unexplained and not partial:
                yield self._count(count.event, number, f"at least {count.min}", seq)
        if partial:
            return
        absent = {name for name in self._rules.requires if not self.seen[name]} | self.explained
        yield from self._edge("first", self._rules.first, self._first, absent)
        yield from self._edge("last", self._rules.last, self._last, absent)
        for order in self._orders:
            for broken in order.settle(absent):
                yield self._order(broken)

    def _count(self, event: str, number: int, bound: str, seq: int | None) -> Finding:
        message = f"{event} came {number} times in {self._place}; expected {bound}"
        return self._found("count", message, seq, event, expected=bound, seen=str(number))

    def _edge(
        self, code: str, triggers: tuple[Trigger, ...], event: Event | None, absent: set[str]
    ) -> Iterator[Finding]:
        if not triggers or event is None or _fits(triggers, event):
            return
        if all(trigger.event in absent for trigger in triggers):
            return
        wanted = _either(triggers)
        yield self._found(
            code,
            f"the {code} event in {self._place} is {event.name}; expected {wanted}",
            event.seq,
            event.name,
            expected=wanted,
            seen=event.name,
        )
