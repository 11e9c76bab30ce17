"""How much SQLite may do before it has to come up with something."""

from __future__ import annotations

__all__ = ["Work"]

_STEPS = 1000


class Work:
    """Counts the steps of SQLite's virtual machine, by ten thousand; ends what has no end.

    What is counted is never a whole recording, however large: who reads begins anew with each
    statement that a recorder's rows would have kept short.
    """

    __slots__ = ("_left",)

    EVERY = 10_000
    """Steps between two calls of `step`: too many for the calls to be felt."""

    def __init__(self) -> None:
        self._left = _STEPS

    def begin(self, size: int = 0) -> None:
        """Allow ten million steps, a fraction of a second.

        Args:
            size: bytes of the file that a statement has to go through before its first row.
        """
        # A row takes ten bytes at least; to sort them takes tens of steps each. Nothing is taken
        # back of what was allowed to a statement that still runs.
        self._left = max(self._left, _STEPS + size * 8 // self.EVERY)

    def step(self) -> bool:
        """Say whether it was too much: SQLite ends the statement then."""
        self._left -= 1
        return self._left < 0
