"""A contract as values: what the loader makes of the text and the engine compiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .codes import Severity
from .event_schema import EventSchema
from .pointers import AsJson, Pointer

__all__ = [
    "AppliesTo",
    "Condition",
    "Contract",
    "Count",
    "Each",
    "EventRules",
    "EventType",
    "FieldSource",
    "Fields",
    "Fold",
    "Join",
    "Latency",
    "Limits",
    "Literally",
    "Machine",
    "Monotonic",
    "NameSource",
    "OnlyKey",
    "OrderRule",
    "Peer",
    "Reconnect",
    "Same",
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
    has: tuple[Pointer, ...] = ()
    """Places of which all must be there."""
    named: bool = False
    """What is taken out stays under its key, `{KEY: item}`; of a list, under the list's."""
    keep: bool = False
    """The object itself comes first, and need not have anything where `pointer` leads."""


Codec = Literal["json", "ndjson", "msgpack", "jsonrpc", "socketio", "jupyter"]


@dataclass(frozen=True, slots=True)
class Decode:
    """From a message to objects: one codec, then the `each` steps in order."""

    codec: Codec = "json"
    each: tuple[Each, ...] = ()
    kinds: tuple[Literal["text", "binary"], ...] = ("text", "binary")
    """Messages of another kind are no events and are not decoded."""
    split: str | None = None
    """A text message is several, with this between them or behind each; before the codec."""


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
    """The name, or the field, is this word, whatever the object holds: a last resort."""

    name: str

    def get(self, value: object) -> str:
        """Return the word, as a pointer returns what it leads to."""
        return self.name


NameSource = Pointer | OnlyKey | Join | Literally
FieldSource = Pointer | AsJson | Literally


Fields = Literal["schema", "allow", "warn", "fail"]
"""What becomes of a field too many or too few: `schema` as the JSON Schema says, else alike in
all its objects."""


@dataclass(frozen=True, slots=True)
class EventType:
    """What is known of one event."""

    name: str
    sender: SenderRule
    schema: EventSchema | None = None
    when: Condition | None = None
    """Objects of this name that do not meet it are not this event."""
    unknown_fields: Fields = "schema"
    missing_fields: Fields = "schema"


@dataclass(frozen=True, slots=True)
class EventRules:
    """How objects become named events with named fields."""

    sender: SenderRule = "server"
    """Who sends the events that `types` does not name."""
    name: tuple[NameSource, ...] = ()
    alias: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, tuple[FieldSource, ...]] = field(default_factory=dict)
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
    must_open: bool = True
    """False: one whose opening was not seen may have begun before the session, or be of others."""
    must_close: bool = True
    inside: Inside = Inside()
    fold: tuple[Fold, ...] = ()
    once: bool = False
    nest: bool = False
    """Opened again with the same key while open, it is another one inside the first."""
    pair: Literal["key", "fifo", "lifo"] = "key"
    after_close: Literal["allow", "forbid", "crossing"] = "allow"
    """`crossing`: what the other peer had sent before it knew of the close is allowed."""
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
    max_messages: int | None = None
    reconnect: Reconnect | None = None
    proxy_added: Limits | None = None


@dataclass(frozen=True, slots=True)
class AppliesTo:
    """Which sessions a contract is about: each part that is given must fit."""

    path: tuple[str, ...] = ()
    """Glob patterns of the request target without its query; `*` stops at no slash."""
    subprotocol: tuple[str, ...] = ()
    """Names of the subprotocol that the server chose."""
    host: tuple[str, ...] = ()
    """Glob patterns of the Host header, without its port."""


@dataclass(frozen=True, slots=True)
class Contract:
    """What a session must look like."""

    name: str
    origin: str
    """Where it was read from, as messages show it."""
    text: str
    description: str = ""
    extends: tuple[str, ...] = ()
    """The packs and files underneath, as their messages call them."""
    applies_to: AppliesTo = AppliesTo()
    decode: Decode = Decode()
    events: EventRules = EventRules()
    spans: tuple[Span, ...] = ()
    """A parent stands before what is inside it."""
    session: SessionRules = SessionRules()
    severity: tuple[tuple[str, Severity | Literal["off"]], ...] = ()
    """Finding code or dotted prefix, and its severity; the longest that fits counts."""

    @property
    def chief(self) -> tuple[Span, ...]:
        """What sessions are about: outermost spans that require events, or all where none does."""
        outermost = tuple(span for span in self.spans if span.parent is None)
        return tuple(span for span in outermost if span.inside.requires) or outermost
