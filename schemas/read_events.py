"""Reads `events`: how objects become named events with named fields."""

from __future__ import annotations

from typing import Final, Literal

from .model import (
    Condition,
    EventRules,
    EventType,
    FieldSource,
    Join,
    Literally,
    NameSource,
    OnlyKey,
    SenderRule,
)
from .pointers import AsJson, Pointer
from .read_schemas import Schemas, adapted, strictness
from .reader import Reader
from .source import Node

__all__ = ["EVENTS_KEYS", "TYPE_KEYS", "read_condition", "read_events"]

FIELDS_KEYS: Final = ("unknown_fields", "missing_fields")
EVENTS_KEYS: Final = (
    "sender", "name", "alias", "fields", "schemas", "types", "unknown", *FIELDS_KEYS,
)  # fmt: skip
TYPE_KEYS: Final = ("sender", "schema", "when", *FIELDS_KEYS)
SENDERS: Final[tuple[SenderRule, ...]] = ("client", "server", "both")


def read_condition(reader: Reader, node: Node | None, fields: set[str]) -> Condition | None:
    """Return `when`: `has: [fields]`, or a field and the value or values it must have."""
    if node is None:
        return None
    has: tuple[str, ...] = ()
    equals = []
    for name, (key, item) in reader.entries(node, "when").items():
        if name == "has":
            nodes = reader.one_or_many(item)
            has = tuple(reader.known(word, "when: has", fields, "field") for word in nodes)
        else:
            reader.known(key, "when", fields | {"has"}, "field")
            equals.append((name, reader.scalars(item, f"when: {name}")))
    return Condition(has, tuple(equals))


def _name_source(reader: Reader, node: Node) -> NameSource:
    if not isinstance(node.value, dict):
        return reader.pointer(node, "a pointer in events: name")
    what = "a source in events: name"
    found = reader.keys(node, what, ("only_key", "join", "with", "literal"))
    if len(found.keys() - {"with"}) != 1 or ("with" in found and "join" not in found):
        reader.wrong(node, f"{what} is a pointer or one of only_key, join (and with), literal")
        return OnlyKey()
    if "only_key" in found:
        if found["only_key"].value is not True:
            reader.wrong(found["only_key"], "only_key must be true")
        return OnlyKey()
    if "literal" in found:
        return Literally(reader.text(found["literal"], "literal"))
    parts = tuple(reader.pointer(part, "join") for part in reader.items(found["join"], "join"))
    return Join(parts, reader.text(found["with"], "with") if "with" in found else ".")


def read_events(reader: Reader, node: Node | None, schemas: Schemas) -> EventRules:
    """Return the `events` section."""
    if node is None:
        return EventRules(name=(Pointer.parse("/type"),))
    found = reader.keys(node, "events", EVENTS_KEYS)
    sender = reader.choice(found.get("sender"), "events: sender", SENDERS, "server")
    sources = tuple(_name_source(reader, each) for each in reader.one_or_many(found.get("name")))
    sources = sources or (Pointer.parse("/type"),)
    fields = {
        name: tuple(_field(reader, each, f"field {name!r}") for each in reader.one_or_many(item))
        for name, (key, item) in reader.entries(found.get("fields"), "events: fields").items()
        if not _reserved(reader, key, name)
    }
    aliases = reader.entries(found.get("alias"), "events: alias")
    alias = {name: reader.text(item, f"alias {name!r}") for name, (_, item) in aliases.items()}
    union = schemas.read_union(reader, found.get("schemas"), sources, alias)
    entries = reader.entries(found.get("types"), "events: types")
    for name, (_, item) in aliases.items():
        reader.declared(item, alias[name], f"alias {name!r}", {*union, *entries})
    strict = strictness(reader, found, "events", ("schema", "schema"))
    types: dict[str, EventType] = {}
    for name in dict.fromkeys((*union, *entries)):
        what = f"event {name!r}"
        item = entries[name][1] if name in entries else found["schemas"]
        bare = name not in entries or item.value is None
        rules = {} if bare else reader.keys(item, what, TYPE_KEYS)
        schema = union.get(name)
        if "schema" in rules:
            schema = schemas.read(reader, name, rules["schema"])
        unknown_fields, missing_fields = strictness(reader, rules, what, strict)
        types[name] = EventType(
            name,
            reader.choice(rules.get("sender"), f"sender of {what}", SENDERS, sender),
            adapted(reader, item, schema, (unknown_fields, missing_fields)),
            read_condition(reader, rules.get("when"), set(fields)),
            unknown_fields,
            missing_fields,
        )
    unknown: tuple[Literal["allow", "warn", "fail"], ...] = ("allow", "warn", "fail")
    return EventRules(
        sender,
        sources,
        alias,
        fields,
        types,
        reader.choice(found.get("unknown"), "events: unknown", unknown, "allow"),
    )


def _field(reader: Reader, node: Node, what: str) -> FieldSource:
    if not isinstance(node.value, dict):
        return reader.pointer(node, what)
    found = reader.keys(node, what, ("json", "literal"))
    if len(found) != 1:
        reader.wrong(node, f"{what} is a pointer, or one of json, literal")
        return Pointer("", ())
    if "literal" in found:
        word = found["literal"]
        return Literally("" if word.value == "" else reader.text(word, "literal"))
    return AsJson(reader.pointer(found["json"], what))


def _reserved(reader: Reader, key: Node, name: str) -> bool:
    if name == "has":
        reader.wrong(key, "a field cannot be named 'has': it is a word of 'when'")
    return name == "has"
