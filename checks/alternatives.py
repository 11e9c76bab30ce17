"""Which alternative of a union was meant: the one whose constants, or required fields, it has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from jsonschema.exceptions import ValidationError, relevance

from ..schemas.mistakes import nearest

__all__ = ["meant"]


def meant(error: ValidationError) -> ValidationError | None:
    """Return what is wrong in the alternative that was meant, or that none has this constant.

    None: `error` is not of a union whose alternatives are told apart by constants, nor does the
    value have all fields that one of them requires. A description says more than the latter.
    """
    found: ValidationError | None = None
    while error.validator in ("anyOf", "oneOf") and error.context:
        branches = list(_branches(error.context))
        fitting = [branch for branch in branches if not any(map(_otherwise, branch))]
        if not fitting:
            return _none(error, branches) or found
        described = isinstance(error.schema, Mapping) and "description" in error.schema
        if len(fitting) > 1 and not described:
            fitting = [branch for branch in fitting if not any(map(_lacking, branch))]
        if len(fitting) != 1 or len(branches) == 1:
            break
        error = found = max(fitting[0], key=relevance)
    return found


def _branches(errors: Iterable[ValidationError]) -> Iterator[Sequence[ValidationError]]:
    """Yield the errors of each alternative."""
    found: dict[Any, list[ValidationError]] = {}
    for error in errors:
        found.setdefault(error.relative_schema_path[0], []).append(error)
    yield from found.values()


def _otherwise(error: ValidationError) -> bool:
    """Say whether a value with this error cannot have been meant for the alternative."""
    if error.relative_path:
        return _constant(error)
    if error.validator in ("anyOf", "oneOf") and error.context:
        return all(any(map(_otherwise, branch)) for branch in _branches(error.context))
    return error.validator == "type"


def _lacking(error: ValidationError) -> bool:
    return error.validator == "required" and not error.relative_path


def _constant(error: ValidationError) -> bool:
    """Say whether a field of the value itself is not the constant that it must be."""
    wanted: Any = error.validator_value
    single = error.validator == "const" or (error.validator == "enum" and len(wanted) == 1)
    return single and len(error.relative_path) == 1


def _wanted(error: ValidationError) -> Any:
    value: Any = error.validator_value
    return value if error.validator == "const" else value[0]


def _none(
    union: ValidationError, branches: Iterable[Sequence[ValidationError]]
) -> ValidationError | None:
    """Return that a field has none of its constants, the nearest first; None: not one field."""
    wrong = [error for branch in branches for error in branch if _constant(error)]
    first = wrong[0] if wrong else None
    if first is None or any(error.relative_path != first.relative_path for error in wrong):
        return None
    wanted: list[Any] = [_wanted(error) for error in wrong]
    words = [each for each in wanted if isinstance(each, str)]
    seen: Any = first.instance
    close = nearest(seen, words) if isinstance(seen, str) else None
    return ValidationError(
        "",
        validator="enum",
        validator_value=sorted(wanted, key=lambda each: each != close),
        instance=seen,
        schema={},
        path=first.relative_path,
        parent=union,
    )
