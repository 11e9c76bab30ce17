"""What the official `openai` client is made to say to a realtime or a responses server."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from openai import AsyncOpenAI

__all__ = ["REALTIME", "RESPONSES", "held"]

MODEL: Final = "gpt-realtime"
_SILENCE: Final = base64.b64encode(bytes(480)).decode()
_WEATHER: Final = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}

Talk = Callable[[AsyncOpenAI], Awaitable[None]]


async def _until(connection: Any, *names: str) -> list[Any]:
    """Return what comes up to the first event with one of the names."""
    seen = []
    async for event in connection:
        seen.append(event)
        if event.type in names:
            return seen
    raise AssertionError(f"the server left before any of {names}")


def _message(words: str) -> Any:
    content = [{"type": "input_text", "text": words}]
    return {"type": "message", "role": "user", "content": content}


async def _ask(connection: Any, words: str) -> None:
    await connection.conversation.item.create(item=_message(words))
    await connection.response.create()


async def _chat(client: AsyncOpenAI) -> None:
    """Two questions, one after the other."""
    async with client.realtime.connect(model=MODEL) as connection:
        session: Any = {"type": "realtime", "output_modalities": ["text"]}
        await connection.session.update(session=session)
        await _ask(connection, "why is the sky blue?")
        await _until(connection, "response.done")
        await _ask(connection, "hello")
        await _until(connection, "response.done")


async def _calls(client: AsyncOpenAI) -> None:
    """A response of three items, two of them calls of functions."""
    async with client.realtime.connect(model=MODEL) as connection:
        session: Any = {"type": "realtime", "output_modalities": ["text"], "tools": [_WEATHER]}
        await connection.session.update(session=session)
        await _ask(connection, "look it up in both cities")
        seen = await _until(connection, "response.done")
        for event in seen:
            if event.type == "response.function_call_arguments.done":
                output: Any = {
                    "type": "function_call_output",
                    "call_id": event.call_id,
                    "output": '{"weather": "sunny"}',
                }
                await connection.conversation.item.create(item=output)
        await _ask(connection, "hello")
        await _until(connection, "response.done")


async def _audio(client: AsyncOpenAI) -> None:
    """Audio that is thrown away, audio that is kept, and an answer to it."""
    async with client.realtime.connect(model=MODEL) as connection:
        session: Any = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
        await connection.session.update(session=session)
        await _until(connection, "session.updated")
        await connection.input_audio_buffer.append(audio=_SILENCE)
        await connection.input_audio_buffer.clear()
        await _until(connection, "input_audio_buffer.cleared")
        await connection.input_audio_buffer.append(audio=_SILENCE)
        await connection.input_audio_buffer.commit()
        await _until(connection, "input_audio_buffer.committed")
        item = {"type": "message", "role": "user", "content": [{"type": "input_audio"}]}
        await connection.conversation.item.create(item=item)  # type: ignore[arg-type]
        await connection.response.create()
        await _until(connection, "response.done")


async def _dictate(client: AsyncOpenAI) -> None:
    """Audio that is only written down."""
    query = {"intent": "transcription"}
    async with client.realtime.connect(model="whisper-1", extra_query=query) as connection:
        heard = {"input": {"transcription": {"model": "whisper-1"}}}
        session: Any = {"type": "transcription", "audio": heard}
        await connection.session.update(session=session)
        await _until(connection, "session.updated")
        await connection.input_audio_buffer.append(audio=_SILENCE)
        await connection.input_audio_buffer.commit()
        await _until(connection, "conversation.item.input_audio_transcription.completed")


async def _trouble(client: AsyncOpenAI) -> None:
    """Settings that are refused, a response that fails, and one that does not."""
    async with client.realtime.connect(model=MODEL) as connection:
        refused: Any = {"type": "translation"}
        await connection.session.update(session=refused)
        await _until(connection, "error")
        await _ask(connection, "break, please")
        await _until(connection, "response.done")
        await _ask(connection, "hello")
        await _until(connection, "response.done")


async def _respond(connection: Any, given: Any, **more: Any) -> list[Any]:
    await connection.response.create(model="gpt-5", input=given, **more)
    return await _until(connection, "response.completed", "error")


async def _answers(client: AsyncOpenAI) -> None:
    """Two answers on one connection."""
    async with client.responses.connect() as connection:
        await _respond(connection, [_message("why is the sky blue?")])
        await _respond(connection, [_message("hello")])


async def _functions(client: AsyncOpenAI) -> None:
    """Functions that are called, and the answer to what they gave."""
    async with client.responses.connect() as connection:
        asked = _message("look it up in both cities")
        seen = await _respond(connection, [asked], tools=[_WEATHER])
        calls = [
            event.item.to_dict()
            for event in seen
            if event.type == "response.output_item.done" and event.item.type == "function_call"
        ]
        results = [
            {"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"}
            for call in calls
        ]
        await _respond(connection, [asked, *calls, *results, _message("hello")])


async def _thought(client: AsyncOpenAI) -> None:
    """A summary of reasoning before the answer."""
    async with client.responses.connect() as connection:
        await _respond(connection, [_message("think about it")])


async def _refused(client: AsyncOpenAI) -> None:
    """A response that ends in an error, and one that does not."""
    async with client.responses.connect() as connection:
        await _respond(connection, [_message("break, please")])
        await _respond(connection, [_message("hello")])


REALTIME: Final[Mapping[str, Talk]] = {
    "chat": _chat, "calls": _calls, "audio": _audio, "dictate": _dictate, "trouble": _trouble,
}  # fmt: skip
RESPONSES: Final[Mapping[str, Talk]] = {
    "answers": _answers, "functions": _functions, "thought": _thought, "refused": _refused,
}  # fmt: skip


async def held(talks: Mapping[str, Talk], address: str) -> None:
    """Hold conversations with the server at `host:port`, one after the other."""
    for talk in talks.values():
        async with (
            asyncio.timeout(20),
            AsyncOpenAI(api_key="none", websocket_base_url=f"ws://{address}/v1") as client,
        ):
            await talk(client)
