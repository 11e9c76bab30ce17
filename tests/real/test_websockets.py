"""The `websockets` library on both ends: sizes, compression, fragments, pings, closing."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
from support.proxying import digest, proxy_process, sessions
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol
from wsrec.store.reader import Recording

pytestmark = pytest.mark.real

SIZES = (1, 2, 125, 126, 65_535, 65_536, 1 << 20, 16 << 20)
PIECES = 7


@dataclass
class Seen:
    """What one end has sent and received, in order."""

    sent: list[tuple[str, int, str]] = field(default_factory=list)
    received: list[tuple[str, int, str]] = field(default_factory=list)
    facts: list[object] = field(default_factory=list)


def messages(seed: int) -> Iterator[str | bytes]:
    """Yield a text and a binary message of every size; half of what they hold can be compressed."""
    noise = random.Random(seed)
    for size in SIZES:
        block = noise.randbytes(size // 2) + bytes(size - size // 2)
        yield block
        words = base64.b85encode(block[: size - size // 4]).decode()
        yield ("€ä" * size)[: size // 8] + words[: size - 3 * (size // 8) // 2 or 1]


def pieces(message: str | bytes) -> Iterator[str] | Iterator[bytes]:
    """Cut a message into fragments of different sizes."""
    cuts = [0, *(len(message) * cut**2 // PIECES**2 for cut in range(1, PIECES + 1))]
    return (message[a:b] for a, b in pairwise(cuts))  # type: ignore[return-value]


async def talk(
    port: int, compression: str | None, at_server: asyncio.Queue[Seen]
) -> tuple[Seen, Seen]:
    """Have one session; return what the client and what the server saw of it."""
    seen = Seen()
    async with connect(
        f"ws://127.0.0.1:{port}/talk?x=%20",
        max_size=None,
        proxy=None,
        origin="http://app.test",  # type: ignore[arg-type]
        subprotocols=[Subprotocol("none"), Subprotocol("talk")],
        compression=compression,
    ) as socket:
        for number, message in enumerate(messages(1)):
            await socket.send(pieces(message) if number % 2 else message)
            seen.sent.append(digest(message))
            await (await socket.ping(b"client %d" % number))
            seen.received.append(digest(await socket.recv()))
        await socket.close(4000, "that was all, ä€")
        seen.facts = [
            socket.subprotocol,
            [str(extension) for extension in socket.protocol.extensions],
            socket.close_code,
            socket.close_reason,
        ]
    return seen, await at_server.get()


async def answer(socket: ServerConnection, at_server: asyncio.Queue[Seen]) -> None:
    """Answer each message by another one."""
    seen = Seen()
    answers = enumerate(messages(2))
    with contextlib.suppress(ConnectionClosed):
        async for message in socket:
            seen.received.append(digest(message))
            number, reply = next(answers)
            await (await socket.ping(b"server %d" % number))
            await socket.send(pieces(reply) if number % 3 else reply)
            seen.sent.append(digest(reply))
    assert socket.request is not None
    headers = socket.request.headers
    seen.facts = [
        socket.request.path,
        headers["Origin"],
        socket.close_code,
        socket.close_reason,
    ]
    at_server.put_nowait(seen)


@pytest.mark.parametrize("compression", ["deflate", None])
def test_the_same_session_direct_and_through_the_proxy(
    recording: Path, compression: str | None
) -> None:
    asyncio.run(compare(recording, compression))


async def compare(recording: Path, compression: str | None) -> None:
    at_server: asyncio.Queue[Seen] = asyncio.Queue()
    async with serve(
        lambda socket: answer(socket, at_server),
        "127.0.0.1",
        0,
        max_size=None,
        compression=compression,
        subprotocols=[Subprotocol("talk")],
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        direct = await talk(port, compression, at_server)
        with proxy_process(f"ws://127.0.0.1:{port}", recording) as proxy:
            through = await talk(proxy.port, compression, at_server)

    client, peer = through
    assert through == direct
    assert client.sent == peer.received
    assert peer.sent == client.received
    assert len(client.sent) == len(peer.sent) == 2 * len(SIZES)

    (session,) = sessions(recording)
    assert session.clean
    assert session.subprotocol == "talk"
    assert (session.extensions is not None) is (compression == "deflate")
    assert (session.close_code, session.close_reason) == (4000, "that was all, ä€")
    assert session.closed_by == "client"
    with Recording.open(recording) as opened:
        recorded: dict[str, list[tuple[str, int, str]]] = {"client": [], "server": []}
        for message in opened.messages(1):
            assert message.anomalies == ()
            recorded[message.sender].append(digest(message.data))
        frames = [
            (frame.sender, frame.opcode, frame.rsv, frame.payload if frame.opcode > 7 else b"")
            for frame in opened.frames(1)
        ]
    assert recorded == {"client": client.sent, "server": peer.sent}

    pings = {(sender, payload) for sender, opcode, _, payload in frames if opcode == 9}
    pongs = {(sender, payload) for sender, opcode, _, payload in frames if opcode == 10}
    count = len(client.sent)
    assert pings == {(who, b"%s %d" % (who.encode(), n)) for who in recorded for n in range(count)}
    other = {"client": "server", "server": "client"}
    assert pongs == {(other[who], payload) for who, payload in pings}
    fragmented = {"client": count // 2, "server": count - (count + 2) // 3}
    for who, messages_in_pieces in fragmented.items():
        continued = [frame for frame in frames if frame[0] == who and frame[1] == 0]
        assert len(continued) >= messages_in_pieces * (PIECES - 1)
    assert any(rsv == 4 for _, _, rsv, _ in frames) is (compression == "deflate")
