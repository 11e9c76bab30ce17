"""Plain HTTP on the same origin: requests and responses pass as streams, unchanged."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path

import pytest
from support.proxying import in_process, sessions
from support.raw import Peer, backend, conversation


def once(head: str) -> str:
    """Return the head that the backend gets: no second request will come on its connection."""
    return head.removesuffix("\r\n") + "Connection: close\r\n\r\n"


@conversation
async def test_a_request_and_its_response(recording: Path) -> None:
    request = (
        "GET /a//b%2F..;/c?x=%20&y HTTP/1.1\r\n"
        "Host: app.test:8080\r\n"
        "Accept: */*\r\n"
        "Cookie: a=1\r\n"
        "Origin: https://app.test\r\n"
        "X-Repeated: one\r\n"
        "X-Repeated: two\r\n"
        "\r\n"
    )
    response = (
        "HTTP/1.1 200 Fine\r\n"
        "Content-Type: text/html; charset=utf-8\r\n"
        "Content-Length: 5\r\n"
        "Set-Cookie: a=1\r\n"
        "Set-Cookie: b=2\r\n"
        "Date: Wed, 21 Oct 2026 07:28:00 GMT\r\n"
        "Server: backend/1\r\n"
        "\r\n"
    )
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(request.encode())
        server = await behind.accept()
        assert await server.head() == once(request)
        await server.send(response.encode() + b"hello")
        assert await client.head() == response
        assert await client.exactly(5) == b"hello"

    assert sessions(recording) == []


@conversation
async def test_nothing_is_added_to_a_bare_response(recording: Path) -> None:
    bare = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        server = await behind.accept()
        assert await server.head() == once("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await server.send(bare.encode() + b"hello")
        assert await client.head() == bare
        assert await client.exactly(5) == b"hello"


@conversation
async def test_the_clients_connection_is_kept_and_the_backends_is_not(recording: Path) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        for path in ("/one", "/two", "/three"):
            await client.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            server = await behind.accept()
            assert (await server.head()).startswith(f"GET {path} ")
            await server.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            await client.head()
            assert await client.exactly(2) == b"ok"
            assert await server.rest() == b""


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "POST", "PATCH"])
@pytest.mark.parametrize("answered", [b"", b"HTTP/1.1 200 OK\r\nConte"], ids=["silence", "cut"])
@pytest.mark.parametrize("ending", ["fin", "rst"])
@conversation
async def test_no_request_is_sent_twice(
    recording: Path, method: str, answered: bytes, ending: str
) -> None:
    """Whether the backend carried it out before it broke off is not for a proxy to guess."""
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        for _ in range(2):  # on a connection that has carried a request already, too
            await client.send(f"{method} /ok HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            server = await behind.accept()
            await server.head()
            await server.send(b"HTTP/1.1 204 No Content\r\n\r\n")
            assert (await client.head()).startswith("HTTP/1.1 204 ")
        await client.send(f"{method} /it HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        server = await behind.accept()
        assert (await server.head()).startswith(f"{method} /it ")
        if answered:
            await server.send(answered)
        if ending == "rst":
            server.reset()
        else:
            await server.close()
        assert (await client.head()).startswith("HTTP/1.1 502 ")
        await client.rest()
        assert behind.accepted == 3


@conversation
async def test_a_body_is_not_sent_twice(recording: Path) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(b"PUT /it HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
        server = await behind.accept()
        await server.head()
        await server.exactly(5)
        await server.close()
        assert (await client.head()).startswith("HTTP/1.1 502 ")
        await client.rest()
        assert behind.accepted == 1


@conversation
async def test_a_body_with_a_length(recording: Path) -> None:
    body = bytes(range(256)) * 1000
    head = f"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(head.encode() + body)
        server = await behind.accept()
        assert await server.head() == once(head)
        assert await server.exactly(len(body)) == body
        await server.send(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
        assert (await client.head()).startswith("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n")


@conversation
async def test_a_body_in_chunks_arrives_while_it_is_sent(recording: Path) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        head = "POST /up HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        await client.send(head.encode() + b"5\r\nhello\r\n")
        server = await behind.accept()
        assert await server.head() == once(head)
        assert await server.exactly(10) == b"5\r\nhello\r\n"
        for chunk in (b"6\r\n world\r\n", b"7\r\n, again\r\n", b"0\r\n\r\n"):
            await client.send(chunk)
            assert await server.exactly(len(chunk)) == chunk
        await server.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        assert await client.head() == "HTTP/1.1 204 No Content\r\n\r\n"


@conversation
async def test_a_client_that_waits_for_100_continue(recording: Path) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(
            b"PUT /up HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
        )
        assert await client.head() == "HTTP/1.1 100 Continue\r\n\r\n"
        await client.send(b"hello")
        server = await behind.accept()
        assert (await server.head()).startswith("PUT /up HTTP/1.1\r\n")
        assert await server.exactly(5) == b"hello"
        await server.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        assert (await client.head()).startswith("HTTP/1.1 204 ")


@conversation
async def test_events_arrive_one_by_one(recording: Path) -> None:
    """Server-sent events: each reaches the client before the server sends the next one."""
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        server = await behind.accept()
        await server.head()
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            "Transfer-Encoding: chunked\r\n\r\n"
        )
        await server.send(head.encode())
        assert "Transfer-Encoding: chunked\r\n" in await client.head()
        for number in range(10):
            event = f"data: {number}\n\n".encode()
            chunk = f"{len(event):x}\r\n".encode() + event + b"\r\n"
            await server.send(chunk)
            assert await client.exactly(len(chunk)) == chunk
        await server.send(b"0\r\n\r\n")
        assert await client.exactly(5) == b"0\r\n\r\n"


@conversation
async def test_a_body_that_ends_with_the_connection(recording: Path) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")
        server = await behind.accept()
        await server.head()
        await server.send(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello")
        server.half_close()
        assert (await client.head()).split()[1] == "200"
        assert await client.rest() == b"hello"


@conversation
async def test_a_body_cut_short_does_not_look_whole(recording: Path) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        server = await behind.accept()
        await server.head()
        await server.send(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\n"
        )
        assert "chunked" in await client.head()
        assert await client.exactly(10) == b"5\r\nhello\r\n"
        await server.close()
        try:
            rest = await client.rest()
        except ConnectionResetError:
            rest = b""
        assert not rest.endswith(b"0\r\n\r\n")


@conversation
async def test_a_compressed_body_stays_compressed(recording: Path) -> None:
    body = gzip.compress(b"hello " * 1000)
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(b"GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n")
        server = await behind.accept()
        await server.head()
        await server.send(head.encode() + body)
        assert (await client.head()).startswith(head[:-2])
        assert await client.exactly(len(body)) == body


@pytest.mark.parametrize(
    ("request_", "response"),
    [
        ("HEAD / HTTP/1.1", "HTTP/1.1 200 OK\r\nContent-Length: 1234"),
        ("GET / HTTP/1.1", "HTTP/1.1 204 No Content"),
        ("GET / HTTP/1.1", 'HTTP/1.1 304 Not Modified\r\nETag: "x"'),
        ("GET / HTTP/1.1", "HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0"),
        ("DELETE /it HTTP/1.1", "HTTP/1.1 200 OK\r\nContent-Length: 0"),
        ("OPTIONS /it HTTP/1.1", "HTTP/1.1 200 OK\r\nAllow: GET\r\nContent-Length: 0"),
    ],
)
@conversation
async def test_a_response_without_a_body(recording: Path, request_: str, response: str) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        for _ in range(2):  # the second one shows that nothing was left of the first
            await client.send(f"{request_}\r\nHost: x\r\n\r\n".encode())
            server = await behind.accept()
            assert (await server.head()).startswith(f"{request_}\r\nHost: x\r\n")
            await server.send(f"{response}\r\n\r\n".encode())
            assert await client.head() == f"{response}\r\n\r\n"


@conversation
async def test_hop_by_hop_fields_stay_on_their_hop(recording: Path) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(
            b"GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, TE, upgrade\r\n"
            b"Proxy-Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nTrailer: X-Sum\r\n"
            b"Proxy-Authorization: Basic eA==\r\nTE: trailers\r\nX-Yours: 2\r\n\r\n"
        )
        server = await behind.accept()
        head = await server.head()
        assert "X-Yours: 2" in head
        stays = ("Proxy-", "TE:", "Keep-Alive", "Trailer", "keep-alive", "upgrade")
        assert not any(name in head for name in stays)
        await server.send(
            b"HTTP/1.1 200 OK\r\nConnection: X-Theirs\r\nX-Theirs: 1\r\nKeep-Alive: timeout=5\r\n"
            b"X-Ours: 2\r\nContent-Length: 0\r\n\r\n"
        )
        answer = await client.head()
        assert "X-Ours: 2" in answer
        assert "X-Theirs" not in answer
        assert "Keep-Alive: timeout" not in answer


@conversation
async def test_a_response_that_is_not_utf8_passes_byte_for_byte(recording: Path) -> None:
    head = "HTTP/1.1 200 Gr\xfc\xdfe\r\nX-Name: \xe4\r\nX-Empty: \r\nContent-Length: 2\r\n\r\n"
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        server = await behind.accept()
        await server.head()
        await server.send(head.encode("latin-1") + b"ok")
        assert await client.head() == head
        assert await client.exactly(2) == b"ok"


@conversation
async def test_a_target_passes_byte_for_byte(recording: Path) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        for target in ("/?", "/a?b?", "//x/../y", '/%zz;,|^`{}"<>\\', "/:8/@h"):
            client = await Peer.connect(proxy.port)
            await client.send(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            server = await behind.accept()
            assert (await server.head()).startswith(f"GET {target} HTTP/1.1\r\n")
            await server.send(b"HTTP/1.1 204 No Content\r\n\r\n")
            await client.head()


@pytest.mark.parametrize(
    "framing",
    [
        "Transfer-Encoding: chunked\r\nContent-Length: 3",
        "Content-Length: 3\r\nTransfer-Encoding: chunked",
        "Content-Length: 3\r\nContent-Length: 5",
        "Transfer-Encoding: gzip, chunked",
        "Content-Length: 5\r\nX-Odd: a\x01b",
    ],
)
@conversation
async def test_a_response_that_can_be_read_in_two_ways_is_not_passed_on(
    recording: Path, framing: str
) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        server = await behind.accept()
        await server.head()
        await server.send(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n5\r\nhello\r\n0\r\n\r\n".encode())
        assert (await client.head()).startswith("HTTP/1.1 502 ")
        assert b"\r\nhello\r\n" not in await client.rest()


@conversation
async def test_what_follows_a_response_is_not_the_next_one(recording: Path) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(b"GET /one HTTP/1.1\r\nHost: x\r\n\r\n")
        server = await behind.accept()
        await server.head()
        await server.send(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
            b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
        )
        await client.head()
        assert await client.exactly(2) == b"ok"
        await client.send(b"GET /two HTTP/1.1\r\nHost: x\r\n\r\n")
        server = await behind.accept()
        await server.head()
        await server.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n22")
        await client.head()
        assert await client.exactly(2) == b"22"


@conversation
async def test_early_hints_do_not_stand_in_for_the_response(recording: Path) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        server = await behind.accept()
        await server.head()
        await server.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        await server.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        assert await client.head() == "HTTP/1.1 204 No Content\r\n\r\n"


@conversation
async def test_http_1_0_is_told_nothing_of_100_continue(recording: Path) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(
            b"PUT /up HTTP/1.0\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nok"
        )
        server = await behind.accept()
        await server.head()
        assert await server.exactly(2) == b"ok"
        await server.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        assert (await client.head()).startswith("HTTP/1.0 204 ")


@conversation
async def test_a_client_that_leaves_a_silent_stream_is_seen_leaving(recording: Path) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(b"GET /poll HTTP/1.1\r\nHost: x\r\n\r\n")
        server = await behind.accept()
        await server.head()
        await client.close()
        assert await server.rest() == b""


@conversation
async def test_a_large_body_each_way(recording: Path) -> None:
    body = bytes(range(256)) * 40_000
    length = f"Content-Length: {len(body)}\r\n\r\n".encode()
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        sent = asyncio.ensure_future(client.send(b"POST / HTTP/1.1\r\nHost: x\r\n" + length + body))
        server = await behind.accept()
        await server.head()
        assert await server.exactly(len(body)) == body
        await sent
        sent = asyncio.ensure_future(server.send(b"HTTP/1.1 200 OK\r\n" + length + body))
        await client.head()
        assert await client.exactly(len(body)) == body
        await sent


@pytest.mark.parametrize("line", ["GET http://other.test/", "CONNECT other.test:443", "OPTIONS *"])
@conversation
async def test_what_is_no_path_on_this_origin_is_refused(recording: Path, line: str) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(f"{line} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert (await client.head()).startswith("HTTP/1.1 400 ")
        await client.rest()
        assert behind.accepted == 0


@conversation
async def test_an_upstreams_path_goes_in_front(recording: Path) -> None:
    async with backend() as behind, in_process(behind.url + "/v1", recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(b"GET /models?x=1 HTTP/1.1\r\nHost: x\r\n\r\n")
        server = await behind.accept()
        assert (await server.head()).startswith("GET /v1/models?x=1 HTTP/1.1\r\n")
        await server.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await client.head()


@conversation
async def test_a_backend_that_is_not_there(recording: Path) -> None:
    async with backend() as behind:
        gone = behind.url
    async with in_process(gone, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await client.head()).startswith("HTTP/1.1 502 ")
        assert (await client.rest()).startswith(f"wsrec: {gone}: cannot be reached".encode())
