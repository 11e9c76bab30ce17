"""Peers on the `websockets` library that say every kind of message there is to each other."""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from typing import Any
from uuid import uuid4

from support.proxying import digest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

__all__ = ["answering", "converse"]

_PIECES = 5
_NOISE = random.Random(1).randbytes(1 << 20)
_SAID: tuple[str | bytes, ...] = (
    "short",
    b"\x00\xff short",
    "",
    b"",
    "ä€😀" * 30_000,
    _NOISE[:70_000],
    _NOISE * 4,
    ("ä€😀." * (4 << 20))[: 4 << 18],
)
"""What a client says: text and binary, empty, of more than 64 KiB, of 4 MiB."""


async def _answer(socket: ServerConnection) -> None:
    """Greet with an id, and send each message back, backwards; every other one in fragments."""
    session = str(uuid4())
    await socket.send(json.dumps({"type": "welcome", "session_id": session}))
    number = 0
    with contextlib.suppress(ConnectionClosed):
        async for message in socket:
            number += 1
            back: str | bytes = message[::-1]
            if isinstance(message, str) and message.startswith("{"):
                asked = json.loads(message)
                assert asked["session_id"] == session, "a client that does not listen"
                run = f"run_{uuid4().hex}"
                back = json.dumps({"type": "answer", "run_id": run, "to": asked["id"]})
            await socket.send(_pieces(back) if number % 2 and back else back)


@contextlib.asynccontextmanager
async def answering() -> AsyncIterator[str]:
    """Run the server for a while; give its URL."""
    talk = [Subprotocol("talk")]
    async with serve(_answer, "127.0.0.1", 0, max_size=None, subprotocols=talk) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


async def converse(url: str, compression: str | None = "deflate") -> list[object]:
    """Say every kind of message, ask with new ids; return what a person would see of it."""
    seen: list[object] = []
    async with connect(
        f"{url}/talk?x=%20",
        max_size=None,
        proxy=None,
        subprotocols=[Subprotocol("none"), Subprotocol("talk")],
        compression=compression,
        open_timeout=5,
    ) as socket:
        welcome: dict[str, Any] = json.loads(await socket.recv())
        for number, message in enumerate(_SAID):
            asked = {"id": str(uuid4()), "session_id": welcome["session_id"], "n": number}
            await socket.send(json.dumps(asked))
            answer: dict[str, Any] = json.loads(await socket.recv())
            seen.append((answer["type"], answer["to"] == asked["id"], len(answer["run_id"])))
            await socket.send(_pieces(message) if number % 3 and message else message)
            seen.append(digest(await socket.recv()))
        await socket.close(4000, "that was all, ä€")
        seen += [socket.subprotocol, *map(str, socket.protocol.extensions)]
    return [*seen, socket.close_code, socket.close_reason]


def _pieces(message: str | bytes) -> Iterator[str] | Iterator[bytes]:
    """Cut a message into fragments of different sizes."""
    cuts = [len(message) * cut**2 // _PIECES**2 for cut in range(_PIECES + 1)]
    return (message[a:b] for a, b in pairwise(cuts))  # type: ignore[return-value]
