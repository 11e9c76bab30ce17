"""What was heard of a peer and waits to be taken."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from time import monotonic_ns

from ..wire.utterance import Utterance
from .lane import Lane, Reason

__all__ = ["Ear", "Heard"]

_UNHEARD = 1 << 20
"""Bytes of utterances that may wait to be taken before the socket is not read any more."""
_ITEM = 256
"""Bytes that an utterance takes beyond its data, about."""
_TURN_NS = 2_000_000
"""For how long what waits to be taken of one connection may keep all others waiting."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What the peer said, and when its last byte came."""

    said: Utterance
    at_ns: int
    """`time.monotonic_ns()`."""


class Ear:
    """Holds what was heard, in order; while that is too much, its lane halts."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._waiting: deque[Heard] = deque()
        self.size = 0
        """Bytes of what waits, about."""
        self._ended = False
        self._news = asyncio.Event()
        self._yielded_ns = monotonic_ns()

    def put(self, said: Utterance, at_ns: int) -> None:
        """Have something taken; `at_ns` is when its last byte came."""
        self._waiting.append(Heard(said, at_ns))
        self.size += len(said.data) + _ITEM
        self._news.set()
        if self.size > _UNHEARD:
            self._lane.halt(Reason.UNHEARD)

    def end(self) -> None:
        """Tell who takes that nothing more will come behind what waits."""
        self._ended = True
        self._news.set()

    async def take(self) -> Heard | None:
        """Return the next thing that was heard; None: nothing more will come.

        However much there is to be taken, all else in the event loop has its turn in between.
        """
        if monotonic_ns() - self._yielded_ns > _TURN_NS:
            await asyncio.sleep(0)
            self._yielded_ns = monotonic_ns()
        while not self._waiting:
            if self._ended:
                return None
            self._news.clear()
            await self._news.wait()
            self._yielded_ns = monotonic_ns()
        heard = self._waiting.popleft()
        self.size -= len(heard.said.data) + _ITEM
        if self.size < _UNHEARD // 2:
            self._lane.go_on(Reason.UNHEARD)
        return heard
