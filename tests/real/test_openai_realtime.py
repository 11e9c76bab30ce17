"""The official `openai` client on its realtime API, against the mock server `aimock`."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI
from support.proxying import proxy_process, recorded, sessions

pytestmark = pytest.mark.real

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
                    pytest.fail(event.error.message)
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


def test_the_same_conversation_direct_and_through_the_proxy(recording: Path, aimock: str) -> None:
    said, direct = asyncio.run(converse(aimock))
    assert "Hello! I am a recording of nobody: ä, €, 😀. How can I help you today?" in said
    assert '{"city":"Köln"}' in said
    assert "It is sunny in Köln." in said

    with proxy_process(f"ws://{aimock}", recording) as proxy:
        said_through, through = asyncio.run(converse(f"127.0.0.1:{proxy.port}"))

    assert said_through == said
    assert without_names(through.received) == without_names(direct.received)
    assert through.sent == direct.sent
    assert recorded(recording) == {"client": through.sent, "server": through.received}

    (session,) = sessions(recording)
    assert session.status == 101
    assert session.target == f"/v1/realtime?model={MODEL}"
    assert session.clean
    assert session.close_code == 1000
    assert session.closed_by == "client"
    assert dict(session.request_headers)["Authorization"].startswith("Bearer redacted:")


def test_what_is_refused_direct_is_refused_through_the_proxy(recording: Path, aimock: str) -> None:
    async def ask(address: str) -> tuple[str, str]:
        client = AsyncOpenAI(api_key="none", websocket_base_url=f"ws://{address}/no-such-api")
        async with client:
            with pytest.raises(Exception, match="HTTP") as error:
                async with client.realtime.connect(model=MODEL):
                    pass
        return type(error.value).__name__, str(error.value)

    direct = asyncio.run(ask(aimock))
    with proxy_process(f"ws://{aimock}", recording) as proxy:
        through = asyncio.run(ask(f"127.0.0.1:{proxy.port}"))

    assert through == direct
    assert "404" in direct[1]
    (session,) = sessions(recording)
    assert session.status == 404
