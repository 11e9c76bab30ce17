"""Ids put in the place of others in a text, which otherwise stays as it is.

One pass over the original: what was put in is not looked at again. It takes as long as the text
is, however many ids there are: at each place where one may begin it is looked up by its length.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

__all__ = ["Lookup", "Outline", "in_json", "in_text", "members"]

Lookup = Callable[[str], str | None]
"""What stands for an id; None: nothing."""

_TOKEN: Final = re.compile(
    r'"((?:[^"\\]+|\\.)*+)"(?:(\s*:)(?:(\s*)(-?[0-9]{1,18})(?=\s*[,}\]]))?)?', re.DOTALL
)
"""A JSON string, and, where it names a member that is a whole number, the number."""
_BEGIN: Final = r"(?:(?<![A-Za-z0-9][\s\S])|(?<=\\[bfnrt][\s\S])|(?<=\\u[0-9a-fA-F]{4}[\s\S]))"
"""No letter or digit stands before the character before this place, but for those of an escape:
JSON may be in JSON."""
_PREFIX: Final = re.compile(r"[^\[{\"]*")


class Outline:
    """How long some ids are, and with which characters they begin: where to look for them."""

    __slots__ = ("_beginnings", "_pattern", "lengths")

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self.lengths: tuple[int, ...] = ()
        """The longest first."""
        self._beginnings: tuple[set[str], ...] = (set(), set(), set())
        self._pattern: re.Pattern[str] | None = None
        for each in ids:
            self.add(each)

    def add(self, new: str) -> None:
        """Add an id of three characters or more."""
        if len(new) not in self.lengths:
            self.lengths = tuple(sorted((*self.lengths, len(new)), reverse=True))
        for begin, each in zip(self._beginnings, new, strict=False):
            if each not in begin:
                begin.add(each)
                self._pattern = None

    def __or__(self, other: Outline) -> Outline:
        """Return the outline of the ids of both."""
        both = Outline()
        both.lengths = tuple(sorted({*self.lengths, *other.lengths}, reverse=True))
        pairs = zip(self._beginnings, other._beginnings, strict=True)
        first, second, third = (ours | theirs for ours, theirs in pairs)
        both._beginnings = (first, second, third)
        return both

    def places(self, text: str) -> Iterator[int]:
        """Yield where in a text one of them may begin."""
        if not self.lengths or len(text) < self.lengths[-1]:
            return
        if self._pattern is None:
            first, second, third = (
                f"[{re.escape(''.join(sorted(each)))}]" for each in self._beginnings
            )
            self._pattern = re.compile(f"{first}{_BEGIN}(?={second}{third})")
        for found in self._pattern.finditer(text):
            yield found.start()


def members(text: str) -> Iterator[str | tuple[str, int]]:
    """Yield the strings in a JSON text, and the names of members that are whole numbers, with them.

    Names of other members are among the strings.
    """
    for found in _TOKEN.finditer(text):
        inner, _, _, digits = found.groups()
        yield _unescaped(inner) if digits is None else (_unescaped(inner), int(digits))


def in_text(text: str, outline: Outline, lookup: Lookup) -> str:
    """Replace ids, the longest that fits at a place, that are no part of a longer word."""
    found: list[str] = []
    done = 0
    for start in outline.places(text):
        if start < done:
            continue
        for length in outline.lengths:
            end = start + length
            if end > len(text) or (end < len(text) and _joined(text[end - 1], text[end])):
                continue
            new = lookup(text[start:end])
            if new is not None:
                found += (text[done:start], new)
                done = end
                break
    return "".join((*found, text[done:])) if found else text


def _joined(last: str, following: str) -> bool:
    return last.isascii() and last.isalnum() and following.isascii() and following.isalnum()


def in_json(
    text: str,
    outline: Outline,
    lookup: Lookup,
    number: Callable[[str, int], int | None],
) -> str:
    """Replace ids in a JSON text, or in several of them.

    Whole values that are an id, short or long; long ones also inside values and names; numbers
    where `number` has one for the name of the member and the number there.
    """
    plain_only = text.isascii()

    def escaped(each: str) -> str | None:
        new = lookup(each)
        return None if new is None else json.dumps(new, ensure_ascii=plain_only)[1:-1]

    def token(found: re.Match[str]) -> str:
        inner, colon, space, digits = found.groups()
        whole = escaped(_unescaped(inner)) if colon is None else None
        if whole is not None:
            return f'"{whole}"'
        new = in_text(inner, outline, escaped)
        other = None if digits is None else number(_unescaped(inner), int(digits))
        if new == inner and other is None:
            return found[0]
        value = digits if other is None else other
        return f'"{new}"{colon or ""}{space or ""}{"" if value is None else value}'

    prefix = _PREFIX.match(text)
    start = 0 if prefix is None else prefix.end()
    return in_text(text[:start], outline, lookup) + _TOKEN.sub(token, text[start:])


def _unescaped(inner: str) -> str:
    if "\\" not in inner:
        return inner
    try:
        return str(json.loads(f'"{inner}"', strict=False))
    except ValueError:
        return inner
