"""Waiting for something to happen, or for a moment."""

from __future__ import annotations

import asyncio
from time import monotonic_ns

__all__ = ["happens"]


async def happens(event: asyncio.Event, until_ns: int | None) -> None:
    """Wait for an event, but no longer than until a moment of `time.monotonic_ns()`.

    uvloop's timers tell milliseconds apart: it may come back up to half of one too early.
    """
    if until_ns is None:
        await event.wait()
        return
    loop = asyncio.get_running_loop()
    timer = loop.call_later((until_ns - monotonic_ns()) / 1e9, event.set)
    try:
        await event.wait()
    finally:
        timer.cancel()
