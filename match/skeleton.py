"""What is left of a message when all that may differ is taken out of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

import orjson

from ..checks.decode import alike
from ..redaction.marks import without_marks
from .ids import Id
from .members import Places
from .parse import Objects, Parsed, Stream
from .pieces import Counters
from .rules import Matching
from .shape import is_id, kind, may_be_random, names_id, word
from .usual import is_usual

__all__ = ["Skeleton", "digest", "within"]

_ID: Final = {"": "id"}
_NUMBER: Final = {"": "number"}
_ANY: Final = {"": "any"}
"""What stands for a value that may be another; hardly any message holds the like."""

Path = tuple[str, ...]


class Skeleton:
    """Says which messages are most likely equal: those of which the same is left.

    It is for aligning: whether two messages are equal, `Comparer.compare` decides.
    """

    def __init__(self, matching: Matching) -> None:
        self._ignored = Places(matching.ignore) if matching.ignore else None
        self._ids = Places(matching.bind) if matching.bind else None
        self._binds = matching.binds
        self._usual = matching.usual
        self._tolerant = matching.tolerance > 0
        self._counters = Counters(matching)

    def key(self, parsed: Parsed) -> int:
        """Return a number for what is left of a message; of a piece, without its text."""
        stream, value = parsed.stream, parsed.value
        if stream is not None:
            return digest(parsed.said.kind, [self.rest(parsed, stream)], parsed.beside)
        objects = value if isinstance(value, Objects) else (value,)
        alone = len(objects) == 1
        left = [
            self._of(each, () if alone else (str(n),), parsed.keys)
            for n, each in enumerate(objects)
        ]
        return digest(parsed.said.kind, left, parsed.beside)

    def rest(self, parsed: Parsed, piece: Stream) -> object:
        """Return what is left of a piece without its text."""
        return self._of(piece.rest, (), parsed.keys, self._counters)

    def _of(
        self, value: object, path: Path, keys: frozenset[Id], counters: Counters | None = None
    ) -> object:
        if isinstance(value, Mapping):
            left: dict[str, object] = {}
            for name, item in value.items():
                place = (*path, name)
                if self._ignored is None or place not in self._ignored:
                    known = self._binds and kind(name) is not None
                    left[_ID[""] if known else name] = self._of(item, place, keys, counters)
            return left
        if isinstance(value, list):
            return [self._of(item, (*path, str(n)), keys, counters) for n, item in enumerate(value)]
        if isinstance(value, bool) or value is None:
            return value
        if path and self._usual and is_usual(path[-1], value, value):
            return _ANY
        if counters is not None and counters.count(path, value):
            return _ANY
        if self._binds and self._is_id(value, path, keys):
            return _ID
        if self._tolerant and isinstance(value, int | float):
            return _NUMBER
        return without_marks(value) if isinstance(value, str) else value

    def _is_id(self, value: object, path: Path, keys: frozenset[Id]) -> bool:
        if self._ids is not None and path in self._ids:
            return True
        if isinstance(value, str):
            if kind(value) is not None:
                return True
            named = names_id(path) or value in keys
            return named and is_id(value) and (may_be_random(value) or not word(value))
        return isinstance(value, int) and names_id(path) and not path[-1].isdecimal()


def within(left: object, other: object) -> bool:
    """Say whether all that is left of one message is left of another, too."""
    if isinstance(left, Mapping) and isinstance(other, Mapping):
        return all(name in other and within(each, other[name]) for name, each in left.items())
    if isinstance(left, list) and isinstance(other, list):
        return len(left) == len(other) and all(map(within, left, other))
    return alike(left, other)


def digest(*values: object) -> int:
    """Return 63 bits that stand for values; the order of members does not count."""
    try:
        text = orjson.dumps(values, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # bytes, lone surrogates, integers beyond 64 bits
        text = json.dumps(values, sort_keys=True, default=repr).encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest()) >> 1
