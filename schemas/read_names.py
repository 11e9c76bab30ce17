"""The words that rules may use, and the events and triggers they name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from .mistakes import did_you_mean
from .model import EventRules, Trigger
from .read_events import read_condition
from .reader import DECLARED, Reader
from .source import Node

__all__ = ["TRIGGER_KEYS", "Names", "read_triggers", "rule_names"]

TRIGGER_KEYS: Final = ("open", "during", "close", "abort")
"""Keys of a span that name its events."""


@dataclass(frozen=True, slots=True)
class Names:
    """The words a rule may use."""

    events: frozenset[str] | None
    """None: the contract declares no types, so every name may be an event's."""
    fields: frozenset[str]
    declared: frozenset[str] = frozenset()
    """The events that `types` or `schemas` declare."""

    def event(self, reader: Reader, node: Node, what: str) -> str:
        """Return the name of an event that the contract mentions elsewhere."""
        name = reader.text(node, what)
        if name and self.events is not None and name not in self.events:
            hint = did_you_mean(name, self.events)
            reader.wrong(node, f"unknown event {name!r} in {what}{hint}{DECLARED['event']}")
        else:
            reader.declared(node, name, what, self.declared)
        return name


def _trigger_names(node: Node | None) -> Iterator[str]:
    if node is None:
        return
    for item in node.value if isinstance(node.value, list) else [node]:
        value = item.value
        if isinstance(value, dict) and "event" in value:
            value = value["event"][1].value
        if isinstance(value, str):
            yield value


def rule_names(spans: Node | None, events: EventRules) -> Names:
    """Return the event and field names that rules may use.

    A name is known when `types`, `schemas` or `alias` declares it or a span names it as one
    of its own events; where none of the first two is given any name may be an event's.
    """
    known = {*events.types, *events.alias.values()}
    if spans is not None and isinstance(spans.value, dict):
        for _, span in spans.value.values():
            if isinstance(span.value, dict):
                for key in TRIGGER_KEYS:
                    known.update(_trigger_names(span.value.get(key, (None, None))[1]))
    fields = frozenset(events.fields)
    if not events.types:
        return Names(None, fields)
    return Names(frozenset(known - {"*"}), fields, frozenset(events.types))


def read_triggers(
    reader: Reader, node: Node | None, what: str, names: Names
) -> tuple[Trigger, ...]:
    """Return event names, or `{event, sender, when}`, one or a list."""
    found = []
    senders: tuple[Literal["client", "server", "other"], ...] = ("client", "server", "other")
    for item in reader.one_or_many(node):
        if not isinstance(item.value, dict):
            found.append(Trigger(reader.text(item, what)))
            reader.declared(item, found[-1].event, what, names.declared)
            continue
        parts = reader.keys(item, what, ("event", "sender", "when"))
        event = reader.text(parts["event"], f"event in {what}") if "event" in parts else "*"
        reader.declared(parts.get("event", item), event, what, names.declared)
        sender = None
        if "sender" in parts:
            sender = reader.choice(parts["sender"], f"sender in {what}", senders, "server")
        when = read_condition(reader, parts.get("when"), set(names.fields))
        found.append(Trigger(event, sender, when))
    return tuple(found)
