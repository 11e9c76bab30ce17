"""Heartbeats that are messages: recorded so many, and another number of them at each live peer.

No peer goes on before it has got as many as it wants, or as many answers to its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import socketio
import wsrec
from aiohttp import web
from engineio.async_drivers import aiohttp as driver
from support.mocking import mocked
from support.peers import peer_process
from support.proxying import in_process
from support.replays import differences, replayed
from support.socketio_chat import Overheard, listening, serving
from wsrec.replay.stage import Settings

pytestmark = pytest.mark.real

SCRIPT = Path(__file__).with_name("graphql_ws_peers.cjs")
FEW, MANY = 2, 5

Serving = Callable[[int], AbstractAsyncContextManager[str]]
Use = Callable[[str, int], Awaitable[object]]


async def left_out(recording: Path, serving: Serving, use: Use) -> None:
    """Record a session; then hold its halves against peers with more heartbeats, and it itself."""
    again = recording.with_name("again.db")
    async with serving(FEW) as url, in_process(url, recording) as proxy:
        seen = await use(proxy.url, FEW)

    async with serving(MANY) as url:
        played = await replayed(recording, url, Settings(), output=again)
    assert differences(played) == []
    (session,) = played.sessions
    assert session.counts is not None
    beats = session.counts.beats
    assert beats.recorded >= 2 * FEW
    assert beats.heard >= MANY
    assert beats.said >= MANY

    async with mocked(recording) as mock:
        assert await use(mock.url, MANY) == seen

    compared = await asyncio.to_thread(wsrec.diff, recording, again)
    assert compared.same, str(compared)
    assert compared.sessions[0].heartbeats[0] == beats.recorded
    assert not wsrec.diff(recording, again, no_usual_heartbeats=True).same


def test_graphql(recording: Path, node_folder: Path) -> None:
    @asynccontextmanager
    async def serving(pings: int) -> AsyncIterator[str]:
        with peer_process(["node", str(SCRIPT), "server", str(pings)], cwd=node_folder) as server:
            yield f"ws://127.0.0.1:{server.says()}"

    async def use(url: str, pings: int) -> object:
        def run() -> object:
            command = ["node", str(SCRIPT), "pinging", f"{url}/graphql", str(pings)]
            with peer_process(command, cwd=node_folder) as client:
                return client.says()

        return await asyncio.to_thread(run)

    asyncio.run(left_out(recording, serving, use))


@asynccontextmanager
async def rooms(pongs: int, every: float = 0.05) -> AsyncIterator[str]:
    """Run a server of Socket.IO that answers once it has got so many pongs."""
    overheard = Overheard()
    kind = listening(web.WebSocketResponse, overheard)
    server = socketio.AsyncServer(async_mode="aiohttp", ping_interval=every)

    async def wait(sid: str) -> str:
        await until(lambda: overheard.received.count("3") >= pongs)
        return "waited"

    server.on("wait", wait)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver, "WebSocketResponse", kind)
        async with serving(server) as port:
            yield f"ws://127.0.0.1:{port}"


async def wait(url: str, pings: int) -> object:
    """Be a client of Socket.IO that leaves once it has got so many pings."""
    overheard = Overheard()
    socket_type = listening(aiohttp.ClientWebSocketResponse, overheard)
    async with aiohttp.ClientSession(ws_response_class=socket_type) as http:
        client = socketio.AsyncClient(http_session=http, reconnection=False)
        await client.connect(url, transports=["websocket"])
        said = await client.call("wait")
        await until(lambda: overheard.received.count("2") >= pings)
        await client.disconnect()
    return said


def test_socketio(recording: Path) -> None:
    asyncio.run(left_out(recording, rooms, wait))


def test_socketio_before_the_first(recording: Path) -> None:
    """A mock pings a client that stays longer than the recorded one as often as it promises."""

    async def talk() -> None:
        async with rooms(0, every=1) as url, in_process(url, recording) as proxy:
            seen = await wait(proxy.url, 0)
        async with mocked(recording) as mock:
            assert await wait(mock.url, 1) == seen
        (played,) = mock.plays.sessions
        assert played.counts is not None
        assert played.counts.beats.recorded == 0
        assert played.counts.beats.said >= 1

    asyncio.run(talk())


async def until(done: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not done():
            await asyncio.sleep(0.01)
