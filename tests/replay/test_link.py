"""A link against real peers: the `websockets` package on either side, and peers of raw bytes."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from support.frames import KEY as MASK
from support.frames import wire
from support.raw import KEY, SWITCH, Peer, backend, conversation, upgrade
from support.recordings import contents, recorder_at
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from wsrec.match.line import Role
from wsrec.net.accept import accept
from wsrec.net.detach import Hijacked
from wsrec.net.dial import dial
from wsrec.net.headers import decode_pairs, get
from wsrec.net.sockets import size_buffers
from wsrec.replay.lane import Reason
from wsrec.replay.link import Link
from wsrec.wire.agreeing import agree
from wsrec.wire.deflate import Extensions
from wsrec.wire.utterance import Utterance

DEFLATE = "permessage-deflate"
BYE = Utterance("close", b"\x03\xe8bye")


def text(data: str, *pieces: int, compressed: bool = False) -> Utterance:
    return Utterance("text", data, pieces, compressed)


async def hears(link: Link) -> Utterance | None:
    heard = await link.hear()
    return None if heard is None else heard.said


async def rest(link: Link) -> list[Utterance]:
    said = []
    while (heard := await link.hear()) is not None:
        said.append(heard.said)
    return said


async def linked(url: str, extensions: str | None = None, **settings: object) -> Link:
    """Dial, and speak as the client."""
    offer = [("Sec-WebSocket-Extensions", extensions)] if extensions else []
    dialled = await dial(url, offer)
    assert dialled.connection is not None
    link = Link("client", Extensions.parse(dialled.answer.extensions), **settings)  # type: ignore[arg-type]
    link.attach(dialled.connection)
    return link


@asynccontextmanager
async def listening(
    recorded: str | None = None, **settings: object
) -> AsyncIterator[tuple[int, asyncio.Queue[Link]]]:
    """Accept whoever comes, and speak as the server."""
    links: asyncio.Queue[Link] = asyncio.Queue()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        headers = decode_pairs(request.raw_headers)
        agreed = agree(get(headers, "sec-websocket-extensions"), recorded)
        answer = [("Sec-WebSocket-Extensions", agreed)] if agreed else []
        client = accept(request, answer, get(headers, "sec-websocket-key") or "")
        assert client is not None
        link = Link("server", Extensions.parse(agreed), **settings)  # type: ignore[arg-type]
        link.attach(client)
        links.put_nowait(link)
        return Hijacked()

    server = await asyncio.get_running_loop().create_server(web.Server(handle), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], links
    finally:
        while not links.empty():
            links.get_nowait().abort()
        server.close()


@asynccontextmanager
async def echo(**settings: object) -> AsyncIterator[str]:
    """A server that says what it hears, until it hears `close`."""

    async def handle(socket: ServerConnection) -> None:
        async for message in socket:
            if message == "close":
                await socket.close(4001, "as you say")
            await socket.send(message)

    async with serve(handle, "127.0.0.1", 0, max_size=None, **settings) as server:  # type: ignore[arg-type]
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/"


@asynccontextmanager
async def raw_server(**settings: object) -> AsyncIterator[tuple[Link, Peer]]:
    """A link as the client of a server in the test's hands."""
    async with backend() as behind:
        headers = [("Sec-WebSocket-Key", KEY)]
        dialling = asyncio.ensure_future(dial(behind.url, headers))
        peer = await behind.accept()
        await peer.head()
        await peer.send(SWITCH)
        dialled = await dialling
        assert dialled.connection is not None
        link = Link("client", Extensions(), **settings)  # type: ignore[arg-type]
        link.attach(dialled.connection)
        yield link, peer


@conversation
async def test_a_real_server_understands_what_is_said() -> None:
    for extensions in (None, f"{DEFLATE}; client_max_window_bits"):
        async with echo(compression="deflate" if extensions else None) as url:
            link = await linked(url, extensions)
            big = "世" * (1 << 20)
            for said in (text("hello", 2, 3), Utterance("binary", b"\x00\xff"), text("")):
                before = await link.say(said)
                heard = await link.hear()
                assert heard is not None
                assert heard.said.data == said.data
                assert heard.at_ns > before
                assert heard.said.compressed == bool(extensions)
            await link.say(text(big, 5, compressed=True))
            heard = await link.hear()
            assert heard is not None
            assert heard.said.data == big
            await link.say(Utterance("ping", b"?"))
            assert await hears(link) == Utterance("pong", b"?")
            await link.say(BYE)
            assert await hears(link) == BYE
            assert await link.hear() is None
            assert await link.ended(5)
            assert link.how == "closed"


