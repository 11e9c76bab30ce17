"""A contract as values: what the loader makes of the text and the engine compiles."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .codes import Severity
from .mistakes import Mistake
from .model_events import (
    AppliesTo,
    Codec,
    Condition,
    Decode,
    Each,
    EventRules,
    EventType,
    Fields,
    FieldSource,
    Join,
    Literally,
    NameSource,
    OnlyKey,
    Peer,
    Scalar,
    SenderRule,
)
from .model_rules import (
    Count,
    Fold,
    Inside,
    Latency,
    Limits,
    Machine,
    Monotonic,
    OrderRule,
    Same,
    Trigger,
)

__all__ = [
    "AppliesTo",
    "Codec",
    "Condition",
    "Contract",
    "Count",
    "Decode",
    "Each",
    "EventRules",
    "EventType",
    "FieldSource",
    "Fields",
    "Fold",
    "Inside",
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
    inside: Inside = field(default_factory=Inside)
    fold: tuple[Fold, ...] = ()
    once: bool = False
    nest: bool = False
    """Opened again with the same key while open, it is another one inside the first."""
    pair: Literal["key", "fifo", "lifo"] = "key"
    after_close: Literal["allow", "forbid", "crossing"] = "allow"
    """`crossing`: what the other peer had sent before it knew of the close is allowed."""
    latency: Latency = field(default_factory=Latency)


@dataclass(frozen=True, slots=True)
class Reconnect:
    """How long a lost session may stay without a successor of the same `by` value."""

    max: int
    by: str


@dataclass(frozen=True, slots=True)
class SessionRules:
    """What holds for a whole session, and between the sessions of one recording."""

    inside: Inside = field(default_factory=Inside)
    close_codes: tuple[int, ...] = ()
    closed_by: tuple[str, ...] = ()
    idle: int | None = None
    max_messages: int | None = None
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
    extends: tuple[str, ...] = ()
    """The packs and files underneath, as their messages call them."""
    applies_to: AppliesTo = field(default_factory=AppliesTo)
    decode: Decode = field(default_factory=Decode)
    events: EventRules = field(default_factory=EventRules)
    spans: tuple[Span, ...] = ()
    """A parent stands before what is inside it."""
    session: SessionRules = field(default_factory=SessionRules)
    heartbeats: tuple[tuple[str, str | None], ...] = ()
    """Events that only say that a peer is there, and what answers each: for who plays a recording
    or compares two."""
    severity: tuple[tuple[str, Severity | Literal["off"]], ...] = ()
    """Finding code or dotted prefix, and its severity; the longest that fits counts."""
    doubts: tuple[Mistake, ...] = ()
    """Names that are most likely misspelt, though the contract can be used as it is."""

    @property
    def chief(self) -> tuple[Span, ...]:
        """What sessions are about: outermost spans that require events, or all where none does."""
        outermost = tuple(span for span in self.spans if span.parent is None)
        return tuple(span for span in outermost if span.inside.requires) or outermost
