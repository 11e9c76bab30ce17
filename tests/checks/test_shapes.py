"""The seven shapes in which the same five events are sent, batches, aliases and sub-agents."""

from __future__ import annotations

from typing import Any

import pytest
from support.conversation import (
    SECOND,
    Line,
    Said,
    client,
    codes,
    judge,
    only,
    run,
    server,
    session,
)

NAMES = ["agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"]
IDS = {"run_id": "r1", "user_id": "u1"}


def _bridge(name: str) -> Any:
    """Flat, ISO timestamp, the details in data, no call id."""
    event = {"type": name, **IDS, "agent_name": "a", "timestamp": "2026-01-01T00:00:00Z"}
    return event | {"tool_name": "search", "data": {"parameters": {}, "status": "x"}}


def _manager(name: str) -> Any:
    """Flat, critical, an execution id that may be null, float timestamp."""
    more = {"critical": True, "execution_id": None, "timestamp": 1.5, "tool_name": "search"}
    return {"type": name, **IDS, **more}


def _end_to_end(name: str) -> Any:
    """The real name in data.event, turn_id for run_id, tool_name in data.payload."""
    data = {"event": name, "type": name, "turn_id": "r1", "payload": {"tool_name": "search"}}
    outer = "agent_response_complete" if name == "agent_completed" else "agent_progress"
    return {"type": outer, "data": data}


def _guide(name: str) -> Any:
    """Everything in payload, no run id at all."""
    payload = {"tool_name": "search", "agent_name": "a", "result": {}}
    return {"type": name, "payload": payload, "thread_id": "t1", "timestamp": 2.5}


def _validator(name: str) -> Any:
    """Ids on top, the rest in payload."""
    more = {"agent_name": "a", "timestamp": 1.0, "payload": {"tool_name": "search", "results": []}}
    return {"type": name, **IDS, **more}


def _golden(name: str) -> Any:
    """All on top, with an execution id."""
    more = {"tool_name": "search", "tool_args": {}, "execution_id": "c1", "agent_name": "a"}
    return {"type": name, **IDS, **more}


def _frontend(name: str) -> Any:
    """Ids and tool in payload, a number as its timestamp, `tool_started` for tool_executing."""
    payload = {"run_id": "r1", "tool_name": "search", "timestamp": 3}
    return {"type": {"tool_executing": "tool_started"}.get(name, name), "payload": payload}


SHAPES = [_bridge, _manager, _end_to_end, _guide, _validator, _golden, _frontend]


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_passes_and_misses_what_is_lost(shape: Any) -> None:
    lines: list[Line] = [("server", shape(name)) for name in NAMES]
    outcome = judge(lines)
    assert codes(outcome) == []
    assert outcome.sessions[0].events == dict.fromkeys(NAMES, 1)
    for place in range(len(lines)):
        lost = judge(lines[:place] + lines[place + 1 :])
        assert len(lost.all_findings()) == 1, (NAMES[place], lost.all_findings())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["tool_executing", "tool_completed"])
def test_each_shape_needs_a_tool_name(shape: Any, name: str) -> None:
    lines: list[Line] = [("server", _nameless(shape(each), each == name)) for each in NAMES]
    found = only(judge(lines))
    assert (found.code, found.event) == ("event.missing_field", name)
    assert "expected a tool_name in the event" in found.message


def _said(line: Line) -> Said:
    assert not isinstance(line, int)
    return line


def _nameless(value: Any, here: bool) -> Any:
    if not here or not isinstance(value, dict):
        return value
    return {key: _nameless(item, here) for key, item in value.items() if key != "tool_name"}


def test_a_batch_holds_events_in_order() -> None:
    batch = {"type": "event_batch", "events": {n: [{"type": n, **IDS}] for n in NAMES[:2]}}
    lines: list[Line] = [("server", batch), *run()[3:]]
    outcome = judge(lines)
    assert codes(outcome) == []
    assert outcome.sessions[0].events["agent_thinking"] == 1


def test_a_batch_in_the_wrong_order_is_one_finding() -> None:
    tool = [_golden(name) for name in ("tool_completed", "tool_executing")]
    batch = {"type": "event_batch", "events": {each["type"]: [each] for each in tool}}
    found = only(judge([*run()[:3], ("server", batch), run()[5]]))
    assert (found.code, found.seq, found.event) == ("span.order", 4, "tool_completed")


def test_a_batch_without_events_is_undecodable() -> None:
    found = only(judge([("server", {"type": "event_batch"}), *run()]))
    assert found.code == "event.undecodable"
    assert "/events/*/*" in found.message


def test_a_malformed_event_still_takes_part() -> None:
    for field in ("tool_name", "run_id", "timestamp"):
        lines = run()
        sender, value = _said(lines[4])
        lines[4] = sender, value | {field: {"odd": 1} if field == "timestamp" else 5}
        found = only(judge(lines))
        assert (found.code, found.seq, found.event) == ("event.schema", 5, "tool_completed")
        assert f"/{field}" in found.message or "tool_name" in found.message


