"""Clients and servers that nobody here wrote, by pairs: how each is run, and what its user sees."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from support import messages, openai_chat, openai_talks, socketio_chat
from support.peers import peer_process

__all__ = ["PAIRS", "Pair", "Places"]

_GRAPHQL = Path(__file__).parents[1] / "real" / "graphql_ws_peers.cjs"


@dataclass(frozen=True)
class Places:
    """Where things are that are installed or run once."""

    node: Path
    """The folder whose node_modules are used."""
    aimock: str
    """The address of aimock."""


@dataclass(frozen=True)
class Pair:
    """A server and a client of it."""

    name: str
    serving: Callable[[Places], AbstractAsyncContextManager[str]]
    """Runs the server for a while; gives its URL."""
    use: Callable[[Places, str], Awaitable[object]]
    """Runs the client once; returns what its user gets to see, without ids."""
    sessions: int
    """How many sessions that takes."""
    pack: str | None
    """The contract of what they speak."""


@contextlib.asynccontextmanager
async def _aimock(places: Places) -> AsyncIterator[str]:
    yield f"ws://{places.aimock}"


async def _openai(places: Places, url: str) -> object:
    address = urlsplit(url).netloc
    said, overheard = await openai_chat.converse(address)
    await openai_talks.held(openai_talks.REALTIME, address)
    return said, overheard.sent, openai_chat.without_names(overheard.received)


@contextlib.asynccontextmanager
async def _chat(places: Places) -> AsyncIterator[str]:
    async with socketio_chat.serving(socketio_chat.chat()[0]) as port:
        yield f"ws://127.0.0.1:{port}"


async def _socketio(places: Places, url: str) -> object:
    overheard = socketio_chat.Overheard()
    port = urlsplit(url).port
    assert port is not None
    seen = await socketio_chat.converse(port, overheard, transports=["websocket"])
    named = [each for each in overheard.received if isinstance(each, str) and '"sid"' in each]
    return seen, overheard.sent, [each for each in overheard.received if each not in named]


@contextlib.asynccontextmanager
async def _graphql_server(places: Places) -> AsyncIterator[str]:
    with peer_process(["node", str(_GRAPHQL), "server"], cwd=places.node) as server:
        yield f"ws://127.0.0.1:{server.says()}"


async def _graphql(places: Places, url: str, *how: str) -> object:
    def run() -> object:
        command = ["node", str(_GRAPHQL), "client", f"{url}/graphql", *how]
        with peer_process(command, cwd=places.node) as client:
            return client.says()

    return await asyncio.to_thread(run)


async def _calm_graphql(places: Places, url: str) -> object:
    return await _graphql(places, url, "calm")


@contextlib.asynccontextmanager
async def _messages_server(places: Places) -> AsyncIterator[str]:
    async with messages.answering() as url:
        yield url


async def _messages(places: Places, url: str) -> object:
    return [await messages.converse(url, compression) for compression in ("deflate", None)]


PAIRS = (
    Pair("openai", _aimock, _openai, 6, "openai-realtime"),
    Pair("socketio", _chat, _socketio, 1, "socketio"),
    Pair("graphql-ws", _graphql_server, _calm_graphql, 6, "graphql-transport-ws"),
    Pair("websockets", _messages_server, _messages, 2, None),
)
