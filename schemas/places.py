"""Where a JSON Schema holds other schemas, and what checking it comes to, at most.

A schema that refers to itself without going deeper into the value would be checked for ever, and
a few lines can multiply to more checks than any machine makes: both are told by looking at it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from referencing import Specification
from referencing.exceptions import Unresolvable

__all__ = ["MAX_CHECKS", "Growth", "GrowthError", "schemas_in"]

MAX_CHECKS: Final = 20_000
"""Schemas that one value may have to be held against, references followed."""

_DATA: Final = frozenset({"const", "enum", "default", "examples"})
"""Keywords that hold values, whatever these look like."""
_NAMED: Final = frozenset(
    {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"}
)
"""Keywords whose keys are names and whose values are schemas."""
_SAME_VALUE: Final = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "extends"})
"""Keywords whose schemas are held against the very value that the schema itself is."""
_SAME_VALUE_NAMED: Final = frozenset({"dependentSchemas", "dependencies"})
_ELSEWHERE: Final = frozenset({"$defs", "definitions"})
_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")


class GrowthError(ValueError):
    """A schema that cannot be checked in bounded time."""


def schemas_in(schema: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every object that may be a schema in `schema`, itself included, without recursion.

    Before it comes the JSON Pointer that leads there.
    """
    todo: list[tuple[str, object]] = [("", schema)]
    while todo:
        path, value = todo.pop()
        if isinstance(value, list):
            todo.extend((f"{path}/{index}", item) for index, item in enumerate(value))
        elif isinstance(value, dict):
            yield path, value
            for key, item in value.items():
                below = f"{path}/{_token(key)}"
                if key in _NAMED and isinstance(item, dict):
                    todo.extend((f"{below}/{_token(name)}", each) for name, each in item.items())
                elif key not in _DATA:
                    todo.append((below, item))


def _token(key: object) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")


class _Below(NamedTuple):
    schema: dict[str, Any]
    resolver: Any
    same: bool
    """Held against the same value, not against a part of it."""


class Growth:
    """Counts, for schemas that refer to one another, the checks that one value can cause.

    They are known by identity: they must outlive this object.
    """

    def __init__(self, specification: Specification[Any]) -> None:
        self._specification = specification
        self._here: dict[int, int] = {}
        self._whole: dict[int, int] = {}

    def measure(self, schema: object, resolver: Any) -> int | None:
        """Return the number of checks, references followed; None: it has no bound but the value's.

        Raises:
            GrowthError: one value alone would be checked for ever, or too often.
        """
        if not isinstance(schema, dict):
            return 1
        self._each_place(schema, resolver)
        return self._count(schema, resolver, self._whole, lambda below: True)

    def _each_place(self, schema: dict[str, Any], resolver: Any) -> None:
        """Look at every schema that can be reached, for what it comes to at one value."""
        todo = [_Below(schema, resolver, True)]
        seen: set[int] = set()
        while todo:
            place = todo.pop()
            if id(place.schema) in seen:
                continue
            seen.add(id(place.schema))
            count = self._count(place.schema, place.resolver, self._here, lambda below: below.same)
            if count is None:
                raise GrowthError("it refers to itself without going deeper into the value")
            if count > MAX_CHECKS:
                raise GrowthError(
                    f"one value would be held against more than {MAX_CHECKS:,} schemas"
                )
            todo.extend(self._below(place.schema, place.resolver))

    def _count(
        self,
        schema: dict[str, Any],
        resolver: Any,
        known: dict[int, int],
        counts: Callable[[_Below], bool],
    ) -> int | None:
        """Return the schemas of a tree whose references are written out; None: it has no end."""
        pending: set[int] = set()
        stack = [(schema, resolver, False)]
        while stack:
            schema, resolver, ready = stack.pop()
            if id(schema) in known:
                continue
            below = [each for each in self._below(schema, resolver) if counts(each)]
            if ready:
                pending.discard(id(schema))
                known[id(schema)] = 1 + sum(known[id(each.schema)] for each in below)
                continue
            pending.add(id(schema))
            stack.append((schema, resolver, True))
            for each in below:
                if id(each.schema) in pending:
                    return None
                stack.append((each.schema, each.resolver, False))
        return known[id(schema)]

    def _below(self, schema: dict[str, Any], resolver: Any) -> Iterator[_Below]:
        for keyword in _REFERENCES:
            reference = schema.get(keyword)
            if isinstance(reference, str):
                try:
                    found = resolver.lookup(reference)
                except Unresolvable:
                    continue
                if isinstance(found.contents, dict):
                    yield _Below(found.contents, found.resolver, True)
        for keyword, item in schema.items():
            if keyword in _DATA or keyword in _ELSEWHERE:
                continue
            same = keyword in _SAME_VALUE or keyword in _SAME_VALUE_NAMED
            items = [item]
            if isinstance(item, list):
                items = item
            elif keyword in _NAMED and isinstance(item, dict):
                items = list(item.values())
            for each in items:
                if isinstance(each, dict):
                    resource = self._specification.create_resource(each)
                    yield _Below(each, resolver.in_subresource(resource), same)
