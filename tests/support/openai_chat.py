"""A user of the official `openai` client on its realtime API, and what the user gets to see."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

from openai import AsyncOpenAI

__all__ = ["MODEL", "Overheard", "converse", "without_names"]

MODEL = "gpt-realtime"


class Overheard:
    """A client's connection, with a copy of each message that the client sends or receives."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.sent: list[str] = []
        self.received: list[str] = []

    async def send(self, data: str) -> None:
        self.sent.append(data)
        await self._connection.send(data)

    async def recv(self, **options: Any) -> str | bytes:
        data: str | bytes = await self._connection.recv(**options)
        self.received.append(data if isinstance(data, str) else data.decode())
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


async def converse(address: str) -> tuple[list[object], Overheard]:
    """Say hello, have a function called, answer it; return what the client's user would see."""
    log: list[object] = []
    client = AsyncOpenAI(api_key="none", websocket_base_url=f"ws://{address}/v1")
    async with (
        asyncio.timeout(20),
        client,
        client.realtime.connect(model=MODEL) as connection,
    ):
        overheard = Overheard(connection._connection)
        connection._connection = overheard  # type: ignore[assignment]
        await connection.session.update(
            session={
                "type": "realtime",
                "output_modalities": ["text"],
                "instructions": "be brief",
                "tools": [
                    {
                        "type": "function",
                        "name": "get_weather",
                        "parameters": {
                            "type": "object",
                            "properties": {"city": {"type": "string"}},
                        },
                    }
                ],
            }
        )
        for words in ("hello", "what is the weather?"):
            await connection.conversation.item.create(
                item={
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": words}],
                }
            )
            await connection.response.create()
            call_id = None
            async for event in connection:
                log.append(event.type)
                if event.type == "response.output_text.done":
                    log.append(event.text)
                elif event.type == "response.function_call_arguments.done":
                    call_id = event.call_id
                    log.append(event.arguments)
                elif event.type == "error":
                    raise AssertionError(event.error.message)
                elif event.type == "response.done":
                    log.append(event.response.status)
                    if call_id is None:
                        break
                    await connection.conversation.item.create(
                        item={
                            "type": "function_call_output",
                            "call_id": call_id,
                            "output": json.dumps({"weather": "sunny"}),
                        }
                    )
                    await connection.response.create()
                    call_id = None
    return log, overheard


def without_names(messages: list[str]) -> list[str]:
    """Return messages without what the server makes up for each session."""
    made_up = r'"((sess|event|item|resp|conv)_[\w-]+)"|"(expires_at|created_at)":\d+'
    return [re.sub(made_up, "made up", message) for message in messages]
