"""What one client may take of the proxy, and that the others do not notice."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest
from support.proxying import in_process, recorded, sessions, start
from support.raw import (
    SWITCH,
    Peer,
    backend,
    conversation,
    conversation_with_process,
    open_session,
    upgrade,
)
from wsrec.proxy.options import Options

HELLO = b"\x81\x05hello"
CLOSE = b"\x88\x02\x03\xe8"
MASKED_CLOSE = b"\x88\x82\0\0\0\0\x03\xe8"
SOON = 0.2  # seconds


# -- deadlines --------------------------------------------------------------------------------


@conversation
async def test_a_client_that_never_says_what_it_wants(recording: Path) -> None:
    options = Options(header_timeout=SOON)
    async with backend() as behind, in_process(behind.url, recording, options) as proxy:
        client = await Peer.connect(proxy.port)
        assert await client.rest() == b""
    assert sessions(recording) == []


@conversation
async def test_a_head_that_comes_byte_by_byte(recording: Path) -> None:
    options = Options(header_timeout=SOON)
    async with backend() as behind, in_process(behind.url, recording, options) as proxy:
        client = await Peer.connect(proxy.port)
        answer = asyncio.ensure_future(client.rest())
        for byte in upgrade():
            if answer.done():
                break
            await client.send(bytes([byte]))
            await asyncio.sleep(SOON / 10)
        assert (await answer).startswith(b"HTTP/1.1 408 ")
        assert behind.accepted == 0


@conversation
async def test_a_second_head_that_comes_byte_by_byte(recording: Path) -> None:
    options = Options(header_timeout=SOON)
    async with backend() as behind, in_process(behind.url, recording, options) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        server = await behind.accept()
        await server.head()
        await asyncio.sleep(2 * SOON)  # the backend has as long as it likes
        await server.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        assert (await client.head()).startswith("HTTP/1.1 200 ")
        assert await client.exactly(2) == b"hi"
        await client.send(b"GET /again HTT")
        assert await client.rest() == b""  # a 408 might be taken for the answer to another request
        assert behind.accepted == 1


@conversation
async def test_a_backend_that_does_not_answer_the_handshake(recording: Path) -> None:
    options = Options(handshake_timeout=SOON)
    async with backend() as behind, in_process(behind.url, recording, options) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(upgrade())
        assert (await client.head()).startswith("HTTP/1.1 504 ")
        assert await client.rest() == f"wsrec: {behind.url}: no answer in time\n".encode()
    assert [each.status for each in sessions(recording)] == [504]


@conversation
async def test_a_session_in_which_nothing_crosses(recording: Path) -> None:
    options = Options(idle_timeout=SOON)
    async with backend() as behind, in_process(behind.url, recording, options) as proxy:
        client, server = await open_session(proxy.port, behind)
        for _ in range(5):
            await asyncio.sleep(SOON / 2)
            await server.send(HELLO)
            assert await client.exactly(7) == HELLO
        assert await client.exactly(4) == b"\x88\x16\x03\xe9"
        assert await client.exactly(20) == b"no traffic for 0.2 s"
        await client.send(MASKED_CLOSE)
        await server.exactly(28)
        await server.send(CLOSE)
        assert await client.rest() == await server.rest() == b""

    (session,) = sessions(recording)
    assert (session.close_code, session.closed_by, session.clean) == (1001, "proxy", True)


@conversation
async def test_an_idle_session_whose_peers_are_gone_for_good(recording: Path) -> None:
    options = Options(idle_timeout=SOON, close_timeout=SOON)
    async with backend() as behind, in_process(behind.url, recording, options) as proxy:
        client, _server = await open_session(proxy.port, behind)
        assert len(await client.rest()) == 24
        for _ in range(100):
            if not proxy.sessions:
                break
            await asyncio.sleep(0.02)
        assert proxy.sessions == 0


# -- the end of the proxy ---------------------------------------------------------------------


@conversation_with_process
async def test_sessions_that_end_by_themselves_while_the_proxy_drains(recording: Path) -> None:
    async with backend() as behind:
        proxy = start(behind.url, recording, "--drain", "20s")
        client, server = await open_session(proxy.port, behind)
        proxy.signal(signal.SIGTERM)
        for _ in range(100):
            try:
                await (await Peer.connect(proxy.port)).close()
            except ConnectionError:
                break
            await asyncio.sleep(0.02)
        else:
            pytest.fail("it still takes connections")
        await server.send(HELLO)
        assert await client.exactly(7) == HELLO
        await client.send(MASKED_CLOSE)
        assert await server.exactly(len(MASKED_CLOSE)) == MASKED_CLOSE
        await server.send(CLOSE)
        await server.close()
        assert await client.rest() == CLOSE
        await client.close()
        assert await proxy.over() == (0, "")

    (session,) = sessions(recording)
    assert session.closed_by == "client"
    assert recorded(recording)["server"] == ["hello"]


@conversation
async def test_sessions_that_go_on_are_closed_when_the_drain_is_over(recording: Path) -> None:
    async with backend() as behind:
        options = Options(drain=SOON, close_timeout=SOON)
        async with in_process(behind.url, recording, options) as proxy:
            client, _server = await open_session(proxy.port, behind)
        assert (await client.rest())[:4] == b"\x88\x18\x03\xe9"


# -- numbers ----------------------------------------------------------------------------------


@conversation
async def test_one_session_too_many(recording: Path) -> None:
    options = Options(max_sessions=2)
    async with backend() as behind, in_process(behind.url, recording, options) as proxy:
        first = await open_session(proxy.port, behind)
        await open_session(proxy.port, behind)
        for request in (upgrade(), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"):
            client = await Peer.connect(proxy.port)
            await client.send(request)
            head = await client.head()
            assert head.startswith("HTTP/1.1 503 ")
            assert "\r\nRetry-After: 1\r\n" in head
        await first[0].close()
        await first[1].rest()
        await first[1].close()
        for _ in range(100):
            if proxy.sessions == 1:
                break
            await asyncio.sleep(0.02)
        await open_session(proxy.port, behind)

    assert [each.status for each in sessions(recording)] == [101, 101, 503, 101]


@conversation_with_process
async def test_more_sessions_than_files(recording: Path) -> None:
    """With 256 files there is room for 80 sessions; the 80 do not notice the rest."""
    async with backend() as behind:
        proxy = start(behind.url, recording, files=256)
        opened = [await open_session(proxy.port, behind) for _ in range(80)]
        told = 0
        late: list[Peer] = []
        for _ in range(200):
            client = await Peer.connect(proxy.port)
            late.append(client)
            try:
                await client.send(upgrade())
                told += (await client.head()).startswith("HTTP/1.1 503 ")
            except (ConnectionError, asyncio.IncompleteReadError):
                continue  # dropped before it was heard
        assert told >= 32
        for client, server in opened:
            await server.send(HELLO)
            assert await client.exactly(7) == HELLO
        for client in (*late, *(client for client, _ in opened)):
            await client.close()
        for _, server in opened:
            await server.rest()
            await server.close()
        for _ in range(100):
            client = await Peer.connect(proxy.port)
            await client.send(upgrade())
            try:
                server = await asyncio.wait_for(behind.accept(), 0.2)
            except TimeoutError:
                continue
            await server.head()
            await server.send(SWITCH)
            assert (await client.head()).encode() == SWITCH
            break
        else:
            pytest.fail("no session can be opened when the others are gone")
        proxy.signal(signal.SIGTERM)
        assert await proxy.over() == (0, "")

    assert sum(each.status == 101 for each in sessions(recording)) == 81


@conversation_with_process
async def test_the_kernels_buffers_are_bounded(recording: Path) -> None:
    """What a client does not read its backend soon cannot send, and sooner with small buffers."""
    frame = b"\x82\x7e\x10\x00" + bytes(4096)
    taken: list[int] = []
    for number, settings in enumerate(((), ("--buffer", "16k"))):
        path = recording.with_name(f"{number}.db")
        async with backend() as behind:
            proxy = start(behind.url, path, *settings)
            client, server = await open_session(proxy.port, behind)
            await server.stalls(frame * 8000)
            client.reset()
            proxy.signal(signal.SIGTERM)
            assert await proxy.over() == (0, "")
        taken += [each.server_bytes for each in sessions(path)]

    as_usual, bounded = taken
    assert bounded < as_usual - (1 << 20)


@conversation_with_process
async def test_far_more_connections_than_sessions(recording: Path) -> None:
    async with backend() as behind:
        proxy = start(behind.url, recording, "--max-sessions", "1")
        before = proxy.open_files()
        crowd = await asyncio.gather(*(Peer.connect(proxy.port) for _ in range(100)))
        answers = 0
        for client in crowd[40:]:
            try:
                answers += (await client.rest()).startswith(b"HTTP/1.1 503 ")
            except ConnectionError:
                continue
        assert answers > 10
        for client in crowd:
            await client.close()
        for _ in range(100):
            if proxy.open_files() <= before:
                break
            await asyncio.sleep(0.05)
        else:
            pytest.fail("connections are left open")
        proxy.signal(signal.SIGTERM)
        assert await proxy.over() == (0, "")
