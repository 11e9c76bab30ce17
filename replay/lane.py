"""One direction of a link: what crosses is recorded, and it halts while there are reasons to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import IntFlag

from ..store.model import Sender
from ..store.tap import Record, Room, SessionTap

__all__ = ["Lane", "Reason"]

_LOOK = 0.01
"""Seconds between two looks at a recorder that is behind."""


class Reason(IntFlag):
    """Why a direction halts."""

    UNHEARD = 1
    """Nobody takes what has been heard."""
    PEER = 2
    """The peer does not take what is said."""
    RECORDER = 4
    """The recorder is behind."""
    SHARE = 8
    """Too much of what waits for the recorder is this direction's."""


class Lane:
    """Halts at the first reason, and goes on when the last one is gone."""

    def __init__(
        self,
        tap: SessionTap | None,
        sender: Sender,
        halt: Callable[[], object],
        go_on: Callable[[], object],
    ) -> None:
        """Begin to record what `sender` says, if there is a tap."""
        self.reasons = Reason(0)
        """Why it is halted now."""
        self._tap = tap
        self._halt = halt
        self._go_on = go_on
        self._loop = asyncio.get_running_loop()
        self._record: Record | None = None if tap is None else tap.stream(sender, self._room)

    def record(self, at_ns: int, taken_ns: int | None, data: bytes) -> None:
        """Record what has crossed; halt if the recorder has no room for more.

        `taken_ns` is when the other side had taken it; None: it has not yet.
        """
        if self._record is None:
            return
        room = self._record(at_ns, taken_ns, data)
        if room is Room.NONE_FOR_ONE:
            self.halt(Reason.SHARE)
        elif room is Room.NONE and not self.reasons & Reason.RECORDER:
            self.halt(Reason.RECORDER)
            self._loop.call_later(_LOOK, self._look)

    def halt(self, reason: Reason) -> None:
        """Halt, for one reason more."""
        before, self.reasons = self.reasons, self.reasons | reason
        if not before:
            self._halt()

    def go_on(self, reason: Reason) -> None:
        """Go on, unless another reason is left."""
        before, self.reasons = self.reasons, self.reasons & ~reason
        if before and not self.reasons:
            self._go_on()

    def _room(self) -> None:
        """Hear, on the recorder's thread, that this direction may go on."""
        self._loop.call_soon_threadsafe(self.go_on, Reason.SHARE)

    def _look(self) -> None:
        assert self._tap is not None
        if self._tap.is_full():
            self._loop.call_later(_LOOK, self._look)
        else:
            self.go_on(Reason.RECORDER)
