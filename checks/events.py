"""From an object to a named event with named fields."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from ..schemas.model import (
    Condition,
    Contract,
    Join,
    Literally,
    NameSource,
    OnlyKey,
    Peer,
    Scalar,
    SenderRule,
    Span,
    Trigger,
)
from ..schemas.pointers import Pointer
from .decode import alike
from .holders import ELSEWHERE, Holders, Place, at

__all__ = ["Event", "Extractor", "meets", "mentioned"]

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
    whole: Mapping[str, Scalar]
    """The fields that are added up, however long they are."""
    malformed: bool = False
    """It did not match its schema: its keys may be wrong too."""
    differing: frozenset[str] = frozenset()
    """Fields for which a span already reported that they differ."""


def meets(when: Condition | None, fields: Mapping[str, Scalar]) -> bool:
    """Say whether the fields of an event meet a condition."""
    if when is None:
        return True
    for name in when.has:
        if name not in fields:
            return False
    for name, values in when.equals:
        value = fields.get(name)
        if not any(alike(value, wanted) for wanted in values):
            return False
    return True


def _word(value: Any) -> str | None:
    if value.__class__ is str:
        return value or None
    if value.__class__ is int:
        return str(value) if -(10**18) < value < 10**18 else None
    return None


_Source = Place | Callable[[list[Any]], str | None]
"""Where a name may come from."""


def _source(source: NameSource, holders: Holders) -> _Source:
    if isinstance(source, Pointer):
        return holders.place(source)
    return _other_source(source, holders)


def _other_source(
    source: Literally | Join | OnlyKey, holders: Holders
) -> Callable[[list[Any]], str | None]:
    if isinstance(source, Literally):
        return lambda found: source.name
    if isinstance(source, Join):
        separator, places = source.separator, tuple(map(holders.place, source.pointers))

        def joined(found: list[Any]) -> str | None:
            parts = [_word(at(found, place)) for place in places]
            return None if None in parts else separator.join(map(str, parts))

        return joined
    return _only_key


def _only_key(found: list[Any]) -> str | None:
    value = found[0]
    return _word(next(iter(value))) if isinstance(value, Mapping) and len(value) == 1 else None


def _short(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{text[:80]}…{digest}"


def mentioned(contract: Contract) -> frozenset[str]:
    """Return every event name the contract speaks of; `*` among them means any."""
    names = {*contract.events.types, *contract.events.alias.values()}

    def add(triggers: tuple[Trigger, ...]) -> None:
        names.update(trigger.event for trigger in triggers)

    def inside(rules: Span | None) -> None:
        part = contract.session.inside if rules is None else rules.inside
        names.update(part.requires, (count.event for count in part.count))
        names.update(name for rule in part.order for name in rule.events)
        if part.machine is not None:
            # The `*` of a table is any other event of the contract, not any event at all.
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


_SCALARS: Final = frozenset((str, int, float, bool))

MAX_SHAPES: Final = 500
"""Different sets of members for which it is known what there is to be read."""
MAX_MEMBERS: Final = 64
"""Members of an object that is worth remembering."""


class _Shape(NamedTuple):
    """What there may be in objects that have the same members."""

    fields: tuple[tuple[str, Place], ...]
    """Names of fields and where they are; the first that gives a value counts."""
    names: tuple[_Source, ...]


class Extractor:
    """Names objects and reads their fields, as one contract says."""

    def __init__(self, contract: Contract) -> None:
        rules = contract.events
        self._holders = Holders()
        sources = tuple(_source(source, self._holders) for source in rules.name)
        self._alias = rules.alias
        places = tuple(
            (name, self._holders.place(pointer))
            for name, pointers in rules.fields.items()
            for pointer in pointers
        )
        self._any = _Shape(places, sources)
        self._shapes: dict[tuple[tuple[str, ...] | None, ...], _Shape] = {}
        self._flat: dict[tuple[str, ...], _Shape] = {}
        """Of objects in which no pointer leads further."""
        folds = [fold for span in contract.spans for fold in span.fold]
        self._folded = {name for fold in folds for name in (fold.field, fold.equals)}
        senders = {rules.sender, *(each.sender for each in rules.types.values())}
        self.senders: frozenset[SenderRule] = frozenset(
            {*senders, "client", "server"} if "both" in senders else senders
        )
        """Messages of another sender cannot be events."""

    def read(self, value: object) -> tuple[str | None, dict[str, Scalar], dict[str, Scalar]]:
        """Return the name of an object, its fields, and those that are added up, not shortened.

        The name is None when no source gives one; aliases are applied. The fields are those that
        resolve to a single value other than null.
        """
        holders, (places, sources) = self._look(value)
        item: Any
        fields: dict[str, Scalar] = {}
        whole: dict[str, Scalar] = {}
        for field, place in places:
            if field in fields:
                continue
            number, token, _ = place
            holder = holders[number]
            if number != ELSEWHERE and holder.__class__ is dict:
                item = holder.get(token)
            else:
                item = at(holders, place)
            kind = item.__class__
            if kind in _SCALARS:
                fields[field] = _short(item) if kind is str and len(item) > MAX_FIELD else item
                if field in self._folded:
                    whole[field] = item
        for source in sources:
            name = _word(at(holders, source)) if isinstance(source, Place) else source(holders)
            if name is not None:
                if len(name) > MAX_FIELD:
                    name = _short(name)
                return self._alias.get(name, name), fields, whole
        return None, fields, whole

    def _look(self, value: Any) -> tuple[list[Any], _Shape]:
        """Return the holders in an object, and what may be in one with these members.

        Most objects of a stream have the members of others before them, so that where something
        is is looked up, and not tried one place after the other.
        """
        if value.__class__ is dict and len(value) <= MAX_MEMBERS:
            flat = self._flat.get(tuple(value))
            if flat is not None:
                return self._holders.alone(value), flat
        holders = self._holders.find(value)
        members: list[tuple[str, ...] | None] = []
        for holder in holders:
            if holder is None:
                members.append(None)
            elif holder.__class__ is dict and len(holder) <= MAX_MEMBERS:
                members.append(tuple(holder))
            else:
                return holders, self._any
        key = tuple(members)
        known = self._shapes.get(key)
        if known is None:
            inside = [() if each is None else frozenset(each) for each in key]
            known = _Shape(
                tuple(each for each in self._any.fields if each[1].there(inside)),
                tuple(
                    each
                    for each in self._any.names
                    if not isinstance(each, Place) or each.there(inside)
                ),
            )
            if len(self._shapes) < MAX_SHAPES:
                self._shapes[key] = known
                if key[0] is not None and not self._holders.inside(key[0]):
                    self._flat[key[0]] = known
        return holders, known
