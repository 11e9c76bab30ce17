"""One live WebSocket connection, spoken frame by frame."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ..match.line import Role
from ..store.tap import SessionTap
from ..wire.deflate import Extensions
from ..wire.utterance import Utterance

__all__ = ["Heard", "Link"]


@dataclass(frozen=True, slots=True)
class Heard:
    """What the peer said, and when its last byte came."""

    said: Utterance
    at_ns: int
    """`time.monotonic_ns()`."""


class Link(asyncio.Protocol):
    """A WebSocket connection behind its opening handshake, on a transport taken from aiohttp.

    Pings are answered here. At most `most` bytes of a message, and a bounded number of
    utterances, are held: beyond that the socket is not read until `hear` takes some.
    """

    def __init__(
        self,
        role: Role,
        extensions: Extensions,
        *,
        tap: SessionTap | None = None,
        most: int = 64 << 20,
    ) -> None:
        """`role` is who we are; `tap` records both directions, `ended` included."""
        raise NotImplementedError

    async def hear(self) -> Heard | None:
        """Return the next thing that the peer says; None: the connection has ended."""
        raise NotImplementedError

    async def say(self, said: Utterance) -> int:
        """Say something; return `time.monotonic_ns()` of when it was handed to the kernel.

        Waits while the peer does not take what was said before.

        Raises:
            ConnectionError: the connection has ended.
        """
        raise NotImplementedError

    @property
    def how(self) -> str | None:
        """How the connection ended: `closed`, `reset`, `half-closed`; None: it has not."""
        raise NotImplementedError

    def close(self) -> None:
        """End the connection when what was said is out."""
        raise NotImplementedError

    def abort(self) -> None:
        """End the connection with a reset."""
        raise NotImplementedError

    async def ended(self, seconds: float) -> bool:
        """Wait until the connection has ended; False: it has not in so many seconds."""
        raise NotImplementedError
