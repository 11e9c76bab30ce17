"""Backends behind TLS: trusted by the authorities that the environment names, or not at all."""

from __future__ import annotations

import contextlib
import signal
import ssl
from pathlib import Path

import pytest
import trustme
from support.proxying import recorded, sessions, start
from support.raw import (
    SWITCH,
    Peer,
    backend,
    conversation_with_process,
    open_session,
    upgrade,
)

HELLO = b"\x81\x05hello"
MASKED_HELLO = b"\x81\x85\0\0\0\0hello"
CLOSE = b"\x88\x02\x03\xe8"
MASKED_CLOSE = b"\x88\x82\0\0\0\0\x03\xe8"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture
def trusting(authority: trustme.CA, tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return {"SSL_CERT_FILE": str(path)}


@conversation_with_process
async def test_a_session_with_a_wss_backend(
    recording: Path, context: ssl.SSLContext, trusting: dict[str, str]
) -> None:
    async with backend(context) as behind:
        proxy = start(f"wss://localhost:{behind.port}", recording, env=trusting)
        client = await Peer.connect(proxy.port)
        await client.send(upgrade())
        server = await behind.accept()
        await server.head()
        await server.send(SWITCH + HELLO)
        assert (await client.head()).encode() == SWITCH
        assert await client.exactly(len(HELLO)) == HELLO
        await client.send(MASKED_CLOSE)
        assert await server.exactly(len(MASKED_CLOSE)) == MASKED_CLOSE
        await server.send(CLOSE)
        await server.close()
        assert await client.rest() == CLOSE
        await client.close()
        proxy.signal(signal.SIGTERM)
        assert await proxy.over() == (0, "")

    assert recorded(recording)["server"] == ["hello"]
    assert sessions(recording)[0].clean


@conversation_with_process
async def test_a_client_that_ends_first_ends_the_tls_connection(
    recording: Path, context: ssl.SSLContext, trusting: dict[str, str]
) -> None:
    """TLS has no half-close: the client's end is the end of both."""
    async with backend(context) as behind:
        proxy = start(f"wss://localhost:{behind.port}", recording, env=trusting)
        client = await Peer.connect(proxy.port)
        await client.send(upgrade())
        server = await behind.accept()
        await server.head()
        await server.send(SWITCH)
        await client.head()
        await client.close()
        assert await server.rest() == b""
        proxy.signal(signal.SIGTERM)
        assert await proxy.over() == (0, "")

    assert sessions(recording)[0].clean


@pytest.mark.parametrize("answers", [1, 2, 3, 4])
@conversation_with_process
async def test_question_and_answers_over_tls(
    recording: Path, context: ssl.SSLContext, trusting: dict[str, str], answers: int
) -> None:
    async with backend(context) as behind:
        proxy = start(f"wss://localhost:{behind.port}", recording, env=trusting)
        client = await Peer.connect(proxy.port)
        await client.send(upgrade())
        server = await behind.accept()
        await server.head()
        await server.send(SWITCH)
        await client.head()
        for _ in range(10):
            await client.send(MASKED_HELLO)
            assert await server.exactly(len(MASKED_HELLO)) == MASKED_HELLO
            for _ in range(answers):
                await server.send(HELLO)
                assert await client.exactly(len(HELLO)) == HELLO
        client.reset()
        with contextlib.suppress(ConnectionResetError):
            await server.rest()
        proxy.signal(signal.SIGTERM)
        assert await proxy.over() == (0, "")

    assert recorded(recording) == {"client": ["hello"] * 10, "server": ["hello"] * 10 * answers}


@conversation_with_process
async def test_a_lot_through_tls_both_ways(
    recording: Path, context: ssl.SSLContext, trusting: dict[str, str]
) -> None:
    stream = (b"\x82\x7e\xff\xff" + bytes(0xFFFF)) * 400
    async with backend(context) as behind:
        proxy = start(f"wss://localhost:{behind.port}", recording, env=trusting)
        client = await Peer.connect(proxy.port)
        await client.send(upgrade())
        server = await behind.accept()
        await server.head()
        await server.send(SWITCH)
        await client.head()
        await server.stalls(stream)
        assert await client.exactly(len(stream)) == stream
        await client.close()
        assert await server.rest() == b""
        proxy.signal(signal.SIGTERM)
        assert await proxy.over() == (0, "")

    assert recorded(recording)["server"] == [bytes(0xFFFF)] * 400


@conversation_with_process
async def test_plain_http_from_an_https_backend(
    recording: Path, context: ssl.SSLContext, trusting: dict[str, str]
) -> None:
    async with backend(context) as behind:
        proxy = start(f"https://localhost:{behind.port}", recording, env=trusting)
        client = await Peer.connect(proxy.port)
        await client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        server = await behind.accept()
        await server.head()
        await server.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        await client.head()
        assert await client.exactly(5) == b"hello"
        await client.close()
        proxy.signal(signal.SIGTERM)
        assert await proxy.over() == (0, "")


@conversation_with_process
async def test_a_certificate_that_nobody_vouches_for(
    recording: Path, context: ssl.SSLContext
) -> None:
    async with backend(context) as behind:
        upstream = f"wss://localhost:{behind.port}"
        proxy = start(upstream, recording)
        client = await Peer.connect(proxy.port)
        await client.send(upgrade())
        assert (await client.head()).startswith("HTTP/1.1 502 ")
        assert b"certificate verify failed" in await client.rest()
        proxy.signal(signal.SIGTERM)
        status, errors = await proxy.over()

    assert status == 0
    assert errors.startswith(f"wsrec: {upstream}: ")
    assert errors.count("\n") == 1
    assert sessions(recording)[0].status == 502


@conversation_with_process
async def test_an_authority_that_only_this_proxy_trusts(
    recording: Path, context: ssl.SSLContext, trusting: dict[str, str]
) -> None:
    settings = ("--upstream-ca", trusting["SSL_CERT_FILE"])
    async with backend(context) as behind:
        proxy = start(f"wss://localhost:{behind.port}", recording, *settings)
        client, _server = await open_session(proxy.port, behind)
        await client.close()
        proxy.signal(signal.SIGTERM)
        assert await proxy.over() == (0, "")


@conversation_with_process
async def test_a_certificate_of_anybody_is_taken_only_loudly(
    recording: Path, context: ssl.SSLContext
) -> None:
    async with backend(context) as behind:
        proxy = start(f"wss://127.0.0.1:{behind.port}", recording, "--insecure")
        client, _server = await open_session(proxy.port, behind)
        await client.close()
        proxy.signal(signal.SIGTERM)
        status, errors = await proxy.over()

    assert status == 0
    assert errors == "wsrec: --insecure: whoever answers is taken for the backend\n"


@pytest.mark.parametrize(
    ("settings", "asked"),
    [((), "localhost"), (("--upstream-name", "agents.example"), "agents.example")],
)
@conversation_with_process
async def test_the_name_that_is_asked_for_is_the_name_that_is_checked(
    recording: Path,
    authority: trustme.CA,
    trusting: dict[str, str],
    settings: tuple[str, ...],
    asked: str,
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(asked).configure_cert(context)
    names: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    async with backend(context) as behind:
        proxy = start(f"wss://localhost:{behind.port}", recording, *settings, env=trusting)
        client, _server = await open_session(proxy.port, behind)
        await client.close()
        client = await Peer.connect(proxy.port)
        await client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await (await behind.accept()).head()
        await client.close()
        proxy.signal(signal.SIGTERM)
        assert await proxy.over() == (0, "")

    assert names == [asked] * 2


@conversation_with_process
async def test_a_backend_that_asks_who_is_there(
    recording: Path,
    authority: trustme.CA,
    context: ssl.SSLContext,
    trusting: dict[str, str],
) -> None:
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    papers = recording.parent / "proxy.pem"
    authority.issue_cert("proxy.example").private_key_and_cert_chain_pem.write_to_path(str(papers))
    async with backend(context) as behind:
        upstream = f"wss://localhost:{behind.port}"
        proxy = start(upstream, recording, "--upstream-cert", str(papers), env=trusting)
        client, _server = await open_session(proxy.port, behind)
        await client.close()
        proxy.signal(signal.SIGTERM)
        assert await proxy.over() == (0, "")

        stranger = start(upstream, recording, env=trusting)
        client = await Peer.connect(stranger.port)
        await client.send(upgrade())
        assert (await client.head()).startswith("HTTP/1.1 502 ")
        stranger.signal(signal.SIGTERM)
        status, errors = await stranger.over()

    assert status == 0
    assert errors.count("\n") == 1


@conversation_with_process
async def test_a_backend_that_does_not_speak_tls(recording: Path) -> None:
    async with backend() as behind:
        proxy = start(f"wss://localhost:{behind.port}", recording)
        client = await Peer.connect(proxy.port)
        await client.send(upgrade())
        server = await behind.accept()
        await server.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        assert (await client.head()).startswith("HTTP/1.1 502 ")
        proxy.signal(signal.SIGTERM)
        status, errors = await proxy.over()

    assert status == 0
    assert errors.count("\n") == 1


@pytest.mark.parametrize("scheme", ["ws", "wss"])
@conversation_with_process
async def test_memory_stays_bounded_behind_readers_that_pause(
    recording: Path, context: ssl.SSLContext, trusting: dict[str, str], scheme: str
) -> None:
    """Five times 64 MiB wait for clients that do not read; the proxy holds none of it."""
    stream = (b"\x82\x7f" + (1 << 20).to_bytes(8) + bytes(1 << 20)) * 64
    async with backend(context if scheme == "wss" else None) as behind:
        proxy = start(f"{scheme}://localhost:{behind.port}", recording, env=trusting)
        idle = proxy.peak_memory()
        clients: list[Peer] = []
        for _ in range(5):
            client = await Peer.connect(proxy.port)
            await client.send(upgrade())
            server = await behind.accept()
            await server.head()
            await server.send(SWITCH)
            await client.head()
            await server.stalls(stream)
            clients.append(client)
        grown = proxy.peak_memory() - idle
        for client in clients:
            client.reset()
        proxy.signal(signal.SIGTERM)
        assert await proxy.over() == (0, "")

    assert grown < 48 << 20
