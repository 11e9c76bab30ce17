"""Leaving a block while something else goes on: nothing stays open, nobody waits for ever."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import wsrec
from aiohttp import web
from support.live import serving
from support.raw import Backend, Peer, backend, conversation, upgrade
from wsrec.wire.handshake import accept_key


async def silent(socket: web.WebSocketResponse, request: web.Request) -> None:
    """Read, and say nothing."""
    async for _ in socket:
        pass


async def accepted(behind: Backend) -> Peer:
    """Return the server's end of the next connection, behind its 101."""
    server = await behind.accept()
    head = dict(line.split(": ", 1) for line in (await server.head()).splitlines() if ": " in line)
    key = {name.lower(): value for name, value in head.items()}["sec-websocket-key"]
    await server.send(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + f"Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n".encode()
    )
    return server


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """One session in which nothing was said but the Close."""
    path = tmp_path / "a.db"

    async def record() -> None:
        async with (
            serving(silent) as url,
            wsrec.Proxy(url.removesuffix("/ws"), path) as proxy,
            wsrec.connect(f"{proxy.url}/ws"),
        ):
            pass

    asyncio.run(asyncio.wait_for(record(), 20))
    return path


@conversation
async def test_who_is_cancelled_while_the_close_is_not_answered_leaves_nothing_open() -> None:
    async with backend() as behind:
        connection = wsrec.connect(behind.url, close_timeout=60)
        opening = asyncio.ensure_future(connection.__aenter__())
        server = await accepted(behind)
        await opening
        leaving = asyncio.ensure_future(connection.close())
        assert await server.some()  # the Close frame

        leaving.cancel()
        await asyncio.wait([leaving])

        assert leaving.cancelled()
        assert await server.some() == b""


@conversation
async def test_two_that_close_and_two_that_reconnect_at_once() -> None:
    async with serving(silent) as url, wsrec.connect(url) as connection:
        await asyncio.gather(connection.reconnect(), connection.reconnect())
        assert connection.reconnects == 2
        assert not connection.closed
        await asyncio.gather(connection.close(), connection.close(), connection.drop())
        assert connection.close_code == 1000


@conversation
async def test_a_play_that_is_cancelled_leaves_what_it_has_recorded(
    recording: Path, tmp_path: Path
) -> None:
    async with backend() as behind:
        again = tmp_path / "b.db"
        playing = asyncio.ensure_future(wsrec.play(recording, behind.url, output=again))
        server = await accepted(behind)
        assert await server.some()  # the Close frame
        playing.cancel()
        await asyncio.wait([playing])
        assert playing.cancelled()

        with wsrec.open(again) as opened:
            assert [each.closed_by for each in opened.sessions] == ["client"]
        with pytest.raises(wsrec.SettingError, match="is there already"):
            await wsrec.play(recording, behind.url, output=again)


@conversation
async def test_a_mock_that_is_left_by_a_cancelled_task_listens_no_more(recording: Path) -> None:
    mock = wsrec.Mock(recording)
    await mock.__aenter__()
    async with wsrec.connect(f"{mock.url}/ws", close_timeout=1):
        leaving = asyncio.ensure_future(mock.__aexit__(None, None, None))
        await asyncio.sleep(0.1)  # it gives the session a moment to end

        leaving.cancel()
        await asyncio.wait([leaving])

    assert leaving.cancelled()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", mock.port)


@conversation
async def test_a_mock_is_not_entered_twice_at_once(recording: Path) -> None:
    mock = wsrec.Mock(recording, allow_unplayed=True)
    for _ in range(2):
        async with mock:
            with pytest.raises(RuntimeError, match="listens already"):
                await mock.__aenter__()


@conversation
async def test_a_proxy_that_is_entered_by_a_cancelled_task_keeps_no_recording(
    tmp_path: Path,
) -> None:
    proxy = wsrec.Proxy("ws://127.0.0.1:1", tmp_path / "a.db")
    for turns in range(8):
        entering = asyncio.ensure_future(proxy.__aenter__())
        for _ in range(turns):
            await asyncio.sleep(0)
        entering.cancel()
        await asyncio.wait([entering])
        assert entering.cancelled()

    async with proxy:
        assert proxy.sessions == 0


@conversation
async def test_a_proxy_that_is_left_by_a_cancelled_task_finishes_its_recording(
    tmp_path: Path,
) -> None:
    async with serving(silent) as url:
        proxy = wsrec.Proxy(url.removesuffix("/ws"), tmp_path / "a.db", close_timeout="60s")
        await proxy.__aenter__()
        client = await Peer.connect(proxy.port)
        await client.send(upgrade(target="/ws"))
        await client.head()
        leaving = asyncio.ensure_future(proxy.__aexit__(None, None, None))
        assert await client.some()  # the Close frame, which it does not answer

        leaving.cancel()
        await asyncio.wait([leaving])

    assert leaving.cancelled()
    with wsrec.open(tmp_path / "a.db") as recording:
        assert recording.clean
