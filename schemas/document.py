"""A JSON Schema and all it refers to as one document of draft 2020-12.

What is done to a schema as a whole - taking a union apart, reading it leniently or strictly - is
done to a document: its only references are to its own `$defs`, and its keywords are those of one
draft, whichever the files were written in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urldefrag, urljoin

from jsonschema.validators import Draft202012Validator, validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

__all__ = [
    "LISTS", "MAPS", "REF", "SINGLES", "Document", "DocumentError", "mapped", "one_document",
]  # fmt: skip

Document = dict[str, Any]

REF: Final = "#/$defs/"
"""How each reference of a document begins."""

SINGLES: Final = frozenset(
    {
        "additionalProperties", "unevaluatedProperties", "unevaluatedItems", "items", "contains",
        "propertyNames", "not", "if", "then", "else",
    }
)  # fmt: skip
"""Keywords whose value is a schema."""
LISTS: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
MAPS: Final = frozenset({"properties", "patternProperties", "dependentSchemas"})

_DROPPED: Final = frozenset(
    {"$id", "id", "$schema", "$anchor", "$comment", "$defs", "definitions", "examples",
     "discriminator", "$vocabulary"}
)  # fmt: skip
_DYNAMIC: Final = ("$dynamicRef", "$recursiveRef")
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_DIALECT: Final = Draft202012Validator.META_SCHEMA["$schema"]


class DocumentError(ValueError):
    """A schema that cannot be made one document, in one line."""


def mapped(schema: Mapping[str, Any], change: Callable[[str, Any], Any]) -> Document:
    """Return a copy of one schema in which `change(keyword, subschema)` made every subschema."""
    found: Document = {}
    for keyword, item in schema.items():
        if keyword in SINGLES:
            found[keyword] = change(keyword, item)
        elif keyword in LISTS:
            found[keyword] = [change(keyword, each) for each in item]
        elif keyword in MAPS:
            found[keyword] = {name: change(keyword, each) for name, each in item.items()}
        else:
            found[keyword] = item
    return found


def _modern(schema: Mapping[str, Any], alone: bool) -> Document:
    """Return one schema in the words of draft 2020-12; `alone`: `$ref` has no siblings."""
    if alone and isinstance(schema.get("$ref"), str):
        return {"$ref": schema["$ref"]}
    found = {key: item for key, item in schema.items() if key not in _DROPPED}
    if isinstance(found.get("items"), list):
        found["prefixItems"] = found.pop("items")
        if "additionalItems" in found:
            found["items"] = found["additionalItems"]
    found.pop("additionalItems", None)
    for name, item in found.pop("dependencies", {}).items():
        keyword = "dependentRequired" if isinstance(item, list) else "dependentSchemas"
        found[keyword] = {**found.get(keyword, {}), name: item}
    for keyword, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(found.get(keyword), bool) and found.pop(keyword) and bound in found:
            found[keyword] = found.pop(bound)
    return found


class _Copier:
    def __init__(self, registry: Registry[Any]) -> None:
        self._registry = registry
        self._names: dict[int, str] = {}
        self._waiting: list[tuple[str, Any, str, bool]] = []
        self.defs: Document = {}

    def run(self, uri: str, dialect: str) -> Document:
        base = urldefrag(uri).url
        alone = self._alone({"$schema": dialect}, False)
        first = self._named(uri, base, alone)
        while self._waiting:
            name, schema, base, alone = self._waiting.pop(0)
            self.defs[name] = self._copy(schema, base, alone)
        return {"$schema": _DIALECT, **first, "$defs": self.defs}

    def _alone(self, contents: object, inherited: bool) -> bool:
        """Say whether, in this resource, what stands beside `$ref` counts for nothing."""
        if not isinstance(contents, Mapping) or "$schema" not in contents:
            return inherited
        kind: Any = validator_for(contents, default=Draft202012Validator)
        return "unevaluatedProperties" not in kind.VALIDATORS

    def _named(self, reference: str, base: str, alone: bool) -> Document:
        """Return a reference to the copy, to be made, of what `reference` leads to."""
        try:
            contents = self._registry.resolver(base).lookup(reference).contents
        except Unresolvable:
            raise DocumentError(f"$ref {reference!r} leads to nothing") from None
        target, fragment = urldefrag(urljoin(base, reference))
        if target != base:
            base, alone = target, self._alone(self._registry[target].contents, alone)
        if id(contents) not in self._names:
            last = fragment.rpartition("/")[2] or target.rpartition("/")[2]
            stem = _UNSAFE.sub("_", last)[:60] or "root"
            name, number = stem, 2
            while name in self._names.values():
                name, number = f"{stem}-{number}", number + 1
            self._names[id(contents)] = name
            self._waiting.append((name, contents, base, alone))
        return {"$ref": REF + self._names[id(contents)]}

    def _copy(self, schema: Any, base: str, alone: bool) -> Any:
        if not isinstance(schema, Mapping):
            return schema
        if any(word in schema for word in _DYNAMIC):
            raise DocumentError(f"{' and '.join(_DYNAMIC)} cannot be followed here")
        if isinstance(schema.get("$id"), str):
            base = urljoin(base, schema["$id"])
            alone = self._alone(schema, alone)
        found = mapped(_modern(schema, alone), lambda _, each: self._copy(each, base, alone))
        if isinstance(found.get("$ref"), str):
            found |= self._named(found["$ref"], base, alone)
        return found


def one_document(registry: Registry[Any], uri: str, dialect: str) -> Document:
    """Return the schema at `uri` as one document; its root is a reference into its `$defs`.

    `dialect` is the `$schema` of what does not name its own.

    Raises:
        DocumentError: `$dynamicRef`, a reference to nothing, or endless nesting.
    """
    try:
        return _Copier(registry).run(uri, dialect)
    except RecursionError:
        raise DocumentError("nested too deep") from None
