"""A small server that speaks as Gemini's Live API does, and what `google-genai` says to it.

It sends JSON in binary messages, and takes the names of fields in either spelling.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from google import genai
from google.genai import types
from websockets.asyncio.server import ServerConnection, serve

__all__ = ["TALKS", "held", "live_server"]

_SOUND: Final = base64.b64encode(bytes(240)).decode()
_USED: Final = {"promptTokenCount": 8, "responseTokenCount": 20, "totalTokenCount": 28}


# The server.


@asynccontextmanager
async def live_server() -> AsyncIterator[int]:
    """Run the server on the loopback; yields its port."""
    async with serve(_serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


class _Turn:
    """One connection: what the client said last decides what comes next."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self.answer: asyncio.Task[None] | None = None
        self.calls: dict[str, str] = {}

    async def send(self, **message: Any) -> None:
        await self._connection.send(json.dumps(message, ensure_ascii=False).encode())

    async def content(self, **content: Any) -> None:
        await self.send(serverContent=content)

    async def say(self, words: str, pause: float = 0.0) -> None:
        for word in words.split():
            await self.content(modelTurn={"role": "model", "parts": [{"text": word + " "}]})
            await asyncio.sleep(pause)
        await self.content(generationComplete=True)
        await self.send(usageMetadata=_USED, serverContent={"turnComplete": True})

    async def speak(self) -> None:
        await self.content(inputTranscription={"text": "is anybody there"})
        for word in ("nobody", "but", "me"):
            part = {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": _SOUND}}
            await self.content(
                modelTurn={"parts": [part]}, outputTranscription={"text": word + " "}
            )
        await self.content(generationComplete=True)
        await self.send(usageMetadata=_USED, serverContent={"turnComplete": True})

    async def call(self, *cities: str) -> None:
        self.calls = {f"call-{city}": city for city in cities}
        for key, city in self.calls.items():
            call = {"id": key, "name": "get_weather", "args": {"city": city}}
            await self.send(toolCall={"functionCalls": [call]})

    async def interrupted(self) -> None:
        """Break off what was being said, and what was being called."""
        if self.calls:
            await self.send(toolCallCancellation={"ids": list(self.calls)})
            self.calls = {}
            await self.content(interrupted=True)
            await self.content(turnComplete=True)
        elif self.answer is not None and not self.answer.done():
            self.answer.cancel()
            await self.content(interrupted=True)
            await self.content(turnComplete=True)


async def _serve(connection: ServerConnection) -> None:
    turn = _Turn(connection)
    async for data in connection:
        message = json.loads(data)
        kind, body = next(iter(message.items()))
        kind = kind.replace("_c", "C").replace("_i", "I").replace("_r", "R")
        if kind == "setup":
            await turn.send(setupComplete={})
            if "sessionResumption" in body:
                update = {"newHandle": "handle-1", "resumable": True}
                await turn.send(sessionResumptionUpdate=update)
        elif kind == "clientContent":
            await turn.interrupted()
            words = body["turns"][-1]["parts"][-1]["text"]
            turn.answer = asyncio.create_task(_answer(turn, words))
        elif kind == "toolResponse":
            for response in body["functionResponses"]:
                turn.calls.pop(response["id"])
            if not turn.calls:
                turn.answer = asyncio.create_task(turn.say("It is sunny in both."))
        elif kind == "realtimeInput" and ("activityEnd" in body or "activity_end" in body):
            turn.answer = asyncio.create_task(turn.speak())


async def _answer(turn: _Turn, words: str) -> None:
    if "weather" in words:
        await turn.call(*(city for city in ("Bonn", "Ulm") if city in words))
    elif "story" in words:
        await turn.say("Once upon a time there was " + "a very " * 300 + "long story.", 0.02)
    elif "leave" in words:
        await turn.say("Then good bye.")
        await turn.send(goAway={"timeLeft": "5s"})
    else:
        await turn.say("Hello! I am nobody: ä, €, 😀. How can I help you?")


# The client.


async def _ask(session: Any, words: str) -> None:
    content = types.Content(role="user", parts=[types.Part(text=words)])
    await session.send_client_content(turns=content, turn_complete=True)


async def _turn(session: Any) -> list[Any]:
    return [message async for message in session.receive()]


async def _chat(session: Any) -> None:
    """Two questions, one after the other."""
    for words in ("hello", "hello again"):
        await _ask(session, words)
        assert len(await _turn(session)) > 5


async def _called(session: Any, number: int) -> list[Any]:
    calls: list[Any] = []
    async for message in session.receive():
        calls += message.tool_call.function_calls if message.tool_call else []
        if len(calls) == number:
            return calls
    raise AssertionError(f"only {len(calls)} functions were called")


async def _calls(session: Any) -> None:
    """Two functions called at once, answered one by one."""
    await _ask(session, "how is the weather in Bonn and Ulm?")
    for call in await _called(session, 2):
        response = types.FunctionResponse(id=call.id, name=call.name, response={"sky": "clear"})
        await session.send_tool_response(function_responses=[response])
    await _turn(session)


async def _cancelled(session: Any) -> None:
    """A function that is called and not needed any more."""
    await _ask(session, "how is the weather in Bonn?")
    await _called(session, 1)
    await _ask(session, "never mind, hello")
    await _turn(session)
    await _turn(session)


async def _interrupted(session: Any) -> None:
    """A story that is broken off by the next question."""
    await _ask(session, "tell me a story")
    async for message in session.receive():
        if message.text and "there" in message.text:
            await _ask(session, "hello")
    await _turn(session)


async def _voice(session: Any) -> None:
    """Audio both ways, with activity marked by the client."""
    await session.send_realtime_input(activity_start=types.ActivityStart())
    for _ in range(2):
        audio = types.Blob(data=bytes(240), mime_type="audio/pcm;rate=16000")
        await session.send_realtime_input(audio=audio)
    await session.send_realtime_input(activity_end=types.ActivityEnd())
    await _turn(session)


async def _leaving(session: Any) -> None:
    """A server that says that it will leave."""
    await _ask(session, "you may leave")
    await _turn(session)
    async for message in session.receive():
        if message.go_away:
            return


Talk = Callable[[Any], Awaitable[None]]
TALKS: Final[Mapping[str, Talk]] = {
    "chat": _chat, "calls": _calls, "cancelled": _cancelled, "interrupted": _interrupted,
    "voice": _voice, "leaving": _leaving,
}  # fmt: skip


def _configs() -> Iterator[types.LiveConnectConfigDict]:
    resumed: types.LiveConnectConfigDict = {"session_resumption": {}}
    yield resumed
    while True:
        yield {}


async def held(talks: Mapping[str, Talk], port: int) -> None:
    """Hold conversations with the server at `port`, by TLS, one after the other."""
    options = types.HttpOptions(base_url=f"https://localhost:{port}")
    for talk, config in zip(talks.values(), _configs(), strict=False):
        client = genai.Client(api_key="none", http_options=options)
        async with (
            asyncio.timeout(20),
            client.aio.live.connect(model="gemini-live", config=config) as session,
        ):
            await talk(session)
