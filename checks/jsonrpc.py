"""JSON-RPC 2.0: a message is one object, or a batch of them in an array."""

from __future__ import annotations

from collections.abc import Iterator

from .undecodable import Undecodable

__all__ = ["from_jsonrpc"]

_KINDS = {str: "a string", bool: "a boolean", type(None): "null", list: "an array"}


def from_jsonrpc(value: object) -> Iterator[object]:
    """Yield the objects of a decoded JSON text; what is no object comes out as `Undecodable`."""
    if isinstance(value, list):
        if not value:
            yield Undecodable("not JSON-RPC: a batch of nothing")
        for item in value:
            yield _member(item, "a batch with ")
    else:
        yield _member(value, "")


def _member(value: object, where: str) -> object:
    if isinstance(value, dict | Undecodable):
        return value
    kind = _KINDS.get(type(value), "a number")
    return Undecodable(f"not JSON-RPC: {where}{kind} where an object is expected")
