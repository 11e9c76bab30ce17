"""What a finding supposes went wrong, so that one cause is told once."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

__all__ = ["END", "Cause", "at", "lack"]

END: Final = sys.maxsize
"""A frame after all others."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Some event, of certain names and somewhere between two frames, is not as it should be."""

    names: frozenset[str] | None
    """What it may be called; None: anything."""
    after: int
    before: int
    """Both frames belong to the stretch."""
    number: int = 1
    """How many events are concerned."""
    rule: str = ""
    """Which of several rules under one code; those of order have one each."""

    def meets(self, other: Cause) -> bool:
        """Say whether both may speak of the same event."""
        if self.after > other.before or other.after > self.before:
            return False
        if self.names is None or other.names is None:
            return True
        return not self.names.isdisjoint(other.names)


def at(seq: int, *names: str | None) -> Cause:
    """An event in frame `seq` is wrong or one too many."""
    known = frozenset(name for name in names if name is not None)
    return Cause(known or None, seq, seq)


def lack(names: Iterable[str], after: int, before: int = END, number: int = 1) -> Cause:
    """Between two frames an event that has one of `names`, `*` for any, did not come."""
    known = frozenset(names)
    return Cause(None if "*" in known else known, after, before, number)
