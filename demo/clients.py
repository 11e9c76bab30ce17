"""Many users at once, each with a connection and a few questions, in a process of their own.

`WSREC_URL=ws://... python -m wsrec.demo.clients SESSIONS MESSAGES`. Prints one line of JSON:
what each user sent and received.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import Counter

import aiohttp

__all__ = ["main"]

_PATIENCE = 20.0  # seconds to wait for the end of a run


async def _user(
    http: aiohttp.ClientSession, url: str, name: str, messages: int, counts: dict[str, Counter[str]]
) -> None:
    """Ask, wait for the run to complete, ask again; stay a moment for what comes late."""
    async with http.ws_connect(f"{url}/ws?user_id={name}") as socket:
        for number in range(1, messages + 1):
            await socket.send_json(
                {
                    "type": "user_message",
                    "message_id": f"{name}-{number}",
                    "user_id": name,
                    "content": f"question {number}",
                }
            )
            counts["sent"][name] += 1
            while (await socket.receive_json(timeout=_PATIENCE))["type"] != "agent_completed":
                counts["received"][name] += 1
            counts["received"][name] += 1
        while True:
            try:
                await socket.receive_json(timeout=0.1)
            except (TimeoutError, TypeError):
                break
            counts["received"][name] += 1


async def main(url: str, sessions: int, messages: int) -> dict[str, Counter[str]]:
    """Let `sessions` users ask `messages` questions each; return what was sent and received."""
    counts: dict[str, Counter[str]] = {"sent": Counter(), "received": Counter()}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http, asyncio.TaskGroup() as users:
        for number in range(1, sessions + 1):
            users.create_task(_user(http, url, f"user-{number}", messages, counts))
    return counts


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C is no fault to show a traceback of
    _counts = asyncio.run(main(os.environ["WSREC_URL"], int(sys.argv[1]), int(sys.argv[2])))
    print(json.dumps(_counts), flush=True)
