"""Reads rules about the values of fields: `same`, `monotonic`, `unique`, `fold`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Literal

from .model import Fold, Monotonic, Same
from .reader import Reader
from .source import Node

__all__ = ["FOLD_KEYS", "read_fields", "read_folds", "read_monotonic", "read_same"]

FOLD_KEYS: Final[tuple[Literal["join", "last", "sum"], ...]] = ("join", "last", "sum")
SAME_KEYS: Final = ("field", "absent")
RISING_KEYS: Final = ("by", "equal")
ABSENT: Final[tuple[Literal["ignored", "differs", "first"], ...]] = ("ignored", "differs", "first")


def _twice(reader: Reader, node: Node, what: str, field: str, before: Collection[str]) -> None:
    if field and field in before:
        reader.wrong(node, f"field {field!r} is given twice in {what}")


def read_same(
    reader: Reader, node: Node | None, what: str, fields: Collection[str]
) -> tuple[Same, ...]:
    """Return fields, each a word or `{field: F, absent: differs}` (or `first`)."""
    found: dict[str, Same] = {}
    for item in reader.one_or_many(node):
        absent: Literal["ignored", "differs", "first"] = "ignored"
        named = item
        if isinstance(item.value, dict):
            parts = reader.keys(item, what, SAME_KEYS)
            if "field" not in parts:
                reader.wrong(item, f"{what} needs 'field': what must stay the same")
                continue
            named = parts["field"]
            absent = reader.choice(parts.get("absent"), f"absent in {what}", ABSENT, absent)
        field = reader.known(named, what, fields, "field")
        _twice(reader, named, what, field, found)
        found[field] = Same(field, absent)
    return tuple(found.values())


def read_monotonic(
    reader: Reader, node: Node | None, what: str, fields: Collection[str]
) -> tuple[Monotonic, ...]:
    """Return fields, each a word or `{FIELD: {by: 1}}`; one, a list, or one mapping."""
    found: dict[str, Monotonic] = {}

    def add(key: Node, by: int | None, level: bool = False) -> None:
        field = reader.known(key, what, fields, "field")
        _twice(reader, key, what, field, found)
        found[field] = Monotonic(field, by, level)

    for item in reader.one_or_many(node):
        if not isinstance(item.value, dict):
            add(item, None)
            continue
        if not item.value:
            reader.wrong(item, f"{what} is an empty mapping; it names a field")
        for name, (key, rule) in item.value.items():
            parts = reader.keys(rule, f"{what}: {name}", RISING_KEYS)
            by, words = parts.get("by"), ("forbid", "allow")
            level = reader.choice(parts.get("equal"), f"{what}: equal", words, "forbid") == "allow"
            if by is not None and level:
                reader.wrong(by, f"{what}: 'by' and 'equal: allow' exclude each other")
            step = None if by is None else reader.integer(by, f"{what}: by", 1, 10**9)
            add(key, step, level)
    return tuple(found.values())


def read_fields(
    reader: Reader, node: Node | None, what: str, fields: Collection[str]
) -> tuple[str, ...]:
    """Return fields, one or a list, none of them twice."""
    found: list[str] = []
    for item in reader.one_or_many(node):
        field = reader.known(item, what, fields, "field")
        _twice(reader, item, what, field, found)
        found.append(field)
    return tuple(found)


def read_folds(
    reader: Reader, node: Node | None, what: str, fields: Collection[str]
) -> tuple[Fold, ...]:
    """Return `{join: FIELD, equals: FIELD}`, or `last` or `sum` for `join`; one or a list."""
    found: list[Fold] = []
    for item in reader.one_or_many(node):
        parts = reader.keys(item, what, (*FOLD_KEYS, "equals"))
        if not isinstance(item.value, dict):
            continue
        ways = [way for way in FOLD_KEYS if way in parts]
        if len(ways) != 1:
            reader.wrong(item, f"{what} takes exactly one of {', '.join(FOLD_KEYS)}")
            continue
        if "equals" not in parts:
            reader.wrong(item, f"{what} needs 'equals': the field of the closing event")
            continue
        way = ways[0]
        field = reader.known(parts[way], f"{what}: {way}", fields, "field")
        equals = reader.known(parts["equals"], f"{what}: equals", fields, "field")
        found.append(Fold(way, field, equals))
    return tuple(found)
