"""`python-socketio` with two clients at once: rooms, broadcasts, a second namespace."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
import socketio
from aiohttp import web
from support.proxying import judged, proxy_process, recorded, sessions, wsrec

pytestmark = pytest.mark.real

BLOB = bytes(range(256)) * 300


class Listening(aiohttp.ClientWebSocketResponse):
    """A WebSocket that keeps what crosses it; what it refuses to send, being closed, does not."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.sent: list[str | bytes] = []
        self.received: list[str | bytes] = []

    async def send_str(self, data: str, compress: int | None = None) -> None:
        await super().send_str(data, compress)
        self.sent.append(data)

    async def send_bytes(self, data: Any, compress: int | None = None) -> None:
        await super().send_bytes(data, compress)
        self.sent.append(bytes(data))

    async def receive(self, timeout: float | None = None) -> Any:  # noqa: ASYNC109
        message = await super().receive(timeout)
        if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            self.received.append(message.data)
        return message


class Backend:
    """Rooms that clients join and leave, and what was said in them."""

    def __init__(self) -> None:
        self.heard: list[object] = []
        self.polled: list[tuple[str, str]] = []
        """Method and host of each request that was no upgrade."""
        self.gone: asyncio.Queue[str] = asyncio.Queue()
        self.server = socketio.AsyncServer(async_mode="aiohttp")
        for handler in (self.join, self.leave, self.say):
            self.server.on(handler.__name__, handler)
        self.server.on("disconnect", self.gone.put_nowait)
        self.server.on("count", self.count, namespace="/admin")

    async def join(self, sid: str, room: str) -> bool:
        await self.server.enter_room(sid, room)
        return True

    async def leave(self, sid: str, room: str) -> bool:
        await self.server.leave_room(sid, room)
        return True

    async def say(self, sid: str, room: str, said: object) -> None:
        self.heard.append((room, said))
        await self.server.emit("said", said, room=room, skip_sid=sid)
        await self.server.emit("news", {"number": len(self.heard), "blobs": [BLOB, b"\x00"]})

    async def count(self, sid: str, data: bytes) -> tuple[int, bytes]:
        return len(data), data[::-1]

    @web.middleware
    async def note(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.query["transport"] == "polling":
            self.polled.append((request.method, request.host))
        response: web.StreamResponse = await handler(request)
        return response

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        app = web.Application(middlewares=[self.note])
        self.server.attach(app)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield runner.addresses[0][1]
        finally:
            await self.server.shutdown()
            await runner.cleanup()


class Guest:
    """A client, and the events that came to it."""

    def __init__(self, client: socketio.AsyncClient) -> None:
        self.client = client
        self.events: asyncio.Queue[object] = asyncio.Queue()
        for name in ("said", "news"):
            client.on(name, self.taker(name))
        self.socket: Listening
        self.sid = ""

    def taker(self, name: str) -> Any:
        async def take(data: object) -> None:
            await self.events.put((name, data))

        return take

    @classmethod
    @contextlib.asynccontextmanager
    async def arrived(cls, port: int) -> AsyncIterator[Guest]:
        async with aiohttp.ClientSession(ws_response_class=Listening) as http:
            client = socketio.AsyncClient(http_session=http, reconnection=False)
            guest = cls(client)
            await client.connect(f"http://127.0.0.1:{port}", namespaces=["/", "/admin"])
            try:
                assert client.transport() == "websocket"
                guest.socket, guest.sid = client.eio.ws, client.eio.sid
                assert isinstance(guest.socket, Listening)
                yield guest
            finally:
                await client.disconnect()


async def party(port: int, backend: Backend) -> tuple[list[object], list[Guest]]:
    """Have two clients talk; return what each of them got to see, and the clients."""
    seen: list[object] = []
    async with Guest.arrived(port) as anna, Guest.arrived(port) as bert:
        for guest in (anna, bert):
            seen.append(await guest.client.call("join", "blue"))
        await anna.client.emit("say", ("blue", {"text": "hällo 😀", "blob": BLOB}))
        seen += ["bert", await bert.events.get(), await bert.events.get()]
        seen += ["anna", await anna.events.get()]
        seen.append(await bert.client.call("leave", "blue"))
        await anna.client.emit("say", ("blue", "is nobody here?"))
        seen += ["bert", await bert.events.get(), "anna", await anna.events.get()]
        seen.append(await bert.client.call("count", b"\x01\x02\x03", namespace="/admin"))
        await bert.client.emit("say", ("blue", ["from", "outside", None, 1.5]))
        seen += ["anna", await anna.events.get(), await anna.events.get()]
        seen += ["bert", await bert.events.get()]
        assert anna.events.empty()
        assert bert.events.empty()
        assert anna.client.transport() == bert.client.transport() == "websocket"
    for _ in (anna, bert):
        await backend.gone.get()
    return seen, [anna, bert]


def news(number: int) -> tuple[str, object]:
    return "news", {"number": number, "blobs": [BLOB, b"\x00"]}


async def compare(recording: Path) -> None:
    backend = Backend()
    async with asyncio.timeout(40), backend.listening() as port:
        direct, _ = await party(port, backend)
        heard = backend.heard.copy()
        backend.heard.clear()
        backend.polled.clear()
        with proxy_process(f"http://127.0.0.1:{port}", recording) as proxy:
            through, guests = await party(proxy.port, backend)

    assert through == direct
    assert backend.heard == heard
    said = {"text": "hällo 😀", "blob": BLOB}
    outside = ["from", "outside", None, 1.5]
    assert through == [
        *(True, True, "bert", ("said", said), news(1), "anna", news(1)),
        *(True, "bert", news(2), "anna", news(2)),
        *((3, b"\x03\x02\x01"), "anna", ("said", outside), news(3), "bert", news(3)),
    ]
    assert {method for method, _ in backend.polled} >= {"GET"}
    assert {host for _, host in backend.polled} == {f"127.0.0.1:{proxy.port}"}

    found = {parse_qs(urlsplit(one.target).query)["sid"][0]: one for one in sessions(recording)}
    assert found.keys() == {guest.sid for guest in guests}
    for guest in guests:
        session = found[guest.sid]
        assert session.clean
        assert parse_qs(urlsplit(session.target).query)["transport"] == ["websocket"]
        socket = guest.socket
        assert recorded(recording, session.id) == {"client": socket.sent, "server": socket.received}
        assert socket.sent[:2] == ["2probe", "5"]
        assert socket.received[0] == "3probe"
        assert socket.received.count(BLOB) >= 3


def test_the_same_party_direct_and_through_the_proxy(recording: Path) -> None:
    asyncio.run(compare(recording))

    for session in judged(recording, "socketio").sessions:
        assert session.spans["acknowledgement"] >= 1
        assert (session.spans["probe"], session.spans["upgrade"]) == (1, 1)
        assert session.spans["server_binary"] >= 3

    listed = wsrec("sessions", str(recording))
    assert (listed.returncode, listed.stderr) == (0, "")
    assert listed.stdout.count("/socket.io/") == 2
    shown = wsrec("show", str(recording), "1")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "2probe" in shown.stdout
    assert "from" in wsrec("show", "--full", str(recording), "2").stdout
