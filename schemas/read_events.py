"""Reads `events`: how objects become named events with named fields."""

from __future__ import annotations

from typing import Final

from .jsonschemas import EventSchema, SchemaFileError, SchemaFiles
from .model import (
    Condition,
    EventRules,
    EventType,
    Join,
    Literally,
    NameSource,
    OnlyKey,
    SenderRule,
)
from .pointers import AsJson, Pointer
from .reader import Reader
from .source import Node

__all__ = ["EVENTS_KEYS", "TYPE_KEYS", "read_condition", "read_events"]

EVENTS_KEYS: Final = ("sender", "name", "alias", "fields", "types", "unknown")
TYPE_KEYS: Final = ("sender", "schema", "when")
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


def _schema(reader: Reader, name: str, node: Node, files: SchemaFiles) -> EventSchema | None:
    try:
        if isinstance(node.value, str):
            if not node.value.endswith(".json") and ":" in node.value:
                message = f"schema {node.value!r}: module:Type is not supported by this version"
                reader.wrong(node, message)
                return None
            return files.file(node.value)
        return files.inline(name, node.plain())
    except SchemaFileError as error:
        reader.wrong(node, str(error))
        return None


def read_events(reader: Reader, node: Node | None, files: SchemaFiles) -> EventRules:
    """Return the `events` section."""
    if node is None:
        return EventRules(name=(Pointer.parse("/type"),))
    found = reader.keys(node, "events", EVENTS_KEYS, ("schemas", "unknown_fields"))
    sender = reader.choice(found.get("sender"), "events: sender", SENDERS, "server")
    names = reader.one_or_many(found.get("name"))
    fields = {
        name: tuple(_field(reader, each, f"field {name!r}") for each in reader.one_or_many(item))
        for name, (key, item) in reader.entries(found.get("fields"), "events: fields").items()
        if not _reserved(reader, key, name)
    }
    alias = {
        name: reader.text(item, f"alias {name!r}")
        for name, (_, item) in reader.entries(found.get("alias"), "events: alias").items()
    }
    types: dict[str, EventType] = {}
    for name, (_, item) in reader.entries(found.get("types"), "events: types").items():
        what = f"event {name!r}"
        rules = (
            {} if item.value is None else reader.keys(item, what, TYPE_KEYS, ("unknown_fields",))
        )
        types[name] = EventType(
            name,
            reader.choice(rules.get("sender"), f"sender of {what}", SENDERS, sender),
            _schema(reader, name, rules["schema"], files) if "schema" in rules else None,
            read_condition(reader, rules.get("when"), set(fields)),
        )
    return EventRules(
        sender,
        tuple(_name_source(reader, each) for each in names) or (Pointer.parse("/type"),),
        alias,
        fields,
        types,
        reader.choice(found.get("unknown"), "events: unknown", ("allow", "warn", "fail"), "allow"),
    )


def _field(reader: Reader, node: Node, what: str) -> Pointer | AsJson:
    if not isinstance(node.value, dict):
        return reader.pointer(node, what)
    found = reader.keys(node, what, ("json",))
    if "json" not in found:
        reader.wrong(node, f"{what} is a pointer, or {{json: POINTER}}")
        return Pointer("", ())
    return AsJson(reader.pointer(found["json"], what))


def _reserved(reader: Reader, key: Node, name: str) -> bool:
    if name == "has":
        reader.wrong(key, "a field cannot be named 'has': it is a word of 'when'")
    return name == "has"
