"""What Autobahn judges: a server and two clients that send back what they get.

python echoes.py server                      # says its port, and serves until it is ended
python echoes.py aiohttp|websockets URL AT_ONCE   # has all cases, and says how many there were
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Awaitable, Callable

import aiohttp
from aiohttp import web
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

__all__: list[str] = []

Visit = Callable[[str], Awaitable[str]]
"""Opens a WebSocket, echoes until it ends, and returns the last text that came."""


async def echo(socket: web.WebSocketResponse | aiohttp.ClientWebSocketResponse) -> str:
    """Send back every message."""
    last = ""
    async for message in socket:
        if message.type is aiohttp.WSMsgType.TEXT:
            last = message.data
            await socket.send_str(last)
        elif message.type is aiohttp.WSMsgType.BINARY:
            await socket.send_bytes(message.data)
    return last


async def serve() -> None:
    """Serve with messages of any size, compressed for whoever offers that."""

    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=0, compress=True)
        await socket.prepare(request)
        # Cases end in the middle of whatever the echo is at.
        with contextlib.suppress(ConnectionError):
            await echo(socket)
        return socket

    app = web.Application()
    app.router.add_get("/", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    print(json.dumps(runner.addresses[0][1]), flush=True)
    await asyncio.Event().wait()


async def aiohttp_client(url: str, at_once: int) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:

        async def visit(path: str) -> str:
            # aiohttp asks for compression only when told to: 15 is its largest window.
            async with http.ws_connect(url + path, max_msg_size=0, compress=15) as socket:
                with contextlib.suppress(ConnectionError):
                    return await echo(socket)
            return ""

        await have_all_cases(visit, at_once)


async def websockets_client(url: str, at_once: int) -> None:
    async def visit(path: str) -> str:
        last: str | bytes = ""
        async with connect(
            url + path, max_size=None, ping_interval=None, proxy=None, open_timeout=30
        ) as socket:
            with contextlib.suppress(WebSocketException):
                while True:
                    last = await socket.recv()
                    await socket.send(last)
        return str(last)

    await have_all_cases(visit, at_once)


async def have_all_cases(visit: Visit, at_once: int) -> None:
    """Do what Autobahn expects of a client; the last visit ends the run."""
    count = int(await visit("/getCaseCount"))
    places = asyncio.Semaphore(at_once)

    async def have(case: int) -> None:
        async with places:
            await visit(f"/runCase?case={case}&agent=echo")

    await asyncio.gather(*[have(case) for case in range(1, count + 1)])
    await visit("/updateReports?agent=echo")
    print(json.dumps(count), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "server":
        asyncio.run(serve())
    else:
        client = aiohttp_client if sys.argv[1] == "aiohttp" else websockets_client
        asyncio.run(client(sys.argv[2], int(sys.argv[3])))
