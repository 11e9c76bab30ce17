"""Opening handshakes from either side, against peers of raw bytes: what is sent and believed."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import trustme
from aiohttp import web
from support.raw import ACCEPT, KEY, SWITCH, Backend, Peer, backend, conversation, upgrade
from wsrec.net.accept import accept
from wsrec.net.detach import Hijacked
from wsrec.net.dial import DialError, Dialled, dial
from wsrec.net.headers import Pairs

WITH_KEY = [("Sec-WebSocket-Key", KEY)]


@asynccontextmanager
async def dialling(
    behind: Backend, answer: bytes, headers: Sequence[tuple[str, str]] = WITH_KEY, path: str = "/"
) -> AsyncIterator[tuple[asyncio.Future[Dialled], Peer, str]]:
    """Dial; give what will become of it, the server, and the head that it was sent."""
    dialled = asyncio.ensure_future(dial(f"{behind.url}{path}", headers))
    server = await behind.accept()
    head = await server.head()
    await server.send(answer)
    try:
        yield dialled, server, head
    finally:
        if dialled.done() and dialled.exception() is None:
            drop(dialled.result())
            await asyncio.sleep(0)


def drop(dialled: Dialled) -> None:
    """End a connection that nobody has taken over."""
    if dialled.connection is not None:
        dialled.connection.transport.abort()


async def why(url: str, headers: Sequence[tuple[str, str]] = WITH_KEY, **options: float) -> str:
    with pytest.raises(DialError) as caught:
        await dial(url, headers, **options)  # type: ignore[arg-type]
    return str(caught.value)


@conversation
async def test_the_given_headers_are_sent_as_they_are() -> None:
    given = [
        ("host", "agents.test"),
        ("X-Trace", "a"),
        ("connection", "keep-alive, Upgrade"),
        ("X-Trace", "b"),
        ("Sec-WebSocket-Key", KEY),
        ("Sec-WebSocket-Protocol", "chat, superchat"),
    ]
    async with backend() as behind, dialling(behind, SWITCH, given) as (dialled, _, head):
        assert head.split("\r\n") == [
            "GET / HTTP/1.1",
            "host: agents.test",
            "X-Trace: a",
            "connection: keep-alive, Upgrade",
            "X-Trace: b",
            f"Sec-WebSocket-Key: {KEY}",
            "Sec-WebSocket-Protocol: chat, superchat",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "",
            "",
        ]
        assert (await dialled).answer.status == 101


@conversation
async def test_what_a_handshake_needs_is_added() -> None:
    async with backend() as behind:
        keys = set()
        for _ in range(2):
            dialled = asyncio.ensure_future(dial(behind.url, []))
            server = await behind.accept()
            fields = dict(line.split(": ") for line in (await server.head()).split("\r\n")[1:-2])
            keys.add(fields.pop("Sec-WebSocket-Key"))
            assert fields == {
                "Host": f"127.0.0.1:{behind.port}",
                "Upgrade": "websocket",
                "Connection": "Upgrade",
                "Sec-WebSocket-Version": "13",
            }
            await server.send(SWITCH)  # which answers another key
            with pytest.raises(DialError, match="wrong Sec-WebSocket-Accept"):
                await dialled
        assert len(keys) == 2


@conversation
async def test_path_and_query_are_sent_byte_for_byte() -> None:
    paths = {
        "/a%2Fb//../%zz?q=%20a+b&&x=%": "/a%2Fb//../%zz?q=%20a+b&&x=%",
        "/?": "/?",
        "?a=1": "/?a=1",
        "": "/",
    }
    async with backend() as behind:
        for path, target in paths.items():
            async with dialling(behind, SWITCH, path=path) as (dialled, _, head):
                assert head.split("\r\n")[0] == f"GET {target} HTTP/1.1"
                assert (await dialled).connection is not None


@conversation
async def test_what_was_agreed_to_is_told() -> None:
    more = (
        b"Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"
        b"Sec-WebSocket-Extensions: x-one\r\nX-Odd: \xff\r\n\r\n"
    )
    async with backend() as behind, dialling(behind, SWITCH[:-2] + more) as (dialled, _, _head):
        answer = (await dialled).answer
        assert (answer.subprotocol, answer.extensions) == ("chat", "permessage-deflate, x-one")
        assert answer.headers[-1] == ("X-Odd", "\udcff")


@conversation
async def test_any_other_answer_is_told_and_has_no_connection() -> None:
    refusal = b"HTTP/1.1 403 Forbidden\r\nX-Why: expired\r\nContent-Length: 2\r\n\r\nno"
    moved = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    async with backend() as behind:
        for answer, status in ((refusal, 403), (moved, 302)):
            async with dialling(behind, answer) as (dialled, server, _):
                done = await dialled
                assert (done.answer.status, done.connection) == (status, None)
                assert await server.some() == b""  # nothing is left open
        assert behind.accepted == 2


@conversation
async def test_what_is_no_websocket_behind_a_101_is_not_believed() -> None:
    answers = {
        SWITCH.replace(ACCEPT.encode(), b"AAAA"): "its 101 has a wrong Sec-WebSocket-Accept",
        SWITCH.replace(b"Upgrade: websocket\r\n", b""): "its 101 does not say 'Upgrade: websocket'",
        b"SSH-2.0-OpenSSH\r\n\r\n": "its answer is not HTTP: ",
    }
    async with backend() as behind:
        for answer, fault in answers.items():
            async with dialling(behind, answer, path="/ws?token=secret") as (dialled, server, _):
                with pytest.raises(DialError) as caught:
                    await dialled
                assert str(caught.value).startswith(f"{behind.url}/ws: {fault}")
                assert "\n" not in str(caught.value)
                await server.close()


@conversation
async def test_a_server_that_is_not_there_or_says_nothing() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{free.getsockname()[1]}/a"
        assert await why(f"{url}?token=secret") == f"{url}: cannot be reached: Connection refused"
    async with backend() as behind:
        assert await why(behind.url, patience=0.1) == f"{behind.url}: no answer in time"
        closing = asyncio.ensure_future(why(behind.url))
        await behind.accept()
        await (await behind.accept()).close()
        assert (await closing).startswith(f"{behind.url}: ")


@conversation
async def test_what_cannot_be_dialled() -> None:
    assert "expected a ws or wss URL" in await why("http://127.0.0.1/")
    assert "no host and port" in await why("ws://127.0.0.1:port/")
    assert "is not UTF-8" in await why("ws://127.0.0.1:1/\udcff")
    assert "is not UTF-8" in await why("ws://127.0.0.1:1/", [("X", "\udcff")])
    assert await why("ws://127.0.0.1:1/", [("X", "a\r\nb")])


@conversation
async def test_tls_is_spoken_and_checked() -> None:
    authority = trustme.CA()
    server, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("agents.test").configure_cert(server)
    authority.configure_trust(trusting)
    async with backend(server) as behind:
        url = behind.url.replace("ws:", "wss:")
        dialled = asyncio.ensure_future(dial(url, WITH_KEY, tls=trusting, name="agents.test"))
        peer = await behind.accept()
        await peer.head()
        await peer.send(SWITCH + b"\x81\x05ahead")
        drop(await dialled)
        assert (await why(url)).startswith(f"{url}: ")


@conversation
async def test_an_accepted_client_gets_the_recorded_headers_and_an_answer_of_its_own() -> None:
    recorded: Pairs = [
        ("Server", "uvicorn"),
        ("upgrade", "WebSocket"),
        ("Sec-WebSocket-Accept", "another's"),
        ("Set-Cookie", "a"),
        ("Set-Cookie", "b"),
        ("Transfer-Encoding", "chunked"),
        ("Sec-WebSocket-Protocol", "chat"),
    ]

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        connection = accept(request, recorded, KEY)
        assert connection is not None
        connection.transport.write(b"\x81\x00")
        return Hijacked()

    server = await asyncio.get_running_loop().create_server(web.Server(handle), "127.0.0.1", 0)
    client = await Peer.connect(server.sockets[0].getsockname()[1])
    await client.send(upgrade())
    assert (await client.head()).split("\r\n") == [
        "HTTP/1.1 101 Switching Protocols",
        "Connection: Upgrade",
        "Server: uvicorn",
        "upgrade: websocket",
        f"Sec-WebSocket-Accept: {ACCEPT}",
        "Set-Cookie: a",
        "Set-Cookie: b",
        "Sec-WebSocket-Protocol: chat",
        "",
        "",
    ]
    assert await client.exactly(2) == b"\x81\x00"
    server.close()
