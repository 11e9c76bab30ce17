"""The sessions that are open now, and how they are ended from here."""

from __future__ import annotations

import asyncio
import contextlib
from time import monotonic_ns

from .tunnel import Tunnel

__all__ = ["Tunnels"]

_GOING_AWAY = 1001


class Tunnels:
    """A set of tunnels; each leaves it by itself when both of its connections are gone."""

    def __init__(self, close_timeout: float) -> None:
        """`close_timeout`: seconds that peers have to answer a Close frame of the proxy's own."""
        self._open: set[Tunnel] = set()
        self._closing: set[Tunnel] = set()
        self._close_timeout = close_timeout
        self._none_left = asyncio.Event()

    def __len__(self) -> int:
        return len(self._open)

    def add(self, tunnel: Tunnel) -> None:
        """Take one more."""
        self._open.add(tunnel)

    def gone(self, tunnel: Tunnel) -> None:
        """Forget one that has ended."""
        self._open.discard(tunnel)
        self._closing.discard(tunnel)
        if not self._open:
            self._none_left.set()

    def abort(self) -> None:
        """Drop all connections as they are."""
        for tunnel in tuple(self._open):
            tunnel.abort()

    async def close(self, reason: str) -> None:
        """End all sessions with a Close frame; abort those that do not answer in time."""
        for tunnel in tuple(self._open - self._closing):
            tunnel.close(_GOING_AWAY, reason)
        await self.wait(self._close_timeout)
        self.abort()
        await self.wait(1.0)

    async def wait(self, seconds: float) -> None:
        """Wait until no session is left, for so long at most."""
        if self._open:
            self._none_left.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._none_left.wait(), seconds)

    async def close_idle(self, seconds: float) -> None:
        """For ever: end each session in which no byte has crossed for so many seconds."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(max(seconds / 4, 0.05), 5.0))
            since = monotonic_ns() - int(seconds * 1e9)
            for tunnel in tuple(self._open - self._closing):
                if tunnel.active_ns < since:
                    self._closing.add(tunnel)
                    tunnel.close(_GOING_AWAY, f"no traffic for {seconds:g} s")
                    loop.call_later(self._close_timeout, self._abort, tunnel)

    def _abort(self, tunnel: Tunnel) -> None:
        if tunnel in self._open:
            tunnel.abort()
