"""The sessions that are open now: how they are watched, and how they are ended from here."""

from __future__ import annotations

import asyncio
import contextlib

from .tunnel import Pulse, Tunnel

__all__ = ["GOING_AWAY", "INTERNAL_ERROR", "Tunnels"]

GOING_AWAY = 1001
INTERNAL_ERROR = 1011
"""RFC 6455 §7.4.1."""
_LOOK = 1.0
"""Seconds between looks at what an event loop does not tell."""


class Tunnels:
    """A set of tunnels; each leaves it by itself when both of its connections are gone."""

    def __init__(self, close_timeout: float) -> None:
        """`close_timeout`: seconds that peers have to answer a Close frame of the proxy's own."""
        self._open: set[Tunnel] = set()
        self._ending: dict[Tunnel, asyncio.TimerHandle] = {}
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
        if tunnel in self._ending:
            self._ending.pop(tunnel).cancel()
        if not self._open:
            self._none_left.set()

    def abort(self) -> None:
        """Drop all connections as they are."""
        for tunnel in tuple(self._open):
            tunnel.abort()

    def end(self, reason: str, code: int = GOING_AWAY) -> None:
        """End all sessions with a Close frame each; drop those that do not answer in time."""
        for tunnel in tuple(self._open):
            self._end(tunnel, reason, code)

    async def close(self, reason: str) -> None:
        """End all sessions with a Close frame; drop those that do not answer in time."""
        self.end(reason)
        await self.wait(self._close_timeout)
        self.abort()
        await self.wait(1.0)

    async def wait(self, seconds: float) -> None:
        """Wait until no session is left, for so long at most."""
        if self._open:
            self._none_left.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._none_left.wait(), seconds)

    async def watch(self, idle: float | None) -> None:
        """For ever: notice peers that are gone; end sessions in which nothing crosses.

        `idle` is for how many seconds nothing may; None lets them be.
        """
        quiet: dict[Tunnel, tuple[Pulse, float]] = {}
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_LOOK if idle is None else min(_LOOK, idle / 4))
            for tunnel in tuple(self._open):
                tunnel.look()
            if idle is None:
                continue
            now = loop.time()
            before, quiet = quiet, {}
            for tunnel in self._open - self._ending.keys():
                pulse = tunnel.pulse()
                same, since = before.get(tunnel, (None, now))
                quiet[tunnel] = pulse, since if same == pulse else now
                if now - quiet[tunnel][1] >= idle:
                    self._end(tunnel, f"no traffic for {idle:g} s")

    def _end(self, tunnel: Tunnel, reason: str, code: int = GOING_AWAY) -> None:
        if tunnel not in self._ending:
            loop = asyncio.get_running_loop()
            self._ending[tunnel] = loop.call_later(self._close_timeout, tunnel.abort)
            tunnel.close(code, reason)