def test_a_malformed_opening_still_opens() -> None:
    lines = run()
    sender, value = _said(lines[1])
    lines[1] = sender, value | {"run_id": 5}
    found = only(judge(lines))
    assert (found.code, found.event) == ("event.schema", "agent_started")
    assert found.message == "agent_started at /run_id: expected string or null, saw 5"


def test_sub_agents_are_runs_of_their_own() -> None:
    outer, inner = run("outer"), run("inner")[1:]
    assert codes(judge([*outer[:3], *inner, *outer[3:]])) == []
    found = only(judge([*outer[:3], *inner[:2], *inner[3:], *outer[3:]]))
    assert (found.code, found.key) == ("span.unopened", "search")


def test_an_event_that_could_be_of_two_runs_is_never_guessed() -> None:
    outer, inner = run("outer"), run("inner")[1:]
    anonymous = server("agent_thinking")
    lines = [*outer[:2], inner[0], anonymous, outer[2], anonymous, *inner[2:], *outer[3:]]
    found = only(judge(lines))
    assert (found.code, found.event, found.seq) == ("span.ambiguous", "agent_thinking", 4)
    assert "run 'outer', run 'inner'" in found.message


def test_an_anonymous_event_belongs_to_the_only_open_run() -> None:
    lines = run()
    lines[2] = server("agent_thinking")
    assert codes(judge(lines)) == []


def test_a_run_learns_its_key_from_what_follows() -> None:
    lines = run()
    foreign = server("agent_thinking", run_id="other")
    lines[1] = server("agent_started")
    assert codes(judge(lines)) == []
    assert codes(judge([*lines[:3], foreign, *lines[3:]])) == ["span.unopened"]
    late = [lines[0], server("agent_thinking"), *run()[1:2], foreign, *run()[3:]]
    assert codes(judge(late)) == ["span.order", "span.unopened"]


def test_users_must_not_leak_into_each_other() -> None:
    lines = run()
    lines[3] = server("tool_executing", run_id="r1", tool_name="search", user_id="u2")
    found = only(judge(lines))
    assert (found.code, found.seen, found.expected) == ("span.differs", "u2", "u1")
    found = only(judge([*run("r1", "u1"), *run("r2", "u2")]))
    assert (found.code, found.event) == ("session.differs", "user_message")


def test_tools_without_a_call_id_pair_first_in_first_out() -> None:
    tool = {"run_id": "r1", "tool_name": "search"}
    start, end = server("tool_executing", **tool), server("tool_completed", **tool)
    lines = run()
    fast: list[Line] = [start, start, end, 50 * SECOND, end]
    outcome = judge([*lines[:3], *fast, lines[5]])
    assert codes(outcome) == ["latency.gap"]  # the second took 50.1 s, which is allowed
    slow: list[Line] = [start, start, end, 61 * SECOND, end]
    found = judge([*lines[:3], *slow, lines[5]]).sessions[0].findings
    assert [(f.code, f.span) for f in found] == [("latency.gap", "run"), ("latency.total", "tool")]


def test_tools_with_a_call_id_pair_by_it() -> None:
    def tool(name: str, call: str) -> Said:
        return server(name, run_id="r1", tool_name="search", execution_id=call)

    lines = run()
    crossed: list[Line] = [
        tool("tool_executing", "a"),
        tool("tool_executing", "b"),
        tool("tool_completed", "b"),
    ]
    found = only(judge([*lines[:3], *crossed, lines[5]]))
    assert (found.code, found.key) == ("span.unclosed", "a/search")


def test_what_the_client_sends_is_not_taken_for_the_server() -> None:
    found = only(judge([*run()[:3], client("agent_thinking", run_id="r1"), *run()[3:]]))
    assert (found.code, found.seen, found.expected) == ("event.sender", "client", "server")


def test_unknown_events_break_the_silence_and_nothing_else() -> None:
    lines = run()
    waiting: list[Line] = [4 * SECOND, server("progress", run_id="r1"), 4 * SECOND]
    assert codes(judge([*lines[:3], *waiting, *lines[3:]])) == []
    assert codes(judge([*lines[:3], 8 * SECOND, *lines[3:]])) == ["latency.gap"]
    # A client that asks does not break the server's silence.
    waiting[1] = client("are you there", run_id="r1")
    assert codes(judge([*lines[:3], *waiting, *lines[3:]])) == ["latency.gap"]


def test_a_session_with_two_users_in_two_runs_at_once() -> None:
    rules = """
events: {name: /type, fields: {run: /run_id, user: /user_id}}
spans: {run: {key: [user, run], open: agent_started, close: agent_completed}}
"""
    both = [line for pair in zip(run("r", "a"), run("r", "b"), strict=True) for line in pair]
    assert codes(judge(both, rules)) == []
    assert session().status == 101
