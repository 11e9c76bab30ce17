"""A backend that a command is: started for a replay, waited for, ended behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from ..net.child import Child
from ..net.errors import SettingError
from ..net.upstream import Upstream

__all__ = ["BackendError", "backend"]

_AGAIN = 0.05  # seconds between two attempts to connect: nothing tells when a process listens


class BackendError(Exception):
    """The command does not become a backend; the message is one line."""


@asynccontextmanager
async def backend(
    command: Sequence[str], upstream: Upstream, seconds: float, stopped: asyncio.Event
) -> AsyncIterator[Child]:
    """Run `command` until the block is left, which begins once it accepts connections.

    It finds WSREC_URL and WSREC_PORT in its environment, and gets SIGTERM at the end, with all
    that it has started. If `stopped` is set, nothing waits for it.

    Raises:
        SettingError: it cannot be started, or somebody else listens there.
        BackendError: it ends, or accepts no connection in so many seconds.
    """
    parts = urlsplit(upstream.origin)
    host = parts.hostname or ""
    port = parts.port if parts.port is not None else (443 if parts.scheme == "https" else 80)
    if await _accepts(host, port, seconds):
        raise SettingError(
            f"{upstream}: somebody listens there already, so {command[0]} cannot be what is"
            " replayed to"
        )
    variables = {"WSREC_URL": str(upstream), "WSREC_PORT": str(port)}
    child = await Child.start(command, group=True, **variables)
    try:
        await _ready(child, command[0], upstream, (host, port), seconds, stopped)
        yield child
    finally:
        await child.stop()


async def _ready(
    child: Child,
    name: str,
    upstream: Upstream,
    address: tuple[str, int],
    seconds: float,
    stopped: asyncio.Event,
) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while not await _accepts(*address, seconds) and not stopped.is_set():
        if await child.ends(_AGAIN):
            status = await child.wait()
            raise BackendError(f"{name} ended with {status} before anybody listened at {upstream}")
        if loop.time() > until:
            raise BackendError(f"{name} does not listen at {upstream} after {seconds:g} s")


async def _accepts(host: str, port: int, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
