"""An agent on aiohttp that streams numbered events, right or with one fault, and a user of it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from aiohttp import web
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

__all__ = ["CONTRACT", "FAULTY", "Fault", "serving", "use", "write_contract"]

CONTRACT = """\
wsrec: 1
name: streaming-agent
extends: agent-events
events:
  fields:
    delta: /delta
    answer: /answer
spans:
  answer:
    in: run
    key: run
    during: agent_token
    close: agent_completed
    fold: {join: delta, equals: answer}
  tool:
    latency: {total: {max: 250ms}}
session:
  close_codes: [1000]
"""

Fault = Literal["none", "changed", "user", "dropped", "slow", "closed", "failed"]
FAULTY = 2
"""The run of each session in which the fault is."""
SLOW = 1.2
"""Seconds that the tool takes where it is slow."""

_ANSWER = ("It ", "is ", "sunny ", "in ", "Köln, ", "and ", "warm.")
Event = dict[str, Any]


def write_contract(folder: Path) -> Path:
    """Write the contract to a file; return that."""
    path = folder / "streaming-agent.yaml"
    path.write_text(CONTRACT, encoding="utf-8")
    return path


def _events(user: str, fault: Fault) -> Iterator[Event]:
    common = {"run_id": str(uuid4()), "user_id": user}
    yield {**common, "type": "agent_started"}
    yield {**common, "type": "agent_thinking", "thought": "Which tool can answer this?"}
    yield {**common, "type": "tool_executing", "tool_name": "weather", "parameters": {"q": "Köln"}}
    hits = 4 if fault == "changed" else 3
    teller = "somebody else" if fault == "user" else user
    done = {**common, "type": "tool_completed", "tool_name": "weather", "results": {"hits": hits}}
    yield {**done, "user_id": teller}
    for number, delta in enumerate(_ANSWER):
        if not (fault == "dropped" and number == len(_ANSWER) - 3):
            yield {**common, "type": "agent_token", "delta": delta}
    yield {**common, "type": "agent_completed", "answer": "".join(_ANSWER)}


@contextlib.asynccontextmanager
async def serving(fault: Fault = "none", faulty_user: str = "anna") -> AsyncIterator[str]:
    """Run the agent for a while; give its URL. The fault is in one run of one user's."""

    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        user = request.query["user"]
        numbers = itertools.count(1)
        runs = itertools.count(1)
        async for _ in socket:
            here = fault if (next(runs), user) == (FAULTY, faulty_user) else "none"
            for event in _events(user, here):
                if event["type"] == "tool_completed":
                    if here in ("closed", "failed"):
                        await socket.close(code=1000 if here == "closed" else 1011)
                        return socket
                    await asyncio.sleep(SLOW if here == "slow" else 0.005)
                event |= {"sequence": next(numbers), "timestamp": time.time()}
                await socket.send_json(event)
                await asyncio.sleep(0.001)
        return socket

    app = web.Application()
    app.router.add_get("/ws", handle)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    try:
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def use(url: str, user: str, questions: int = 3) -> list[object]:
    """Ask questions, each when the answer to the one before is there; return what a user sees."""
    seen: list[object] = []
    async with connect(f"{url}/ws?user={user}", proxy=None, open_timeout=20) as socket:
        with contextlib.suppress(ConnectionClosed):
            for number in range(1, questions + 1):
                asked = {"type": "user_message", "user_id": user, "content": f"question {number}"}
                await socket.send(json.dumps(asked))
                event: Event = {}
                while event.get("type") != "agent_completed":
                    event = json.loads(await asyncio.wait_for(socket.recv(), 20))
                    seen.append((event["type"], event.get("delta")))
            await socket.close(1000)
    return [*seen, socket.close_code]
