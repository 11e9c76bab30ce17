"""Pages of sessions read before they are wanted, the first before the session begins."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from ..match.line import Line
from .script import Pages, Script

__all__ = ["Ahead", "PagesAhead"]

_MOST: Final = 128
"""Sessions whose first page is held; a page is 128 lines, or 256 KiB, or one longer message."""


class PagesAhead:
    """The pages of one session, the next of which is always there, or being read.

    Whoever turns one waits for the others who do so at the same time only if it turns two.
    """

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self.reading = self._read()
        """The first page, as long as nobody has asked for it."""
        self._next: asyncio.Future[tuple[Sequence[Line], bool]] = self.reading

    async def page(self) -> tuple[Sequence[Line], bool]:
        """Return the next lines, and whether they are the last; raises RecordingError."""
        lines, last = await self._next
        if not last:
            self._next = self._read()
        return lines, last

    def close(self) -> None:
        """Read no more."""
        self._next.cancel()
        self._pages.close()

    def _read(self) -> asyncio.Future[tuple[Sequence[Line], bool]]:
        reading = asyncio.ensure_future(self._pages.page())
        # Where nobody asks for it, nobody needs to know that it cannot be read.
        reading.add_done_callback(lambda task: task.cancelled() or task.exception())
        return reading


class Ahead:
    """Reads the client's half of the sessions that begin next."""

    def __init__(self, script: Script, order: Iterable[int]) -> None:
        """`order` is that in which sessions begin; each is taken once."""
        self._script = script
        self._order = deque(order)
        self._held: dict[int, PagesAhead] = {}
        self._fill()

    def take(self, session: int) -> PagesAhead:
        """Return the pages of a session, which begins now."""
        pages = self._held.pop(session)
        self._fill()
        return pages

    async def ready(self) -> None:
        """Wait until the first pages of those that begin first are there."""
        if self._held:
            await asyncio.wait([pages.reading for pages in self._held.values()])

    def close(self) -> None:
        """Read no more."""
        for pages in self._held.values():
            pages.close()

    def _fill(self) -> None:
        while self._order and len(self._held) < _MOST:
            session = self._order.popleft()
            self._held[session] = PagesAhead(self._script.pages(session, "client"))
