"""From an object to a named event with named fields."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import itemgetter
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

    fields: tuple[str, ...]
    """Names of fields, some more than once: the first that gives a value counts."""
    places: tuple[Place, ...]
    """Where each of them is."""
    names: tuple[_Source, ...]

    def within(self, members: Sequence[Collection[str]]) -> _Shape:
        """Return what of it there may be where each holder has these members."""
        there = [place.there(members) for place in self.places]
        names = (each for each in self.names if not isinstance(each, Place) or each.there(members))
        return _Shape(
            tuple(compress(self.fields, there)), tuple(compress(self.places, there)), tuple(names)
        )


class _Flat(NamedTuple):
    """The same of objects where all is in members of their own, which are there."""

    fields: tuple[str, ...]
    items: Callable[[dict[str, Any]], tuple[Any, ...]]
    """Returns the members in which the fields are, and one more."""
    names: tuple[str, ...]
    """Members."""

    @classmethod
    def of(cls, shape: _Shape) -> _Flat | None:
        """Return what a shape says; None: some of it is elsewhere, or no field is there."""
        tokens = [place.token for place in shape.places if place.holder == 0]
        names = [each.token for each in shape.names if isinstance(each, Place) and each.holder == 0]
        if not tokens or len(tokens) < len(shape.places) or len(names) < len(shape.names):
            return None
        # One more, since of a single one the getter would make no tuple.
        return cls(shape.fields, itemgetter(*tokens, tokens[0]), tuple(names))


class Extractor:
    """Names objects and reads their fields, as one contract says."""

    def __init__(self, contract: Contract) -> None:
        rules = contract.events
        self._holders = Holders()
        sources = tuple(_source(source, self._holders) for source in rules.name)
        self._alias = rules.alias
        fields, places = [], []
        for name, pointers in rules.fields.items():
            for pointer in pointers:
                fields.append(name)
                places.append(self._holders.place(pointer))
        self._any = _Shape(tuple(fields), tuple(places), sources)
        self._shapes: dict[tuple[tuple[str, ...] | None, ...], _Shape] = {}
        self._flat: dict[tuple[str, ...], _Flat] = {}
        folds = [fold for span in contract.spans for fold in span.fold]
        self._folded = {name for fold in folds for name in (fold.field, fold.equals)}
        senders = {rules.sender, *(each.sender for each in rules.types.values())}
        self.senders: frozenset[SenderRule] = frozenset(
            {*senders, "client", "server"} if "both" in senders else senders
        )
        """Messages of another sender cannot be events."""

    def read(self, value: Any) -> tuple[str | None, dict[str, Scalar], dict[str, Scalar]]:
        """Return the name of an object, its fields, and those that are added up, not shortened.

        The name is None when no source gives one; aliases are applied. The fields are those that
        resolve to a single value other than null.
        """
        items: Sequence[Any]
        flat = None
        if value.__class__ is dict and len(value) <= MAX_MEMBERS:
            flat = self._flat.get(tuple(value))
        if flat is None:
            name, names, items = self._search(value)
        else:
            names, items, name = flat.fields, flat.items(value), None
            for token in flat.names:
                name = _word(value[token])
                if name is not None:
                    break
        fields: dict[str, Scalar] = {}
        whole: dict[str, Scalar] = {}
        for field, item in zip(names, items, strict=False):
            kind = item.__class__
            if kind in _SCALARS and field not in fields:
                fields[field] = _short(item) if kind is str and len(item) > MAX_FIELD else item
                if field in self._folded:
                    whole[field] = item
        if name is None:
            return None, fields, whole
        if len(name) > MAX_FIELD:
            name = _short(name)
        return self._alias.get(name, name), fields, whole

    def _search(self, value: Any) -> tuple[str | None, tuple[str, ...], list[Any]]:
        """Return the name of an object, names of fields, and what is at the place of each."""
        holders = self._holders.find(value)
        fields, places, sources = self._shape(holders)
        items = []
        for place in places:
            number, token, _ = place
            holder = holders[number]
            if number != ELSEWHERE and holder.__class__ is dict:
                items.append(holder.get(token))
            else:
                items.append(at(holders, place))
        for source in sources:
            name = _word(at(holders, source)) if isinstance(source, Place) else source(holders)
            if name is not None:
                return name, fields, items
        return None, fields, items

    def _shape(self, holders: list[Any]) -> _Shape:
        """Return what there may be in an object, by the members of its holders.

        Most objects of a stream have the members of others before them, so that where something
        is is looked up, and not tried one place after the other.
        """
        members: list[tuple[str, ...] | None] = []
        for holder in holders:
            if holder is None:
                members.append(None)
            elif holder.__class__ is dict and len(holder) <= MAX_MEMBERS:
                members.append(tuple(holder))
            else:
                return self._any
        key = tuple(members)
        known = self._shapes.get(key)
        if known is None:
            known = self._any.within([() if each is None else frozenset(each) for each in key])
            if len(self._shapes) < MAX_SHAPES:
                self._shapes[key] = known
                own = key[0]
                if own is not None and not self._holders.inside(own):
                    flat = _Flat.of(known)
                    if flat is not None:
                        self._flat[own] = flat
        return known
