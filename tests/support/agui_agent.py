"""An agent that answers over a WebSocket with the event models of PyPI's `ag-ui-protocol`.

One RunAgentInput in a message up, one event in a message down. What it does is in the words of
the user's last message.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from itertools import count, zip_longest
from typing import Any

from ag_ui import core as ag
from ag_ui.core.events import BaseEvent
from websockets.asyncio.server import ServerConnection

__all__ = ["agent"]

Events = Iterator[BaseEvent]


class _Run:
    """One run: what was asked, and what has been said so far."""

    def __init__(self, asked: ag.RunAgentInput, numbers: Iterator[int]) -> None:
        self.asked = asked
        self.said: list[ag.Message] = list(asked.messages)
        self._numbers = numbers

    def id(self, kind: str) -> str:
        """Return an id that this session has not seen."""
        return f"{kind}-{next(self._numbers)}"

    def text(self, words: str, by: str | None = None) -> Events:
        """Say something, a few characters at a time."""
        message = self.id("message")
        yield ag.TextMessageStartEvent(message_id=message, role="assistant", subagent_run_id=by)
        for place in range(0, len(words), 4):
            yield ag.TextMessageContentEvent(
                message_id=message, delta=words[place : place + 4], subagent_run_id=by
            )
        yield ag.TextMessageEndEvent(message_id=message, subagent_run_id=by)
        self.said.append(ag.AssistantMessage(id=message, content=words, subagent_run_id=by))

    def tool(self, name: str, arguments: dict[str, object], result: str) -> Events:
        """Call a tool, and say what it answered."""
        call, text = self.id("call"), json.dumps(arguments)
        yield ag.ToolCallStartEvent(tool_call_id=call, tool_call_name=name)
        for place in range(0, len(text), 4):
            yield ag.ToolCallArgsEvent(tool_call_id=call, delta=text[place : place + 4])
        yield ag.ToolCallEndEvent(tool_call_id=call)
        answer = self.id("result")
        yield ag.ToolCallResultEvent(message_id=answer, tool_call_id=call, content=result)
        function = ag.FunctionCall(name=name, arguments=text)
        self.said += [
            ag.AssistantMessage(
                id=self.id("message"), tool_calls=[ag.ToolCall(id=call, function=function)]
            ),
            ag.ToolMessage(id=answer, tool_call_id=call, content=result),
        ]

    def snapshot(self) -> Events:
        """Restate the conversation, so that a client which lost something has it all."""
        yield ag.MessagesSnapshotEvent(messages=self.said)


def _hello(run: _Run) -> Events:
    words = "Good morning. I can look things up, plan, and ask others. What shall we look at?"
    yield from run.text(words)
    yield from run.snapshot()


def _weather(run: _Run) -> Events:
    yield from run.tool("get_weather", {"city": "Köln", "days": 2}, '{"weather": "sunny"}')
    yield from run.text("It is sunny in Köln, today and tomorrow, and there is hardly any wind.")
    yield from run.snapshot()


def _plan(run: _Run) -> Events:
    yield ag.StateSnapshotEvent(snapshot={"done": []})
    for place, step in enumerate(("gather", "write")):
        yield ag.StepStartedEvent(step_name=step)
        yield from run.text(f"Now I {step} what is needed for that, as well as I can.")
        change: Any = {"op": "add", "path": f"/done/{place}", "value": step}
        yield ag.StateDeltaEvent(delta=[change])
        yield ag.StepFinishedEvent(step_name=step)
    yield ag.CustomEvent(name="progress", value={"percent": 100})
    yield ag.StateSnapshotEvent(snapshot={"done": ["gather", "write"]})
    yield from run.snapshot()


def _think(run: _Run) -> Events:
    thought = run.id("thought")
    words = ("The user wants an answer. ", "A short one will do.")
    yield ag.ReasoningStartEvent(message_id=thought)
    yield ag.ReasoningMessageStartEvent(message_id=thought, role="reasoning")
    for part in words:
        yield ag.ReasoningMessageContentEvent(message_id=thought, delta=part)
    yield ag.ReasoningMessageEndEvent(message_id=thought)
    yield ag.ReasoningEndEvent(message_id=thought)
    yield ag.ReasoningEncryptedValueEvent(
        subtype="message", entity_id=thought, encrypted_value="b3BhcXVl"
    )
    run.said.append(ag.ReasoningMessage(id=thought, content="".join(words)))
    yield from run.text("Forty-two, to put it briefly, and there is a long story behind it.")
    yield from run.snapshot()


def _delegate(run: _Run) -> Events:
    """Have two sub-agents work at once, one of which fails, and a third be called by the other."""
    one, two, three = (run.id("worker") for _ in range(3))
    yield ag.SubagentStartedEvent(subagent_run_id=one, name="researcher")
    yield ag.StepStartedEvent(step_name="read")
    yield ag.StepStartedEvent(step_name="read", subagent_run_id=one)
    yield ag.SubagentStartedEvent(subagent_run_id=two, name="researcher")
    both = (
        run.text("I found eleven sources, of which three are new.", one),
        run.text("I found nothing at all, wherever I looked for it.", two),
    )
    for pair in zip_longest(*both):
        yield from (event for event in pair if event is not None)
    yield ag.SubagentErrorEvent(subagent_run_id=two, message="nothing found", code="empty")
    yield ag.SubagentStartedEvent(subagent_run_id=three, name="reader", parent_subagent_run_id=one)
    yield from run.text("I read them all, and all of them say the same.", three)
    yield ag.SubagentFinishedEvent(subagent_run_id=three)
    yield ag.StepFinishedEvent(step_name="read", subagent_run_id=one)
    yield ag.SubagentFinishedEvent(subagent_run_id=one)
    yield ag.StepFinishedEvent(step_name="read")
    yield from run.snapshot()


def _chunk(run: _Run) -> Events:
    """Say and call in the short form: the first piece opens, the next event closes."""
    message, call = run.id("message"), run.id("call")
    words = ("Here it comes: ", "in chunks.")
    yield ag.TextMessageChunkEvent(message_id=message, role="assistant", delta=words[0])
    yield ag.TextMessageChunkEvent(delta=words[1])
    yield ag.ToolCallChunkEvent(tool_call_id=call, tool_call_name="count", delta='{"to": ')
    yield ag.ToolCallChunkEvent(tool_call_id=call, delta="3}")
    answer = run.id("result")
    yield ag.ToolCallResultEvent(message_id=answer, tool_call_id=call, content="1 2 3")
    function = ag.FunctionCall(name="count", arguments='{"to": 3}')
    run.said += [
        ag.AssistantMessage(id=message, content="".join(words)),
        ag.AssistantMessage(
            id=run.id("message"), tool_calls=[ag.ToolCall(id=call, function=function)]
        ),
        ag.ToolMessage(id=answer, tool_call_id=call, content="1 2 3"),
    ]
    yield from run.snapshot()


def _search(run: _Run) -> Events:
    """Show what goes on in an activity, and pass something of the model's provider on."""
    activity = run.id("activity")
    state: dict[str, object] = {"found": 0}
    yield ag.ActivitySnapshotEvent(message_id=activity, activity_type="SEARCH", content=state)
    change: Any = {"op": "replace", "path": "/found", "value": 3}
    yield ag.ActivityDeltaEvent(message_id=activity, activity_type="SEARCH", patch=[change])
    yield ag.RawEvent(event={"provider": "none", "tokens": 7}, source="model")
    run.said.append(ag.ActivityMessage(id=activity, activity_type="SEARCH", content={"found": 3}))
    yield from run.text("There are three of them, the oldest of which is from 1996.")
    yield from run.snapshot()


