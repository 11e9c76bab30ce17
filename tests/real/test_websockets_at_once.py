"""The `websockets` library when both ends talk at once, and ping inside their own messages."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.proxying import digest, proxy_process, sessions
from websockets.asyncio.client import connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection, serve
from wsrec.store.model import Frame, Session
from wsrec.store.reader import Recording

pytestmark = pytest.mark.real

MIB = 1 << 20
SIZES = (0, 1, 125, 126, 127, 65535, 65536, MIB - 1, MIB, MIB + 1)
"""Of fragments; a message has seven of one size."""
PIECES = 7
DATA_OPCODES = (0, 1, 2)
SHORT_MESSAGES = 3000


@dataclass
class Seen:
    """What one end has sent and received, in order."""

    sent: list[tuple[str, int, str]] = field(default_factory=list)
    received: list[tuple[str, int, str]] = field(default_factory=list)


Talk = Callable[[Connection, str], Coroutine[Any, Any, Seen]]


async def fragments(connection: Connection, who: str, size: int) -> Seen:
    """Send a message in pieces, and wait for a pong after each; take the other's meanwhile."""
    seen = Seen()
    noise = random.Random(f"{who} {size}").randbytes(size // 2) + bytes(size - size // 2)

    async def pieces(binary: bool) -> AsyncIterator[str | bytes]:
        for number in range(PIECES):
            yield noise if binary else "ä" * (size // 2) + "x" * (size % 2)
            await (await connection.ping(f"{who} {size} {number}"))

    async def speak() -> None:
        for binary in (True, False):
            await connection.send(pieces(binary))
            one = noise if binary else "ä" * (size // 2) + "x" * (size % 2)
            seen.sent.append(digest(one * PIECES))

    async def listen() -> None:
        for _ in (True, False):
            seen.received.append(digest(await connection.recv()))

    async with asyncio.TaskGroup() as group:
        group.create_task(speak())
        group.create_task(listen())
    return seen


async def many(connection: Connection, who: str) -> Seen:
    """Send short messages as fast as can be; take the other's meanwhile."""
    seen = Seen()

    async def speak() -> None:
        for number in range(SHORT_MESSAGES):
            said: str | bytes = f"{who} {number} " + "ж𝄞" * (number % 100)
            if number % 3 == 0:
                said = random.Random(said).randbytes(number % 300)
            await connection.send(said)
            seen.sent.append(digest(said))

    async def listen() -> None:
        for _ in range(SHORT_MESSAGES):
            seen.received.append(digest(await connection.recv()))

    async with asyncio.TaskGroup() as group:
        group.create_task(speak())
        group.create_task(listen())
    return seen


async def compare(talk: Talk, recording: Path, compression: str | None) -> tuple[Seen, Seen]:
    """Have the same session direct and through the proxy; return what each end saw."""
    ended: asyncio.Queue[Seen] = asyncio.Queue()

    async def answer(connection: ServerConnection) -> None:
        seen = await talk(connection, "server")
        await connection.wait_closed()
        await ended.put(seen)

    async def run(url: str) -> tuple[Seen, Seen]:
        async with connect(
            url, compression=compression, max_size=None, ping_interval=None, proxy=None
        ) as connection:
            seen = await talk(connection, "client")
        return seen, await ended.get()

    options: dict[str, Any] = {"compression": compression, "max_size": None, "ping_interval": None}
    async with asyncio.timeout(40), serve(answer, "127.0.0.1", 0, **options) as server:
        upstream = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        direct = await run(upstream)
        with proxy_process(upstream, recording) as proxy:
            through = await run(proxy.url)
    assert through == direct
    return through


def read(recording: Path, client: Seen, server: Seen) -> tuple[Session, list[Frame]]:
    """Expect every message in its place, and the counts; return the session and its frames."""
    (session,) = sessions(recording)
    assert session.clean
    said: dict[str, list[tuple[str, int, str]]] = {"client": [], "server": []}
    with Recording.open(recording) as opened:
        for message in opened.messages(session.id):
            assert not message.anomalies
            said[message.sender].append(digest(message.data))
        frames = list(opened.frames(session.id))
    assert said["client"] == client.sent == server.received
    assert said["server"] == server.sent == client.received
    assert [frame.seq for frame in frames] == list(range(1, len(frames) + 1))
    counts, sizes = Counter[str](), Counter[str]()
    for frame in frames:
        counts[frame.sender] += 1
        sizes[frame.sender] += len(frame.payload)
    assert counts == {"client": session.client_frames, "server": session.server_frames}
    assert sizes == {"client": session.client_bytes, "server": session.server_bytes}
    return session, frames


@pytest.mark.parametrize("compression", ["deflate", None])
@pytest.mark.parametrize("size", SIZES)
def test_fragments_with_pings_between_them(
    recording: Path, size: int, compression: str | None
) -> None:
    async def talk(connection: Connection, who: str) -> Seen:
        return await fragments(connection, who, size)

    client, server = asyncio.run(compare(talk, recording, compression))
    assert len(client.sent) == len(server.sent) == 2
    _, frames = read(recording, client, server)

    said = [f"{size} {number}" for number in range(PIECES)] * 2
    other = {"client": "server", "server": "client"}
    for who in other:
        mine = [frame for frame in frames if frame.sender == who]
        pings = [f.payload.decode() for f in mine if f.opcode == 9]
        pongs = [f.payload.decode() for f in frames if f.sender == other[who] and f.opcode == 10]
        assert pings == pongs == [f"{who} {rest}" for rest in said]
        # The library sends each piece as a frame, and an empty one that ends the message.
        shape = [(f.opcode, f.fin) for f in mine if f.opcode in (*DATA_OPCODES, 9)]
        piece = [(0, False), (9, True)]
        assert shape == [
            *((2, False), (9, True), *piece * (PIECES - 1), (0, True)),
            *((1, False), (9, True), *piece * (PIECES - 1), (0, True)),
        ]
        if compression is None:
            sizes = [len(f.payload) for f in mine if f.opcode in DATA_OPCODES]
            assert sizes == [*[size] * PIECES, 0] * 2


@pytest.mark.parametrize("compression", ["deflate", None])
def test_many_messages_in_both_directions_at_once(recording: Path, compression: str | None) -> None:
    client, server = asyncio.run(compare(many, recording, compression))

    session, _ = read(recording, client, server)
    assert len(client.sent) == len(server.sent) == SHORT_MESSAGES
    # Each message is one frame; the Close is one more.
    assert session.client_frames == session.server_frames == SHORT_MESSAGES + 1
