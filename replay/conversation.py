"""One half of a recorded session, said to a live peer: a dialogue over a link."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from time import monotonic_ns

from ..match.dialogue import Beat, Dialogue, Over, Say
from ..match.difference import Difference
from ..match.line import Line
from ..match.rules import Patience
from .ahead import PagesAhead
from .clock import happens
from .link import Link

__all__ = ["Conversation"]


class Conversation:
    """Hears and says at once what a dialogue wants, until it is over or the connection ends."""

    def __init__(
        self,
        link: Link,
        dialogue: Dialogue,
        pages: PagesAhead,
        patience: Patience,
        *,
        leave: Callable[[], Awaitable[None]],
        find: Callable[[Iterable[Difference]], None],
        read: Callable[[Sequence[Line]], None],
    ) -> None:
        """Join them.

        Args:
            link: not attached yet.
            dialogue: fresh.
            pages: of its session.
            patience: of the dialogue: the peer has as long to take what is said.
            leave: waits until our Close may be said.
            find: is handed all differences, as they are found.
            read: is handed all lines, as they are read.
        """
        self._link = link
        self._dialogue = dialogue
        self._pages = pages
        self._patience = patience
        self._leave = leave
        self._find = find
        self._read = read
        self._heard = asyncio.Event()
        self._turning = asyncio.Lock()

    async def ready(self) -> None:
        """Read what it begins with; raises RecordingError."""
        await self._turn(lambda: self._dialogue.starved)

    async def run(self) -> None:
        """Play all of it, now that it is ready and the link is attached.

        Whatever happens, the connection is left as it is then: to end it is up to the caller.

        Raises:
            RecordingError: the recording cannot be read on.
        """
        leaving = asyncio.ensure_future(self._leave())
        leaving.add_done_callback(lambda _: self._heard.set())
        listening = asyncio.ensure_future(self._listen())
        speaking = asyncio.ensure_future(self._speak(leaving))
        try:
            await asyncio.wait((listening, speaking), return_when=asyncio.FIRST_COMPLETED)
            how = speaking.result() if speaking.done() else listening.result()
        finally:
            for task in (leaving, listening, speaking):
                task.cancel()
            await asyncio.gather(leaving, listening, speaking, return_exceptions=True)
        if how is not None:
            await self._turn(lambda: self._dialogue.hungry)
            self._find(self._dialogue.lost(monotonic_ns(), how))

    async def _listen(self) -> str:
        """Hear until the connection has ended; return how."""
        while (heard := await self._link.hear()) is not None:
            await self._turn(lambda: self._dialogue.hungry)
            self._find(self._dialogue.heard(heard.said, heard.at_ns))
            self._heard.set()
        return self._link.how or "closed"

    async def _speak(self, leaving: asyncio.Future[None]) -> str | None:
        """Say what is to be said, our Close once `leaving` is done.

        Returns None when that is all, or why it is not.
        """
        while True:
            # What is due waits for no more pages than it needs.
            await self._turn(lambda: self._dialogue.starved)
            self._heard.clear()
            now = monotonic_ns()
            self._find(self._dialogue.late(now))
            step = self._dialogue.next(now, may_close=leaving.done())
            if isinstance(step, Over):
                self._find(self._dialogue.end())
                return None
            if isinstance(step, Say | Beat):
                try:
                    async with asyncio.timeout(self._patience.message_ns / 1e9):
                        out_ns = await self._link.say(step.said)
                except TimeoutError:
                    return "stuck, the peer takes nothing of what is said"
                except ConnectionError:
                    # What it had said before is still to be heard; the listener tells the end.
                    await asyncio.Event().wait()
                else:
                    if isinstance(step, Say):
                        self._dialogue.said(out_ns)
            else:
                await happens(self._heard, step.until_ns)

    async def _turn(self, wanted: Callable[[], bool]) -> None:
        """Turn pages as long as they are wanted; of two tasks one waits for the other."""
        while wanted():
            async with self._turning:
                if not wanted():
                    break
                lines, last = await self._pages.page()
                self._read(lines)
                self._dialogue.load(lines, last=last)