def _fail(run: _Run) -> Events:
    """Give up in the middle of a word."""
    yield from list(run.text("I am afraid I cannot go on."))[:2]
    yield ag.RunErrorEvent(message="the model is gone", code="model")


ANSWERS: dict[str, Callable[[_Run], Events]] = {
    "hello": _hello,
    "weather": _weather,
    "plan": _plan,
    "think": _think,
    "delegate": _delegate,
    "chunk": _chunk,
    "search": _search,
    "fail": _fail,
}


async def agent(socket: ServerConnection) -> None:
    """Answer each run asked for on one connection."""
    numbers = count(1)
    async for message in socket:
        asked = ag.RunAgentInput.model_validate_json(message)
        run = _Run(asked, numbers)
        answer = ANSWERS[str(asked.messages[-1].content)]
        said: list[BaseEvent] = [
            ag.RunStartedEvent(thread_id=asked.thread_id, run_id=asked.run_id),
            *answer(run),
        ]
        if not isinstance(said[-1], ag.RunErrorEvent):
            said.append(ag.RunFinishedEvent(thread_id=asked.thread_id, run_id=asked.run_id))
        for event in said:
            event.timestamp = time.time_ns() // 1_000_000
            await socket.send(event.model_dump_json(by_alias=True))
            await asyncio.sleep(0.002)
