"""The shapes in which the same five events are sent, batches, aliases and sub-agents."""

from __future__ import annotations

from typing import Any

import pytest
from support.conversation import (
    SECOND,
    Line,
    Said,
    client,
    codes,
    contract,
    judge,
    only,
    run,
    server,
    session,
)
from support.shapes import NAMES, SHAPES, golden

IDS = {"run_id": "r1", "user_id": "u1"}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_each_shape_passes_and_misses_what_is_lost(shape: Any) -> None:
    lines: list[Line] = [("server", shape(name, number=n)) for n, name in enumerate(NAMES)]
    outcome = judge(lines)
    assert codes(outcome) == []
    assert outcome.sessions[0].events == dict.fromkeys(NAMES, 1)
    for place in range(len(lines)):
        lost = judge(lines[:place] + lines[place + 1 :])
        assert len(lost.all_findings()) == 1, (NAMES[place], lost.all_findings())


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
@pytest.mark.parametrize("name", ["tool_executing", "tool_completed"])
def test_each_shape_needs_a_tool_name(shape: Any, name: str) -> None:
    lines: list[Line] = [
        ("server", _nameless(shape(each, number=n), each == name)) for n, each in enumerate(NAMES)
    ]
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
    tool = [golden(name) for name in ("tool_completed", "tool_executing")]
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


def test_a_sub_agent_that_is_only_announced_must_be_done_before_its_run() -> None:
    def said(name: str, agent: str) -> Said:
        return "server", {"type": name, "payload": {"sub_agent_name": agent}}

    start, end = said("subagent_started", "reader"), said("subagent_completed", "reader")
    other = said("subagent_started", "writer"), said("subagent_completed", "writer")
    lines, inner = run("outer"), run("inner")[1:]
    assert codes(judge([*lines[:3], start, *inner, other[0], end, other[1], *lines[3:]])) == []
    found = only(judge([*lines[:3], start, *other, *lines[3:]]))
    assert (found.code, found.key) == ("span.unclosed", "reader")
    found = only(judge([*lines[:3], end, *lines[3:]]))
    assert (found.code, found.key) == ("span.unopened", "reader")


def test_a_run_that_the_user_stopped_lacks_nothing() -> None:
    lines = run()
    assert codes(judge([*lines[:4], server("agent_stopped", run_id="r1")])) == []
    failed = judge([*lines[:4], server("agent_failed", run_id="r1")])
    assert codes(failed) == ["span.missing"]


RETRIED = [
    ("agent_started", False, ["span.reopened"]),
    ("agent_thinking", False, []),  # it may come as often as it likes
    ("tool_executing", True, ["span.reopened"]),
    ("tool_executing", False, ["span.unclosed"]),
    ("tool_completed", True, ["span.unopened"]),
    ("tool_completed", False, ["span.unopened"]),
    ("agent_completed", False, ["span.after_close"]),
]


@pytest.mark.parametrize(("name", "call", "told"), RETRIED)
def test_a_retry_that_came_twice_is_told_once(name: str, call: bool, told: list[str]) -> None:
    shape = golden if call else SHAPES["suite"]
    events = [shape(each, number=n) for n, each in enumerate(NAMES)]
    place = NAMES.index(name)
    again = events[place] | {"attempt": 2}
    found = judge(
        [("server", each) for each in [*events[: place + 1], again, *events[place + 1 :]]]
    )
    assert codes(found) == told
    # The first attempt was lost, as the sender thought: the retry is the event.
    events[place] = again
    assert codes(judge([("server", each) for each in events])) == []
    # With an id of its own, it is known for the same event, whatever it does.
    events = [each | {"event_id": n} for n, each in enumerate(events)]
    twice = [*events[: place + 1], events[place], *events[place + 1 :]]
    found = judge([("server", each) for each in twice])
    assert codes(found) == ["span.repeated"]


def test_the_clock_of_the_sender_rises_in_either_form() -> None:
    bridged = [SHAPES["bridge"](name, number=n) for n, name in enumerate(NAMES)]
    managed = [SHAPES["manager"](name, number=n) for n, name in enumerate(NAMES)]
    mixed: list[Line] = [("server", pair[n % 2]) for n, pair in
                         enumerate(zip(bridged, managed, strict=True))]  # fmt: skip
    assert codes(judge(mixed)) == []
    late = bridged[1] | {"timestamp": "2026-01-01T00:00:30Z"}
    found = only(judge([("server", each) for each in [bridged[0], late, *bridged[2:]]]))
    assert (found.code, found.severity, found.event) == (
        "span.monotonic", "warning", "tool_executing"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"),
    [("timestamp", "yesterday"), ("timestamp", -1), ("reasoning", 5), ("final_response", 7)],
)
def test_what_is_said_has_a_form(field: str, value: object) -> None:
    events = [SHAPES["suite"](name, number=n) | {field: value} for n, name in enumerate(NAMES)]
    found = judge([("server", each) for each in events]).all_findings()
    assert {f.code for f in found} == {"event.schema"}
    assert len(found) == len(NAMES)


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


def test_of_tools_without_and_with_a_call_id_the_one_that_has_it_is_meant() -> None:
    rules = contract(
        "events: {fields: {call: /call, tool: /tool}}\n"
        "spans: {tool: {key: [call, tool], open: a, close: c, pair: fifo}}"
    )
    opened: list[Line] = [
        ("server", {"type": "a", "tool": "t"}),
        ("server", {"type": "a", "call": "1", "tool": "t"}),
    ]
    found = only(judge([*opened, ("server", {"type": "c", "call": "1"})], rules))
    assert (found.code, found.seq, found.key) == ("span.unclosed", 1, "t")


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
