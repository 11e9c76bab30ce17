"""Lost, repeated and swapped events of the agent-events pack: one cause, one finding."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.conversation import (
    Line,
    agent_events,
    client,
    codes,
    crashed,
    judge,
    only,
    run,
    server,
    session,
)


@pytest.mark.parametrize("lines", [run(), run(None), run(tools=3), run(tools=3, call=True)])
def test_a_whole_run_passes(lines: list[Line]) -> None:
    outcome = judge(lines)
    assert outcome.all_findings() == ()
    assert outcome.verdict == "pass"
    assert outcome.sessions[0].spans["run"] == 1


# Dropping the user's message leaves nothing that could tell: only the client knows it was sent.
@pytest.mark.parametrize(
    ("dropped", "code", "event"),
    [
        ("agent_started", "span.unopened", "agent_thinking"),
        ("agent_thinking", "span.missing", "agent_thinking"),
        ("tool_executing", "span.unopened", "tool_completed"),
        ("tool_completed", "span.unclosed", "tool_executing"),
        ("agent_completed", "span.unclosed", "agent_started"),
    ],
)
@pytest.mark.parametrize("key", ["r1", None])
@pytest.mark.parametrize("call", [True, False])
def test_a_lost_event_is_one_finding(
    dropped: str, code: str, event: str, key: str | None, call: bool
) -> None:
    lines = [line for line in run(key, call=call) if _name(line) != dropped]
    found = only(judge(lines))
    assert (found.code, found.event, found.severity) == (code, event, "error")
    assert found.session == 1
    assert found.seq is not None
    assert dropped in found.message


@given(st.integers(1, 4), st.booleans(), st.booleans(), st.data())
def test_dropping_any_server_event_is_one_finding(
    tools: int, call: bool, keyed: bool, data: st.DataObject
) -> None:
    lines = run("r1" if keyed else None, tools=tools, call=call)
    place = data.draw(st.integers(1, len(lines) - 1))
    assert len(judge(lines[:place] + lines[place + 1 :]).all_findings()) == 1


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ("agent_started", "span.order"),
        ("tool_executing", "span.order"),
        ("tool_completed", "span.after_close"),
    ],
)
def test_two_events_swapped_are_one_finding(first: str, code: str) -> None:
    lines = run()
    place = next(i for i, line in enumerate(lines) if _name(line) == first)
    lines[place], lines[place + 1] = lines[place + 1], lines[place]
    assert only(judge(lines)).code == code


@pytest.mark.parametrize(
    ("name", "call", "code"),
    [
        ("agent_started", False, "span.reopened"),
        ("tool_executing", True, "span.reopened"),
        ("tool_executing", False, "span.unclosed"),
        ("tool_completed", False, "span.unopened"),
        ("tool_completed", True, "span.unopened"),
        ("agent_completed", False, "span.after_close"),
    ],
)
def test_a_repeated_event_is_one_finding(name: str, call: bool, code: str) -> None:
    lines = run(call=call)
    place = next(i for i, line in enumerate(lines) if _name(line) == name)
    assert only(judge([*lines[: place + 1], lines[place], *lines[place + 1 :]])).code == code


@pytest.mark.parametrize("place", range(6))
def test_a_truncated_event_is_one_finding(place: int) -> None:
    lines = run()
    sender, said = lines[place]  # type: ignore[misc]  # no pauses in it
    lines[place] = sender, json.dumps(said)[:-3]
    found = only(judge(lines))
    assert (found.code, found.seq) == ("event.undecodable", place + 1)


def test_a_truncated_event_is_one_finding_also_by_another_name() -> None:
    lines = run()
    sender, said = lines[4]  # type: ignore[misc]
    assert said["type"] == "tool_completed"
    said = {"by": "agent_thinking", **said, "type": "tool_result"}
    lines[4] = sender, json.dumps(said)[:-3]
    assert codes(judge(lines)) == ["event.undecodable"]


def test_an_unreadable_message_excuses_only_what_it_may_have_been() -> None:
    lines = [line for line in run() if _name(line) != "tool_completed"]
    assert codes(judge([*lines, ("server", '{"type": "heartb')])) == [
        "span.unclosed",
        "event.undecodable",
    ]


def test_a_run_cut_short_is_one_finding_that_names_the_rest() -> None:
    found = only(judge(run()[:3]))
    assert found.code == "span.unclosed"
    assert "; not seen either: tool_executing, tool_completed" in found.message
    found = only(judge(run()[:4]))
    assert found.code == "span.unclosed"
    assert "; still open inside: tool 'search'" in found.message


def test_a_failed_run_is_one_finding() -> None:
    lines = [*run()[:4], server("agent_failed", run_id="r1")]
    found = only(judge(lines))
    assert (found.code, found.event, found.seen) == (
        "span.missing",
        "agent_completed",
        "agent_failed",
    )


def test_a_run_without_any_tool_is_one_finding() -> None:
    found = only(judge(run(tools=0)))
    assert (found.code, found.expected) == ("span.missing", "tool_executing, tool_completed")


def test_a_misspelt_event_is_named_as_the_nearest() -> None:
    lines = [
        server("tool_complete", run_id="r1") if _name(line) == "tool_completed" else line
        for line in run()
    ]
    found = only(judge(lines))
    assert found.code == "span.unclosed"
    assert found.nearest == "unknown event 'tool_complete' at frame 5"


def test_a_closing_with_another_key_is_named_as_the_nearest() -> None:
    lines = run(call=True)
    lines[4] = server("tool_completed", run_id="r1", tool_name="serch", execution_id="c0")
    found = only(judge(lines))
    assert found.code == "span.unclosed"
    assert found.nearest == "tool_completed at frame 5 differs in tool"


def test_a_crash_makes_completeness_inconclusive() -> None:
    outcome = judge(run()[:4], ending=crashed())
    assert codes(outcome) == ["recording.unclean"]
    assert outcome.verdict == "inconclusive"
    assert outcome.sessions[0].reasons == ("no end record",)


def test_what_the_end_of_the_proxy_cut_off_is_nobodys_fault() -> None:
    ended = session(close_code=1001, closed_by="proxy")
    outcome = judge(run()[:4], ending=ended)
    assert codes(outcome) == ["recording.unclean"]
    assert outcome.sessions[0].reasons == ("ended by the proxy",)

    assert judge(run(), ending=ended).verdict == "pass"


def test_a_crash_does_not_hide_what_was_complete_before() -> None:
    lines = [line for line in run() if _name(line) != "agent_thinking"]
    outcome = judge(lines, ending=crashed())
    assert sorted(codes(outcome)) == ["recording.unclean", "span.missing"]
    assert outcome.verdict == "fail"


def test_a_message_nobody_answered_is_one_finding() -> None:
    lines = [*run(), client("user_message", user_id="u1")]
    found = only(judge(lines))
    assert (found.code, found.seq, found.event) == ("latency.first", 7, "agent_started")
    assert not judge(lines, ending=session(ended_ns=1_000_000_000)).all_findings()


@pytest.mark.parametrize(
    ("begins", "event", "said"),
    [
        ("[x, y]", "x", "no x or y followed ask (frame 1)"),
        ('[{event: "*", when: {has: k}}]', None, "no event that opens it followed ask (frame 1)"),
    ],
)
def test_a_message_nobody_answered_by_an_event_that_may_open_a_span(
    begins: str, event: str | None, said: str
) -> None:
    rules = f"""
