"""Spans compiled: which part an event plays, what its key is, whom it concerns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from ..schemas.model import Inside, Limits, Peer, Scalar, Span, Trigger
from .events import Event, meets

__all__ = [
    "Key",
    "Kind",
    "Mention",
    "Part",
    "Role",
    "SpanRule",
    "compatible",
    "compile_spans",
    "part",
    "show_key",
]

Role = Literal["open", "close", "abort", "during"]
Kind = Literal["first", "gap", "total"]
"""What is measured of a span."""
Part = Scalar | tuple[str, bool] | None
Key = tuple[Part, ...]
"""One value for each key field; None where the event does not carry it."""

_TRUTHS: Final = frozenset((True, False))
_OTHER: dict[Peer, Peer] = {"client": "server", "server": "client"}


def part(value: Scalar | None) -> Part:
    """Return a value as it is compared: Python takes True for 1; a key must not."""
    return ("bool", value) if isinstance(value, bool) else value


def compatible(left: Key, right: Key) -> bool:
    """Say whether two keys can be one: no part that both have differs."""
    return left == right or all(
        a is None or b is None or a == b for a, b in zip(left, right, strict=True)
    )


def common(left: Key, right: Key) -> int:
    """Return how many parts two keys have in common."""
    return sum(a is not None and a == b for a, b in zip(left, right, strict=True))


def show_key(key: Key) -> str | None:
    """Return a key as a person would write it; None when there is nothing to show."""
    parts = [str(part[1]).lower() if isinstance(part, tuple) else part for part in key]
    return "/".join(str(part) for part in parts if part not in (None, "")) or None


class Mention(NamedTuple):
    """What events of one name can be to a kind of span."""

    roles: tuple[tuple[Role, Trigger], ...] = ()
    """Parts they may play, in order."""
    plain: bool = True
    """The first of these is what they play, whatever they carry and whoever sent them."""
    role: Role | None = None
    """That part."""
    conditional: bool = False
    """Something more than the name is asked of them."""
    watched: bool = False
    """Their number inside must be known."""
    required: bool = False
    """They cannot be anywhere but inside such a span, whatever part they play."""
    below: frozenset[SpanRule] = frozenset()
    """The kinds of spans inside to which, or to those below, they can matter."""


class SpanRule:
    """One span of the contract and those inside it."""

    def __init__(self, span: Span, children: Sequence[SpanRule]) -> None:
        self.span = span
        self._fields = span.key
        self._only = span.key[0] if len(span.key) == 1 else None
        """Most keys are of one field."""
        self.name = span.name
        self.children = tuple(children)
        self._roles: tuple[tuple[Role, Trigger], ...] = (
            *(("open", trigger) for trigger in span.open),
            *(("close", trigger) for trigger in span.close),
            *(("abort", trigger) for trigger in span.abort),
            *(("during", trigger) for trigger in span.during),
        )
        self.directed = any(trigger.sender == "other" for _, trigger in self._roles)
        """Each peer numbers its own: the key holds who opened the span."""
        self.opens = _names(span.open or span.during)
        self.closes = _names(span.close)
        self.aborts = _names(span.abort)
        self.watched = watched(span.inside)
        self.unique = frozenset(span.inside.unique)
        """Fields of which no value must come twice."""
        self.begins_anew = not (span.open or span.key or span.once or span.after_close != "allow")
        """What comes behind the close cannot be told from the first of the next span."""
        times = span.latency
        self.limits: dict[Kind, Limits | None] = {
            "first": times.first,
            "gap": times.gap,
            "total": times.total,
        }
        self._mentions: dict[str, Mention] = {
            name: self._mention(name)
            for name in (
                *(trigger.event for _, trigger in self._roles),
                *self.watched,
                *(name for child in self.children for name in child._mentions),
            )
        }
        self._other = self._mention(None)
        """What an event is that nothing here names."""

    def _mention(self, name: str | None) -> Mention:
        roles = tuple(each for each in self._roles if each[1].event in (name, "*"))
        own = [trigger for _, trigger in roles if trigger.event == name]
        role, trigger = roles[0] if roles else (None, None)
        return Mention(
            roles,
            trigger is None or (trigger.when is None and trigger.sender is None),
            role,
            any(trigger.when or trigger.sender for trigger in own),
            name in self.watched,
            name in self.span.inside.requires,
            frozenset(child for child in self.children if child.mentions(name)),
        )

    def mention(self, name: str) -> Mention:
        """Return what an event of this name can be here."""
        return self._mentions.get(name, self._other)

    def mentions(self, name: str | None) -> bool:
        """Say whether an event of this name can matter here or below; None: one not named."""
        return name in self._mentions or "*" in self._mentions

    def role(self, event: Event) -> tuple[Role | None, Peer]:
        """Return the part an event plays, and who must have opened the span it plays it in."""
        for role, trigger in self.mention(event.name).roles:
            if trigger.when is not None and not meets(trigger.when, event.fields):
                continue
            if trigger.sender == "other":
                return role, _OTHER[event.sender]
            if trigger.sender is None or trigger.sender == event.sender:
                return role, event.sender
        return None, event.sender

    def unfit(self, event: Event) -> str:
        """Return why an event that plays no part here nearly does; its mention is conditional."""
        for role, trigger in self._roles:
            if trigger.event == event.name and not meets(trigger.when, event.fields):
                return f"does not meet the `when` of `{role}` in {self.name}"
        return f"was sent by the {event.sender}"

    def key(self, event: Event, opener: Peer) -> Key:
        """Return the key the event carries, in parts."""
        parts: Key
        if self._only is not None:
            value = event.fields.get(self._only)
            parts = (value if value.__class__ is not bool else part(value),)
        else:
            found = tuple(map(event.fields.get, self._fields))
            # Neither 1 nor 0, which are the same to Python: nothing needs to be told apart.
            parts = found if _TRUTHS.isdisjoint(found) else tuple(map(part, found))
        return (opener, *parts) if self.directed else parts

    def bare(self, key: Key) -> Key:
        """Return the key as the contract's fields give it."""
        return key[1:] if self.directed else key

    def ends(self, event: Event) -> Role | None:
        """Return how an event that opens a span ends it as well: a span of one event."""
        for role, trigger in self._roles:
            if (
                role in ("close", "abort")
                and trigger.event in (event.name, "*")
                and trigger.sender in (None, event.sender)
                and meets(trigger.when, event.fields)
            ):
                return role
        return None

    def nameless(self, bare: Key) -> bool:
        """Say whether spans with this key are told apart by nothing but their order."""
        return self.span.pair == "fifo" and (not bare or None in bare)

    def concerns(self, event: Event) -> bool:
        """Say whether this event, if it is inside such a span, matters there or below.

        It plays no part in such a span.
        """
        said = self.mention(event.name)
        return said.watched or any(child.claims(event) for child in said.below)

    def claims(self, event: Event) -> bool:
        """Say whether this event cannot be anywhere but inside such a span."""
        said = self.mention(event.name)
        return (
            said.required
            or self.role(event)[0] is not None
            or any(child.claims(event) for child in said.below)
        )


def _names(triggers: Sequence[Trigger]) -> tuple[str, ...]:
    return tuple(trigger.event for trigger in triggers)


def watched(inside: Inside) -> dict[str, tuple[int, ...]]:
    """Return the events whose number inside must be known, and of how many each is too many."""
    names = (
        *inside.requires,
        *(count.event for count in inside.count),
        *(name for rule in inside.order for name in rule.events),
    )
    return {
        name: tuple(
            count.max + 1 for count in inside.count if count.event == name and count.max is not None
        )
        for name in names
    }


def compile_spans(spans: Sequence[Span]) -> tuple[SpanRule, ...]:
    """Return the outermost spans, those inside them below."""

    def build(parent: str | None) -> tuple[SpanRule, ...]:
        return tuple(SpanRule(span, build(span.name)) for span in spans if span.parent == parent)

    return build(None)
