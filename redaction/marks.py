"""What stands in a secret's place: a keyed digest, which tells equal secrets and nothing else."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Iterable
from typing import Protocol

__all__ = [
    "PREFIX",
    "Digest",
    "Marker",
    "holds_mark",
    "is_mark",
    "may_be_one",
    "replace_spans",
    "without_marks",
]

PREFIX = "redacted:"
_MARK = re.compile(r"redacted:[0-9a-f]{16}")


class Digest(Protocol):
    """A hash that takes its input piece by piece."""

    def update(self, data: bytes | bytearray, /) -> None:
        """Take a piece."""

    def hexdigest(self) -> str:
        """Return the hash of all of it."""


class Marker:
    """Makes marks under one key, HMAC-SHA-256 cut to 64 bits.

    Without a key, whoever has the file could try every PIN or password of a list.
    """

    __slots__ = ("_fresh",)

    def __init__(self, key: bytes | None = None) -> None:
        """`key`: 32 bytes or more; None takes a random one, which is never stored."""
        self._fresh = hmac.new(key or secrets.token_bytes(32), digestmod="sha256")

    def digest(self) -> Digest:
        """Return a new keyed digest, for data that comes in pieces."""
        return self._fresh.copy()

    def whole(self, data: bytes | bytearray) -> str:
        """Return the keyed digest of an original that is not stored: 128 bits."""
        digest = self._fresh.copy()
        digest.update(data)
        return digest.hexdigest()[:32]

    def __call__(self, value: str) -> str:
        """Return the mark of a secret; empty for an empty one, and a mark stays what it is."""
        if not value or is_mark(value):
            return value
        return f"{PREFIX}{self.whole(value.encode('utf-8', 'surrogatepass'))[:16]}"


def is_mark(value: str) -> bool:
    """Whether a value has been replaced before."""
    return _MARK.fullmatch(value) is not None


def holds_mark(text: str) -> bool:
    """Whether something in a text has been replaced."""
    return _MARK.search(text) is not None


def without_marks(text: str) -> str:
    """Return a text that is the same under any key."""
    return _MARK.sub(PREFIX, text) if PREFIX in text else text


def may_be_one(left: object, right: object) -> bool:
    """Say whether two values, one of which at least holds marks, may have been the same one.

    A mark may stand for anything: under another key, or beside the secret, it tells nothing.
    """
    if isinstance(left, str) and isinstance(right, str):
        if PREFIX not in left and PREFIX not in right:
            return False
        return _covers(_MARK.split(left), right) or _covers(_MARK.split(right), left)
    return any(isinstance(each, str) and is_mark(each) for each in (left, right))


def _covers(pieces: list[str], text: str) -> bool:
    """Say whether a text has these pieces in this order, and something or nothing between them."""
    if len(pieces) == 1:
        return text == pieces[0]
    first, *middle, last = pieces
    place, end = len(first), len(text) - len(last)
    if place > end or not (text.startswith(first) and text.endswith(last)):
        return False
    for each in middle:
        found = text.find(each, place, end)
        if found < 0:
            return False
        place = found + len(each)
    return True


def replace_spans(text: str, spans: Iterable[tuple[int, int]], mark: Marker) -> str:
    """Return the text with a mark in the place of each span; those that overlap become one."""
    out: list[str] = []
    done = 0
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if start >= end:
            continue
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    for start, end in merged:
        out += text[done:start], mark(text[start:end])
        done = end
    return "".join((*out, text[done:]))
