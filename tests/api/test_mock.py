"""`wsrec.Mock`: a recording in the place of its backend."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import wsrec
from aiohttp import web
from support.live import serving
from support.raw import conversation

ASK = {"type": "user_message", "user_id": "u1"}


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Two sessions with a real backend, whose answers are of runs r1 and r2."""
    path = tmp_path / "a.db"
    asyncio.run(asyncio.wait_for(record(path), 20))
    return path


async def record(path: Path) -> None:
    runs = iter(("r1", "r2"))

    async def agent(socket: web.WebSocketResponse, request: web.Request) -> None:
        run = next(runs)
        async for _ in socket:
            for name in ("agent_started", "agent_completed"):
                await socket.send_json({"type": name, "run_id": run})

    async with serving(agent) as url, wsrec.Proxy(url.removesuffix("/ws"), path) as proxy:
        for _ in range(2):
            async with wsrec.connect(f"{proxy.url}/ws") as connection:
                await connection.send(ASK)
                await connection.until("agent_completed")


@conversation
async def test_it_answers_as_recorded_each_session_once(recording: Path) -> None:
    async with wsrec.Mock(recording, contract="agent-events") as mock:
        assert mock.url == f"ws://127.0.0.1:{mock.port}"
        runs = []
        for _ in range(2):
            async with wsrec.connect(f"{mock.url}/ws") as connection:
                await connection.send(ASK)
                answer = await connection.until("agent_completed")
                runs.append({each.fields["run"] for each in answer})
        with pytest.raises(wsrec.ConnectError):
            await wsrec.connect(f"{mock.url}/ws").__aenter__()
    assert runs == [{"r1"}, {"r2"}]
    assert [each.kind for each in mock.differences] == ["unexpected"]


@conversation
async def test_what_the_client_says_otherwise_is_a_difference(recording: Path) -> None:
    with wsrec.open(recording) as opened:
        mock = wsrec.Mock(opened, sessions=[1], loop=True)
    async with mock, wsrec.connect(f"{mock.url}/ws") as connection:
        await connection.send({**ASK, "content": "more"})
        await connection.until("agent_completed")
    (difference,) = mock.differences
    assert (difference.kind, difference.session, difference.seq) == ("changed", 1, 1)
    assert [each.pointer for each in difference.changes] == ["/content"]
    async with mock, wsrec.connect(f"{mock.url}/ws") as connection:
        await connection.send(ASK)
        await connection.until("agent_completed")
    assert mock.differences == ()


@conversation
async def test_what_may_differ(recording: Path) -> None:
    mock = wsrec.Mock(recording, sessions=[1], ignore="content")
    async with mock, wsrec.connect(f"{mock.url}/ws") as connection:
        await connection.send({**ASK, "content": "more"})
        await connection.until("agent_completed")
    assert mock.differences == ()


@conversation
async def test_recorded_times_divided(recording: Path) -> None:
    mock = wsrec.Mock(recording, pacing="recorded", speed=1000.0, max_gap="10ms")
    async with mock, wsrec.connect(f"{mock.url}/ws") as connection:
        await connection.send(ASK)
        assert len(await connection.until("agent_completed")) == 2
    assert mock.differences == ()


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"tolerance": -1}, "--tolerance: -1 is not"),
        ({"bind": ["/a"], "no_bind": True}, "no-bind says none may"),
        ({"ignore": ["/a~2"]}, "ignore: "),
        ({"speed": 2.0}, "give --pacing recorded with it"),
        ({"pacing": "recorded", "speed": 0.0}, "--speed: 0 is not"),
        ({"pacing": "slow"}, "--pacing: 'slow' is none"),
        ({"timeout": "soon"}, "timeout"),
        ({"timeout": 5}, "--timeout: '5' is not a duration such as 250ms, 2s or 5m"),
        ({"order": "first"}, "order: 'first' is none of any, recorded, round-robin"),
        ({"listen": "nowhere"}, "expected HOST:PORT"),
        ({"tls_key": "key.pem"}, "tls_key needs tls_cert"),
    ],
)
def test_settings_that_cannot_be_used(recording: Path, settings: Any, what: str) -> None:
    with pytest.raises(wsrec.SettingError, match=what):
        wsrec.Mock(recording, **settings)


def test_other_mistakes(recording: Path, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="no setting 'ignroe'; did you mean 'ignore'"):
        wsrec.Mock(recording, ignroe=["a"])  # type: ignore[call-arg]
    with pytest.raises(wsrec.RecordingError, match="No such file"):
        wsrec.Mock(tmp_path / "none.db")
    with pytest.raises(wsrec.ContractError):
        wsrec.Mock(recording, contract="none")
    with pytest.raises(RuntimeError, match="async with"):
        wsrec.Mock(recording).url  # noqa: B018


@conversation
async def test_nothing_to_play(recording: Path, tmp_path: Path) -> None:
    with pytest.raises(wsrec.RecordingError, match="no session 9"):
        wsrec.Mock(recording, sessions=[9])
    async with wsrec.Proxy("ws://127.0.0.1:1", tmp_path / "b.db"):
        pass
    with pytest.raises(wsrec.SettingError, match="no session in it that can be played"):
        await wsrec.Mock(tmp_path / "b.db").__aenter__()


@conversation
async def test_a_session_that_nobody_asks_for(recording: Path) -> None:
    for allowed in (False, True):
        mock = wsrec.Mock(recording, allow_unplayed=allowed)
        async with mock, wsrec.connect(f"{mock.url}/ws") as connection:
            await connection.send(ASK)
            await connection.until("agent_completed")
        assert mock.report.verdict == ("matched" if allowed else "differs"), str(mock.report)
        assert [each.verdict for each in mock.report.sessions] == ["matched", "unplayed"]
        assert mock.differences == ()
