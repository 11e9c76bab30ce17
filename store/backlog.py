"""What waits for the recorder's thread: a queue that is bounded by asking for less."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from .share import HIGH, ITEM

__all__ = ["Backlog", "Item"]

_LOW = HIGH - (256 << 10)
"""Backlog at which reading goes on. Close to `HIGH`: a long pause is a long wait for someone."""

Item = tuple[Callable[..., object], int, tuple[Any, ...]]
"""What to do, what it weighs, its arguments."""


class Backlog:
    """Filled by the event loop, emptied by the recorder's thread; nobody waits for a lock.

    Each counter has one thread that writes it.
    """

    def __init__(self, on_room: Callable[[], object]) -> None:
        """`on_room`: called on the recorder's thread when there is room after there was none."""
        self.queue: deque[Item] = deque()
        self._on_room = on_room
        self._taken = 0
        self._written = 0
        self._crowded = False
        self._awake = False
        self._wake = threading.Event()
        self.held = 0
        """Bytes that wait for the disk before they come in here."""
        self.stopping = False

    def put(self, work: Callable[..., object], size: int, *args: Any) -> int:
        """Have `work(*args)` done on the recorder's thread; return the backlog in bytes."""
        self.queue.append((work, size, args))
        self._taken += size + ITEM
        if not self._awake:
            self._awake = True
            self._wake.set()
        return self._taken - self._written

    @property
    def size(self) -> int:
        """Bytes that are in no row yet."""
        return self._taken - self._written

    @property
    def done(self) -> int:
        """Bytes that have gone through; what it is compared with is what it was before."""
        return self._written - self.held

    def is_full(self) -> bool:
        """Whether sockets must not be read now; if so, `on_room` is called when they may."""
        return self.size + self.held > HIGH and not self.has_room()

    def has_room(self) -> bool:
        """Whether sockets may be read; if not, `on_room` is called when they may."""
        if self.size + self.held < _LOW:
            return True
        self._crowded = True
        # Looked at again: if the thread made room before it could see the line above, it does
        # not call `on_room`.
        return self.size + self.held < _LOW

    def make_room(self, size: int) -> None:
        """Note that `size` bytes have been made rows; on the recorder's thread."""
        self._written += size
        self.look_for_room()

    def drop(self) -> None:
        """Forget what is in the queue; on the recorder's thread."""
        self.queue.clear()
        self.make_room(self.size)

    def look_for_room(self) -> None:
        """Call `on_room` if somebody waits for it and there is some."""
        if self._crowded and self.size + self.held < _LOW:
            self._crowded = False
            self._on_room()

    def wait(self, seconds: float | None) -> None:
        """Wait until something is in the queue, or `stop` was called, or the time is over."""
        self._wake.wait(seconds)

    def rest(self) -> None:
        """Have `wait` wait again, unless something is there meanwhile."""
        self._wake.clear()
        self._awake = False
        if self.queue or self.stopping:  # came in between: look again
            self._awake = True
            self._wake.set()

    def stop(self) -> None:
        """Nothing more comes in."""
        self.stopping = True
        self._wake.set()
