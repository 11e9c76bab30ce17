"""`wsrec proxy --contract`: the recording holds all that it takes to judge it."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
from pathlib import Path

import pytest
from support.frames import KEY, wire
from support.proxying import ProxyProcess, start, wsrec
from support.raw import Backend, backend, conversation_with_process, open_session

CONTRACT = """
wsrec: 1
name: greetings
events:
  sender: server
  types:
    hello: {schema: hello.schema.json}
spans:
  greeting: {key: [], open: hello, close: bye}
"""
HELLO = '{"required": ["name"], "properties": {"name": {"type": "string"}}}'


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    folder = tmp_path / "contract"
    folder.mkdir()
    (folder / "greetings.yaml").write_text(CONTRACT)
    (folder / "hello.schema.json").write_text(HELLO)
    return folder / "greetings.yaml"


def judged(*recordings: Path, cwd: Path) -> list[tuple[str, str, list[str]]]:
    """Validate without `-c`; return contract, why that one, and the findings of each recording."""
    done = wsrec("validate", *map(str, recordings), "--format", "json", cwd=cwd)
    assert done.stderr == ""
    return [
        (
            each["contract"]["name"],
            each["contract"]["chosen"],
            [found["code"] for session in each["sessions"] for found in session["findings"]],
        )
        for each in json.loads(done.stdout)["recordings"]
    ]


async def greet(proxy: ProxyProcess, behind: Backend, *events: object) -> None:
    """Have a session in which the server sends these events."""
    client, server = await open_session(proxy.port, behind)
    for event in events:
        frame = wire(1, json.dumps(event).encode())
        await server.send(frame)
        assert await client.exactly(len(frame)) == frame
    await client.send(wire(8, b"\x03\xe8", mask=KEY))
    await server.exactly(8)
    await server.send(wire(8, b"\x03\xe8"))
    await client.exactly(4)
    await client.close()
    await server.rest()
    await server.close()


async def stopped(proxy: ProxyProcess) -> None:
    proxy.signal(signal.SIGTERM)
    assert await proxy.over() == (0, "")


GOOD = ({"type": "hello", "name": "Ada"}, {"type": "bye"})
BAD = ({"type": "hello", "name": 7},)


@conversation_with_process
async def test_nothing_else_is_needed_to_judge_it(tmp_path: Path, contract: Path) -> None:
    recording = tmp_path / "session.db"
    async with backend() as behind:
        proxy = start(behind.url, recording, "--contract", str(contract))
        await greet(proxy, behind, *GOOD)
        await greet(proxy, behind, *BAD)
        await stopped(proxy)
        shutil.rmtree(contract.parent)
        found = [("greetings", "stored in the recording", ["event.schema", "span.unclosed"])]
        assert judged(recording, cwd=tmp_path) == found

        # Who goes on with it and gives no contract leaves that one; who gives one puts it there.
        proxy = start(behind.url, recording)
        await greet(proxy, behind, *GOOD)
        await stopped(proxy)
        assert judged(recording, cwd=tmp_path) == found
        await stopped(start(behind.url, recording, "-c", "agent-events"))
        [(name, why, _)] = judged(recording, cwd=tmp_path)
        assert (name, why) == ("agent-events", "stored in the recording")

    told = wsrec("validate", str(recording), "-c", "agent-events").stdout.splitlines()
    assert told[0] == "contract  agent-events, given with -c (a pack of wsrec)"
    shown = wsrec("contract", "show", str(recording))
    assert shown.stdout == wsrec("contract", "show", "agent-events").stdout


@conversation_with_process
async def test_each_recording_of_a_series_has_it(tmp_path: Path, contract: Path) -> None:
    recordings = [tmp_path / "session.db", tmp_path / "session-2.db"]
    async with backend() as behind:
        proxy = start(behind.url, recordings[0], "-c", str(contract), "--rotate-every", "1s")
        while not recordings[1].exists():
            await greet(proxy, behind, *GOOD)
            await asyncio.sleep(0.05)
        await greet(proxy, behind, *GOOD)
        await stopped(proxy)
    shutil.rmtree(contract.parent)
    assert judged(*recordings, cwd=tmp_path) == [
        ("greetings", "stored in the recording", [])
    ] * len(recordings)  # fmt: skip


def test_a_contract_with_mistakes_stops_it_before_it_listens(
    tmp_path: Path, contract: Path
) -> None:
    text = CONTRACT.replace("close:", "closes:").replace("type: {", "typo: {")
    contract.write_text(text.replace("sender: server", "sender: backend"))
    done = wsrec("proxy", "ws://127.0.0.1:9", "-c", str(contract), cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    places = [line.removeprefix(f"{contract}:")[:4] for line in done.stderr.splitlines()]
    assert places[0] == "5:11"
    assert "Traceback" not in done.stderr
    assert len(places) > 1
    assert [each.name for each in tmp_path.iterdir()] == ["contract"]
