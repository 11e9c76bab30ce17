"""Agents behind the proxy, with clients that nobody here wrote, judged by the pack agent-events."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from support.peers import peer_process
from support.proxying import in_process, proxy_process
from support.shapes import NAMES, SHAPES, bridge, golden, suite
from support.validating import passed
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

pytestmark = pytest.mark.real

CLIENT = Path(__file__).with_name("agent_client.cjs")

Event = dict[str, Any]
Answer = Callable[[str, str], Iterator[Event]]


def shaped(shape: str) -> Answer:
    """Answer in one shape: the plain run, and a second use of the tool."""

    def answer(run: str, user: str) -> Iterator[Event]:
        names = [*NAMES[:4], *NAMES[1:4], NAMES[4]]
        return (SHAPES[shape](name, run, user, number) for number, name in enumerate(names))

    return answer


def batched(run: str, user: str) -> Iterator[Event]:
    """Start at once, send the rest in batches by name, as they were gathered."""
    events = [golden(name, run, user, number) for number, name in enumerate(NAMES)]
    yield events[0]
    for part in (events[1:3], events[3:4], events[4:]):
        grouped = {event["type"]: [event] for event in part}
        yield {"type": "event_batch", "user_id": user, "batch_size": len(part), "events": grouped}


def delegated(run: str, user: str) -> Iterator[Event]:
    """Have two sub-agents do the work at once, each in a run of its own, one without naming it."""
    outer = [bridge(name, run, user, number) for number, name in enumerate(NAMES)]
    parts = [
        [suite(name, f"{run}-{part}", user, number) for number, name in enumerate(NAMES)]
        for part in "ab"
    ]
    yield from outer[:2]
    for name in ("research", "writing"):
        yield {"type": "subagent_started", "run_id": run, "payload": {"sub_agent_name": name}}
    for pair in zip(*parts, strict=True):
        yield from pair
    yield {"type": "sub_agent_update", "run_id": run, "payload": {"sub_agent_name": "writing"}}
    for name in ("writing", "research"):
        yield {"type": "subagent_completed", "run_id": run, "payload": {"sub_agent_name": name}}
    yield from outer[2:]


def stopped(run: str, user: str) -> Iterator[Event]:
    """Start, and stop in the middle of a tool's work, as the user wanted."""
    yield from (golden(name, run, user, number) for number, name in enumerate(NAMES[:3]))
    yield {"type": "agent_stopped", "run_id": run, "user_id": user, "reason": "user"}


ANSWERS: dict[str, Answer] = {name: shaped(name) for name in SHAPES} | {
    "batched": batched,
    "delegated": delegated,
    "stopped": stopped,
}
ENDS = {"agent_completed", "agent_response_complete", "agent_stopped"}


async def agent(socket: ServerConnection) -> None:
    """Greet, then answer each message of a user with a run."""
    assert socket.request is not None
    asked = parse_qs(urlsplit(socket.request.path).query)
    (kind,), (user,) = asked["answer"], asked["user"]
    await socket.send(json.dumps({"type": "connection_established", "user_id": user}))
    number = 0
    async for message in socket:
        if json.loads(message)["type"] != "user_message":
            continue
        number += 1
        for event in ANSWERS[kind](f"{user}-{number}", user):
            await socket.send(json.dumps(event))
            await asyncio.sleep(0.002)


async def ask(socket: ClientConnection, user: str, question: str, run: str, **more: str) -> None:
    """Ask, and read to the end of the run."""
    message = {"type": "user_message", "user_id": user, "payload": {"content": question}, **more}
    await socket.send(json.dumps(message))
    async with asyncio.timeout(10):
        async for said in socket:
            for event in _events(json.loads(said)):
                if event["type"] in ENDS and _run(event) in (run, None):
                    return


def _events(message: Event) -> list[Event]:
    if message["type"] != "event_batch":
        return [message]
    return [event for events in message["events"].values() for event in events]


def _run(event: Event) -> str | None:
    for place in (event, event.get("payload", {}), event.get("data", {})):
        for name in ("run_id", "turn_id"):
            if name in place:
                return str(place[name])
    return None


async def all_answers(recording: Path) -> None:
    """Ask for each kind of answer twice, all at once, through the proxy."""

    async def user(port: int, kind: str) -> None:
        name = f"user-{kind}"
        url = f"ws://127.0.0.1:{port}/ws?answer={kind}&user={name}"
        async with connect(url, proxy=None) as socket:
            for number in (1, 2):
                await ask(socket, name, f"question {number}", f"{name}-{number}")

    async with serve(agent, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with (
            in_process(f"ws://127.0.0.1:{port}", recording) as proxy,
            asyncio.TaskGroup() as users,
        ):
            for kind in ANSWERS:
                users.create_task(user(proxy.port, kind))


def test_every_shape_passes(recording: Path) -> None:
    asyncio.run(all_answers(recording))
    sessions = passed(recording, "agent-events")
    spans = {one["target"].split("answer=")[1].split("&")[0]: one["spans"] for one in sessions}
    assert spans == {
        kind: {"request": 0, "run": 6 if kind == "delegated" else 2} for kind in ANSWERS
    }


def test_the_backend_of_the_demo_passes(recording: Path, node_folder: Path) -> None:
    backend = [sys.executable, "-m", "wsrec.demo.backend"]
    with peer_process(backend) as server:
        upstream = f"ws://127.0.0.1:{server.says()['port']}"
        with proxy_process(upstream, recording) as proxy:
            command = ["node", str(CLIENT), f"{proxy.url}/ws?user_id=node", "3"]
            with peer_process(command, cwd=node_folder) as client:
                assert client.says() == 3 * 6
            asyncio.run(_python_user(f"{proxy.url}/ws?user_id=python"))
    sessions = passed(recording, "agent-events")
    assert [one["spans"] for one in sessions] == [{"request": 3, "run": 3}] * 2
    assert [one["events"]["agent_thinking"] for one in sessions] == [6, 6]


async def _python_user(url: str) -> None:
    async with connect(url, proxy=None) as socket:
        for number in (1, 2, 3):
            # The backend numbers the runs of all its users in one row: the other user had three.
            run, message = f"run-{3 + number}", f"m{number}"
            await ask(socket, "python", f"question {number}", run, message_id=message)
