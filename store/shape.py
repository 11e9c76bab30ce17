"""What values that come out of a file must look like, before anything is done with them."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Maybe", "Size", "require"]


class Maybe(NamedTuple):
    """None, or this shape."""

    shape: Any


class Size:
    """An integer, not negative."""


def require(value: object, shape: Any) -> Any:
    """Return the value.

    Args:
        value: what MessagePack makes.
        shape: a type; `Size`; a `Maybe`; a list of one shape, for any number of values; or a
            tuple of shapes, for as many values.

    Raises:
        ValueError: it is of another shape.
    """
    if not _fits(value, shape):
        raise ValueError("a value in it is none that a recorder writes")
    return value


def _fits(value: object, shape: Any) -> bool:
    if shape is Size:
        return value.__class__ is int and value >= 0
    if isinstance(shape, Maybe):
        return value is None or _fits(value, shape.shape)
    if isinstance(shape, list):
        return isinstance(value, list) and all(_fits(each, shape[0]) for each in value)
    if isinstance(shape, tuple):
        return (
            isinstance(value, list) and len(value) == len(shape) and all(map(_fits, value, shape))
        )
    return value.__class__ is shape
