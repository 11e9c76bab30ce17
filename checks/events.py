"""From an object to a named event with named fields."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from ..schemas.model import (
    Condition,
    Contract,
    FieldSource,
    Join,
    Literally,
    NameSource,
    Peer,
    Scalar,
    SenderRule,
    Span,
    Trigger,
)
from ..schemas.pointers import Pointer
from .decode import alike

__all__ = ["Event", "Extractor", "meets"]

MAX_FIELD: Final = 200
"""Longer texts are kept as a prefix and a digest, so that a key cannot fill the memory."""


@dataclass(slots=True)
class Event:
    """One application object, named."""

    name: str
    seq: int
    """The last frame of the message it came in."""
    sender: Peer
    at_ns: int
    fields: Mapping[str, Scalar]
    """Only those that resolved to a single value."""
    whole: Mapping[str, Scalar] = field(default_factory=dict)
    """The fields that are added up, however long they are."""
    malformed: bool = False
    """It did not match its schema: its keys may be wrong too."""
    differing: set[str] = field(default_factory=set)
    """Fields for which a span already reported that they differ."""


def meets(when: Condition | None, fields: Mapping[str, Scalar]) -> bool:
    """Say whether the fields of an event meet a condition."""
    if when is None:
        return True
    if any(name not in fields for name in when.has):
        return False
    return all(
        any(alike(fields.get(name), wanted) for wanted in values) for name, values in when.equals
    )


def _word(value: object) -> str | None:
    if isinstance(value, str):
        return value or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if -(10**18) < value < 10**18 else None
    return None


def _source(source: NameSource) -> Callable[[object], str | None]:
    if isinstance(source, Pointer):
        return lambda value: _word(source.get(value))
    if isinstance(source, Literally):
        return lambda value: source.name
    if isinstance(source, Join):
        join = source

        def joined(value: object) -> str | None:
            parts = [_word(pointer.get(value)) for pointer in join.pointers]
            return None if None in parts else join.separator.join(map(str, parts))

        return joined
    return lambda value: (
        _word(next(iter(value))) if isinstance(value, Mapping) and len(value) == 1 else None
    )


def _short(value: Scalar) -> Scalar:
    if isinstance(value, str) and len(value) > MAX_FIELD:
        digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return f"{value[:80]}…{digest}"
    return value


def _resolve(
    fields: Iterable[tuple[str, tuple[FieldSource, ...]]], value: object
) -> Iterator[tuple[str, Scalar]]:
    for name, pointers in fields:
        for pointer in pointers:
            item = pointer.get(value)
            if isinstance(item, str | int | float):
                yield name, item
                break


def _mentioned(contract: Contract) -> frozenset[str]:
    """Return every event name the contract speaks of."""
    names = {*contract.events.types, *contract.events.alias.values()}

    def add(triggers: tuple[Trigger, ...]) -> None:
        names.update(trigger.event for trigger in triggers)

    def inside(rules: Span | None) -> None:
        part = contract.session.inside if rules is None else rules.inside
        names.update(part.requires, (count.event for count in part.count))
        names.update(name for rule in part.order for name in rule.events)
        if part.machine is not None:
            rows = part.machine.states.values()
            names.update(name for row in rows for name in row if name != "*")
        add(part.first)
        add(part.last)

    inside(None)
    for span in contract.spans:
        add(span.open + span.during + span.close + span.abort)
        inside(span)
        if span.latency.after is not None:
            names.add(span.latency.after)
    return frozenset(names)


class Extractor:
    """Names objects and reads their fields, as one contract says."""

    def __init__(self, contract: Contract) -> None:
        rules = contract.events
        self._sources = tuple(map(_source, rules.name))
        self._alias = rules.alias
        self._fields = tuple(rules.fields.items())
        folds = [fold for span in contract.spans for fold in span.fold]
        folded = {name for fold in folds for name in (fold.field, fold.equals)}
        self._whole = tuple((name, rules.fields[name]) for name in sorted(folded))
        self._types = rules.types
        self._default = rules.sender
        self._mentioned = _mentioned(contract)
        self.senders: frozenset[SenderRule] = frozenset(
            {rules.sender, *(each.sender for each in rules.types.values())}
        )
        """Messages of another sender cannot be events."""

    def names(self) -> frozenset[str]:
        """Return the event names the contract speaks of, without `*`."""
        return self._mentioned - {"*"}

    def judges(self, sender: Peer) -> bool:
        """Say whether any event may come from `sender`."""
        return "both" in self.senders or sender in self.senders

    def name(self, value: object) -> str | None:
        """Return the name of an object, aliases applied; None when no source gives one."""
        for source in self._sources:
            name = source(value)
            if name is not None:
                name = str(_short(name))
                return self._alias.get(name, name)
        return None

    def fields(self, value: object) -> dict[str, Scalar]:
        """Return the fields that resolve to a single value other than null."""
        return {name: _short(item) for name, item in _resolve(self._fields, value)}

    def whole(self, value: object) -> dict[str, Scalar]:
        """Return the fields that are added up, not shortened."""
        return dict(_resolve(self._whole, value)) if self._whole else {}

    def knows(self, name: str, fields: Mapping[str, Scalar]) -> bool:
        """Say whether the contract speaks of this event."""
        kind = self._types.get(name)
        if kind is not None:
            return meets(kind.when, fields)
        return name in self._mentioned or "*" in self._mentioned

    def sender(self, name: str) -> SenderRule:
        """Return who may send an event of this name."""
        kind = self._types.get(name)
        return self._default if kind is None else kind.sender
