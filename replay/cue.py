"""What a session that is played tells the others, and is told because of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["Cue"]


class Cue:
    """When one session may end, so that it overlaps others as it did."""

    def __init__(self, sent: Callable[[], None], answered: Callable[[], None]) -> None:
        """They are called when its opening handshake is on its way, and when it is answered."""
        self.sent = sent
        self.answered = answered
        self._end = asyncio.Event()

    async def end(self) -> None:
        """Wait until it may end."""
        await self._end.wait()

    def may_end(self) -> None:
        """Let it end."""
        self._end.set()
