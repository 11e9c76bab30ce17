"""Peers that break off, break the rules or go away while nobody reads them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path

import pytest
from support.proxying import in_process, sessions, wsrec
from support.raw import SWITCH, Peer, backend, conversation, open_session, upgrade
from wsrec.net.address import Address
from wsrec.proxy.options import Options

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
FRAME = b"\x82\x7e\xff\xff" + bytes(0xFFFF)


async def eventually(what: object, seconds: float = 10.0) -> None:
    """Wait until `what()` is true."""
    assert callable(what)
    for _ in range(int(seconds / 0.02)):
        if what():
            return
        await asyncio.sleep(0.02)
    pytest.fail("it did not come to pass")


@pytest.mark.parametrize("request_", [upgrade(), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"])
@pytest.mark.parametrize("broken", [b"5\r\nhello\r\nZZ\r\n", b"ZZZ\r\n", b"5\r\nhelloX\r\n"])
@conversation
async def test_a_body_that_breaks_behind_its_head_ends_the_connection(
    recording: Path, request_: bytes, broken: bytes
) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(request_)
        server = await behind.accept()
        await server.head()
        await server.send(b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n")
        await client.head()
        await server.send(broken)
        with contextlib.suppress(ConnectionResetError):
            assert not (await client.rest()).endswith(b"0\r\n\r\n")


# -- heads ------------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [3, 40])
@conversation
async def test_a_head_that_is_too_large(recording: Path, fields: int) -> None:
    """Each of its fields is small enough; all of it comes at once, or never comes to an end."""
    head = upgrade(*(f"X-{number}: {'a' * 30_000}" for number in range(fields)))
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        with contextlib.suppress(ConnectionError):
            await client.send(head)
        with contextlib.suppress(ConnectionError):
            assert (await client.rest())[:13] in (b"HTTP/1.1 431 ", b"")
        assert behind.accepted == 0
        assert proxy.sessions == 0


@conversation
async def test_an_answer_whose_head_is_too_large(recording: Path) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(upgrade())
        server = await behind.accept()
        await server.head()
        fields = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 30_000) for number in range(3))
        await server.send(SWITCH[:-2] + fields + b"\r\n")
        assert (await client.head()).startswith("HTTP/1.1 502 ")
    assert [each.status for each in sessions(recording)] == [502]


@conversation
async def test_a_malformed_upgrade_behind_a_request_is_recorded(recording: Path) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(GET)
        server = await behind.accept()
        await server.head()
        await client.send(upgrade("no colon", target="/broken"))
        await server.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        assert (await client.rest()).count(b"HTTP/1.1 400 ") == 1
    assert [(each.target, each.status) for each in sessions(recording)] == [("/broken", 400)]


# -- ends -------------------------------------------------------------------------------------


@conversation
async def test_an_idle_session_at_the_end_of_the_proxy_is_closed_once(recording: Path) -> None:
    async with backend() as behind:
        options = Options(idle_timeout=0.3, close_timeout=0.8)
        async with in_process(behind.url, recording, options) as proxy:
            client, _server = await open_session(proxy.port, behind)
            await asyncio.sleep(0.1)
        assert await client.rest() == b"\x88\x18\x03\xe9proxy is shutting down"


@conversation
async def test_a_slow_receiver_is_not_idle(recording: Path) -> None:
    options = Options(idle_timeout=1, buffer=64 << 10)
    async with backend() as behind, in_process(behind.url, recording, options) as proxy:
        client, server = await open_session(proxy.port, behind)
        await server.stalls(FRAME * 600)
        for _ in range(20):
            await client.exactly(1 << 20)  # its kernel holds megabytes, and asks for more by then
            await asyncio.sleep(0.15)
        assert proxy.sessions == 1
        client.reset()
        await eventually(lambda: not proxy.sessions)


@conversation
async def test_a_peer_that_resets_while_it_is_not_read(recording: Path) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client, _server = await open_session(proxy.port, behind)
        await client.stalls(b"\x82\xfe\xff\xff\0\0\0\0" + bytes(0xFFFF) + FRAME * 800)
        client.reset()
        await eventually(lambda: not proxy.sessions)


@conversation
async def test_a_download_goes_on_while_the_proxy_drains(recording: Path) -> None:
    async with backend() as behind:
        proxy = in_process(behind.url, recording, Options(drain=20))
        running = await proxy.__aenter__()
        client = await Peer.connect(running.port)
        await client.send(GET)
        server = await behind.accept()
        await server.head()
        await server.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")
        ending = asyncio.ensure_future(proxy.__aexit__(None, None, None))
        await asyncio.sleep(0.3)
        await server.send(b"llo")
        await client.head()
        assert await client.rest() == b"hello"
        await ending


# -- starts -----------------------------------------------------------------------------------


def test_a_port_in_use_leaves_no_recording_behind(recording: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        result = wsrec("proxy", "ws://127.0.0.1:9", "-l", where, "-o", str(recording))
    assert result.returncode == 2
    assert not recording.exists()


@conversation
async def test_the_socket_file_of_a_successor_is_left_alone(recording: Path) -> None:
    path = recording.parent / "wsrec.sock"
    async with backend() as behind:
        async with in_process(behind.url, recording, Options(listen=Address(path=path))):
            path.unlink()
            successor = await asyncio.start_unix_server(lambda reader, writer: None, path)
        assert path.exists()
        successor.close()
