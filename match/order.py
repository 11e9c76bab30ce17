"""What comes in another order than recorded: before a line of ours, or behind what follows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .doubts import Doubt
from .expected import Awaited, Expected, Found, Live
from .line import Role
from .pacing import Turn
from .wording import Wording

__all__ = ["CROSSED_NS", "Order"]

CROSSED_NS: Final = 100_000_000
"""Two peers' messages may have crossed that were recorded less than so far apart."""


class Order:
    """Tells what of a peer's came out of order: once for each stretch in another order."""

    def __init__(
        self, peer: Role, expected: Expected, wording: Wording, *, any_order: bool
    ) -> None:
        """`any_order`: none is wrong."""
        self._peer = peer
        self._expected = expected
        self._wording = wording
        self._any_order = any_order
        self._told = -1
        """Up to this place it was told that the order is another one."""

    def overtaker(self, awaited: Awaited) -> Awaited | None:
        """Return what came before a message though it is behind it; None: nothing did.

        A server may be ahead of us, but has to keep its order; a client that is ahead is `early`.
        """
        expected = self._expected
        before = expected.furthest if self._peer == "client" else expected.foremost
        return before if before is not None and awaited.place < before.place else None

    def early(self, found: Found, live: Live, turn: Turn) -> Iterator[Doubt]:
        """Yield what is wrong with a message that came before our line at `turn` was said."""
        awaited = found.awaited
        crossed = awaited.turn.line.at_ns - turn.line.at_ns < CROSSED_NS
        if not crossed and not self._any_order:
            difference = self._wording.early(awaited, live.number, turn.line)
            yield Doubt(awaited, live, found.comparison, difference)

    def reordered(self, found: Found, live: Live, before: Awaited) -> Iterator[Doubt]:
        """Yield what is wrong with a message that came behind its `overtaker`."""
        awaited = found.awaited
        if self._any_order or before.came is None:
            return
        known = awaited.place <= self._told
        self._told = before.place
        if not known:
            difference = self._wording.reordered(awaited, live.number, before)
            yield Doubt(before, before.came, found.comparison, difference)
