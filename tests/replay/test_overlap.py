"""Many sessions at once, played as they overlapped."""

from __future__ import annotations

import asyncio
import itertools
import json
from pathlib import Path
from uuid import uuid4

import pytest
from support.frames import KEY, wire
from support.mocking import joined, mocked, recorded_at, server
from support.proxying import sessions
from support.raw import conversation
from support.recordings import Conversation, recorder_at
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request
from wsrec.match.rules import Pace, Pacing, Patience
from wsrec.net.upstream import Upstream
from wsrec.replay.replaying import Output, replay
from wsrec.replay.schedule import Span
from wsrec.replay.stage import Settings

WAVE = 5


async def _count(socket: ServerConnection) -> None:
    """Give a ticket, and count for who shows it."""
    ticket = str(uuid4())
    await socket.send(json.dumps({"type": "welcome", "ticket": ticket}))
    async for message in socket:
        asked = json.loads(message)
        assert asked["ticket"] == ticket, "a client that does not listen"
        for number in range(asked["to"]):
            await socket.send(json.dumps({"type": "count", "ticket": ticket, "number": number}))


async def _echo(socket: ServerConnection) -> None:
    async for message in socket:
        await socket.send(message)


async def _waves(url: str, many: int) -> None:
    """Have sessions of which each begins before most that are there have ended."""
    turns = [asyncio.Event() for _ in range(many + WAVE)]

    async def talk(number: int) -> None:
        await turns[number].wait()
        async with joined(f"{url}/{number}") as socket:
            ticket = json.loads(await socket.recv())["ticket"]
            turns[number + 1].set()
            await socket.send(json.dumps({"type": "ask", "ticket": ticket, "to": number % 7}))
            for _ in range(number % 7):
                await socket.recv()
            await turns[min(number + 1 + number % WAVE, many)].wait()

    turns[0].set()
    await asyncio.gather(*(talk(number) for number in range(many)))


def _together(path: Path) -> set[tuple[str, str]]:
    """Return which sessions, by target, were open at the same time."""
    spans = [(each.target, Span.of(each)) for each in sessions(path)]
    return {
        (target, other)
        for (target, one), (other, another) in itertools.permutations(spans, 2)
        if one.ended_ns is not None and one.began_ns < another.began_ns < one.ended_ns
    }


@pytest.mark.parametrize("many", [25, 100])
@conversation
async def test_sessions_overlap_as_they_did(tmp_path: Path, many: int) -> None:
    path, new = tmp_path / "session.db", tmp_path / "new.db"
    async with recorded_at(path, _count) as url:
        await _waves(url, many)
    recorded = _together(path)
    assert len(recorded) > many

    async with server(_count) as url:
        replayed = await replay(path, Upstream.parse(url), output=Output(path=new))

    assert [each.verdict for each in replayed.sessions] == ["matched"] * many
    assert all(each.bindings for each in replayed.sessions)
    assert _together(new) == recorded


@pytest.mark.parametrize("pace", ["causal", "asap"])
@conversation
async def test_sessions_that_nothing_tells_apart_meet_in_order(tmp_path: Path, pace: Pace) -> None:
    path = tmp_path / "session.db"
    with recorder_at(path) as recorder:
        talks = [Conversation(recorder) for _ in range(100)]
        for number, talk in enumerate(talks):
            talk.text("server", f"you are number {number}")
        for talk in talks:
            talk.client(wire(8, b"", mask=KEY)).server(wire(8, b"")).end()

    async with mocked(path) as mock:
        settings = Settings(pacing=Pacing(pace))
        replayed = await replay(path, Upstream.parse(mock.url), settings)
        await mock.quiet(5)

    assert [each.verdict for each in (*replayed.sessions, *mock.plays.sessions)] == [
        "matched"
    ] * 200


@pytest.mark.parametrize("together", [True, False])
@conversation
async def test_opening_handshakes_are_on_their_way_together_as_they_were(
    tmp_path: Path, together: bool
) -> None:
    path, many = tmp_path / "session.db", 20
    with recorder_at(path) as recorder:
        talks = []
        for _ in range(many):
            talks.append(Conversation(recorder))
            if not together:
                talks[-1].text("client", "hello").text("server", "hello")
        for talk in talks:
            talk.client(wire(8, b"", mask=KEY)).server(wire(8, b"")).end()
    asking: set[ServerConnection] = set()
    asked = asyncio.Event()
    most = 0

    async def accept(connection: ServerConnection, request: Request) -> None:
        nonlocal most
        asking.add(connection)
        most = max(most, len(asking))
        if most == many or not together:
            asked.set()
        await asked.wait()
        await asyncio.sleep(0.02)
        asking.remove(connection)

    async with server(_echo, process_request=accept) as url:
        replayed = await replay(path, Upstream.parse(url))

    assert [each.verdict for each in replayed.sessions] == ["matched"] * many
    assert most == (many if together else 1)


@conversation
async def test_who_waits_for_others_to_begin_has_the_servers_close_in_time(tmp_path: Path) -> None:
    path = tmp_path / "session.db"
    with recorder_at(path) as recorder:
        talks = [Conversation(recorder, target=target) for target in ("/soon", "/later")]
        for talk in reversed(talks):
            talk.text("client", "hello").text("server", "hello")
            talk.client(wire(8, b"", mask=KEY)).server(wire(8, b"")).end()

    async def accept(connection: ServerConnection, request: Request) -> None:
        await asyncio.sleep(0.5 if request.path == "/later" else 0)

    async with server(_echo, process_request=accept) as url:
        patience = Patience(close_ns=100_000_000)
        replayed = await replay(path, Upstream.parse(url), Settings(patience=patience))

    assert [each.differences for each in replayed.sessions] == [[], []]
