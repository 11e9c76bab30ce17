"""One event against its JSON Schema, and the one error worth showing."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from jsonschema.exceptions import ValidationError, best_match, relevance

from ..schemas.jsonschemas import EventSchema
from .finding import brief

__all__ = ["Mismatch", "SchemaCheck"]

_CONSIDERED: Final = 50
"""Errors looked at for the best one: a hostile array must not produce a million."""


class Mismatch(NamedTuple):
    """Why an event does not match."""

    path: str
    """JSON Pointer into the event; empty for the event itself."""
    expected: str
    seen: str


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
            return f"one of {brief(wanted, 120)}"
        case _:
            return f"{error.validator} {brief(wanted, 120)}"


def _seen(value: object) -> str:
    if isinstance(value, dict):
        names = ", ".join(brief(name, 30) for name in list(value)[:8])
        more = ", …" if len(value) > 8 else ""
        return f"an object with {names}{more}" if value else "an empty object"
    if isinstance(value, list):
        return f"an array of {len(value)}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return brief(value)


class SchemaCheck:
    """A compiled schema."""

    def __init__(self, schema: EventSchema) -> None:
        self._validator = schema.validator()

    def __call__(self, value: object) -> Mismatch | None:
        """Return the most telling mismatch, or None; never raises on any decoded value."""
        try:
            errors: list[ValidationError] = []
            for error in self._validator.iter_errors(value):
                errors.append(error)
                if len(errors) == _CONSIDERED:
                    break
            if not errors:
                return None
            worst = max(errors, key=relevance)
            if not (isinstance(worst.schema, dict) and "description" in worst.schema):
                worst = best_match([worst]) or worst
        except (RecursionError, ArithmeticError, TypeError, ValueError) as error:
            # A schema's recursion, or its arithmetic on an absurd number, meets its limit.
            return Mismatch("", "a value the schema can be checked on", type(error).__name__)
        path = "".join(
            "/" + str(part).replace("~", "~0").replace("/", "~1") for part in worst.absolute_path
        )
        return Mismatch(path, _expected(worst), _seen(worst.instance))
