"""A WebSocket server in the test's own event loop, which says what the test has written down."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web

__all__ = ["Talk", "backend_at", "refusing", "serving"]

Talk = Callable[[web.WebSocketResponse, web.Request], Awaitable[object]]
"""What the server does with a connection; behind it the connection is closed with 1000."""


@contextlib.asynccontextmanager
async def serving(
    talk: Talk, *, port: int = 0, protocols: tuple[str, ...] = ()
) -> AsyncIterator[str]:
    """Serve until the block ends; gives the URL."""

    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=protocols)
        socket.headers.add("Set-Cookie", "seat=7")
        await socket.prepare(request)
        await talk(socket, request)
        return socket

    async with backend_at(handle, port) as url:
        yield url


@contextlib.asynccontextmanager
async def refusing(status: int) -> AsyncIterator[str]:
    """Answer every request with a status."""

    async def handle(request: web.Request) -> web.Response:
        return web.Response(status=status)

    async with backend_at(handle) as url:
        yield url


@contextlib.asynccontextmanager
async def backend_at(
    handle: Callable[[web.Request], Awaitable[web.StreamResponse]], port: int = 0
) -> AsyncIterator[str]:
    """Serve `/ws` on loopback; gives its URL."""
    application = web.Application()
    application.router.add_get("/ws", handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}/ws"
    finally:
        await runner.cleanup()
