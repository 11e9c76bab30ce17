"""`wsrec.play` and `wsrec.diff`: recorded clients, a live backend, and what became of it."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import wsrec
from aiohttp import web
from support.live import Talk, refusing, serving
from support.proxying import wsrec as command
from support.raw import conversation

RUN = ("agent_started", "agent_thinking", "agent_completed")
ASK = {"type": "user_message", "content": "How many?"}


def agent(names: Sequence[str] = RUN) -> Talk:
    """Answer each message with a run of its own."""
    numbers = itertools.count(1)

    async def talk(socket: web.WebSocketResponse, request: web.Request) -> None:
        async for _ in socket:
            run = f"run-{next(numbers)}-5f3a9c1e"
            for name in names:
                await socket.send_json({"type": name, "run_id": run})

    return talk


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "a.db"
    asyncio.run(asyncio.wait_for(record(path), 20))
    return path


async def record(path: Path) -> None:
    async with serving(agent()) as url, wsrec.Proxy(url.removesuffix("/ws"), path) as proxy:
        for _ in range(2):
            async with wsrec.connect(f"{proxy.url}/ws") as connection:
                await connection.send(ASK)
                await connection.until("agent_completed")


@conversation
async def test_the_same_backend_answers_the_same(recording: Path, tmp_path: Path) -> None:
    async with serving(agent()) as url:
        replayed = await wsrec.play(
            recording, url.removesuffix("/ws"), output=tmp_path / "b.db", contract="agent-events"
        )
    assert (replayed.verdict, replayed.exit_code) == ("matched", 0), str(replayed)
    assert [(each.session, each.verdict) for each in replayed.sessions] == [
        (1, "matched"),
        (2, "matched"),
    ]
    assert replayed.output == tmp_path / "b.db"
    assert json.loads(replayed.report("json"))["verdict"] == "matched"
    compared = wsrec.diff(recording, tmp_path / "b.db", contract="agent-events")
    assert (compared.same, compared.exit_code) == (True, 0), str(compared)
    assert [(each.a, each.b) for each in compared.sessions] == [(1, 1), (2, 2)]


@conversation
async def test_another_backend_is_told_from_it(recording: Path, tmp_path: Path) -> None:
    async with serving(agent((RUN[0], RUN[2]))) as url:
        with wsrec.open(recording) as opened:
            replayed = await wsrec.play(
                opened,
                url.removesuffix("/ws"),
                output=tmp_path / "b.db",
                sessions=[2],
                timeout="1s",
                contract="agent-events",
            )
    assert (replayed.verdict, replayed.exit_code) == ("differs", 1)
    (session,) = replayed.sessions
    (difference,) = session.differences
    assert (difference.kind, difference.session) == ("missing", 2)
    assert "agent_thinking" in str(replayed)
    compared = wsrec.diff(recording, tmp_path / "b.db", sessions=[2], contract="agent-events")
    assert (compared.same, compared.exit_code) == (False, 1)
    shown = command(
        "diff", "-c", "agent-events", "--session", "2", str(recording), str(tmp_path / "b.db")
    )
    assert str(compared) == shown.stdout


@conversation
async def test_a_backend_that_is_not_there(recording: Path) -> None:
    async with refusing(200) as url:
        pass
    with pytest.raises(wsrec.ConnectError, match="cannot be reached"):
        await wsrec.play(recording, url.removesuffix("/ws"), timeout="1s", connect_timeout="1s")


@conversation
async def test_what_cannot_be_played(recording: Path, tmp_path: Path) -> None:
    to = "ws://127.0.0.1:1"
    with pytest.raises(wsrec.SettingError, match="to 'there'"):
        await wsrec.play(recording, "there")
    with pytest.raises(wsrec.SettingError, match="for a wss or https URL"):
        await wsrec.play(recording, to, insecure=True)
    with pytest.raises(wsrec.SettingError, match="is there already"):
        await wsrec.play(recording, to, output=recording)
    with pytest.raises(wsrec.RecordingError, match="no session 3"):
        await wsrec.play(recording, to, sessions=[3])
    with pytest.raises(wsrec.RecordingError, match="No such file"):
        await wsrec.play(tmp_path / "none.db", to)
    with pytest.raises(TypeError, match=r"wsrec\.play has no setting 'timout'"):
        await wsrec.play(recording, to, timout="1s")  # type: ignore[call-arg]


def test_what_cannot_be_compared(recording: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="min_samples=0"):
        wsrec.diff(recording, recording, min_samples=0)
    with pytest.raises(ValueError, match=r"max_slower=0\.5"):
        wsrec.diff(recording, recording, max_slower=0.5)
    with pytest.raises(ValueError, match="sessions is empty"):
        wsrec.diff(recording, recording, sessions=[])
    with pytest.raises(wsrec.RecordingError, match="no session 3"):
        wsrec.diff(recording, recording, sessions=[3])
    with pytest.raises(wsrec.RecordingError, match="No such file"):
        wsrec.diff(recording, tmp_path / "none.db")
    with pytest.raises(TypeError, match=r"wsrec\.diff has no setting 'speed'"):
        wsrec.diff(recording, recording, speed=1.0)  # type: ignore[call-arg]
