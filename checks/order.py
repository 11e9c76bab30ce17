"""Order rules: one small state for each rule, in each span that has it."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterator
from typing import Final, Literal, NamedTuple

from ..schemas.durations import show_duration
from ..schemas.model import OrderRule
from .cause import END, Cause

__all__ = ["Broken", "OrderState"]

MAX_PENDING: Final = 1000
"""Unanswered events remembered for one `responds` rule; the oldest are forgotten."""


class Broken(NamedTuple):
    """An order rule that was broken."""

    kind: Literal["order", "missing", "responds"]
    event: str
    seq: int
    message: str
    expected: str
    cause: Cause


class OrderState:
    """Where one rule stands."""

    def __init__(self, rule: OrderRule) -> None:
        self.rule = rule
        self._first: dict[str, int] = {}
        """Frame of the first of each event seen."""
        self._early: dict[str, int] = {}
        """Frame of the first of each event that came before the one it needs."""
        self._pending: deque[tuple[int, int]] = deque(maxlen=MAX_PENDING)
        self._armed: int | None = None
        self._said = False

    def feed(self, name: str, seq: int, at_ns: int) -> Iterator[Broken]:
        """Take one event; yields what it breaks for certain."""
        if name not in self.rule.events:
            return
        if self.rule.kind == "before":
            self._before(name, seq)
        elif self.rule.kind == "responds":
            yield from self._responds(name, seq, at_ns)
        else:
            yield from self._never(name, seq)

    def _before(self, name: str, seq: int) -> None:
        events = self.rule.events
        self._first.setdefault(name, seq)
        place = events.index(name)
        if place > 0 and events[place - 1] not in self._first:
            self._early.setdefault(name, seq)

    def _responds(self, name: str, seq: int, at_ns: int) -> Iterator[Broken]:
        to, *answers = self.rule.events
        if name in answers and self._pending:
            asked, asked_at = self._pending.popleft()
            within, took = self.rule.within, at_ns - asked_at
            if within is not None and took > within:
                limit = show_duration(within)
                message = f"{name} came {show_duration(took)} after {to} (frame {asked})"
                text = f"{message}; at most {limit} is allowed"
                yield Broken("responds", name, seq, text, limit, self._cause(asked, seq))
        if name == to:
            self._pending.append((seq, at_ns))

    def _never(self, name: str, seq: int) -> Iterator[Broken]:
        never, start, *until = self.rule.events
        if name == never and self._armed is not None and not self._said:
            self._said = True
            place = f"between {start} and {until[0]}" if until else f"after {start}"
            message = f"{never} must never come {place}, but came after frame {self._armed}"
            cause = self._cause(self._armed, seq)
            yield Broken("order", never, seq, message, f"no {never} {place}", cause)
        if name in until:
            self._armed, self._said = None, False
        if name == start:
            self._armed = seq

    def _cause(self, after: int, before: int, *names: str) -> Cause:
        rule = " ".join((self.rule.kind, *self.rule.events))
        return Cause(frozenset(names or self.rule.events), after, before, rule=rule)

    def settle(self, explained: Container[str]) -> Iterator[Broken]:
        """Yield what turns out broken at the end; events in `explained` were reported already."""
        events = self.rule.events
        for name, seq in self._early.items():
            needed = events[events.index(name) - 1]
            late = self._first.get(needed)
            if late is not None:
                message = f"{name} came before {needed} (frame {late}); expected {needed} first"
                cause = self._cause(0, late, name, needed)
            elif needed not in explained:
                message = f"{name} came without {needed} before it"
                cause = self._cause(0, seq, name, needed)
            else:
                continue
            yield Broken("order", name, seq, message, f"{needed} before {name}", cause)
        if self.rule.kind == "responds" and not any(name in explained for name in events[1:]):
            wanted = " or ".join(events[1:])
            for seq, _ in self._pending:
                message = f"{events[0]} (frame {seq}) was never answered by {wanted}"
                # Answers are taken in turn, so one ask too many shows at the last.
                cause = self._cause(0, END)
                yield Broken("missing", events[1], seq, message, wanted, cause)
