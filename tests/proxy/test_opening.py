"""The opening handshake: what the backend sees of it, and whose answer opens a session."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from pathlib import Path

import pytest
from support.proxying import in_process, sessions
from support.raw import ACCEPT, SWITCH, Peer, backend, conversation, open_session, upgrade
from wsrec.proxy.options import Options
from wsrec.proxy.server import Proxy
from wsrec.proxy.tunnel import Pipe
from wsrec.redaction.rules import Rules
from wsrec.store.stream import StreamWriter

HELLO = b"\x81\x05hello"


@conversation
async def test_the_backend_sees_the_request_byte_for_byte(recording: Path) -> None:
    request = upgrade(
        "Origin: https://app.test",
        "Cookie: a=1; b=2",
        "Cookie: c=3",
        "X-Repeated: one",
        "X-Repeated: two",
        "Sec-WebSocket-Protocol: chat, jwt.abc",
        "Sec-WebSocket-Protocol: second",
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-none",
        "User-Agent: conversation/1",
        "Authorization: Bearer öä",
        target="/a//b%2F..;/c/../d?x=%20&y&z=%zz&a+b",
    )
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(request)
        server = await behind.accept()
        assert await server.head() == request.decode("latin-1")
        await client.close()

    (session,) = sessions(recording)
    assert session.target == "/a//b%2F..;/c/../d?x=%20&y&z=%zz&a+b"


@conversation
async def test_the_client_sees_the_101_byte_for_byte(recording: Path) -> None:
    answer = (
        "HTTP/1.1 101 Why Not\r\n"
        "server: backend/1\r\n"
        "Upgrade: WebSocket\r\n"
        "Connection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {ACCEPT}\r\n"
        "Set-Cookie: a=1; Path=/\r\n"
        "Set-Cookie: b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT\r\n"
        "Sec-WebSocket-Protocol: chat\r\n"
        "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=12\r\n"
        "X-Name: öä\r\n"
        "\r\n"
    )
    options = Options(redaction=Rules(defaults=False))
    async with backend() as behind, in_process(behind.url, recording, options) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(upgrade())
        server = await behind.accept()
        await server.head()
        await server.send(answer.encode())
        assert (await client.head()).encode("latin-1") == answer.encode()
        await client.close()
        await server.close()

    (session,) = sessions(recording)
    assert session.status == 101
    assert session.subprotocol == "chat"
    assert session.extensions == "permessage-deflate; server_max_window_bits=12"
    assert [value for name, value in session.response_headers if name == "Set-Cookie"] == [
        "a=1; Path=/",
        "b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
    ]


@conversation
async def test_two_spellings_of_a_name_lose_no_value(recording: Path) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(upgrade("Cookie: a=1", "X-Other: 1", "cookie: b=2"))
        server = await behind.accept()
        assert (await server.head()).endswith(
            "\r\nCookie: a=1\r\nX-Other: 1\r\nCookie: b=2\r\n\r\n"
        )
        await client.close()


@conversation
async def test_the_recording_holds_the_request(recording: Path) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client, server = await open_session(proxy.port, behind)
        await client.close()
        await server.close()

    (session,) = sessions(recording)
    assert session.target == "/"
    assert session.client is not None
    assert session.client.startswith("127.0.0.1:")
    assert session.request_headers[:2] == (("Host", "backend.test"), ("Upgrade", "websocket"))


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (200, "OK"),
        (302, "Found"),
        (401, "Unauthorized"),
        (403, "Nope"),
        (404, "Not Found"),
        (426, "Upgrade Required"),
        (500, "Internal Server Error"),
    ],
)
@conversation
async def test_any_other_answer_is_passed_on_whole(
    recording: Path, status: int, reason: str
) -> None:
    body = b"no tunnel for you\n" * 5000
    head = f"HTTP/1.1 {status} {reason}"
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(upgrade())
        server = await behind.accept()
        await server.head()
        fields = f"WWW-Authenticate: Bearer\r\nLocation: /login\r\nContent-Length: {len(body)}"
        await server.send(f"{head}\r\n{fields}\r\n\r\n".encode() + body)
        answer = await client.head()
        assert answer.startswith(f"{head}\r\nWWW-Authenticate: Bearer\r\nLocation: /login\r\n")
        assert await client.exactly(len(body)) == body
        await client.close()
        assert behind.accepted == 1  # a redirect is the client's to follow

    (session,) = sessions(recording)
    assert session.status == status
    assert ("Location", "/login") in session.response_headers


@pytest.mark.parametrize(
    "answer",
    [
        SWITCH.replace(b"s3pP", b"AAAA"),
        SWITCH.replace(f"Sec-WebSocket-Accept: {ACCEPT}\r\n".encode(), b""),
        SWITCH.replace(b"Upgrade: websocket\r\n", b""),
        SWITCH.replace(b"Upgrade: websocket", b"Upgrade: h2c"),
        SWITCH.replace(b"Connection: Upgrade\r\n", b""),
        b"",
        b"220 mail.test ESMTP\r\n",
        b"HTTP/1.1 101 Switching",
    ],
    ids=[
        "wrong-accept",
        "no-accept",
        "no-upgrade",
        "other-upgrade",
        "no-connection",
        "silence",
        "not-http",
        "cut",
    ],
)
@conversation
async def test_an_answer_that_proves_nothing_opens_no_tunnel(
    recording: Path, answer: bytes
) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(upgrade() + b"\x81\x80\0\0\0\0")
        server = await behind.accept()
        await server.head()
        if answer:
            await server.send(answer)
        server.half_close()
        assert (await client.head()).startswith("HTTP/1.1 502 ")
        assert (await client.rest()).startswith(f"wsrec: {behind.url}: ".encode())
        assert await server.rest() == b""

    (session,) = sessions(recording)
    assert session.status == 502
    assert session.clean


@conversation
async def test_a_backend_that_never_answers_is_given_up(recording: Path) -> None:
    options = Options(handshake_timeout=0.2)
    async with backend() as behind, in_process(behind.url, recording, options) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(upgrade())
        server = await behind.accept()
        await server.head()
        assert (await client.head()).startswith("HTTP/1.1 504 ")
        assert await server.rest() == b""

    assert sessions(recording)[0].status == 504


@conversation
async def test_a_client_that_leaves_before_the_answer_leaves_nothing_behind(
    recording: Path,
) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(upgrade())
        server = await behind.accept()
        await server.head()
        await client.close()
        assert await server.rest() == b""

    (session,) = sessions(recording)
    assert session.status is None
    assert session.clean


@conversation
async def test_a_handshake_that_is_not_answered_when_the_proxy_ends(recording: Path) -> None:
    async with backend() as behind:
        async with in_process(behind.url, recording) as proxy:
            client = await Peer.connect(proxy.port)
            await client.send(upgrade())
            server = await behind.accept()
            await server.head()
        assert await client.rest() == b""
        assert await server.rest() == b""

    assert sessions(recording)[0].clean


@conversation
async def test_a_handshake_that_is_answered_while_the_proxy_ends(recording: Path) -> None:
    async with backend() as behind:
        async with in_process(behind.url, recording) as proxy:
            client = await Peer.connect(proxy.port)
            await client.send(upgrade())
            server = await behind.accept()
            await server.head()
            answering = asyncio.ensure_future(_answer_when_stopping(proxy, server))
        await answering
        assert b"101 " not in await client.rest()
        assert proxy.sessions == 0

    assert sessions(recording)[0].clean


async def _answer_when_stopping(proxy: Proxy, server: Peer) -> None:
    while not proxy._gate.closed:
        await asyncio.sleep(0)
    await server.send(SWITCH)


@conversation
async def test_ended_sessions_leave_no_cycles_behind(recording: Path) -> None:
    gc.collect()
    gc.disable()
    try:
        async with backend() as behind, in_process(behind.url, recording) as proxy:
            for _ in range(20):
                client, server = await open_session(proxy.port, behind)
                await client.close()
                await server.rest()
                await server.close()
            while proxy.sessions:
                await asyncio.sleep(0.01)
        left = [type(each).__name__ for each in gc.get_objects() if isinstance(each, _MADE)]
    finally:
        gc.enable()
    assert len(left) < 20, left


_MADE = (Pipe, StreamWriter)


@pytest.mark.parametrize("line", ["100 Continue", "103 Early Hints\r\nLink: </a>", "199 Odd"])
@conversation
async def test_an_interim_answer_is_no_answer(recording: Path, line: str) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(upgrade())
        server = await behind.accept()
        await server.head()
        await server.send(f"HTTP/1.1 {line}\r\n\r\n".encode())
        await server.send(SWITCH + HELLO)
        assert (await client.head()).encode() == SWITCH
        assert await client.exactly(len(HELLO)) == HELLO
        await client.close()
        await server.close()


@conversation
async def test_what_the_101_says_of_its_own_hop_stays_there(recording: Path) -> None:
    answer = SWITCH.replace(
        b"Connection: Upgrade\r\n",
        b"Connection: Upgrade, X-Own\r\nX-Own: 1\r\nKeep-Alive: timeout=5\r\n"
        b"Proxy-Authenticate: Basic\r\nX-Other: 2\r\n",
    )
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(upgrade())
        server = await behind.accept()
        await server.head()
        await server.send(answer)
        head = await client.head()
        assert "X-Other: 2" in head
        assert not any(name in head for name in ("X-Own", "Keep-Alive", "Proxy-Authenticate"))
        await client.close()
        await server.close()


@conversation
async def test_what_was_not_offered_is_the_clients_to_refuse(recording: Path) -> None:
    chosen = b"Sec-WebSocket-Protocol: never-offered\r\nSec-WebSocket-Extensions: x-none\r\n\r\n"
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(upgrade("Sec-WebSocket-Protocol: chat"))
        server = await behind.accept()
        await server.head()
        await server.send(SWITCH[:-2] + chosen)
        assert (await client.head()).encode() == SWITCH[:-2] + chosen
        await client.close()
        await server.close()

    (session,) = sessions(recording)
    assert (session.subprotocol, session.extensions) == ("never-offered", "x-none")


@pytest.mark.parametrize("framing", ["length", "chunks", "end"])
@conversation
async def test_the_body_of_a_refusal_is_passed_on_whole(recording: Path, framing: str) -> None:
    body = bytes(range(256)) * (1 << 12)
    head, sent = {
        "length": (f"Content-Length: {len(body)}\r\n", body),
        "chunks": ("Transfer-Encoding: chunked\r\n", b"100000\r\n" + body + b"\r\n0\r\n\r\n"),
        "end": ("", body),
    }[framing]
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(upgrade())
        server = await behind.accept()
        await server.head()
        sending = asyncio.ensure_future(
            server.send(f"HTTP/1.1 403 Forbidden\r\n{head}\r\n".encode() + sent)
        )
        answer = await client.head()
        assert answer.startswith("HTTP/1.1 403 Forbidden\r\n")
        await sending
        await server.close()
        got = b""
        if "chunked" in answer:
            while size := int((await client.line()).decode(), 16):
                got += await client.exactly(size)
                assert await client.line() == b"\r\n"
        else:
            got = await client.exactly(len(body))
        assert got == body


@conversation
async def test_a_refusal_cut_short_does_not_look_whole(recording: Path) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(upgrade() + upgrade(target="/next"))
        server = await behind.accept()
        await server.head()
        await server.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 20\r\n\r\nhello")
        await client.head()
        assert await client.exactly(5) == b"hello"
        await server.close()
        with contextlib.suppress(ConnectionResetError):
            assert await client.rest() == b""
        assert behind.accepted == 1

    assert sessions(recording)[0].status == 403


@conversation
async def test_a_client_that_leaves_with_the_refusal_harms_nobody(recording: Path) -> None:
    """The answer is recorded, and the recorder takes what comes next."""
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        for _ in range(5):
            client = await Peer.connect(proxy.port)
            await client.send(upgrade())
            server = await behind.accept()
            await server.head()
            client.reset()
            await server.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
            await server.rest()
        client, server = await open_session(proxy.port, behind)
        await client.close()
        await server.close()

    assert [session.status for session in sessions(recording)][-1] == 101


@conversation
async def test_an_upstreams_path_goes_in_front(recording: Path) -> None:
    async with backend() as behind, in_process(behind.url + "/v1/", recording) as proxy:
        for asked, sent in [("/realtime?m=1", "/v1/realtime?m=1"), ("/v1/chat", "/v1/chat")]:
            client = await Peer.connect(proxy.port)
            await client.send(upgrade(target=asked))
            server = await behind.accept()
            assert (await server.head()).startswith(f"GET {sent} HTTP/1.1\r\n")
            await client.close()
            await server.close()

    assert [session.target for session in sessions(recording)] == ["/realtime?m=1", "/v1/chat"]
