"""Bytes and endings of a session: what one peer does is what the other one sees."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from support.proxying import in_process, recorded, sessions
from support.raw import SWITCH, Peer, backend, conversation, open_session, upgrade
from wsrec.store.reader import Recording

HELLO = b"\x81\x05hello"
MASKED_HELLO = b"\x81\x85\x01\x02\x03\x04" + bytes((0x69, 0x67, 0x6F, 0x68, 0x6E))
CLOSE = b"\x88\x02\x03\xe8"
MASKED_CLOSE = b"\x88\x82\0\0\0\0\x03\xe8"


async def part(*peers: Peer) -> None:
    """End a session at both of its ends."""
    for peer in peers:
        await peer.close()


@conversation
async def test_bytes_right_behind_the_101_reach_the_client(recording: Path) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(upgrade())
        server = await behind.accept()
        await server.head()
        await server.send(SWITCH + HELLO)
        assert (await client.head()).encode() == SWITCH
        assert await client.exactly(len(HELLO)) == HELLO
        await server.send(HELLO)
        assert await client.exactly(len(HELLO)) == HELLO
        await part(client, server)

    assert recorded(recording)["server"] == ["hello", "hello"]


@conversation
async def test_bytes_in_one_segment_with_the_request_reach_the_backend_behind_the_101(
    recording: Path,
) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(upgrade() + MASKED_HELLO)
        server = await behind.accept()
        assert (await server.head()).startswith("GET / HTTP/1.1\r\n")
        await client.send(MASKED_HELLO)
        await server.send(SWITCH)
        assert await server.exactly(2 * len(MASKED_HELLO)) == 2 * MASKED_HELLO
        await part(client, server)

    assert recorded(recording)["client"] == ["hello", "hello"]


@conversation
async def test_a_lot_of_bytes_ahead_of_the_101_reach_the_backend(recording: Path) -> None:
    ahead = b"\x82\xfe\xff\xff\0\0\0\0" + bytes(0xFFFF)
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        sent = asyncio.ensure_future(client.send(upgrade() + 100 * ahead))
        server = await behind.accept()
        await server.head()
        await server.send(SWITCH)
        assert await server.exactly(100 * len(ahead)) == 100 * ahead
        await sent
        await part(client, server)

    assert recorded(recording)["client"] == [bytes(0xFFFF)] * 100


@conversation
async def test_a_backend_that_leaves_right_behind_its_101_is_heard_out(recording: Path) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(upgrade())
        server = await behind.accept()
        await server.head()
        await server.send(SWITCH + HELLO + CLOSE)
        server.half_close()
        assert (await client.head()).encode() == SWITCH
        assert await client.rest() == HELLO + CLOSE
        await part(client, server)

    (session,) = sessions(recording)
    assert (session.status, session.close_code, session.closed_by) == (101, 1000, "server")
    assert recorded(recording)["server"] == ["hello"]


@conversation
async def test_what_no_endpoint_would_accept_passes_unchanged(recording: Path) -> None:
    noise = random.Random(7).randbytes(100_000)
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client, server = await open_session(proxy.port, behind)
        await client.send(noise)
        assert await server.exactly(len(noise)) == noise
        await server.send(noise[::-1])
        assert await client.exactly(len(noise)) == noise[::-1]
        await client.close()
        assert await server.rest() == b""


@conversation
async def test_a_client_that_sends_nothing_more_still_hears_the_server(recording: Path) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client, server = await open_session(proxy.port, behind)
        await client.send(MASKED_HELLO)
        client.half_close()
        assert await server.rest() == MASKED_HELLO
        for _ in range(3):
            await server.send(HELLO)
            assert await client.exactly(len(HELLO)) == HELLO
        server.half_close()
        assert await client.rest() == b""

    assert recorded(recording) == {"client": ["hello"], "server": ["hello"] * 3}
    assert sessions(recording)[0].clean


@conversation
async def test_a_server_that_sends_nothing_more_still_hears_the_client(recording: Path) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client, server = await open_session(proxy.port, behind)
        await server.send(HELLO)
        server.half_close()
        assert await client.rest() == HELLO
        for _ in range(3):
            await client.send(MASKED_HELLO)
            assert await server.exactly(len(MASKED_HELLO)) == MASKED_HELLO
        client.half_close()
        assert await server.rest() == b""

    assert recorded(recording) == {"client": ["hello"] * 3, "server": ["hello"]}


@conversation
async def test_a_clients_reset_reaches_the_server_as_a_reset(recording: Path) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client, server = await open_session(proxy.port, behind)
        client.reset()
        with pytest.raises(ConnectionResetError):
            await server.rest()

    (session,) = sessions(recording)
    assert session.clean
    assert session.closed_by is None


@conversation
async def test_a_servers_reset_reaches_the_client_as_a_reset(recording: Path) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client, server = await open_session(proxy.port, behind)
        server.reset()
        with pytest.raises(ConnectionResetError):
            await client.rest()

    assert sessions(recording)[0].clean


@conversation
async def test_a_plain_end_is_not_a_reset(recording: Path) -> None:
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client, server = await open_session(proxy.port, behind)
        await client.send(MASKED_CLOSE)
        assert await server.exactly(len(MASKED_CLOSE)) == MASKED_CLOSE
        await server.send(CLOSE)
        await server.close()
        assert await client.rest() == CLOSE
        await client.close()

    (session,) = sessions(recording)
    assert (session.close_code, session.closed_by) == (1000, "client")


def binary_frames(seed: int, count: int, size: int, *, masked: bool = False) -> bytes:
    """Return frames that a server sends, or `masked` ones as a client does."""
    noise = random.Random(seed)
    head = b"\x82" + (b"\xff" if masked else b"\x7f") + size.to_bytes(8) + bytes(4 * masked)
    return b"".join(head + noise.randbytes(size) for _ in range(count))


@conversation
async def test_both_directions_at_once_lose_nothing(recording: Path) -> None:
    down = binary_frames(1, 64, 300_000)
    up = binary_frames(2, 64, 300_000, masked=True)
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client, server = await open_session(proxy.port, behind)
        _, _, at_server, at_client = await asyncio.gather(
            client.send(up), server.send(down), server.exactly(len(up)), client.exactly(len(down))
        )
        assert at_client == down
        assert at_server == up
        await part(client, server)

    with Recording.open(recording) as opened:
        assert all(frame.forwarded_ns is not None for frame in opened.frames(1))


@conversation
async def test_a_client_that_does_not_read_stops_the_server(recording: Path) -> None:
    """What waits in the proxy is forwarded, and said to be, when the client reads on."""
    stream = binary_frames(3, 400, 100_000)
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client, server = await open_session(proxy.port, behind)
        await server.stalls(stream)
        await client.send(MASKED_HELLO)  # the other direction is not stopped
        assert await server.exactly(len(MASKED_HELLO)) == MASKED_HELLO
        assert await client.exactly(len(stream)) == stream
        await part(client, server)

    with Recording.open(recording) as opened:
        frames = list(opened.frames(1))
    (reading,) = (frame.at_ns for frame in frames if frame.opcode == 1)
    down = [frame for frame in frames if frame.opcode == 2]
    assert len(down) == 400
    assert all(frame.forwarded_ns and frame.forwarded_ns >= frame.at_ns for frame in down)
    waited = [frame for frame in down if frame.at_ns < reading < (frame.forwarded_ns or 0)]
    assert waited
    assert sum(len(frame.payload) for frame in waited) < 1 << 20


@conversation
async def test_what_a_client_never_took_is_not_said_to_be_forwarded(recording: Path) -> None:
    stream = binary_frames(4, 400, 100_000)
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client, server = await open_session(proxy.port, behind)
        await server.stalls(stream)
        client.reset()
        with pytest.raises(ConnectionResetError):
            await server.rest()

    with Recording.open(recording) as opened:
        frames = [frame for frame in opened.frames(1) if frame.opcode == 2]
    assert frames[0].forwarded_ns is not None
    assert frames[-1].forwarded_ns is None
