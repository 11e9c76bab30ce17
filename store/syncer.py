"""Forwarding waits for the disk: what the spool took is let go once it has been synced."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from .backlog import Backlog
from .share import ITEM
from .spool import Spool

__all__ = ["Syncer"]


class Syncer:
    """Holds calls, in order, until the spool is on the disk up to where each was made.

    A thread syncs, one time for all that has come since the time before; everything else is on
    the event loop.
    """

    def __init__(
        self,
        spool: Spool,
        backlog: Backlog,
        on_loop: Callable[[Callable[[], object]], object],
        on_failure: Callable[[Exception], object],
        *,
        goes_on: bool,
    ) -> None:
        """Start the thread.

        Args:
            spool: what is synced.
            backlog: is told how much is held.
            on_loop: has a call made on the event loop.
            on_failure: called on the event loop when a sync has failed: what was held is not
                let go, because nobody knows what of it is on the disk.
            goes_on: whether it is let go all the same.
        """
        self._spool = spool
        self._backlog = backlog
        self._on_loop = on_loop
        self._on_failure = on_failure
        self._goes_on = goes_on
        self._held: deque[tuple[int, int, Callable[..., object], tuple[Any, ...]]] = deque()
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="wsrec-sync", daemon=True)
        self._thread.start()

    def hold(self, size: int, call: Callable[..., object], *args: Any) -> None:
        """Call it once what the spool holds now, `size` bytes with it, is on the disk."""
        self._held.append((self._spool.written, size, call, args))
        self._backlog.held += size + ITEM
        self._wake.set()

    def in_order(self, call: Callable[..., object], *args: Any) -> None:
        """Call it behind everything that is held now; at once when nothing is."""
        if self._held:
            self._held.append((self._held[-1][0], 0, call, args))
        else:
            call(*args)

    def stop(self) -> None:
        """End the thread, behind one more sync where something is held."""
        self._stopping = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            stopping = self._stopping
            if stopping and not self._held:
                return
            position = self._spool.written
            try:
                self._spool.sync()
            except OSError as error:
                self._on_loop(lambda error=error: self._fail(error))  # type: ignore[misc]
            else:
                self._on_loop(lambda position=position: self._let_go(position))  # type: ignore[misc]
            if stopping:
                return

    def _let_go(self, position: int) -> None:
        held = self._held
        while held and held[0][0] <= position:
            _, size, call, args = held.popleft()
            self._release(size)
            call(*args)
        self._backlog.look_for_room()

    def _release(self, size: int) -> None:
        self._backlog.held -= size + ITEM if size else 0

    def _fail(self, error: Exception) -> None:
        self._on_failure(error)
        self.give_up()

    def give_up(self) -> None:
        """Hold nothing any more: what is not on the disk by now may never be."""
        held = self._held
        while held:
            _, size, call, args = held.popleft()
            self._release(size)
            if self._goes_on or not size:  # ends of connections and the like happen in any case
                call(*args)
        self._backlog.look_for_room()
