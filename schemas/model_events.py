"""Which sessions a contract is about, and how their messages become named events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .event_schema import EventSchema
from .pointers import AsJson, Pointer

__all__ = [
    "AppliesTo",
    "Codec",
    "Condition",
    "Decode",
    "Each",
    "EventRules",
    "EventType",
    "FieldSource",
    "Fields",
    "Join",
    "Literally",
    "NameSource",
    "OnlyKey",
    "Peer",
    "Scalar",
    "SenderRule",
]

Scalar = str | int | float | bool
Peer = Literal["client", "server"]
SenderRule = Literal["client", "server", "both"]


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold for a rule to apply: fields present, or equal to a value."""

    has: tuple[str, ...] = ()
    equals: tuple[tuple[str, tuple[Scalar | None, ...]], ...] = ()
    """A name and the values of which it must have one."""


@dataclass(frozen=True, slots=True)
class Each:
    """A decode step: an object that meets `when` is replaced by what `pointer` leads to."""

    pointer: Pointer
    when: tuple[tuple[Pointer, tuple[Scalar | None, ...]], ...] = ()
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
class AppliesTo:
    """Which sessions a contract is about: each part that is given must fit."""

    path: tuple[str, ...] = ()
    """Glob patterns of the request target without its query; `*` stops at no slash."""
    subprotocol: tuple[str, ...] = ()
    """Names of the subprotocol that the server chose."""
    host: tuple[str, ...] = ()
    """Glob patterns of the Host header, without its port."""
