"""What only counts the pieces of a text, or measures them: another cut of it moves all of these."""

from __future__ import annotations

from collections.abc import Iterator

from ..schemas.model import Contract
from ..schemas.pointers import Pointer
from .members import Places
from .rules import Matching
from .usual import PIECES

__all__ = ["Counters"]


class Counters:
    """Which whole numbers in a piece, beside its text, may be others than recorded.

    Not those of a name that leads to a key of the contract's spans: they tell texts apart. Nor
    those in lists: they number what is in the list.
    """

    def __init__(self, matching: Matching) -> None:
        self._names: frozenset[str] = frozenset()
        if matching.usual and matching.contract is not None:
            self._names = PIECES.difference(_key_names(matching.contract))
        self._bind = Places(matching.bind)

    def count(self, path: tuple[str, ...], *values: object) -> bool:
        """Say whether values at a place only count: all are whole numbers."""
        return (
            bool(path)
            and path[-1] in self._names
            and path not in self._bind
            and all(type(each) is int for each in values)
            and not any(map(str.isdecimal, path))
        )


def _key_names(contract: Contract) -> Iterator[str]:
    """Yield the names of the members in which the keys of spans are."""
    for name in {name for span in contract.spans for name in span.key}:
        for source in contract.events.fields.get(name, ()):
            if isinstance(source, Pointer) and source.tokens:
                yield source.tokens[-1]
