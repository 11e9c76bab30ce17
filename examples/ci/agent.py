"""A small agent backend, in the place of yours: `python agent.py PORT`."""

from __future__ import annotations

import asyncio
import json
import sys
import uuid

from aiohttp import WSMsgType, web


async def talk(request: web.Request) -> web.WebSocketResponse:
    """Answer each user message with a run."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await answer(socket, json.loads(message.data)["content"])
    return socket


async def answer(socket: web.WebSocketResponse, question: str) -> None:
    """Start, think, use a tool, complete."""
    run, call = str(uuid.uuid4()), uuid.uuid4().hex
    words = len(question.split())
    for event in (
        {"type": "agent_started", "run_id": run, "agent_name": "counter"},
        {"type": "agent_thinking", "run_id": run, "thought": "I had better count."},
        {"type": "tool_executing", "run_id": run, "tool_name": "count", "execution_id": call},
        {
            "type": "tool_completed",
            "run_id": run,
            "tool_name": "count",
            "execution_id": call,
            "results": {"words": words},
        },
        {"type": "agent_completed", "run_id": run, "result": f"{words} words"},
    ):
        await asyncio.sleep(0.01)
        await socket.send_json(event)


if __name__ == "__main__":
    app = web.Application()
    app.router.add_get("/ws", talk)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