@conversation
async def test_the_close_of_a_real_server_is_answered() -> None:
    async with echo() as url:
        link = await linked(url)
        await link.say(text("close"))
        assert await hears(link) == Utterance("close", b"\x0f\xa1as you say")
        assert await link.hear() is None
        assert link.how == "closed"
        with pytest.raises(ConnectionError, match="has ended"):
            await link.say(text("more"))


@conversation
async def test_a_real_client_understands_what_is_said() -> None:
    for recorded in (
        None,
        DEFLATE,
        f"{DEFLATE}; server_max_window_bits=9; client_max_window_bits=9",
    ):
        async with listening(recorded) as (port, links):
            async with connect(f"ws://127.0.0.1:{port}/", max_size=None) as client:
                link = await links.get()
                for message in ("hello", b"\x00\xff", "", "世" * (1 << 20), b"abc" * 300_000):
                    await client.send(message)
                    heard = await link.hear()
                    assert heard is not None
                    assert (heard.said.data, heard.said.compressed) == (message, bool(recorded))
                    await link.say(heard.said)
                    assert await client.recv() == message
                await client.send(["in ", "three ", "pieces"])
                heard = await link.hear()
                assert heard is not None
                assert heard.said.data == "in three pieces"
                await asyncio.wait_for(await client.ping(b"?"), 5)
                assert await hears(link) == Utterance("ping", b"?")
                await link.say(Utterance("close", b"\x0f\xa1that is all"))
                with pytest.raises(ConnectionClosed) as closed:
                    await client.recv()
                assert closed.value.rcvd is not None
                assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "that is all")
            assert await hears(link) == Utterance("close", b"\x0f\xa1that is all")
            assert await link.hear() is None
            assert await link.ended(5)
            assert link.how == "closed"


@conversation
async def test_a_real_client_s_close_is_answered_and_the_server_ends_the_connection() -> None:
    async with listening() as (port, links):
        client = await connect(f"ws://127.0.0.1:{port}/")
        link = await links.get()
        await client.close(4002, "enough")
        assert client.close_code == 4002
        assert await hears(link) == Utterance("close", b"\x0f\xa2enough")
        assert await link.ended(5)
        assert link.how == "closed"


@conversation
async def test_a_client_leaves_it_to_the_server_to_end_the_connection() -> None:
    async with raw_server(patience=0.2) as (link, peer):
        await peer.send(wire(8, b"\x03\xe8"))
        assert (await peer.exactly(8))[:2] == b"\x88\x82"
        ending = asyncio.ensure_future(peer.some())
        await asyncio.sleep(0.05)
        assert not ending.done()
        assert await ending == b""  # until it has waited long enough
        assert await link.ended(1)
        assert link.how == "closed"


@conversation
async def test_pings_are_answered_in_order_between_messages() -> None:
    async with raw_server() as (link, peer):
        await peer.send(wire(1, b"a", fin=False) + wire(9, b"1") + wire(9, b"2") + wire(0, b"b"))
        answers = await peer.exactly(2 * 7)
        assert [answers[0], answers[7]] == [0x8A, 0x8A]
        assert [answers[6] ^ answers[2], answers[13] ^ answers[9]] == [ord("1"), ord("2")]
        heard = [await hears(link) for _ in range(3)]
        assert heard == [Utterance("ping", b"1"), Utterance("ping", b"2"), text("ab", 1, 1)]
        await peer.send(wire(9, bytes(126)) + wire(9, b"3"))  # the first one has no answer
        assert (await peer.exactly(7))[1] == 0x81


