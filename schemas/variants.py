"""A JSON Schema read leniently or strictly: fields too many, fields too few.

Models of a service lead and lag it: a field that is new, or that is left out, need not be a fault.
A lenient reading accepts whatever the schema as written accepts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from .document import REF, Document, mapped

__all__ = ["Missing", "Unknown", "variant"]

Unknown = Literal["keep", "drop", "close"]
"""Fields that are not listed: as written, allowed, or refused in every object that lists any."""
Missing = Literal["keep", "constants", "drop"]
"""Fields that are required: as written, only the constants that tell alternatives apart, none."""

_AS_WRITTEN: Final = "="
_CLOSED: Final = "+"
"""Begin the names of definitions that are needed as they were, or closed; no others have them."""
_UNIONS: Final = ("anyOf", "oneOf")
_IN_PLACE: Final = (*_UNIONS, "allOf", "then", "else", "dependentSchemas")
"""Keywords whose schemas are held against the same value as the schema around them."""


def variant(document: Document, unknown: Unknown, missing: Missing) -> Document:
    """Return a document that reads fields too many and too few in another way."""
    return _Variant(document["$defs"], unknown, missing).run(document)


class _Variant:
    def __init__(self, definitions: Document, unknown: Unknown, missing: Missing) -> None:
        self._definitions = definitions
        self._unknown = unknown
        self._missing = missing
        self._needed: list[str] = []
        """Names of definitions with what begins them, in the order of need."""

    def run(self, document: Document) -> Document:
        root = {key: item for key, item in document.items() if key != "$defs"}
        whole = self._place(root)
        definitions: Document = {}
        for name in self._needed:  # grows meanwhile
            if name.startswith(_AS_WRITTEN):
                definitions[name] = self._untouched(self._definitions[name[1:]])
            elif name.startswith(_CLOSED):
                definitions[name] = self._place(self._definitions[name[1:]])
            else:
                definitions[name] = self._same(self._definitions[name])
        return {**whole, "$defs": definitions}

    def _refer(self, schema: Mapping[str, Any], prefix: str) -> str:
        name = prefix + str(schema["$ref"]).removeprefix(REF)
        if name not in self._needed:
            self._needed.append(name)
        return REF + name

    def _place(self, schema: Any) -> Any:
        """Return the schema of one value: if it lists fields, it may be closed."""
        if self._unknown != "close" or not isinstance(schema, Mapping):
            return self._same(schema)
        own = [schema] if schema.get("properties") else []
        listing = [(keyword, each) for keyword, each in _in_place(schema) if self._lists(each)]
        keywords = {keyword for keyword, _ in listing}
        if not own and not listing:
            return self._same(schema)
        if not listing:
            found = self._same(schema)
            found.setdefault("additionalProperties", False)
            return found
        if not own and len(keywords) == 1 and (len(listing) == 1 or keywords <= {*_UNIONS}):
            # A value is one of these alone, so that each may be closed.
            return self._same(schema, closing=[each for _, each in listing])
        return {"unevaluatedProperties": False, **self._same(schema)}

    def _same(self, schema: Any, closing: Sequence[Any] = ()) -> Any:
        """Return a schema that others are held against the same value with; `closing` are not."""
        if not isinstance(schema, Mapping):
            return schema

        def change(keyword: str, below: Any) -> Any:
            if keyword in ("not", "if", "propertyNames") or (
                keyword == "contains" and "maxContains" in schema
            ):
                return self._untouched(below)  # to accept more there is to accept less here
            if below is False and keyword in ("additionalProperties", "unevaluatedProperties"):
                return self._unknown == "drop"
            if keyword in _IN_PLACE and not any(each is below for each in closing):
                return self._same(below)
            return self._place(below)

        found = mapped(schema, change)
        if "$ref" in schema:
            closed = any(each is schema["$ref"] for each in closing)
            found["$ref"] = self._refer(schema, _CLOSED if closed else "")
        if self._missing != "keep":
            self._require_less(found, schema)
        if "oneOf" in found and (self._unknown == "drop" or self._missing != "keep"):
            # A lenient alternative may fit beside another.
            found["allOf"] = [*found.get("allOf", []), {"anyOf": found.pop("oneOf")}]
        if self._unknown == "close" and schema.get("properties"):
            for keyword in ("additionalProperties", "unevaluatedProperties"):
                if found.get(keyword) in (True, {}):
                    del found[keyword]
        return found

    def _require_less(self, found: Document, schema: Mapping[str, Any]) -> None:
        found.pop("dependentRequired", None)
        kept = [
            name
            for name in found.pop("required", [])
            if self._constant(schema.get("properties", {}).get(name))
        ]
        if kept and self._missing == "constants":
            found["required"] = kept

    def _constant(self, schema: Any) -> bool:
        """Say whether a schema allows one value only."""
        seen: set[str] = set()
        while isinstance(schema, Mapping):
            if "const" in schema or len(schema.get("enum", ())) == 1:
                return True
            name = str(schema.get("$ref", "")).removeprefix(REF)
            if name in self._definitions and name not in seen:
                seen.add(name)
                schema = self._definitions[name]
            elif len(schema.get("allOf", ())) == 1:
                schema = schema["allOf"][0]
            else:
                return False
        return False

    def _lists(self, schema: Any) -> bool:
        """Say whether a schema, or one that the same value is held against, lists fields."""
        todo, seen = [schema], set()
        while todo:
            each = todo.pop()
            if isinstance(each, str):
                each = each.removeprefix(REF)
                if each in seen:
                    continue
                seen.add(each)
                each = self._definitions[each]
            if isinstance(each, Mapping):
                if each.get("properties"):
                    return True
                todo.extend(below for _, below in _in_place(each))
        return False

    def _untouched(self, schema: Any) -> Any:
        """Return a schema as written; what it refers to is kept as written, too."""
        if not isinstance(schema, Mapping):
            return schema
        found = mapped(schema, lambda _, below: self._untouched(below))
        if "$ref" in schema:
            found["$ref"] = self._refer(schema, _AS_WRITTEN)
        return found


def _in_place(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield with its keyword each schema, or reference, that the same value is held against."""
    for keyword in (*_IN_PLACE, "$ref"):
        below = schema.get(keyword, [])
        if keyword == "dependentSchemas" and below:
            below = list(below.values())
        for each in below if isinstance(below, list) else [below]:
            yield keyword, each
