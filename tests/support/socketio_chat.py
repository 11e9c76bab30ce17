"""A chat of `python-socketio` with binary attachments and acks in both directions."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import aiohttp
import socketio
from aiohttp import web

__all__ = ["PICTURE", "Overheard", "chat", "converse", "listening", "serving", "until_disconnected"]

PICTURE = bytes(range(256)) * 2000


class Overheard:
    """What one end's WebSocket has sent and received."""

    def __init__(self) -> None:
        self.sent: list[str | bytes] = []
        self.received: list[str | bytes] = []


def listening(base: type[Any], overheard: Overheard) -> type[Any]:
    """Return a kind of WebSocket, of aiohttp's client or server, that keeps what crosses it."""

    class Listening(base):  # type: ignore[misc]
        async def send_str(self, data: str, *options: Any) -> None:
            await super().send_str(data, *options)
            overheard.sent.append(data)

        async def send_bytes(self, data: bytes, *options: Any) -> None:
            await super().send_bytes(data, *options)
            overheard.sent.append(data)

        async def receive(self, *options: Any) -> aiohttp.WSMessage:
            message: aiohttp.WSMessage = await super().receive(*options)
            if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                overheard.received.append(message.data)
            return message

    return Listening


def chat() -> tuple[socketio.AsyncServer, list[object]]:
    """Return a server that answers, and what it is told."""
    server = socketio.AsyncServer(async_mode="aiohttp", max_http_buffer_size=10_000_000)
    heard: list[object] = []

    async def connect(sid: str, environ: dict[str, Any], auth: object) -> None:
        heard.append(("connect", auth, environ["QUERY_STRING"].split("&t=")[0]))
        await server.emit("welcome", {"text": "ä€😀"}, to=sid)

    async def ask(sid: str, data: object) -> dict[str, object]:
        heard.append(("ask", data))
        return {"echo": data, "n": 1}

    async def picture(sid: str, data: dict[str, Any]) -> bytes:
        heard.append(("picture", data))
        confirmed = await server.call("confirm", {"got": data["parts"], "raw": PICTURE}, to=sid)
        heard.append(("confirmed", confirmed))
        return bytes(reversed(data["parts"][0]))

    async def disconnect(sid: str, reason: str) -> None:
        heard.append(("disconnect", reason))

    for handler in (connect, ask, picture, disconnect):
        server.on(handler.__name__, handler)
    return server, heard


@contextlib.asynccontextmanager
async def serving(server: socketio.AsyncServer) -> AsyncIterator[int]:
    """Run a server for a while; give its port."""
    app = web.Application()
    server.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await server.shutdown()
        await runner.cleanup()


async def converse(
    port: int, overheard: Overheard, *, transports: Sequence[str] = ("polling", "websocket")
) -> list[object]:
    """Use the chat as a client does; return what the client got to see."""
    got: list[object] = []
    socket_type = listening(aiohttp.ClientWebSocketResponse, overheard)
    async with aiohttp.ClientSession(ws_response_class=socket_type) as http:
        client = socketio.AsyncClient(http_session=http, reconnection=False)
        welcomed = asyncio.Event()

        async def welcome(data: object) -> None:
            got.append(("welcome", data))
            welcomed.set()

        async def confirm(data: object) -> tuple[str, bytes]:
            got.append(("confirm", data))
            return "fine", b"\x00\x01"

        client.on("welcome", welcome)
        client.on("confirm", confirm)
        await client.connect(
            f"http://127.0.0.1:{port}", auth={"token": "t"}, transports=[*transports]
        )
        await asyncio.wait_for(welcomed.wait(), 10)
        got.append(client.transport())
        got.append(await client.call("ask", {"question": "what?", "list": [1, None, "ä"]}))
        got.append(await client.call("picture", {"parts": [PICTURE, b""], "name": "p.png"}))
        await client.disconnect()
    return got


async def until_disconnected(heard: list[object]) -> list[object]:
    """Wait for the server's end of a session; take what it heard."""
    async with asyncio.timeout(10):
        while not any(isinstance(item, tuple) and item[0] == "disconnect" for item in heard):
            await asyncio.sleep(0.01)
    taken = heard[:]
    heard.clear()
    return taken
