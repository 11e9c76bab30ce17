"""The rules of the pack acp, one by one; those of JSON-RPC underneath have tests of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from support.conversation import Line, codes, judge, only
from wsrec.schemas.packs import find


def c(method: str | None = None, **members: Any) -> Line:
    """What the client says; keyword arguments are parameters, but for `id` and `result`."""
    return "client", _object(method, **members)


def s(method: str | None = None, **members: Any) -> Line:
    return "server", _object(method, **members)


def _object(method: str | None, **members: Any) -> dict[str, Any]:
    own: dict[str, Any] = {
        key: members.pop(key) for key in ("id", "result", "error") if key in members
    }
    said: dict[str, Any] = {"jsonrpc": "2.0", **own}
    return said if method is None else said | {"method": method, "params": members}


def update(kind: str, session: str = "x", **fields: Any) -> Line:
    change = {"sessionUpdate": kind, **fields}
    return s("session/update", sessionId=session, update=change)


def say(text: str = "a", session: str = "x") -> Line:
    return update("agent_message_chunk", session, content={"type": "text", "text": text})


def tool(call: str = "1", session: str = "x", **fields: Any) -> Line:
    return update("tool_call", session, toolCallId=call, title="Look", **fields)


def goes(status: str | None, call: str = "1", session: str = "x") -> Line:
    return update("tool_call_update", session, toolCallId=call, status=status)


def prompt(of: int = 2, session: str = "x") -> Line:
    return c("session/prompt", id=of, sessionId=session, prompt=[{"type": "text", "text": "go"}])


def stops(reason: str = "end_turn", of: int = 2) -> Line:
    return s(id=of, result={"stopReason": reason})


def ask(of: int = 0, call: str = "1", session: str = "x") -> Line:
    options = [{"optionId": "y", "name": "Yes", "kind": "allow_once"}]
    return s("session/request_permission", id=of, sessionId=session,
             toolCall={"toolCallId": call}, options=options)  # fmt: skip


def allow(of: int = 0) -> Line:
    return c(id=of, result={"outcome": {"outcome": "selected", "optionId": "y"}})


HELLO = [c("initialize", id=0, protocolVersion=1), s(id=0, result={"protocolVersion": 1})]
NEW = [c("session/new", id=1, cwd="/", mcpServers=[]), s(id=1, result={"sessionId": "x"})]
BEGUN = [*HELLO, *NEW]
DONE = [tool(), goes("in_progress"), goes("completed")]
LOADED = [c("session/load", id=1, cwd="/", mcpServers=[], sessionId="x"), say(), tool("0"),
          s(id=1, result=None)]  # fmt: skip
CANCEL = c("session/cancel", sessionId="x")


@pytest.mark.parametrize(
    "lines",
    [
        [*BEGUN, prompt(), say(), say(), stops()],
        [*BEGUN, prompt(), *DONE, say(), stops()],
        [*BEGUN, prompt(), tool(status="pending"), ask(), allow(), *DONE[1:], stops()],
        [*BEGUN, prompt(), tool(), goes(None), goes("failed"), stops()],
        [*BEGUN, prompt(), tool(status="completed"), tool("2", status="failed"), stops("refusal")],
        [*BEGUN, prompt(), tool(), tool("2"), goes("completed", "2"), goes("failed"), stops()],
        [*BEGUN, prompt(), tool(), CANCEL, goes("in_progress"), stops("cancelled")],
        [*BEGUN, prompt(), tool(), s(id=2, error={"code": -32000, "message": "no"})],
        [*BEGUN, prompt(), stops("max_tokens"), prompt(3), *DONE, stops(of=3)],
        [*BEGUN, prompt(), *DONE, stops(), prompt(3), *DONE, stops(of=3)],
        [*HELLO, *LOADED, prompt(), *DONE, stops()],  # a history may break off anywhere
        [*BEGUN, update("available_commands_update", availableCommands=[]), prompt(), stops()],
        [*BEGUN, prompt(), prompt(3, "y"), tool(), tool(session="y"), goes("completed"),
         goes("completed", session="y"), stops(of=3), stops()],
        [*BEGUN, prompt(), c("session/set_mode", id=3, sessionId="x", modeId="m"), *DONE,
         s(id=3, result={}), stops()],
        [*BEGUN, prompt(), s("_example.com/more", id=7), c(id=7, result={}), stops()],
        [*BEGUN, prompt(), update("_example.com/more", more=1), stops()],
    ],
)  # fmt: skip
def test_what_the_protocol_allows(lines: Sequence[Line]) -> None:
    assert codes(judge(lines, find("acp"))) == []


@pytest.mark.parametrize(
    ("lines", "code", "span"),
    [
        ([*BEGUN, prompt(), tool(), stops()], "span.unclosed", "tool"),
        ([*BEGUN, prompt(), goes("completed"), stops()], "span.unopened", "tool"),
        ([*BEGUN, prompt(), *DONE, goes("completed"), stops()], "span.unopened", "tool"),
        ([*BEGUN, prompt(), tool(), *DONE, stops()], "span.reopened", "tool"),
        ([*BEGUN, prompt(), *DONE, *DONE, stops()], "span.reopened", "tool"),
        ([*BEGUN, prompt(), tool()], "span.unclosed", "request"),
        ([*BEGUN, prompt(), *DONE], "span.unclosed", "request"),
        ([*BEGUN, stops()], "span.unopened", "request"),
        ([*BEGUN, prompt(), tool(), ask(), *DONE[1:], stops()], "span.unclosed", "request"),
        ([*NEW, *HELLO], "session.first", None),
        ([*HELLO[1:], *NEW, prompt(), stops()], "span.unopened", "request"),
        ([*BEGUN, prompt(), c("session/update", sessionId="x", update=say()[1]["params"]["update"]),  # type: ignore[index]
          stops()], "event.sender", None),
        ([*BEGUN, s("session/prompt", id=9, sessionId="x", prompt=[]), c(id=9, result={})],
         "event.sender", None),
    ],
)  # fmt: skip
def test_what_it_does_not(lines: Sequence[Line], code: str, span: str | None) -> None:
    found = judge(lines, find("acp")).all_findings()
    assert [each.code for each in found][:1] == [code]
    assert {each.span for each in found if each.code == code} == {span}


@pytest.mark.parametrize(
    "message",
    [
        c("initialize", id=0),
        c("session/new", id=1, mcpServers=[]),
        c("session/prompt", id=2, sessionId="x"),
        c("session/prompt", id=2, sessionId="x", prompt="go"),
        c("session/prompt", id=2, sessionId="x", prompt=[{"text": "go"}]),
        update("agent_message_chunk", content="a"),
        update("tool_call", toolCallId="1"),
        tool(status="running"),
        goes("done"),
        update("plan", entries={}),
        s("session/request_permission", id=0, sessionId="x", options=[]),
    ],
)
def test_what_messages_look_like(message: Line) -> None:
    found = judge([*BEGUN, prompt(), message], find("acp")).all_findings()
    first = min(found, key=lambda each: each.seq or 0)
    told = [each for each in found if each.code.startswith("event.")]
    assert [each.seq for each in told] == [6], (first, found)


def test_agents_that_announce_a_tool_call_by_asking_for_permission() -> None:
    lines = [*BEGUN, prompt(), ask(), allow(), goes("completed"), stops()]
    assert only(judge(lines, find("acp"))).code == "span.unopened"
