"""What a live connection has received, with its times, and waiting for what comes next."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, Literal, NamedTuple

from .errors import ClosedError, NotReceivedError
from .naming import Fields, Named, Namer
from .received import Received, what_came

__all__ = ["End", "Inbox"]

_NO_FIELDS: Final = Fields({})


class End(NamedTuple):
    """How a connection ended."""

    code: int | None
    reason: str
    how: str
    """A clause for people."""


class Inbox:
    """Everything that came, in order; what nobody has taken yet is waited for and taken from it."""

    def __init__(self, namer: Namer, keep: int | None) -> None:
        """`keep`: how many are kept, and how many may wait to be taken; None: all of them."""
        self._namer = namer
        self._keep = keep
        self._kept: deque[Received] = deque(maxlen=keep)
        self._answers: deque[int] = deque(maxlen=keep)
        self._unread: deque[Received] = deque()
        self._news = asyncio.Condition()
        self._begun_ns: int | None = None
        self._sent_ns: int | None = None
        self._last_ns: int | None = None
        self._answered = True
        self._end: End | None = None

    @property
    def received(self) -> tuple[Received, ...]:
        """What is kept of all that came."""
        return tuple(self._kept)

    @property
    def answers(self) -> tuple[int, ...]:
        """Nanoseconds from the last `send` before it to each first thing that came after one."""
        return tuple(self._answers)

    @property
    def end(self) -> End | None:
        """How the connection ended; None: it goes on."""
        return self._end

    def begin(self, now_ns: int) -> None:
        """Take note that a connection is open that was begun then."""
        if self._begun_ns is None:
            self._begun_ns = now_ns
        self._end = None

    def sending(self, now_ns: int) -> None:
        """Take note that something is sent."""
        self._sent_ns = now_ns
        self._answered = False

    async def put(self, kind: Literal["text", "binary"], data: str | bytes, now_ns: int) -> None:
        """Take a message that came; waits while too many others were not taken."""
        named = list(self._namer.objects("server", kind, data))
        for each in named or [Named(None, data, _NO_FIELDS)]:
            received = self._received(each, data, now_ns)
            async with self._news:
                await self._news.wait_for(self._has_room)
                self._kept.append(received)
                self._unread.append(received)
                self._news.notify_all()

    def _received(self, named: Named, data: str | bytes, now_ns: int) -> Received:
        latency = None if self._sent_ns is None else now_ns - self._sent_ns
        if latency is not None and not self._answered:
            self._answers.append(latency)
        self._answered = True
        gap = None if self._last_ns is None else now_ns - self._last_ns
        self._last_ns = now_ns
        at = now_ns - (self._begun_ns or now_ns)
        return Received(named.value, named.name, named.fields, data, at, latency, gap)

    def _has_room(self) -> bool:
        return self._keep is None or len(self._unread) < self._keep

    async def finish(self, end: End) -> None:
        """Take note that nothing more comes; only the first time counts."""
        async with self._news:
            self._end = self._end or end
            self._news.notify_all()

    async def take(self, names: tuple[str, ...], seconds: float) -> list[Received]:
        """Take what comes, up to the first event of one of these names; without any, the first.

        Raises:
            NotReceivedError: there was none in as many seconds.
            ClosedError: the connection has ended before there was one.
        """
        waited_for = " or ".join(names) or "anything"
        taken: list[Received] = []
        try:
            async with asyncio.timeout(seconds):
                while not taken or (names and taken[-1].event not in names):
                    async with self._news:
                        await self._news.wait_for(lambda: self._unread or self._end)
                        if not self._unread:
                            break
                        taken.append(self._unread.popleft())
                        self._news.notify_all()
                else:
                    return taken
        except TimeoutError:
            came = what_came(taken, self._kept)
            message = f"waited {seconds:g} s for {waited_for}: {came}"
            raise NotReceivedError(message, tuple(taken)) from None
        code, reason, how = self._end or End(None, "", "the connection has ended")
        message = f"waited for {waited_for}, but {how}; {what_came(taken, self._kept)}"
        raise ClosedError(message, code, reason, tuple(taken))
