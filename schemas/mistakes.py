"""Mistakes in a contract, as values with a place; and the word that was meant."""

from __future__ import annotations

import bisect
import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

__all__ = ["ContractError", "Mistake", "did_you_mean", "nearest", "slip_of"]

_COMPARED: Final = 200
"""Words that one is compared with, to guess which of them was meant."""
_LIKE: Final = 0.5
"""From this likeness on, of 0 to 1, one word may have been meant by another."""
_REMEMBERED: Final = 10_000
"""Pairs of words whose likeness is remembered: one event is often unknown, or missing, often."""


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One thing wrong in one place; line and column count from 1, 0 means the whole file."""

    origin: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        place = f"{self.origin}:{self.line}:{self.column}" if self.line else self.origin
        return f"{place}: {self.message}"


class ContractError(Exception):
    """A contract that cannot be used; `mistakes` holds every one that was found, in order."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(sorted(set(mistakes)))
        super().__init__("\n".join(map(str, self.mistakes)))


def nearest(word: str, known: Iterable[str], cutoff: float = _LIKE) -> str | None:
    """Return the known word that `word` was most likely meant to be, or None.

    `cutoff`, not less than that, is how alike the two are at least; 1: the same.
    """
    # difflib's cost is quadratic and a contract may be hostile: long words are cut.
    close = max(
        ((_likeness(word[:100], each), each) for each in _compared(word, known)), default=None
    )
    return close[1] if close is not None and close[0] >= cutoff else None


@lru_cache(maxsize=_REMEMBERED)
def _likeness(word: str, other: str) -> float:
    """Return how alike two words are, from 0 to 1; 0 where that is less than `_LIKE`."""
    pair = difflib.SequenceMatcher(None, other, word)
    if pair.real_quick_ratio() < _LIKE or pair.quick_ratio() < _LIKE:
        return 0.0
    return pair.ratio()


def _compared(word: str, known: Iterable[str]) -> list[str]:
    """Return the known words, of very many only those that begin the most like the word."""
    known = sorted(known)
    place = bisect.bisect(known, word)
    return known[max(place - _COMPARED // 2, 0) :][:_COMPARED]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?`, the list of valid words if short, or nothing."""
    known = sorted(known)
    guess = nearest(word, known)
    if guess is not None:
        return f"; did you mean {guess!r}?"
    return f"; expected one of {', '.join(known)}" if 0 < len(known) <= 16 else ""


def slip_of(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that `word` is but for a slip of the finger, or None.

    A slip is a letter too many, too few or wrong, two that changed places, or another spelling of
    capitals and punctuation. Words that differ at an end alone are both meant: `subscribe` and
    `subscribed`, `send` and `sent`, `step_1` and `step_2`; and so are short ones in which a letter
    differs, such as `ping` and `pong`, `get` and `set`.
    """
    one = _letters(word)
    for each in _compared(word, known):
        if each != word and abs(len(each) - len(word)) <= 3 and _slipped(one, _letters(each)):
            return each
    return None


def _slipped(one: str, other: str) -> bool:
    before = _alike(one, other)
    one, other = one[before:], other[before:]
    after = _alike(one[::-1], other[::-1])
    one, other = one[: len(one) - after], other[: len(other) - after]
    match len(one), len(other):
        case (0, 0):
            return True
        case (1, 0) | (0, 1):
            return min(before, after) >= 1
        case (1, 1):
            return min(before, after) >= 3 and (one + other).isalpha()
        case (2, 2):
            return one == other[::-1]
    return False


def _letters(word: str) -> str:
    return "".join(filter(str.isalnum, word.casefold()))


def _alike(one: str, other: str) -> int:
    """Return how many characters both begin with."""
    for number, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return number
    return min(len(one), len(other))
