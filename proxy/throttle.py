"""Who waits to be read while the recorder is behind, and whose turn it is when it is not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import islice
from typing import Protocol

__all__ = ["Throttle"]

_AT_ONCE = 8
"""Streams that read on in one turn of the event loop: few, so that each gets its turn."""


class _Holdable(Protocol):
    def hold(self, reason: int) -> None: ...
    def release(self, reason: int) -> None: ...


class Throttle:
    """A queue of streams that are not read because the recorder's backlog is full.

    While somebody waits, whoever has been read queues behind them: without that, streams that
    happen to find room are served again and again, and the others wait for all of them.
    """

    def __init__(self, reason: int, has_room: Callable[[], bool]) -> None:
        """`has_room`: whether to read on; if not, `release` is called once there is room."""
        self.waiting: dict[_Holdable, None] = {}
        """Streams in the order in which they began to wait."""
        self._reason = reason
        self._has_room = has_room

    def wait(self, stream: _Holdable) -> None:
        """Stop reading a stream until its turn comes."""
        stream.hold(self._reason)
        self.waiting[stream] = None

    def release(self) -> None:
        """Let those read on that have waited longest."""
        for stream in tuple(islice(self.waiting, _AT_ONCE)):
            del self.waiting[stream]
            stream.release(self._reason)
        if self.waiting and self._has_room():
            asyncio.get_running_loop().call_soon(self.release)
