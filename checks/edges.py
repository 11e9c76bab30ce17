"""The first and the last event between the opening and the closing of a place."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Literal, NamedTuple

from ..schemas.model import Trigger
from .cause import END, Cause
from .events import Event, meets

__all__ = ["EdgesState", "Misplaced"]


class Misplaced(NamedTuple):
    """The first or last event is not one of those that must be."""

    rule: Literal["first", "last"]
    event: Event
    wanted: str
    cause: Cause


class EdgesState:
    """The two rules in one place."""

    def __init__(self, first: tuple[Trigger, ...], last: tuple[Trigger, ...]) -> None:
        self._triggers = first, last
        self._first: Event | None = None
        self._last: Event | None = None

    def feed(self, event: Event) -> None:
        """Take an event that neither opens nor closes the place."""
        first, last = self._triggers
        if first and self._first is None:
            self._first = event
        if last:
            self._last = event

    def settle(self, absent: Container[str]) -> Iterator[Misplaced]:
        """Yield what is not at its edge, unless all that could be are among the `absent`."""
        first, last = self._triggers
        if self._first is not None and _amiss(first, self._first, absent):
            yield Misplaced("first", self._first, *_wanted(first, self._first, 0, self._first.seq))
        if self._last is not None and _amiss(last, self._last, absent):
            yield Misplaced("last", self._last, *_wanted(last, self._last, 0, END))


def _amiss(triggers: tuple[Trigger, ...], event: Event, absent: Container[str]) -> bool:
    return not any(_fits(trigger, event) for trigger in triggers) and any(
        trigger.event not in absent for trigger in triggers
    )


def _fits(trigger: Trigger, event: Event) -> bool:
    return (
        trigger.event in (event.name, "*")
        and trigger.sender in (None, event.sender)
        and meets(trigger.when, event.fields)
    )


def _wanted(
    triggers: tuple[Trigger, ...], event: Event, after: int, before: int
) -> tuple[str, Cause]:
    names = [trigger.event for trigger in triggers]
    return " or ".join(names), Cause(frozenset((event.name, *names)), after, before)
