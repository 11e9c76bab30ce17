"""Messages of Jupyter kernels: JSON in text, `v1.kernel.websocket.jupyter.org` in binary.

In binary a message is its parts, one behind the other: channel, header,
parent header, metadata, content, then buffers. Before them stands a table:
how many offsets, and the offsets, from where the channel begins to where the
last part ends; all are unsigned, of 8 bytes, little-endian.
"""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import Final

from .undecodable import JsonReader, Undecodable

__all__ = ["from_jupyter"]

_PARTS: Final = ("header", "parent_header", "metadata", "content")
_LEAST: Final = 2 + len(_PARTS)
"""Offsets of a message without buffers: where each part begins, and the end."""


def from_jupyter(data: str | bytes, read: JsonReader) -> object:
    """Return a message as an object, `buffers` counted, or `Undecodable`; never raises."""
    if isinstance(data, str):
        return read(data)
    offsets = _offsets(data)
    if isinstance(offsets, str):
        return Undecodable(f"not v1.kernel.websocket.jupyter.org: {offsets}")
    parts = [data[start:end] for start, end in pairwise(offsets)]
    found: dict[str, object] = {}
    try:
        found["channel"] = parts[0].decode("utf-8")
        for name, part in zip(_PARTS, parts[1:], strict=False):
            value = read(part.decode("utf-8"))
            if isinstance(value, Undecodable):
                return Undecodable(f"{name} of a Jupyter message: {value.reason}")
            if not isinstance(value, dict):
                return Undecodable(f"{name} of a Jupyter message: not an object")
            found[name] = value
    except UnicodeDecodeError:
        return Undecodable("a part of a Jupyter message that is not valid UTF-8")
    return found | {"buffers": len(parts) - 1 - len(_PARTS)}


def _offsets(data: bytes) -> tuple[int, ...] | str:
    """Return the table of offsets, or what is wrong with it."""
    if len(data) < 8:
        return f"{len(data)} bytes, no number of offsets"
    (count,) = struct.unpack_from("<Q", data)
    if not _LEAST <= count <= len(data) // 8 - 1:
        return f"{count} offsets in {len(data)} bytes"
    offsets = struct.unpack_from(f"<{count}Q", data, 8)
    if offsets[0] != 8 * (1 + count):
        return f"the channel at {offsets[0]}, not behind the offsets"
    if any(left > right for left, right in pairwise(offsets)) or offsets[-1] != len(data):
        return "offsets that do not rise to the message's end"
    return offsets
