"""The client under test, in the place of yours: talks to the agent at WSREC_URL."""

from __future__ import annotations

import asyncio
import os

import aiohttp

QUESTIONS = {"how many words is this": "5 words", "and this": "2 words"}


async def main() -> None:
    """Ask, and expect the right answers."""
    async with (
        asyncio.timeout(20),
        aiohttp.ClientSession() as http,
        http.ws_connect(os.environ["WSREC_URL"] + "/ws?user=ci") as socket,
    ):
        for question, expected in QUESTIONS.items():
            await socket.send_json({"type": "user_message", "content": question})
            event = await socket.receive_json()
            while event["type"] != "agent_completed":
                event = await socket.receive_json()
            assert event["result"] == expected, event


if __name__ == "__main__":
    asyncio.run(main())
