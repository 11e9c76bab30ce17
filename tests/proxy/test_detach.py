"""What the proxy leans on in aiohttp: fails loudly when a release changes it."""

from __future__ import annotations

import asyncio
import gc
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.client_proto import ResponseHandler
from aiohttp.web_protocol import RequestHandler
from support.proxying import in_process, sessions
from support.raw import SWITCH, Peer, backend, conversation, open_session, upgrade
from wsrec.net.client import http_client
from wsrec.net.detach import Detached, Hijacked, detach_request, detach_response


class Listener(asyncio.Protocol):
    """Keeps what a transport tells it."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.ended = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.received += data

    def eof_received(self) -> bool:
        self.ended.set()
        return False


async def true(condition: Callable[[], bool]) -> None:
    """Wait until something holds that nobody announces."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


async def caught(detached: Detached, end: bytes) -> None:
    """Wait until bytes have arrived at a connection that is nobody's."""
    await true(lambda: detached._catcher.data.endswith(end))


@pytest.mark.parametrize(
    ("protocol", "parameters"),
    [(RequestHandler, ["self", "parser"]), (ResponseHandler, ["self", "parser", "payload"])],
)
def test_both_protocols_take_a_parser(protocol: Any, parameters: list[str]) -> None:
    signature = inspect.signature(protocol.set_parser)
    assert list(signature.parameters)[: len(parameters)] == parameters
    assert all(
        parameter.default is not parameter.empty
        for parameter in list(signature.parameters.values())[len(parameters) :]
    )
    assert list(inspect.signature(protocol.connection_lost).parameters) == ["self", "exc"]


@conversation
async def test_a_request_gives_up_its_connection_and_what_came_with_it() -> None:
    listener = Listener()
    attached: asyncio.Queue[tuple[Detached, bytes]] = asyncio.Queue()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        detached = detach_request(request)
        assert detached is not None
        await caught(detached, b"later, ")
        attached.put_nowait((detached, detached.attach(listener)))
        return Hijacked()

    server = web.Server(handle)
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    client = await Peer.connect(listening.sockets[0].getsockname()[1])
    await client.send(upgrade() + b"ahead, ")
    await client.send(b"later, ")
    detached, ahead = await attached.get()
    assert ahead == b"ahead, later, "
    await true(lambda: server.connections == [])

    detached.transport.write(b"heard")
    assert await client.exactly(5) == b"heard"
    await client.send(b"and more")
    client.half_close()
    await listener.ended.wait()
    assert listener.received == b"and more"
    assert await client.rest() == b""
    await server.shutdown()
    listening.close()
    await listening.wait_closed()


@conversation
async def test_a_response_gives_up_its_connection_and_what_came_with_it() -> None:
    listener = Listener()
    async with backend() as behind, http_client() as http:
        asked = asyncio.ensure_future(
            http.get(
                f"http://127.0.0.1:{behind.port}/",
                headers={"Connection": "Upgrade", "Upgrade": "websocket"},
            )
        )
        server = await behind.accept()
        await server.head()
        await server.send(SWITCH + b"ahead, ")
        response = await asked
        await server.send(b"later, ")
        detached = detach_response(response)
        assert detached is not None
        await caught(detached, b"later, ")
        assert detached.attach(listener) == b"ahead, later, "
        response.close()
        assert held(http) == 0

        detached.transport.write(b"heard")
        assert await server.exactly(5) == b"heard"
        await server.send(b"and more")
        server.half_close()
        await listener.ended.wait()
        assert listener.received == b"and more"
        assert await server.rest() == b""


def held(http: ClientSession) -> int:
    """Return how many connections a client thinks it has, in use or idle."""
    connector: Any = http.connector
    return len(connector._acquired) + sum(map(len, connector._conns.values()))


def descriptors() -> int:
    """Return how many files and sockets this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@conversation
async def test_a_session_leaves_nothing_behind_in_aiohttp(recording: Path) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        server = proxy._connections
        before = descriptors()
        pairs = [await open_session(proxy.port, behind) for _ in range(50)]
        assert proxy.sessions == 50
        await true(lambda: server.connections == [])
        assert held(proxy._gate._http) == 0
        assert descriptors() == before + 4 * 50
        for pair in pairs:
            for peer in pair:
                await peer.close()
        await true(lambda: proxy.sessions == 0)
        gc.collect()  # a transport that was forgotten would warn here
        assert descriptors() == before

    assert len(sessions(recording)) == 50
    assert all(session.clean for session in sessions(recording))


@conversation
async def test_refused_and_failed_handshakes_leave_nothing_behind(recording: Path) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        server = proxy._connections
        before = descriptors()
        for answer in (b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno", SWITCH[:-30], b"", b"x"):
            client = await Peer.connect(proxy.port)
            await client.send(upgrade())
            peer = await behind.accept()
            await peer.head()
            await peer.send(answer)
            peer.half_close()
            await client.head()
            await client.close()
            await peer.close()
        await true(lambda: descriptors() == before)
        assert server.connections == []
        assert held(proxy._gate._http) == 0
