"""Plain values as a file has them: what they must look like before anything is done with them."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgpack  # type: ignore[import-untyped]  # it ships no types

__all__ = ["Maybe", "Size", "pack", "unpack"]

_MOST_VALUES = 1 << 14
"""Of an array: more than there are headers in any request."""


class Maybe(NamedTuple):
    """None, or this shape."""

    shape: Any


class Size:
    """An integer, not negative."""


def pack(value: object) -> bytes:
    """Return a value as MessagePack; bytes that were no UTF-8 stay what they are."""
    packed: bytes = msgpack.packb(value, unicode_errors="surrogateescape")
    return packed


def unpack(data: bytes, shape: Any) -> Any:
    """Return what was packed; nested arrays that claim many values each are refused.

    Args:
        data: what `pack` has made, if nobody else has.
        shape: a type; `Size`; a `Maybe`; a list of one shape, for any number of values; or a
            tuple of shapes, for as many values.

    Raises:
        ValueError: it is of another shape.
        msgpack.UnpackException: it is no MessagePack; so may be a `ValueError`.
    """
    value = msgpack.unpackb(
        data, unicode_errors="surrogateescape", max_array_len=_MOST_VALUES, max_map_len=0
    )
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
