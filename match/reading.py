"""JSON in what a peer says, where no contract tells how to read it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from ..checks.decode import Decoder
from ..checks.undecodable import Undecodable
from ..schemas.model import Decode

__all__ = [
    "MAX_READ",
    "MAX_VALUES",
    "event_name",
    "is_lines",
    "is_vast",
    "leaves",
    "pointer",
    "read_json",
]

MAX_READ: Final = 8 << 20
"""Characters or bytes of a message that is read; one beyond is compared as the text it is."""
MAX_VALUES: Final = 250_000
"""The same of what parts the values in it: read, `[{},{}...]` takes fifty times its size, and to
compare so many takes a second, in which nothing else is played."""
_PARTING: Final = (",", ":", "[")
"""There is one of these for each value, at least, but the first."""

_READ: Final = Decoder(Decode())
_READ_LINES: Final = Decoder(Decode("ndjson"))
_PREFIX: Final = re.compile(r"[^\[{\"]{0,200}(?=[\[{])")

_NAMES: Final = ("method", "event", "type", "op", "action", "msg_type", "command", "cmd", "kind")
"""Where an event's name usually is; the first that is a word counts."""


def is_vast(data: str | bytes) -> bool:
    """Say whether a message is too long to be read, or may hold too many values."""
    if len(data) <= MAX_VALUES:
        return False
    if len(data) > MAX_READ:
        return True
    if isinstance(data, str):
        return sum(map(data.count, _PARTING)) > MAX_VALUES
    return sum(data.count(each.encode()) for each in _PARTING) > MAX_VALUES


def read_json(data: str | bytes) -> tuple[str, object] | None:
    """Return what stands before an object or a list, and that; None: it is no such thing.

    What `is_vast` is none.
    """
    if is_vast(data):
        return None
    if isinstance(data, bytes):
        try:
            data = data.decode("utf-8")
        except UnicodeDecodeError:
            return None
    prefix = _PREFIX.match(data)
    if prefix is None:
        return None
    stripped = prefix[0].strip(" \t\r\n")
    (value,) = _READ(data[prefix.end() :] if stripped else data)
    return None if isinstance(value, Undecodable) else (stripped, value)


def is_lines(text: str) -> bool:
    """Say whether a text is several JSON texts: a line each, or with SignalR's sign behind each."""
    if is_vast(text):
        return False
    found = _READ_LINES(text.replace("\x1e", "\n"))
    return bool(found) and not any(isinstance(each, Undecodable) for each in found)


def event_name(value: object) -> str | None:
    """Return the name of an event from where it usually is; None: there is none.

    Of an object the member `method`, `event`, `type` and so on, of a kernel message
    `/header/msg_type`, else its only member's name; of a list the first item, and of a Phoenix
    message the fourth.
    """
    if isinstance(value, list):
        if len(value) == 5 and isinstance(value[2], str) and isinstance(value[3], str):
            return value[3]
        return value[0] if value and isinstance(value[0], str) else None
    if not isinstance(value, Mapping):
        return None
    header = value.get("header")
    if isinstance(header, Mapping) and isinstance(header.get("msg_type"), str):
        return str(header["msg_type"])
    for name in _NAMES:
        found = value.get(name)
        if isinstance(found, str) and found:
            return found
        if type(found) is int:  # some protocols number their events
            return str(found)
    if "id" in value and ("result" in value or "error" in value):
        return "response"
    return next(iter(value)) if len(value) == 1 else None


def leaves(value: object) -> Iterator[tuple[str, object]]:
    """Yield each value that is no object and no list, with its pointer, in order."""
    todo: list[tuple[tuple[str, ...], object]] = [((), value)]
    while todo:
        path, item = todo.pop()
        if isinstance(item, Mapping):
            todo.extend(reversed([((*path, key), each) for key, each in item.items()]))
        elif isinstance(item, list):
            todo.extend(reversed([((*path, str(i)), each) for i, each in enumerate(item)]))
        else:
            yield pointer(path), item


def pointer(path: tuple[str, ...]) -> str:
    """Return tokens as a JSON Pointer."""
    return "".join("/" + each.replace("~", "~0").replace("/", "~1") for each in path)
