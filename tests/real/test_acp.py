"""The Agent Client Protocol's own Python peers: turns with tools, permissions, cancellation."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import acp
import pytest
import uvicorn
from acp.http.asgi import create_asgi_app
from acp.schema import (
    AgentCapabilities,
    AllowedOutcome,
    DeniedOutcome,
    PermissionOption,
    ToolCallUpdate,
)
from acp.ws.client import create_websocket_stream
from support.proxying import judged, proxy_process, sessions

pytestmark = [
    pytest.mark.real,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of the peers
]

OPTIONS = [
    PermissionOption(option_id="yes", name="Allow", kind="allow_once"),
    PermissionOption(option_id="no", name="Reject", kind="reject_once"),
]


class Agent:
    """Does what the prompt says: `think`, `plan`, `read`, `break`, `wait`, `say`, `refuse`."""

    def __init__(self, connection: Any) -> None:
        self._client = connection
        self._cancelled = asyncio.Event()
        self._sessions = 0
        self._calls = 0

    async def initialize(self, protocol_version: int, **_: Any) -> acp.InitializeResponse:
        capabilities = AgentCapabilities(load_session=True)
        return acp.InitializeResponse(
            protocol_version=protocol_version, agent_capabilities=capabilities
        )

    async def new_session(self, **_: Any) -> acp.NewSessionResponse:
        self._sessions += 1
        return acp.NewSessionResponse(session_id=f"session-{self._sessions}")

    async def load_session(self, session_id: str, **_: Any) -> None:
        update = self._client.session_update
        await update(session_id, acp.update_user_message_text("what was it?"))
        await update(session_id, acp.start_tool_call("call-0", "Look", status="completed"))
        await update(session_id, acp.update_agent_message_text("it was this, ä€"))

    async def set_session_mode(self, **_: Any) -> None:
        return None

    async def prompt(self, session_id: str, prompt: list[Any], **_: Any) -> acp.PromptResponse:
        self._cancelled.clear()
        stop: Any = "end_turn"
        for word in prompt[0].text.split():
            if word == "lost":
                raise acp.RequestError.invalid_params({"sessionId": session_id})
            stop = await self._do(word, session_id) or stop
            await asyncio.sleep(0)
        return acp.PromptResponse(stop_reason=stop)

    async def cancel(self, **_: Any) -> None:
        self._cancelled.set()

    async def _do(self, word: str, session_id: str) -> str | None:
        async def update(change: Any) -> None:
            await self._client.session_update(session_id, change)

        self._calls += 1
        call = f"call-{self._calls}"
        if word == "think":
            for piece in ("Let me ", "think"):
                await update(acp.update_agent_thought_text(piece))
        elif word == "plan":
            await update(acp.update_plan([acp.plan_entry("look", status="in_progress")]))
        elif word == "read":
            await update(acp.start_tool_call(call, "Read", kind="read", status="pending"))
            asked = ToolCallUpdate(tool_call_id=call)
            await self._client.request_permission(session_id, asked, OPTIONS)
            await update(acp.update_tool_call(call, status="in_progress"))
            read = await self._client.read_text_file(session_id=session_id, path="/words.txt")
            content = [acp.tool_content(acp.text_block(read.content))]
            await update(acp.update_tool_call(call, status="completed", content=content))
        elif word == "break":
            await update(acp.start_tool_call(call, "Break", status="in_progress"))
            await update(acp.update_tool_call(call, status="failed"))
        elif word == "wait":
            await update(acp.start_tool_call(call, "Wait", status="pending"))
            asked = ToolCallUpdate(tool_call_id=call)
            await self._client.request_permission(session_id, asked, OPTIONS)
            await self._cancelled.wait()
            return "cancelled"
        elif word == "look":
            await update(acp.start_tool_call(call, "Look", status="completed"))
        elif word == "refuse":
            return "refusal"
        else:
            for piece in (f"{word} ", "and ", "done"):
                await update(acp.update_agent_message_text(piece))
        return None


class Client:
    """Allows everything, unless it wants to cancel."""

    def __init__(self) -> None:
        self.updates: list[str] = []
        self.asked = asyncio.Event()
        self.cancelled: asyncio.Event | None = None

    async def request_permission(self, **_: Any) -> acp.RequestPermissionResponse:
        self.asked.set()
        if self.cancelled is not None:
            await self.cancelled.wait()
            return acp.RequestPermissionResponse(outcome=DeniedOutcome(outcome="cancelled"))
        outcome = AllowedOutcome(outcome="selected", option_id="yes")
        return acp.RequestPermissionResponse(outcome=outcome)

    async def session_update(self, session_id: str, update: Any, **_: Any) -> None:
        self.updates.append(update.session_update)

    async def read_text_file(self, **_: Any) -> acp.ReadTextFileResponse:
        return acp.ReadTextFileResponse(content="words ä€")


async def turns_with_tools(agent: Any, client: Client) -> list[str]:
    session = (await agent.new_session(cwd="/", mcp_servers=[])).session_id
    return [
        (await ask(agent, session, words)).stop_reason
        for words in ("think plan read read say", "say refuse", "break look say")
    ]


async def a_turn_cancelled(agent: Any, client: Client) -> list[str]:
    session = (await agent.new_session(cwd="/", mcp_servers=[])).session_id
    client.cancelled = asyncio.Event()
    turn = asyncio.ensure_future(ask(agent, session, "think wait"))
    await client.asked.wait()
    await agent.cancel(session_id=session)
    client.cancelled.set()
    return [(await turn).stop_reason, (await ask(agent, session, "say")).stop_reason]


async def a_session_loaded(agent: Any, client: Client) -> list[str]:
    await agent.load_session(cwd="/", session_id="session-9", mcp_servers=[])
    await agent.set_session_mode(session_id="session-9", mode_id="careful")
    return [(await ask(agent, "session-9", "read say")).stop_reason]


async def a_turn_that_fails(agent: Any, client: Client) -> list[str]:
    session = (await agent.new_session(cwd="/", mcp_servers=[])).session_id
    with pytest.raises(acp.RequestError) as error:
        await ask(agent, session, "think lost")
    return [str(error.value.code), (await ask(agent, session, "say")).stop_reason]


async def two_sessions_at_once(agent: Any, client: Client) -> list[str]:
    made = [await agent.new_session(cwd="/", mcp_servers=[]) for _ in range(2)]
    turns = [ask(agent, each.session_id, "read think say") for each in made]
    return [each.stop_reason for each in await asyncio.gather(*turns)]


async def ask(agent: Any, session: str, words: str) -> Any:
    return await agent.prompt(session_id=session, prompt=[acp.text_block(words)])


Talk = Callable[[Any, Client], Awaitable[list[str]]]
TALKS: tuple[tuple[Talk, list[str]], ...] = (
    (turns_with_tools, ["end_turn", "refusal", "end_turn"]),
    (a_turn_cancelled, ["cancelled", "end_turn"]),
    (a_session_loaded, ["end_turn"]),
    (a_turn_that_fails, ["-32602", "end_turn"]),
    (two_sessions_at_once, ["end_turn", "end_turn"]),
)


async def converse(url: str) -> list[list[str]]:
    """Have each conversation on a connection of its own; return how its turns ended."""
    ends = []
    for talk, _ in TALKS:
        client = Client()
        agent = acp.connect_to_agent(client, await create_websocket_stream(url))  # type: ignore[arg-type]
        await agent.initialize(protocol_version=acp.PROTOCOL_VERSION)
        ends.append(await asyncio.wait_for(talk(agent, client), 10))
        await agent.close()
    return ends


@contextlib.asynccontextmanager
async def agents() -> AsyncIterator[str]:
    """Serve the agent; yield its address, `host:port`."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(create_asgi_app(Agent), log_level="critical", lifespan="off")  # type: ignore[arg-type]
        server = uvicorn.Server(config)
        serving = asyncio.ensure_future(server.serve(sockets=[listening]))
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


async def both(recording: Path) -> list[list[list[str]]]:
    """Have the conversations with the agent itself, and through the proxy."""
    async with agents() as address:
        direct = await converse(f"ws://{address}/acp")
        with proxy_process(f"ws://{address}", recording) as proxy:
            through = await converse(f"ws://127.0.0.1:{proxy.port}/acp")
            await asyncio.sleep(0.1)  # the agent's side of the last Close
    return [direct, through]


def test_the_same_turns_direct_and_through_the_proxy(recording: Path) -> None:
    direct, through = asyncio.run(both(recording))
    assert through == direct == [ends for _, ends in TALKS]
    assert [each.close_code for each in sessions(recording)] == [1000] * 5

    outcome = judged(recording, "acp")
    assert [each.spans["turn"] for each in outcome.sessions] == [3, 2, 1, 2, 2]
    assert [each.spans["request"] for each in outcome.sessions] == [9, 5, 6, 4, 9]
    assert sum(each.events.get("tool_call", 0) for each in outcome.sessions) == 9
