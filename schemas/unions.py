"""A union of events taken apart by the constant that tells its alternatives apart.

Held against a union of forty alternatives, an event that fits none is told forty errors. Held
against the one that has its name, it is told what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .document import REF, Document

__all__ = ["UnionError", "alternatives", "reachable"]

_UNIONS: Final = ("anyOf", "oneOf")
_WRAPPING: Final = frozenset({"title", "description", "$schema", "$defs", "default", "nullable"})
"""Keywords that say nothing about a value, beside a union or a reference."""
MAX_ALTERNATIVES: Final = 2_000


class UnionError(ValueError):
    """A union that cannot be taken apart, in one line."""


def alternatives(
    document: Document, tokens: tuple[str, ...], alias: Mapping[str, str]
) -> dict[str, Document]:
    """Return for each name the schema of the events that have it.

    The name is the constant, or each of the words of an `enum`, at `tokens` in the event, or what
    `alias` says it stands for. Alternatives of the same name become an `anyOf`.

    Raises:
        UnionError: an alternative without such a constant, or too many of them.
    """
    found: dict[str, list[Any]] = {}
    for names, schema in _leaves(document, tokens):
        for name in names:
            found.setdefault(alias.get(name, name), []).append(schema)
    if not found:
        raise UnionError("there is nothing to take apart: it refers to itself alone")
    return {
        name: reachable(schemas[0] if len(schemas) == 1 else {"anyOf": schemas}, document)
        for name, schemas in found.items()
    }


def reachable(schema: Any, document: Document) -> Document:
    """Return `schema` as a document of its own, with what it needs of `document`'s `$defs`."""
    definitions, needed, todo = document["$defs"], {}, [schema]
    while todo:
        value = todo.pop()
        if isinstance(value, Mapping):
            name = str(value.get("$ref", "")).removeprefix(REF)
            if name in definitions and name not in needed:
                needed[name] = definitions[name]
                todo.append(definitions[name])
            todo.extend(value.values())
        elif isinstance(value, list):
            todo.extend(value)
    whole = schema if isinstance(schema, Mapping) else {"allOf": [schema]}
    ordered = {name: needed[name] for name in definitions if name in needed}
    return {"$schema": document["$schema"], **whole, "$defs": ordered}


def _leaves(document: Document, tokens: tuple[str, ...]) -> Iterator[tuple[list[str], Any]]:
    """Yield each alternative in the order written, with the names its events have."""
    definitions = document["$defs"]
    root = {key: item for key, item in document.items() if key not in ("$schema", "$defs")}
    todo: list[tuple[str, Any, tuple[Any, ...]]] = [("the schema", root, ())]
    seen: set[str] = set()
    while todo:
        where, schema, beside = todo.pop()
        names = _constants(schema, tokens, definitions)
        if names:
            yield names, {"allOf": [*beside, schema]} if beside else schema
            continue
        schema = _unwrapped(schema)
        if isinstance(schema, str):
            if schema not in seen:
                seen.add(schema)
                named = where if len(seen) == 1 else f"alternative {schema!r}"
                todo.append((named, definitions[schema], beside))
            continue
        union = next((word for word in _UNIONS if word in schema), None)
        if union is None or len(todo) > MAX_ALTERNATIVES:
            pointer = "".join(f"/{token}" for token in tokens)
            raise UnionError(
                f"{where} has no constant at {pointer or 'its top'}, so nothing says which "
                "event it is"
            )
        rest = {key: item for key, item in schema.items() if key != union}
        beside = (*beside, rest) if rest.keys() - _WRAPPING else beside
        below = [
            (f"alternative {number} of {where}", each, beside)
            for number, each in enumerate(schema[union], 1)
        ]
        todo.extend(reversed(below))


def _unwrapped(schema: Any) -> Mapping[str, Any] | str:
    """Return a schema without what says nothing, or the name of what it merely refers to."""
    while isinstance(schema, Mapping):
        bare = schema.keys() - _WRAPPING
        if bare == {"$ref"}:
            return str(schema["$ref"]).removeprefix(REF)
        if bare != {"allOf"} or len(schema["allOf"]) != 1:
            return schema
        schema = schema["allOf"][0]
    return {}


def _constants(schema: Any, tokens: tuple[str, ...], definitions: Document) -> list[str]:
    """Return the words that the value at `tokens` must be one of; none: it may be any."""
    here = [schema]
    for token in tokens:
        here = [
            part["properties"][token]
            for part in _parts(here, definitions)
            if token in part.get("properties", {})
        ]
    for part in _parts(here, definitions):
        values = [part["const"]] if "const" in part else part.get("enum", [])
        words = [str(each) for each in values if isinstance(each, str) or type(each) is int]
        if words and len(words) == len(values):
            return list(dict.fromkeys(words))
    return []


def _parts(schemas: list[Any], definitions: Document) -> Iterator[Mapping[str, Any]]:
    """Yield the schemas that a value must all match: themselves, what they refer to, `allOf`."""
    todo, seen = list(schemas), set()
    while todo:
        schema = todo.pop(0)
        if not isinstance(schema, Mapping) or id(schema) in seen:
            continue
        seen.add(id(schema))
        yield schema
        if isinstance(schema.get("$ref"), str):
            todo.append(definitions[schema["$ref"].removeprefix(REF)])
        todo.extend(schema.get("allOf", ()))
