"""Peers that want all the memory there is: it stays bounded, and the session beside them works."""

from __future__ import annotations

import asyncio
import signal
import time
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from support.proxying import ProxyProcess, start
from support.raw import SWITCH, Backend, Peer, backend, conversation_with_process, upgrade
from wsrec.store.reader import Recording

HELLO = b"\x81\x05hello"
MASKED_HELLO = b"\x81\x85\0\0\0\0hello"
GROWTH = 32 << 20
"""What an attack may cost: the backlog's 4 MiB, some MiB of the session, and the allocator."""
SWITCH_DEFLATE = SWITCH[:-2] + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"


Attack = Callable[[Peer, Peer], Awaitable[None]]


async def open_session(
    proxy: ProxyProcess, behind: Backend, switch: bytes = SWITCH
) -> tuple[Peer, Peer]:
    client = await Peer.connect(proxy.port)
    await client.send(upgrade("Sec-WebSocket-Extensions: permessage-deflate"))
    server = await behind.accept()
    await server.head()
    await server.send(switch)
    await client.head()
    return client, server


def until_ended(recording: Path, session: int) -> None:
    """Wait until the recorder has worked off all of a session."""
    for _ in range(300):
        with Recording.open(recording) as opened:
            found = opened.session(session)
        if found is not None and found.ended_ns is not None:
            return
        time.sleep(0.1)
    raise AssertionError("the session is not at its end")


async def exchange(client: Peer, server: Peer) -> None:
    """A session beside the attack does what it always does."""
    for _ in range(20):
        await client.send(MASKED_HELLO)
        assert await server.exactly(len(MASKED_HELLO)) == MASKED_HELLO
        await server.send(HELLO)
        assert await client.exactly(len(HELLO)) == HELLO


async def stalled_reader(_client: Peer, server: Peer) -> None:
    """A gibibyte is on its way to a client that reads none of it."""
    frame = b"\x82\x7f" + (1 << 20).to_bytes(8) + bytes(1 << 20)
    sent = 0

    async def send() -> None:
        nonlocal sent
        for _ in range(1 << 10):
            await server.send(frame)
            sent += 1

    sending = asyncio.ensure_future(send())
    sending.add_done_callback(lambda task: task.cancelled() or task.exception())
    before = -1
    while before != sent:
        before = sent
        await asyncio.sleep(0.3)
    assert sent < 1 << 6, "it was taken"


async def endless_length(client: Peer, server: Peer) -> None:
    """A header that announces 2^63 bytes, the first 64 MiB of them, and the end."""
    await client.send(b"\x82\xff" + (1 << 63).to_bytes(8) + bytes(4))
    for _ in range(64):
        await client.send(bytes(1 << 20))
        await server.exactly(1 << 20)


async def dribble(client: Peer, server: Peer) -> None:
    """One frame that comes byte by byte, each a segment of its own."""
    for byte in b"\x82\xfe\x13\x88\0\0\0\0" + bytes(5000):
        await client.send(bytes([byte]))
        await server.exactly(1)


async def confetti(client: Peer, server: Peer) -> None:
    """Half a million empty fragments of a message that never ends."""
    piece = b"\x00\x80\0\0\0\0" * 50_000
    await client.send(b"\x01\x80\0\0\0\0")
    await server.exactly(6)
    for _ in range(10):
        await client.send(piece)
        await server.exactly(len(piece))


async def bomb(client: Peer, server: Peer) -> None:
    """A message of some 512 KiB that would be inflated to 512 MiB, three times."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = bytes(1 << 20)
    packed = b"".join(deflate.compress(zeros) for _ in range(512))
    packed += deflate.flush(zlib.Z_SYNC_FLUSH)[:-4]
    for _ in range(3):
        frame = b"\xc2\x7f" + len(packed).to_bytes(8) + packed
        await server.send(frame)
        await client.exactly(len(frame))


@pytest.mark.parametrize("attack", [stalled_reader, endless_length, dribble, confetti, bomb])
@conversation_with_process
async def test_memory_is_bounded_and_the_neighbour_unharmed(
    recording: Path, attack: Attack
) -> None:
    async with backend() as behind:
        proxy = start(behind.url, recording)
        neighbour = await open_session(proxy, behind)
        victim = await open_session(proxy, behind, SWITCH_DEFLATE)
        await exchange(*neighbour)
        before = proxy.peak_memory()
        attacking = asyncio.ensure_future(attack(*victim))
        while not attacking.done():
            await exchange(*neighbour)
        await attacking
        await exchange(*neighbour)
        for peer in victim:
            peer.reset()
        await exchange(*neighbour)
        await asyncio.to_thread(until_ended, recording, 2)
        grown = proxy.peak_memory() - before
        for peer in neighbour:
            await peer.close()
        proxy.signal(signal.SIGTERM)
        assert await proxy.over() == (0, "")

    assert grown < GROWTH, f"{grown >> 20} MiB"
    with Recording.open(recording) as opened:
        assert opened.clean
        sessions = list(opened.sessions())
        bombed = [each for each in opened.messages(2) if "inflate_limit" in str(each.anomalies)]
    assert sessions[0].client_frames == sessions[0].server_frames
    if attack is bomb:
        assert bombed, "a message beyond the limit is flagged"
