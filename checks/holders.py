"""Pointers compiled: the steps that several of them share are taken once for each object."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

from ..schemas.model import FieldSource
from ..schemas.pointers import ABSENT, Pointer

__all__ = ["ELSEWHERE", "Holders", "Place", "at", "step"]

ELSEWHERE: Final = -1


class Place(NamedTuple):
    """Where a pointer leads to: a member of a holder."""

    holder: int
    """Its number; `ELSEWHERE`: `pointer` itself has to be asked."""
    token: str
    pointer: FieldSource

    def there(self, members: Sequence[Collection[str]]) -> bool:
        """Say whether there may be something, by the members of each holder."""
        return self.holder == ELSEWHERE or self.token in members[self.holder]


class Holders:
    """What pointers lead to but for their last token, found for all of them at once."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, ...], int] = {(): 0}
        self._steps: list[tuple[int, str]] = []
        """Of each holder but the object itself: which one it is in, and by what token."""

    def place(self, pointer: FieldSource) -> Place:
        """Return where a pointer leads to."""
        if not isinstance(pointer, Pointer) or not pointer.tokens:
            return Place(ELSEWHERE, "", pointer)
        *above, last = pointer.tokens
        return Place(self._number(tuple(above)), last, pointer)

    def _number(self, tokens: tuple[str, ...]) -> int:
        if tokens not in self._numbers:
            self._steps.append((self._number(tokens[:-1]), tokens[-1]))
            self._numbers[tokens] = len(self._steps)
        return self._numbers[tokens]

    def inside(self, members: Collection[str]) -> bool:
        """Say whether there may be other holders in an object with these members."""
        return any(number == 0 and token in members for number, token in self._steps)

    def find(self, value: Any) -> list[Any]:
        """Return the holders in an object, by number; None where there is none."""
        found = [value]
        for number, token in self._steps:
            holder = found[number]
            if holder is None:
                found.append(None)
            elif holder.__class__ is dict:
                found.append(holder.get(token))
            else:
                found.append(step(holder, token))
        return found


def step(holder: Any, token: str) -> Any:
    """Return the member of what is no object, perhaps an array; None for none."""
    found = Pointer("", (token,)).get(holder) if holder.__class__ is list else None
    return None if found is ABSENT else found


def at(holders: list[Any], place: Place) -> Any:
    """Return what is at a place; None and nothing are the same."""
    number, token, pointer = place
    if number == ELSEWHERE:
        found = pointer.get(holders[0])
        return None if found is ABSENT else found
    holder = holders[number]
    return holder.get(token) if holder.__class__ is dict else step(holder, token)
