"""A chat backend and its client, both by the `websockets` library; what they say is recorded."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from support.proxying import in_process
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from wsrec.match.difference import Difference
from wsrec.replay.mock import Mock
from wsrec.replay.mock_options import MockOptions

__all__ = [
    "BIG",
    "Chat",
    "Told",
    "chat",
    "echo",
    "joined",
    "mocked",
    "recorded_at",
    "say",
    "server",
]

BIG = 4 << 20

Handler = Callable[[ServerConnection], Awaitable[None]]


@contextlib.asynccontextmanager
async def server(handler: Handler, **settings: Any) -> AsyncIterator[str]:
    """Run a backend; give its URL."""
    async with serve(handler, "127.0.0.1", 0, max_size=None, **settings) as running:
        yield f"ws://127.0.0.1:{running.sockets[0].getsockname()[1]}"


@contextlib.asynccontextmanager
async def recorded_at(path: Path, handler: Handler, **settings: Any) -> AsyncIterator[str]:
    """Run a backend behind the proxy, which records at `path`; give the proxy's URL."""
    async with server(handler, **settings) as url, in_process(url, path) as proxy:
        yield proxy.url


@dataclass
class Told:
    """What a mock tells of, as it happens."""

    differences: list[Difference] = field(default_factory=list)

    def kinds(self) -> list[str]:
        return [each.kind for each in self.differences]


@contextlib.asynccontextmanager
async def mocked(path: Path, told: Told | None = None, **options: Any) -> AsyncIterator[Mock]:
    """Play a recording; nothing may differ unless somebody wants to be told."""
    wanted = told or Told()
    async with Mock(path, MockOptions(**options), wanted.differences.append) as mock:
        yield mock
    assert told is not None or wanted.differences == []


def joined(url: str, **settings: Any) -> connect:
    """Return a client's connection."""
    return connect(url, proxy=None, max_size=None, open_timeout=5, close_timeout=5, **settings)


async def chat(socket: ServerConnection) -> None:
    """Greet, and answer every message in pieces, with ids of its own and the client's."""
    session = str(uuid4())

    async def say(**event: object) -> None:
        await socket.send(json.dumps({"session_id": session, **event}))

    await say(type="welcome")
    async for message in socket:
        asked = json.loads(message)
        run = f"run_{uuid4().hex}"
        await say(type="run_started", run_id=run, message_id=asked["message_id"])
        for word in f"you said {asked['text']}".split():
            await say(type="token", run_id=run, delta=word)
        await say(type="run_finished", run_id=run, message_id=asked["message_id"])
        if asked["text"] == "bye":
            await socket.close(4000, "come again")
            return


@dataclass
class Chat:
    """A client of `chat` that makes up a new id for each message and checks what comes back."""

    socket: ClientConnection
    session: str = ""
    seen: list[object] = field(default_factory=list)

    @classmethod
    async def talk(cls, url: str, *texts: str, path: str = "/chat") -> list[object]:
        """Have a session; return what a person would see of it."""
        async with joined(url + path) as socket:
            client = cls(socket)
            client.session = (await client.hear("welcome"))["session_id"]
            for text in texts:
                await client.ask(text)
            if texts[-1:] == ("bye",):
                await socket.wait_closed()
        return [*client.seen, socket.close_code, socket.close_reason]

    async def hear(self, kind: str) -> Any:
        event = json.loads(await asyncio.wait_for(self.socket.recv(), 15))
        assert event["type"] == kind, event
        assert self.session in ("", event["session_id"])
        self.seen.append((kind, event.get("delta")))
        return event

    async def ask(self, text: str) -> None:
        message = str(uuid4())
        await self.socket.send(
            json.dumps({"type": "user_message", "message_id": message, "text": text})
        )
        started = await self.hear("run_started")
        assert started["message_id"] == message
        for _ in f"you said {text}".split():
            assert (await self.hear("token"))["run_id"] == started["run_id"]
        finished = await self.hear("run_finished")
        assert (finished["run_id"], finished["message_id"]) == (started["run_id"], message)


async def echo(socket: ServerConnection) -> None:
    """Say back what is heard, or what it is asked for."""
    with contextlib.suppress(ConnectionClosed):
        await _echo(socket)


async def _echo(socket: ServerConnection) -> None:
    async for message in socket:
        if message == "pieces":
            await socket.send(iter(("a", "", "bc")))
        elif message == "bytes":
            await socket.send(iter((b"\0", bytes(range(256)))))
        elif message == "big":
            await socket.send(bytes(range(256)) * (BIG // 256))
        elif message == "drop":
            socket.transport.abort()
        else:
            await socket.send(message)


async def say(socket: ClientConnection, *messages: str | bytes) -> list[object]:
    """Say all of it, hearing an answer to each; return the answers and how it ended."""
    heard: list[object] = []
    try:
        for message in messages:
            await socket.send(message)
            heard.append(await asyncio.wait_for(socket.recv(), 5))
        await socket.close(3000, "enough")
    except ConnectionClosed:
        heard.append("closed")
    return [*heard, socket.close_code, socket.close_reason]
