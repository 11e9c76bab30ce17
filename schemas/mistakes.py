"""Mistakes in a contract, as values with a place; and the nearest valid word."""

from __future__ import annotations

import bisect
import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

__all__ = ["ContractError", "Mistake", "did_you_mean", "nearest"]

_COMPARED: Final = 200
"""Words that one is compared with, to guess which of them was meant."""


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


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that `word` was most likely meant to be, or None."""
    # difflib's cost is quadratic and a contract may be hostile: long words are cut, and of very
    # many only those are compared that begin the most like the word.
    known = sorted(known)
    place = bisect.bisect(known, word)
    near = known[max(place - _COMPARED // 2, 0) :][:_COMPARED]
    close = difflib.get_close_matches(word[:100], near, n=1, cutoff=0.5)
    return close[0] if close else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?`, the list of valid words if short, or nothing."""
    known = sorted(known)
    guess = nearest(word, known)
    if guess is not None:
        return f"; did you mean {guess!r}?"
    return f"; expected one of {', '.join(known)}" if 0 < len(known) <= 16 else ""
