"""How much of the recorder's backlog is one peer's: nobody may take all of it."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["ITEM", "SHARE", "Share"]

ITEM = 256
"""What an item weighs in the backlog beside its bytes."""
SHARE = 2 << 20
"""Backlog of one peer in bytes beyond which that peer must not be read."""
_ENOUGH = SHARE - (256 << 10)


class Share:
    """One peer's part of the backlog; each counter has one thread that writes it.

    Frames cost the recorder by their number: a megabyte of the smallest keeps it busy for a
    second. Without a share, whoever sends that makes every other session wait its turn.
    """

    __slots__ = ("_crowded", "_handed", "_taken", "on_room")

    def __init__(self) -> None:
        self.on_room: Callable[[], object] = lambda: None
        """Called on the recorder's thread when there is room again."""
        self._handed = 0
        self._taken = 0
        self._crowded = False

    def hand(self, size: int) -> None:
        """Note bytes that go into the queue; on the event loop."""
        self._handed += size + ITEM

    def is_full(self) -> bool:
        """Whether the peer must not be read now; if so, `on_room` will be called."""
        if self._handed - self._taken <= SHARE:
            return False
        self._crowded = True
        # Looked at again: the recorder may have taken enough before it could see the line above.
        return self._handed - self._taken > _ENOUGH

    def take(self, size: int) -> None:
        """Note bytes that have been made rows; on the recorder's thread."""
        self._taken += size + ITEM
        if self._crowded and self._handed - self._taken <= _ENOUGH:
            self._crowded = False
            self.on_room()
