"""What may be demanded of the events of a span, or of a whole session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .model_events import Condition

__all__ = [
    "Count",
    "Fold",
    "Inside",
    "Latency",
    "Limits",
    "Machine",
    "Monotonic",
    "OrderRule",
    "Same",
    "Trigger",
]


@dataclass(frozen=True, slots=True)
class Trigger:
    """An event that plays a part: its name (or `*`), perhaps its sender and a condition."""

    event: str
    sender: Literal["client", "server", "other"] | None = None
    """`other`: the peer that did not open the span."""
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Nanoseconds that a measured time must not exceed; None: not limited."""

    max: int | None = None
    percentiles: tuple[tuple[int, int], ...] = ()
    """(50, ns), (95, ns), (99, ns), as far as given."""
    min_samples: int = 1
    """Percentiles of fewer samples are not judged."""


@dataclass(frozen=True, slots=True)
class Latency:
    """What is measured about a span."""

    first: Limits | None = None
    after: str | None = None
    """`first` counts from this event; None: from the span's opening to its next event."""
    gap: Limits | None = None
    total: Limits | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """How often an event may come; None: no bound."""

    event: str
    min: int | None = None
    max: int | None = None


@dataclass(frozen=True, slots=True)
class OrderRule:
    """One rule about order: the words of the contract, by kind.

    before: each of `events` needs the one before it to have come earlier.
    responds: `events` is (to, with, or with, ...); `within` is nanoseconds or None.
    between: `events` is (never, from, until).
    after: `events` is (never, after).
    """

    kind: Literal["before", "responds", "between", "after"]
    events: tuple[str, ...]
    within: int | None = None


@dataclass(frozen=True, slots=True)
class Same:
    """A field that does not change inside."""

    field: str
    absent: Literal["ignored", "differs", "first"] = "ignored"
    """What an event without the field is: one that says nothing, or one with another value.
    `first`: another value where it is the first event of its place, later it says nothing."""


@dataclass(frozen=True, slots=True)
class Monotonic:
    """A number, or a text of digits, that rises from event to event inside."""

    field: str
    by: int | None = None
    """Exactly so much; None: by anything more than nothing."""
    level: bool = False
    """It need not rise, if it does not fall."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A table of states and events.

    An event that no state names, where no state has `*`, is nothing to it. One that the present
    state does not let go on (neither it nor `*`, or its target is `error`) is a finding.
    """

    start: str
    states: Mapping[str, Mapping[str, str]]
    """State, event (or `*`, any other event) and the state it leads to; `error` is no state."""
    end: tuple[str, ...] = ()
    """States in which it may end; none given: all."""


@dataclass(frozen=True, slots=True)
class Fold:
    """What the events `during` a span must add up to in the event that closes it."""

    how: Literal["join", "last", "sum"]
    field: str
    equals: str
    """Field of the closing event; one that does not carry it is not judged."""


@dataclass(frozen=True, slots=True)
class Inside:
    """Completeness and order of whatever holds events: a span or a whole session."""

    requires: tuple[str, ...] = ()
    count: tuple[Count, ...] = ()
    first: tuple[Trigger, ...] = ()
    last: tuple[Trigger, ...] = ()
    order: tuple[OrderRule, ...] = ()
    same: tuple[Same, ...] = ()
    monotonic: tuple[Monotonic, ...] = ()
    unique: tuple[str, ...] = ()
    """Fields of which no value comes twice."""
    machine: Machine | None = None
