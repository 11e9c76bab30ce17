"""A small agent backend: answers each user message with a run of five kinds of events.

Its own process: `python -m wsrec.demo.backend`. Prints one line of JSON with its port, and
another one with what it received and sent when SIGTERM ends it.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiohttp import web

__all__ = ["FAULTS", "Agent"]

FAULTS = ("missing-tool-completed", "late-first-event", "out-of-order", "malformed-payload")
"""What a broken backend does, each in the session of a user of its own: user-1, user-2, ..."""

_TOOLS = ("search", "calculator", "database")
_STEP = 0.01  # seconds between events
_LATE = 2.4  # seconds before the first event of the late session; the contract allows two


class Agent:
    """The backend: a WebSocket endpoint, and counts of what went through it."""

    def __init__(self, *, broken: bool) -> None:
        self._broken = broken
        self._numbers = itertools.count(1)
        self.received: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Hold one client's conversation."""
        socket = web.WebSocketResponse()
        sequence = itertools.count(1)
        await socket.prepare(request)
        user = request.query.get("user_id", "")
        with suppress(ConnectionError):  # somebody has pressed Ctrl-C
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self.received[user] += 1
                    await self._run(socket, user, json.loads(message.data), sequence)
        return socket

    async def _run(
        self,
        socket: web.WebSocketResponse,
        user: str,
        request: dict[str, Any],
        sequence: Iterator[int],
    ) -> None:
        """Answer one user message: start, think, use a tool, think again, complete."""
        number = next(self._numbers)
        tool = _TOOLS[number % len(_TOOLS)]
        query = {"query": request.get("content", "")}
        asked = {"in_reply_to": request["message_id"]} if "message_id" in request else {}
        events: list[dict[str, Any]] = [
            {"type": "agent_started", **asked},
            {"type": "agent_thinking", "thought": "Which tool can answer this?"},
            {"type": "tool_executing", "tool_name": tool, "parameters": query},
            {"type": "tool_completed", "tool_name": tool, "results": {"hits": number}},
            {"type": "agent_thinking", "thought": "That is enough to answer."},
            {"type": "agent_completed", "result": f"{tool} found {number} hits"},
        ]
        if self._broken and not self.sent[user]:
            await self._spoil(events, user)
        for event in events:
            await asyncio.sleep(_STEP)
            await self._send(socket, user, number, {"sequence": next(sequence), **event})

    async def _spoil(self, events: list[dict[str, Any]], user: str) -> None:
        """Misbehave in the first run of a session, in the way that is this user's."""
        match next((fault for n, fault in enumerate(FAULTS, 1) if user == f"user-{n}"), None):
            case "missing-tool-completed":
                del events[3]
            case "late-first-event":
                await asyncio.sleep(_LATE)
            case "out-of-order":
                events[4], events[5] = events[5], events[4]
            case "malformed-payload":
                events[4]["agent_name"] = ["not", "a", "name"]
            case None:
                pass

    async def _send(
        self, socket: web.WebSocketResponse, user: str, number: int, event: dict[str, Any]
    ) -> None:
        common = {
            "run_id": f"run-{number}",
            "user_id": user,
            "agent_name": "demo",
            "timestamp": datetime.now(UTC).isoformat(),
        }
        await socket.send_json(common | event)
        self.sent[user] += 1


async def main(*, broken: bool) -> None:
    """Serve on a free port of the loopback until SIGTERM, or a terminal's Ctrl-C."""
    agent = Agent(broken=broken)
    application = web.Application()
    application.router.add_get("/ws", agent.serve)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    print(json.dumps({"port": runner.addresses[0][1]}), flush=True)
    await stop.wait()
    await runner.cleanup()
    print(json.dumps({"received": agent.received, "sent": agent.sent}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(broken="--broken" in sys.argv[1:]))
