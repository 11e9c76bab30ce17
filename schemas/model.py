"""A contract as values: what the loader makes of the text and the engine compiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .codes import Severity
from .jsonschemas import EventSchema
from .pointers import Pointer

__all__ = [
    "Condition",
    "Contract",
    "Count",
    "Each",
    "EventRules",
    "EventType",
    "Join",
    "Latency",
    "Limits",
    "Literally",
    "NameSource",
    "OnlyKey",
    "OrderRule",
    "Peer",
    "Reconnect",
    "Scalar",
    "SenderRule",
    "SessionRules",
    "Span",
    "Trigger",
]

Scalar = str | int | float | bool
Peer = Literal["client", "server"]
SenderRule = Literal["client", "server", "both"]


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold for a rule to apply: fields (or pointers) present, or equal to a value."""

    has: tuple[str, ...] = ()
    equals: tuple[tuple[str, tuple[Scalar | None, ...]], ...] = ()
    """A name and the values of which it must have one."""


@dataclass(frozen=True, slots=True)
class Each:
    """A decode step: an object that meets `when` is replaced by what `pointer` leads to."""

    pointer: Pointer
    when: tuple[tuple[Pointer, tuple[Scalar | None, ...]], ...] = ()


Codec = Literal["json", "ndjson", "msgpack"]


@dataclass(frozen=True, slots=True)
class Decode:
    """From a message to objects: one codec, then the `each` steps in order."""

    codec: Codec = "json"
    each: tuple[Each, ...] = ()
    kinds: tuple[Literal["text", "binary"], ...] = ("text", "binary")
    """Messages of another kind are no events and are not decoded."""


@dataclass(frozen=True, slots=True)
class OnlyKey:
    """The name is the object's single key."""


@dataclass(frozen=True, slots=True)
class Join:
    """The name is several values with `separator` between them; all must be there."""

    pointers: tuple[Pointer, ...]
    separator: str = "."


@dataclass(frozen=True, slots=True)
class Literally:
    """The name is this word, whatever the object holds: a last resort."""

    name: str


NameSource = Pointer | OnlyKey | Join | Literally


@dataclass(frozen=True, slots=True)
class EventType:
    """What is known of one event."""

    name: str
    sender: SenderRule
    schema: EventSchema | None = None
    when: Condition | None = None
    """Objects of this name that do not meet it are not this event."""


@dataclass(frozen=True, slots=True)
class EventRules:
    """How objects become named events with named fields."""

    sender: SenderRule = "server"
    """Who sends the events that `types` does not name."""
    name: tuple[NameSource, ...] = ()
    alias: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, tuple[Pointer, ...]] = field(default_factory=dict)
    types: Mapping[str, EventType] = field(default_factory=dict)
    unknown: Literal["allow", "warn", "fail"] = "allow"


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
    responds: `events` is (to, with); `within` is nanoseconds or None.
    between: `events` is (never, from, until).
    after: `events` is (never, after).
    """

    kind: Literal["before", "responds", "between", "after"]
    events: tuple[str, ...]
    within: int | None = None


@dataclass(frozen=True, slots=True)
class Inside:
    """Completeness and order of whatever holds events: a span or a whole session."""

    requires: tuple[str, ...] = ()
    count: tuple[Count, ...] = ()
    first: tuple[Trigger, ...] = ()
    last: tuple[Trigger, ...] = ()
    order: tuple[OrderRule, ...] = ()
    same: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """A keyed stretch of a session between an opening and a closing event."""

    name: str
    key: tuple[str, ...]
    """Field names; together they tell two open spans of one parent apart."""
    open: tuple[Trigger, ...]
    during: tuple[Trigger, ...] = ()
    close: tuple[Trigger, ...] = ()
    abort: tuple[Trigger, ...] = ()
    parent: str | None = None
    must_close: bool = True
    inside: Inside = Inside()
    once: bool = False
    pair: Literal["key", "fifo"] = "key"
    after_close: Literal["allow", "forbid"] = "allow"
    latency: Latency = Latency()


@dataclass(frozen=True, slots=True)
class Reconnect:
    """How long a lost session may stay without a successor of the same `by` value."""

    max: int
    by: str


@dataclass(frozen=True, slots=True)
class SessionRules:
    """What holds for a whole session, and between the sessions of one recording."""

    inside: Inside = Inside()
    close_codes: tuple[int, ...] = ()
    closed_by: tuple[str, ...] = ()
    idle: int | None = None
    reconnect: Reconnect | None = None
    proxy_added: Limits | None = None


@dataclass(frozen=True, slots=True)
class Contract:
    """What a session must look like."""

    name: str
    origin: str
    """Where it was read from, as messages show it."""
    text: str
    description: str = ""
    decode: Decode = Decode()
    events: EventRules = EventRules()
    spans: tuple[Span, ...] = ()
    """A parent stands before what is inside it."""
    session: SessionRules = SessionRules()
    severity: tuple[tuple[str, Severity | Literal["off"]], ...] = ()
    """Finding code or dotted prefix, and its severity; the longest that fits counts."""
