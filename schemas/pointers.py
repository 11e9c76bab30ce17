"""JSON Pointers (RFC 6901), with `*` for every member where a contract allows it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["ABSENT", "AsJson", "Pointer"]


class _Absent:
    """What a pointer that does not resolve gives: unlike None, it is not a JSON value."""


ABSENT: Final = _Absent()


@dataclass(frozen=True, slots=True)
class Pointer:
    """A parsed pointer; `str` gives the text it was read from."""

    text: str
    tokens: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Pointer:
        """Return the pointer; raises ValueError when `text` is not one."""
        if text and not text.startswith("/"):
            raise ValueError(f"{text!r} is not a JSON Pointer: it must start with '/'")
        tokens = text.split("/")[1:]
        for token in tokens:
            if "~" in token.replace("~0", "").replace("~1", ""):
                raise ValueError(f"{text!r} is not a JSON Pointer: '~' must be '~0' or '~1'")
        return cls(text, tuple(t.replace("~1", "/").replace("~0", "~") for t in tokens))

    def __str__(self) -> str:
        return self.text

    def get(self, value: object) -> object:
        """Return what the pointer leads to in `value`, or ABSENT; never raises."""
        for token in self.tokens:
            if value.__class__ is dict or isinstance(value, Mapping):
                if token not in value:
                    return ABSENT
                value = value[token]
            elif isinstance(value, list):
                if not (token.isascii() and token.isdecimal() and len(token) <= 9):
                    return ABSENT
                index = int(token)
                if index >= len(value) or (len(token) > 1 and token[0] == "0"):
                    return ABSENT
                value = value[index]
            else:
                return ABSENT
        return value

    def each(self, value: object) -> Iterator[tuple[str | None, object]]:
        """Yield everything the pointer leads to, `*` standing for each member in order.

        Each comes with its key; an item of a list with the key of the list, None where there
        is none.
        """
        yield from _walk(value, self.tokens, None)


@dataclass(frozen=True, slots=True)
class AsJson:
    """What a pointer leads to as JSON text, so that an array or an object can be a field."""

    pointer: Pointer

    def get(self, value: object) -> object:
        """Return the text, keys sorted; None and ABSENT as they are.

        What JSON lacks, the bytes and times of msgpack, is in it as Python writes it.
        """
        found = self.pointer.get(value)
        if found is None or found is ABSENT:
            return found
        return json.dumps(
            found, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=repr
        )


def _walk(
    value: object, tokens: tuple[str, ...], name: str | None
) -> Iterator[tuple[str | None, object]]:
    star = tokens.index("*") if "*" in tokens else len(tokens)
    holder = Pointer("", tokens[:star]).get(value)
    if star:
        name = tokens[star - 1]
    if star == len(tokens):
        if holder is not ABSENT:
            yield name, holder
    elif isinstance(holder, Mapping):
        for key, member in holder.items():
            yield from _walk(member, tokens[star + 1 :], key)
    elif isinstance(holder, list):
        for member in holder:
            yield from _walk(member, tokens[star + 1 :], name)