@conversation
async def test_what_came_with_the_handshake_is_heard_first() -> None:
    async with backend() as behind:
        dialling = asyncio.ensure_future(dial(behind.url, [("Sec-WebSocket-Key", KEY)]))
        peer = await behind.accept()
        await peer.head()
        await peer.send(SWITCH + wire(1, b"ahead"))
        dialled = await dialling
        await peer.send(wire(1, b"later"))
        await asyncio.sleep(0.05)  # nobody has attached yet, and nothing is lost
        assert dialled.connection is not None
        link = Link("client", Extensions())
        link.attach(dialled.connection)
        assert [await hears(link), await hears(link)] == [text("ahead"), text("later")]
        link.abort()


@conversation
async def test_every_way_to_end() -> None:
    ends: list[tuple[Callable[[Link, Peer], object], str]] = [
        (lambda _, peer: peer.reset(), "reset"),
        (lambda _, peer: peer.half_close(), "half-closed"),
        (lambda link, _: link.close(), "closed"),
        (lambda link, _: link.abort(), "reset"),
    ]
    for end, how in ends:
        async with raw_server(patience=0.2) as (link, peer):
            await peer.send(wire(1, b"a") + wire(1, b"never completed", fin=False))
            assert await hears(link) == text("a")
            end(link, peer)
            said = await rest(link)
            assert said == [Utterance("frame", b"never completed", head=0x01)]
            assert await link.ended(2)
            assert link.how == how
            with pytest.raises(ConnectionError):
                await link.say(text("more"))
            assert await link.hear() is None


@conversation
async def test_a_message_that_is_too_long_ends_the_connection_with_1009() -> None:
    async with listening(most=1000) as (port, links):
        async with connect(f"ws://127.0.0.1:{port}/", compression=None) as client:
            await client.send("a")
            await client.send(bytes(3 << 20))
            with pytest.raises(ConnectionClosed) as closed:
                await client.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1009
        link = await links.get()
        assert await hears(link) == text("a")
        assert await link.hear() is None
        assert link.how == "closed over a message of more than 1,000 bytes"
        assert await link.ended(5)


@conversation
async def test_nothing_is_heard_of_a_message_that_never_ends() -> None:
    async with raw_server(most=1000) as (link, peer):
        await peer.send(wire(1, bytes(100), fin=False) + 10 * wire(0, bytes(100), fin=False))
        assert await rest(link) == []
        assert link.how == "closed over a message of more than 1,000 bytes"


@conversation
async def test_nothing_is_said_behind_our_close() -> None:
    async with raw_server() as (link, peer):
        said = await link.say(BYE)
        assert await link.say(BYE) == said
        with pytest.raises(ConnectionError, match="our Close has been said"):
            await link.say(text("more"))
        await peer.send(wire(9, b"?") + wire(8, b""))
        assert len(await peer.exactly(11)) == 11
        await peer.close()
        assert await rest(link) == [Utterance("ping", b"?"), Utterance("close", b"")]


@conversation
async def test_a_peer_that_is_not_heard_is_not_read() -> None:
    async with listening() as (port, links):
        peer = await Peer.connect(port)
        await peer.send(upgrade())
        await peer.head()
        link = await links.get()
        message = wire(2, bytes(1 << 16), mask=MASK)
        await peer.stalls(message * 512)  # 32 MiB: more than both kernels hold
        assert link._ear.size < 2 << 20
        for _ in range(512):
            heard = await link.hear()
            assert heard is not None
            assert len(heard.said.data) == 1 << 16
        link.abort()


@conversation
async def test_saying_waits_for_a_peer_that_does_not_read() -> None:
    async with raw_server() as (link, peer):
        big = Utterance("binary", bytes(1 << 24))
        saying = asyncio.ensure_future(link.say(big))
        await asyncio.sleep(0.1)
        assert not saying.done()
        assert len(await peer.exactly(len(big.data) + 14)) == (1 << 24) + 14
        await saying
        waiting = asyncio.ensure_future(link.say(big))
        await asyncio.sleep(0.05)
        peer.reset()
        with pytest.raises(ConnectionError):
            await waiting


