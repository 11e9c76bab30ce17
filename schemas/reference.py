"""jsonschema as the reference that decides and words what the compiled check does not accept.

Three of its keywords could take for ever on a hostile value: patterns, which Python's `re`
matches in exponential time, and `uniqueItems`, which compares each item with each other. They are
replaced here by ones that say the same in linear time; and all keywords together have a budget.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from jsonschema import validators
from jsonschema.exceptions import ValidationError

from .patterns import search

__all__ = ["BudgetError", "reference_errors"]

_STEPS: Final = 25_000
_STEPS_A_VALUE: Final = 50

Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError]]


class BudgetError(ValueError):
    """A value on which a schema causes more checks than is sane."""


class _Budget:
    """What one check may still do, in evaluated keywords."""

    def __init__(self) -> None:
        self.left = 0

    def begin(self, value: object) -> None:
        self.left = _STEPS + _STEPS_A_VALUE * _values(value)

    def counted(self, keyword: Keyword) -> Keyword:
        def count(
            validator: Any, wanted: Any, instance: Any, schema: Any
        ) -> Iterator[ValidationError]:
            self.left -= 1
            if self.left < 0:
                raise BudgetError("too many checks")
            return keyword(validator, wanted, instance, schema) or iter(())

        return count


def reference_errors(kind: Any, schema: Any, registry: Any) -> Callable[[object], Iterator[Any]]:
    """Return what yields the errors of a value, lazily, as jsonschema words them.

    It raises BudgetError, RecursionError or ArithmeticError on a value for which there is no end.

    Args:
        kind: the validator class of a draft.
        schema: the schema itself.
        registry: what `$ref` may lead to; nothing else is looked for.
    """
    budget = _Budget()
    keywords = {**kind.VALIDATORS, **{k: v for k, v in _OURS.items() if k in kind.VALIDATORS}}
    extend: Any = validators.extend
    bounded = extend(kind, {name: budget.counted(each) for name, each in keywords.items()})
    validator = bounded(schema, registry=registry)

    def errors(value: object) -> Iterator[Any]:
        budget.begin(value)
        yield from validator.iter_errors(value)

    return errors


def _values(value: object) -> int:
    """Return how many values there are in a value, without recursion."""
    count, todo = 0, [value]
    while todo:
        item = todo.pop()
        count += 1
        if isinstance(item, dict):
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
    return count


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "string") and not search(pattern)(instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Any, patterns: Mapping[str, Any], instance: Any, schema: Any
) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    for pattern, below in patterns.items():
        matches = search(pattern)
        for name, item in instance.items():
            if matches(name):
                yield from validator.descend(item, below, path=name, schema_path=pattern)


def _additional_properties(
    validator: Any, wanted: Any, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    named = schema.get("properties", {})
    patterns = [search(pattern) for pattern in schema.get("patternProperties", {})]
    extra = [
        name
        for name in instance
        if name not in named and not any(matches(name) for matches in patterns)
    ]
    if validator.is_type(wanted, "object"):
        for name in extra:
            yield from validator.descend(instance[name], wanted, path=name)
    elif not wanted and extra:
        names = ", ".join(map(repr, extra[:5]))
        be = "was" if len(extra) == 1 else "were"
        yield ValidationError(f"Additional properties are not allowed ({names} {be} unexpected)")


def _unique_items(
    validator: Any, wanted: Any, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    if wanted and validator.is_type(instance, "array"):
        seen = {_frozen(item) for item in instance}
        if len(seen) != len(instance):
            yield ValidationError("the items are not unique")


def _frozen(value: Any) -> object:
    """Return what is equal for equal JSON values: 1 is 1.0, but true is not 1."""
    if isinstance(value, bool):
        return "bool", value
    if isinstance(value, dict):
        return "object", frozenset((key, _frozen(item)) for key, item in value.items())
    if isinstance(value, list):
        return "array", tuple(map(_frozen, value))
    return value


_OURS: Final[Mapping[str, Keyword]] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
}
