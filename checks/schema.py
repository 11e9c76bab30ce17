"""One event against its JSON Schema, and the one error worth showing."""

from __future__ import annotations

import re
from itertools import islice
from typing import Any, Final, NamedTuple

from jsonschema.exceptions import ValidationError, best_match, relevance
from referencing.exceptions import Unresolvable

from ..schemas.event_schema import Aspect, EventSchema
from .alternatives import meant
from .finding import brief

__all__ = ["Mismatch", "SchemaCheck"]

_CONSIDERED: Final = 50
"""Errors looked at for the best one: a hostile array must not produce a million."""
_NAMED: Final = 8
"""Values of an `enum`, or members of an object, that a message names."""
_CHECKABLE: Final = "a value the schema can be checked on"


class Mismatch(NamedTuple):
    """Why an event does not match."""

    path: str
    """JSON Pointer into the event; empty for the event itself."""
    expected: str
    seen: str
    code: Aspect = "event.schema"


def _expected(error: ValidationError) -> str:
    """Return what the schema wants; its own `description` says it best for a union."""
    schema: Any = error.schema
    if error.validator in ("anyOf", "oneOf", "not", "if") or schema is False:
        described = schema.get("description") if isinstance(schema, dict) else None
        return str(described) if described else "one of the alternatives the schema lists"
    wanted: Any = error.validator_value
    instance: Any = error.instance
    match error.validator:
        case "type":
            return " or ".join(wanted) if isinstance(wanted, list) else str(wanted)
        case "required":
            missing = [name for name in wanted if name not in instance]
            return f"{', '.join(map(repr, missing[:5]))} to be present"
        case "const":
            return brief(wanted)
        case "enum":
            words = ", ".join(brief(each, 30) for each in wanted[:_NAMED])
            return f"one of {words}{', …' if len(wanted) > _NAMED else ''}"
        case "additionalProperties" | "unevaluatedProperties" if wanted is False:
            return "no fields but those of the schema"
        case _:
            return f"{error.validator} {brief(wanted, 120)}"


def _seen(value: object) -> str:
    if isinstance(value, dict):
        names = ", ".join(brief(name, 30) for name in list(value)[:_NAMED])
        more = ", …" if len(value) > _NAMED else ""
        return f"an object with {names}{more}" if value else "an empty object"
    if isinstance(value, list):
        return f"an array of {len(value)}"
    return brief(value)


class SchemaCheck:
    """A schema made ready: what the compiled check does not accept, the reference decides."""

    def __init__(self, schema: EventSchema) -> None:
        self._schema = schema
        self._accepts = schema.accepts

    def __call__(self, value: object) -> tuple[Mismatch, ...]:
        """Return the most telling mismatch of each kind; none raises on any decoded value.

        A value that is wrong otherwise is not told its missing and unknown fields, too.
        """
        if self._accepts is not None:
            try:
                if self._accepts(value):
                    return ()
            except ValueError:
                pass  # it holds something that JSON has not, from another codec
        worst = _worst(self._schema, value, "event.schema")
        if worst is None:
            return ()
        if worst.expected == _CHECKABLE:
            return (worst,)
        found: list[Mismatch] = []
        for code, part in self._schema.aspects:
            mismatch = _worst(part, value, code)
            if mismatch is not None:
                if mismatch.code == "event.schema":
                    return (mismatch,)
                found.append(mismatch)
        return tuple(found) or (worst,)


_KINDS: Final[dict[Aspect, tuple[str, ...]]] = {
    "event.schema": (),
    "event.missing_field": ("required", "dependentRequired"),
    "event.unknown_field": ("additionalProperties", "unevaluatedProperties"),
}


def _only(errors: list[ValidationError], kinds: tuple[str, ...]) -> ValidationError | None:
    """Return an error of these kinds, in a union one of an alternative that has no others."""
    for error in errors:
        if error.validator in kinds:
            return error
        branches: dict[Any, list[ValidationError]] = {}
        for below in error.context or ():
            branches.setdefault(below.relative_schema_path[0], []).append(below)
        for branch in branches.values():
            found = [_only([each], kinds) for each in branch]
            if all(found):
                return found[0]
    return None


def _worst(schema: EventSchema, value: object, code: Aspect) -> Mismatch | None:
    try:
        errors = list(islice(schema.errors(value), _CONSIDERED))
        if not errors:
            return None
        worst = max(errors, key=relevance)
        alternative = meant(worst)
        if alternative is not None:
            worst = alternative
            if worst.validator not in _KINDS[code]:  # it lacks only what it was not meant to have
                code = "event.schema"
        elif not (isinstance(worst.schema, dict) and "description" in worst.schema):
            worst = _only(errors, _KINDS[code]) or best_match([worst]) or worst
    except (RecursionError, ArithmeticError, TypeError, ValueError, Unresolvable) as error:
        # A schema's recursion, or its arithmetic on an absurd number, meets its limit.
        return Mismatch("", _CHECKABLE, type(error).__name__, code)
    path = "".join(
        "/" + str(part).replace("~", "~0").replace("/", "~1") for part in worst.absolute_path
    )
    return Mismatch(path, _expected(worst), _unexpected(worst) or _seen(worst.instance), code)


def _unexpected(error: ValidationError) -> str | None:
    """Return the fields that should not be there, as jsonschema names them in its message."""
    if error.validator not in ("additionalProperties", "unevaluatedProperties"):
        return None
    named = re.search(r"\((.*) (?:was|were) unexpected\)\Z", error.message, re.DOTALL)
    return None if named is None else named[1] if len(named[1]) <= 120 else named[1][:119] + "…"