@conversation
async def test_pongs_do_not_pile_up_for_a_peer_that_does_not_read() -> None:
    async with listening() as (port, links):
        with socket.socket() as sock:
            size_buffers(sock, 4096)
            sock.connect(("127.0.0.1", port))
            sock.sendall(upgrade())
            link = await links.get()
            assert link._transport is not None
            size_buffers(link._transport.get_extra_info("socket"), 4096)
            hearing = asyncio.ensure_future(rest(link))
            sock.setblocking(False)
            pings = wire(9, bytes(125), mask=MASK) * 16_000
            sending = asyncio.ensure_future(asyncio.get_running_loop().sock_sendall(sock, pings))
            async with asyncio.timeout(5):
                while not link._hearing.reasons & Reason.PEER:
                    assert not sending.done(), "all of it was read"
                    await asyncio.sleep(0.01)
            sending.cancel()
            assert 0 < link._transport.get_write_buffer_size() < 512 << 10
            link.abort()
            assert all(said.kind == "ping" for said in await hearing)


@conversation
async def test_both_directions_are_recorded(tmp_path: Path) -> None:
    path = tmp_path / "session.db"
    roles: list[Role] = ["client", "server"]
    with recorder_at(path) as recorder:
        async with listening(tap=(tap := recorder.session(None, "/", []))) as (port, links):
            tap.answered(101, [], None, None)
            async with connect(f"ws://127.0.0.1:{port}/", compression=None) as client:
                link = await links.get()
                await client.send("up")
                assert await hears(link) == text("up")
                await link.say(text("down", 1, 3))
                await client.recv()
                await asyncio.wait_for(await client.ping(b"?"), 5)
            assert await link.ended(5)
    ((session,), (frames,), (messages,)) = contents(path)
    assert [(each.sender, each.opcode, each.payload) for each in frames] == [
        ("client", 1, b"up"),
        ("server", 1, b"d"),
        ("server", 0, b"own"),
        ("client", 9, b"?"),
        ("server", 10, b"?"),
        ("client", 8, b"\x03\xe8"),
        ("server", 8, b"\x03\xe8"),
    ]
    assert all(frame.forwarded_ns is not None for frame in frames)
    assert [each.data for each in messages] == ["up", "down"]
    assert session.clean
    assert session.closed_by == roles[0]


@conversation
async def test_a_recorder_that_is_behind_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "session.db"
    heard = Utterance("binary", bytes(1 << 20))
    said = Utterance("binary", bytes(4 << 20))
    goes_on = threading.Event()
    with recorder_at(path) as recorder:
        taps = [recorder.session(None, f"/{number}", []) for number in range(2)]
        recorder.backlog.put(lambda: goes_on.wait(10), 0)
        async with (
            listening(tap=taps[0]) as (port, links),
            raw_server(tap=taps[1]) as (other, server),
        ):
            peer = await Peer.connect(port)
            await peer.send(upgrade())
            await peer.head()
            link = await links.get()
            hearing = asyncio.ensure_future(rest(link))
            await peer.stalls(wire(2, bytes(1 << 20), mask=MASK) * 24)
            # Each direction has a share of its own; and all together have but so much.
            saying = asyncio.ensure_future(link.say(said))
            assert len(await peer.exactly((4 << 20) + 10)) == (4 << 20) + 10
            also = asyncio.ensure_future(other.say(text("hello")))
            assert len(await server.exactly(11)) == 11
            await asyncio.sleep(0.05)
            assert not saying.done()
            assert not also.done()
            goes_on.set()
            await saying
            await also
            assert peer._sending is not None
            await peer._sending
            await peer.send(wire(8, mask=MASK))
            assert await peer.rest() == wire(8)
            await peer.close()
            assert await link.ended(5)
            assert await hearing == [heard] * 24 + [Utterance("close", b"")]
            other.abort()
            assert await other.ended(5)
    first, second = contents(path).sessions
    assert (first.client_bytes, first.server_bytes) == (24 << 20, 4 << 20)
    assert second.client_bytes == len("hello")


@conversation
async def test_what_was_said_last_arrives_though_the_peer_says_more() -> None:
    async with listening() as (port, links):
        peer = await Peer.connect(port)
        await peer.send(upgrade())
        await peer.head()
        await peer.send(wire(8, b"\x03\xe8", mask=MASK))
        for _ in range(50):
            await peer.send(wire(2, bytes(1 << 16), mask=MASK))
        assert await peer.rest() == wire(8, b"\x03\xe8")  # and no reset
        await peer.close()
        assert await (await links.get()).ended(5)