events: {{fields: {{k: /k}}, types: {{ask: {{sender: client}}}}}}
spans: {{s: {{key: [], during: {begins}, close: c, latency: {{first: {{after: ask, max: 1s}}}}}}}}
"""
    found = [each for each in judge([client("ask")], rules).all_findings() if each.span == "s"]
    assert [(each.code, each.event) for each in found] == [("latency.first", event)]
    assert found[0].message.startswith(said)


def test_an_opening_answers_only_what_it_is_in_time_for() -> None:
    lines = run()
    found = only(judge([lines[0], 3_000_000_000, *lines]))
    assert (found.code, found.seq, found.seen) == ("latency.first", 1, "nothing")


def test_a_message_that_names_its_run_is_answered_by_that_run() -> None:
    first, second = (client("user_message", payload={"run_id": key}) for key in ("a", "b"))
    pause = 1_500_000_000
    lines = [first, second, pause, *run("b")[1:], pause, *run("a")[1:]]
    found = only(judge(lines))
    assert (found.code, found.event) == ("latency.first", "agent_started")
    assert "after user_message (frame 1)" in found.message
    # Another name for the run is not held against a backend that answered in time.
    assert codes(judge([first, *run("server-side")[1:]])) == []


def test_an_unreadable_message_excuses_nothing_when_it_is_not_reported() -> None:
    rules = agent_events()
    off = replace(rules, severity=(*rules.severity, ("event.undecodable", "off")))
    lines = run()
    lines[4] = "server", '{"type": "tool_completed"'
    assert codes(judge(lines)) == ["event.undecodable"]
    assert codes(judge(lines, off)) == ["span.unclosed"]


def test_nothing_judged_is_never_a_pass() -> None:
    for lines in ([], [client("user_message")], [server("status", ok=True)]):
        outcome = judge(lines, ending=session(ended_ns=1_000_000_000))
        assert outcome.vacuous is not None
        assert outcome.verdict != "pass"
        assert "contract.vacuous" in codes(outcome)


def test_a_refused_handshake_is_skipped_and_counted() -> None:
    outcome = judge([], ending=session(status=403))
    assert [skipped.reason for skipped in outcome.skipped] == [
        "the handshake was answered with 403"
    ]
    assert outcome.vacuous == "no session was judged: none was opened"
    outcome = judge([], ending=session(status=None))
    assert [skipped.reason for skipped in outcome.skipped] == ["the handshake was not answered"]


def _name(line: Line) -> Any:
    return None if isinstance(line, int) else line[1]["type"]
