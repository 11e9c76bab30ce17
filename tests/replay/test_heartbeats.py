"""Heartbeats over real sockets: they keep a session open, and hold up nothing."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path

from support.frames import KEY, wire
from support.mocking import Told, joined, mocked, server
from support.raw import conversation
from support.recordings import Conversation, recorder_at
from support.replays import HASTY, MS, kinds, replayed
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request
from wsrec.match.heartbeats import read_heartbeat
from wsrec.match.rules import Matching, Patience
from wsrec.replay.replaying import Replayed

MATCHING = Matching(heartbeats=(read_heartbeat("ping=pong"),))


def recorded(tmp_path: Path, *targets: str) -> Path:
    """Record sessions that began in this order, and ended in the other."""
    path = tmp_path / "session.db"
    with recorder_at(path) as recorder:
        talks = [Conversation(recorder, target=target) for target in targets]
        for talk in reversed(talks):
            talk.text("client", "hello").text("server", "hello")
            talk.client(wire(8, b"", mask=KEY)).server(wire(8, b"")).end()
    return path


async def played(path: Path, url: str) -> Replayed:
    return await replayed(path, url, replace(HASTY, matching=MATCHING))


@conversation
async def test_a_server_that_says_nothing_else_is_not_waited_for(tmp_path: Path) -> None:
    pongs = 0

    async def handle(socket: ServerConnection) -> None:
        nonlocal pongs
        with contextlib.suppress(ConnectionClosed):
            await socket.recv()
            while True:
                await socket.send("ping")
                pongs += await socket.recv() == "pong"
                await asyncio.sleep(0.02)

    async with server(handle) as url:
        found = await played(recorded(tmp_path, "/"), url)
    assert kinds(found) == ["missing"]
    assert pongs > 1


@conversation
async def test_a_client_that_says_nothing_else_is_not_waited_for(tmp_path: Path) -> None:
    told, patience = Told(), Patience(message_ns=300 * MS)
    path = recorded(tmp_path, "/")
    pongs = 0
    async with (
        mocked(path, told, matching=MATCHING, patience=patience) as mock,
        joined(mock.url) as socket,
    ):
        with contextlib.suppress(ConnectionClosed):
            while True:
                await socket.send("ping")
                pongs += await socket.recv() == "pong"
                await asyncio.sleep(0.02)
    assert told.kinds() == ["missing"]
    assert pongs > 1


@conversation
async def test_who_waits_for_others_to_begin_answers_meanwhile(tmp_path: Path) -> None:
    answered = asyncio.Event()

    async def handle(socket: ServerConnection) -> None:
        await socket.send(await socket.recv())
        assert socket.request is not None
        if socket.request.path == "/soon":
            for _ in range(3):
                await socket.send("ping")
                assert await socket.recv() == "pong"
            answered.set()
        await socket.wait_closed()

    async def accept(connection: ServerConnection, request: Request) -> None:
        if request.path == "/later":
            await answered.wait()

    async with server(handle, process_request=accept) as url:
        found = await played(recorded(tmp_path, "/soon", "/later"), url)
    assert kinds(found) == []
    assert [each.verdict for each in found.sessions] == ["matched"] * 2
