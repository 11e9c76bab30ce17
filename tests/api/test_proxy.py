"""`wsrec.Proxy`: the proxy in an event loop of one's own."""

from __future__ import annotations

import asyncio
import inspect
import sqlite3
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import wsrec
from aiohttp import web
from support.live import serving
from support.raw import conversation
from wsrec.api.settings import ProxySettings
from wsrec.proxy.settings import read_settings


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return tmp_path / "a.db"


async def echo(socket: web.WebSocketResponse, request: web.Request) -> None:
    async for message in socket:
        await socket.send_str(message.data)


@conversation
async def test_what_crosses_it_is_recorded_when_the_block_is_left(recording: Path) -> None:
    async with (
        serving(echo) as backend,
        wsrec.Proxy(backend.removesuffix("/ws"), recording) as proxy,
    ):
        assert proxy.url == f"ws://127.0.0.1:{proxy.port}"
        assert proxy.recording == recording
        async with wsrec.connect(f"{proxy.url}/ws") as connection:
            await connection.send("hello")
            assert (await connection.receive()).value == "hello"
            assert proxy.sessions == 1
    with wsrec.open(recording) as opened:
        assert opened.clean
        (session,) = opened.sessions
        assert [(each.sender, each.data) for each in session.messages()] == [
            ("client", "hello"),
            ("server", "hello"),
        ]
        assert (session.closed_by, session.close_code, session.clean) == ("client", 1000, True)


@conversation
async def test_sessions_that_are_open_are_ended_with_1001(recording: Path) -> None:
    async with serving(echo) as backend:
        proxy = wsrec.Proxy(backend.removesuffix("/ws"), recording)
        async with proxy, aiohttp.ClientSession() as http:
            socket = await http.ws_connect(f"{proxy.url}/ws")
            await socket.send_str("hello")
            assert await socket.receive_str() == "hello"
            reading = asyncio.ensure_future(socket.receive())
            await proxy.__aexit__(None, None, None)
            assert (await reading).data == 1001
            await proxy.__aenter__()
    with wsrec.open(recording) as opened:
        (session,) = opened.sessions
        assert (session.closed_by, session.close_code) == ("proxy", 1001)


@conversation
async def test_settings_are_those_of_the_command(recording: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(bytes(32))
    settings: ProxySettings = {"contract": "agent-events", "redact": "json:/token", "drain": "1s"}
    settings["redact_key_file"] = str(tmp_path / "key")
    async with (
        serving(echo) as backend,
        wsrec.Proxy(backend.removesuffix("/ws"), recording, **settings) as proxy,
        wsrec.connect(f"{proxy.url}/ws") as connection,
    ):
        await connection.send({"token": "secret"})
        assert (await connection.receive()).value == {"token": "secret"}
    with wsrec.open(recording) as opened:
        assert opened.contract.name == "agent-events"
        assert "contract" in opened.meta
        assert not [m for m in opened.session(1).messages() if "secret" in str(m.data)]


@conversation
async def test_what_could_not_be_recorded_is_told_when_the_block_is_left(recording: Path) -> None:
    async with serving(echo) as backend:
        proxy = await wsrec.Proxy(backend.removesuffix("/ws"), recording).__aenter__()
        async with wsrec.connect(f"{proxy.url}/ws") as connection:
            await connection.send("hello")
            await connection.receive()
            with sqlite3.connect(recording, timeout=5) as other:
                other.execute("DROP TABLE frames")
            await connection.send("lost")
            with pytest.raises(wsrec.ClosedError, match="1011"):
                await connection.until("nothing")
        with pytest.raises(wsrec.RecordingError, match=r"a\.db: recording failed: no such table"):
            await proxy.__aexit__(None, None, None)


def test_there_is_a_setting_for_each_option() -> None:
    options = set(inspect.signature(read_settings).parameters) - {"upstream", "output"}
    assert options == set(ProxySettings.__annotations__)


class TestErrors:
    def test_a_setting_that_cannot_be_used(self, recording: Path) -> None:
        with pytest.raises(wsrec.SettingError, match="buffer"):
            wsrec.Proxy("ws://127.0.0.1:1", recording, buffer="many")
        assert not recording.exists()

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({"durability": "fast"}, "--durability: 'fast' is none of async, process, power"),
            ({"on_recorder_failure": "forwards"}, "'forwards' is none of close, forward"),
            ({"host_header": "backend"}, "--host-header: 'backend' is none of client, upstream"),
            ({"max_sessions": 0}, "--max-sessions: 0 lets nobody in"),
            ({"rotate_every": "1d", "retain_days": 0}, "--retain-days: 0 keeps none"),
        ],
    )
    def test_a_value_that_there_is_not(
        self, recording: Path, settings: dict[str, Any], said: str
    ) -> None:
        with pytest.raises(wsrec.SettingError, match=said):
            wsrec.Proxy("ws://127.0.0.1:1", recording, **settings)

    def test_an_upstream_that_is_none(self, recording: Path) -> None:
        with pytest.raises(wsrec.SettingError, match="upstream 'backend': expected a ws"):
            wsrec.Proxy("backend", recording)

    def test_a_setting_that_there_is_not(self, recording: Path) -> None:
        with pytest.raises(TypeError, match="no setting 'lisen'; did you mean 'listen'"):
            wsrec.Proxy("ws://127.0.0.1:1", recording, lisen=":0")  # type: ignore[call-arg]

    def test_a_contract_with_mistakes(self, recording: Path) -> None:
        with pytest.raises(wsrec.ContractError):
            wsrec.Proxy("ws://127.0.0.1:1", recording, contract="no-such-pack")

    def test_asked_before_it_listens(self, recording: Path) -> None:
        with pytest.raises(RuntimeError, match="async with"):
            wsrec.Proxy("ws://127.0.0.1:1", recording).url  # noqa: B018


@conversation
async def test_an_address_that_is_taken(recording: Path, tmp_path: Path) -> None:
    async with wsrec.Proxy("ws://127.0.0.1:1", recording) as proxy:
        other = wsrec.Proxy("ws://127.0.0.1:1", tmp_path / "b.db", listen=f"127.0.0.1:{proxy.port}")
        with pytest.raises(OSError, match="address already in use"):
            await other.__aenter__()
        with pytest.raises(wsrec.RecordingError, match=r"a\.db"):
            await wsrec.Proxy("ws://127.0.0.1:1", recording).__aenter__()
