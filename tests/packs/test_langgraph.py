"""The rules of the pack langgraph, one by one."""

from __future__ import annotations

from typing import Any

import pytest
from support.conversation import Line, codes, judge, session
from wsrec.schemas.packs import find

ENDING = session(target="/threads/t/stream/events")


def event(number: int, name: str, namespace: list[str] | None = None, **data: Any) -> Line:
    method, _, kind = name.partition(".")
    about = {"event": kind} if kind else {}
    params = {"namespace": namespace or [], "data": {**about, **data}}
    event_id = f"e{number}"
    value = {"type": "event", "seq": number, "event_id": event_id, "method": method}
    return "server", value | {"params": params}


def command(number: int, method: str = "run.start") -> Line:
    return "client", {"id": number, "method": method, "params": {}}


def success(number: int) -> Line:
    return "server", {"type": "success", "id": number, "result": {}}


def delta(number: int, text: str, index: int = 0) -> Line:
    said = {"type": "text-delta", "text": text}
    return event(number, "messages.content-block-delta", index=index, delta=said)


RUN: list[Line] = [
    command(1),
    success(1),
    event(1, "lifecycle.running"),
    event(2, "messages.message-start", id="m", role="ai"),
    event(3, "messages.content-block-start", index=0, content={"type": "text", "text": ""}),
    delta(4, "good "),
    delta(5, "day"),
    event(
        6, "messages.content-block-finish", index=0, content={"type": "text", "text": "good day"}
    ),
    event(7, "messages.message-finish"),
    event(8, "lifecycle.started", ["inner:1"]),
    event(9, "tools.tool-started", ["inner:1"], tool_call_id="t", tool_name="weather"),
    event(10, "tools.tool-finished", ["inner:1"], tool_call_id="t", output=21),
    event(11, "lifecycle.completed", ["inner:1"]),
    event(12, "lifecycle.completed"),
]


def said(*left_out: int) -> list[Line]:
    return [line for place, line in enumerate(RUN) if place not in left_out]


def test_a_run_passes() -> None:
    assert codes(judge(RUN, find("langgraph"), ENDING)) == []


@pytest.mark.parametrize(
    ("lost", "code"),
    [
        (0, "span.unopened"),
        (1, "span.unclosed"),
        (2, "span.unopened"),
        (3, "span.unopened"),
        (4, "span.unopened"),
        (5, "span.fold"),
        (7, "span.unclosed"),
        (8, "span.unclosed"),
        (9, "span.unopened"),
        (10, "span.unopened"),
        (11, "span.unclosed"),
        (12, "span.unclosed"),
        (13, "span.unclosed"),
    ],
)
def test_what_is_lost_is_one_finding(lost: int, code: str) -> None:
    assert codes(judge(said(lost), find("langgraph"), ENDING)) == [code]


def test_numbers_that_do_not_rise() -> None:
    lines = [*RUN[:2], event(2, "values"), event(1, "values"), event(5, "custom")]
    opened = [*lines, event(6, "lifecycle.running"), event(7, "lifecycle.completed")]
    assert codes(judge(opened, find("langgraph"), ENDING)) == ["session.monotonic"]


def test_an_event_that_comes_twice() -> None:
    again = [*RUN[:6], RUN[5], *RUN[6:]]
    assert codes(judge(again, find("langgraph"), ENDING)) == ["session.repeated"]


def test_a_graph_that_fails_and_a_command_that_is_refused() -> None:
    refused: Line = (
        "server",
        {"type": "error", "id": 2, "error": "unknown_command", "message": ""},
    )
    lines = [*RUN[:3], command(2, "no.such"), refused, event(2, "lifecycle.failed")]
    assert codes(judge(lines, find("langgraph"), ENDING)) == []


def test_another_path_is_not_judged() -> None:
    outcome = judge(RUN, find("langgraph"), session(target="/other"))
    assert codes(outcome) == ["contract.vacuous"]
