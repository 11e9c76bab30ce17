"""How much of the recorder's backlog is one peer's: nobody may take all of it."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["HIGH", "ITEM", "SHARE", "Share"]

HIGH = 4 << 20
"""Backlog in bytes beyond which sockets must not be read."""

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

    __slots__ = ("crowded", "handed", "on_room", "taken")

    def __init__(self) -> None:
        self.on_room: Callable[[], object] = lambda: None
        """Called on the recorder's thread when there is room again."""
        self.handed = 0
        """Bytes that went into the queue, on the event loop; items weigh `ITEM` more."""
        self.taken = 0
        """Bytes that have been made rows, on the recorder's thread."""
        self.crowded = False
        """Whether `relieve` has to be called when more is taken."""

    def is_full(self) -> bool:
        """Whether the peer must not be read now; if so, `on_room` will be called."""
        if self.handed - self.taken <= SHARE:
            return False
        self.crowded = True
        # Looked at again: the recorder may have taken enough before it could see the line above.
        return self.handed - self.taken > _ENOUGH

    def relieve(self) -> None:
        """Call `on_room` if there is some; on the recorder's thread."""
        if self.handed - self.taken <= _ENOUGH:
            self.crowded = False
            self.on_room()
