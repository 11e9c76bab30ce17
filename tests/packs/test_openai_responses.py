"""The pack for OpenAI's Responses API over WebSocket, rule by rule."""

from __future__ import annotations

from typing import Any

import pytest
from support.conversation import SECOND, Line, client, codes, judge, only, server
from wsrec.checks.outcome import Outcome
from wsrec.schemas.packs import find

PACK = find("openai-responses")


def said(*lines: Line) -> Outcome:
    return judge(lines, PACK)


def numbered(*lines: Line, start: int = 0) -> list[Line]:
    """The server's events with the numbers they have in a response."""
    found: list[Line] = []
    number = start
    for line in lines:
        if isinstance(line, tuple) and line[0] == "server":
            line = "server", {**line[1], "sequence_number": number}
            number += 1
        found.append(line)
    return found


def state(name: str, key: str = "r1", **fields: Any) -> Line:
    return server(f"response.{name}", response={"id": key}, **fields)


def item(name: str, output: int = 0, key: str = "i1", **fields: Any) -> Line:
    holds = {"id": key, "type": "message"}
    return server(f"response.output_item.{name}", output_index=output, item=holds, **fields)


def inside(name: str, **fields: Any) -> Line:
    return server(f"response.{name}", item_id="i1", output_index=0, **fields)


def begun(key: str = "r1") -> list[Line]:
    return [client("response.create"), state("created", key), state("in_progress", key)]


def answer(*content: Line, end: str = "completed") -> list[Line]:
    return [*begun(), item("added"), *content, item("done"), state(end)]


def part(*content: Line) -> list[Line]:
    added, done = (
        inside(f"content_part.{name}", content_index=0, part={}) for name in ("added", "done")
    )
    return [added, *content, done]


TEXT = [
    inside("output_text.delta", content_index=0, delta="a"),
    inside("output_text.delta", content_index=0, delta="b"),
    inside("output_text.done", content_index=0, text="ab"),
]


@pytest.mark.parametrize("end", ["completed", "failed", "incomplete"])
def test_a_response_has_three_ends(end: str) -> None:
    assert codes(said(*answer(*part(*TEXT), end=end))) == []
    found = only(said(*answer(*part(*TEXT))[:-1]))
    assert (found.code, found.event) == ("span.unclosed", "response.created")


@pytest.mark.parametrize("end", ["failed", "incomplete"])
def test_what_is_open_in_a_response_that_was_broken_off(end: str) -> None:
    assert codes(said(*begun(), item("added"), state(end))) == []
    found = only(said(*begun(), item("added"), state("completed")))
    assert (found.code, found.span) == ("span.unclosed", "item")


def test_events_are_numbered() -> None:
    whole = numbered(*answer(*part(*TEXT)))
    assert codes(said(*whole)) == []
    for place in range(1, len(whole)):
        assert only(said(*whole[:place], *whole[place + 1 :]))


def test_a_number_that_is_missing() -> None:
    search = [
        inside(f"web_search_call.{step}") for step in ("in_progress", "searching", "completed")
    ]
    whole = numbered(*answer(*search))
    assert codes(said(*whole)) == []
    found = only(said(*whole[:5], *whole[6:]))
    assert (found.code, found.event) == ("span.monotonic", "response.web_search_call.completed")
    unknown = numbered(*answer(server("response.something_new", output_index=0)))
    assert codes(said(*unknown)) == []
    assert only(said(*unknown[:4], *unknown[5:])).code == "span.monotonic"


def test_numbers_begin_anew_in_each_response() -> None:
    first, second = numbered(*answer()), numbered(*answer())
    assert codes(said(*first, *second)) == []
    # A server that does not number its events is judged by the rest.
    assert codes(said(*answer(), *answer())) == []


@pytest.mark.parametrize(
    ("kind", "final"),
    [
        ("output_text", "text"),
        ("refusal", "refusal"),
    ],
)
def test_what_is_streamed_in_a_part(kind: str, final: str) -> None:
    deltas = [inside(f"{kind}.delta", content_index=0, delta=each) for each in "ab"]
    done = inside(f"{kind}.done", content_index=0, **{final: "ab"})
    assert codes(said(*answer(*part(*deltas, done)))) == []
    assert only(said(*answer(*part(deltas[0], done)))).code == "span.fold"
    assert only(said(*answer(*part(*deltas)))).code == "span.unclosed"
    assert only(said(*answer(*part(*deltas, done, deltas[0])))).code == "span.after_close"


@pytest.mark.parametrize(
    ("kind", "final"),
    [
        ("function_call_arguments", "arguments"),
        ("mcp_call_arguments", "arguments"),
        ("custom_tool_call_input", "input"),
        ("code_interpreter_call_code", "code"),
    ],
)
def test_what_is_streamed_in_an_item(kind: str, final: str) -> None:
    deltas = [inside(f"{kind}.delta", delta=each) for each in "ab"]
    done = inside(f"{kind}.done", **{final: "ab"})
    assert codes(said(*answer(*deltas, done))) == []
    assert only(said(*answer(deltas[0], done))).code == "span.fold"
    assert only(said(*answer(*deltas))).code == "span.unclosed"
    assert only(said(*answer(*deltas, done, deltas[0]))).code == "span.after_close"


def test_reasoning() -> None:
    where = {"summary_index": 0}
    summary = [
        inside("reasoning_summary_part.added", part={}, **where),
        inside("reasoning_summary_text.delta", delta="so", **where),
        inside("reasoning_summary_text.done", text="so", **where),
        inside("reasoning_summary_part.done", part={}, **where),
    ]
    thought = [
        inside("reasoning_text.delta", content_index=0, delta="hm"),
        inside("reasoning_text.done", content_index=0, text="hm"),
    ]
    assert codes(said(*answer(*summary, *thought))) == []
    assert only(said(*answer(*summary[1:], *thought))).code == "span.unopened"
    assert only(said(*answer(summary[0], *summary[2:], *thought))).code == "span.fold"
    assert only(said(*answer(*summary, thought[1]))).code == "span.fold"
    assert only(said(*answer(*summary, *thought, thought[0]))).code == "span.after_close"
    repeated = [*summary[:3], summary[1], summary[3]]
    assert only(said(*answer(*repeated, *thought))).code == "span.after_close"


def test_what_is_done_is_over() -> None:
    lines = answer(*part(*TEXT))
    for done in ("response.content_part.done", "response.output_item.done"):
        place = next(i for i, line in enumerate(lines) if line[1]["type"] == done)  # type: ignore[index]
        found = only(said(*lines[: place + 1], *lines[place:]))
        assert (found.code, found.event) == ("span.after_close", done)
    found = only(said(*lines, state("in_progress")))
    assert (found.code, found.span) == ("span.after_close", "response")


def test_a_response_is_in_progress_before_its_first_item() -> None:
    lines = answer()
    assert codes(said(lines[0], lines[1], state("queued"), *lines[2:])) == []
    found = only(said(*lines[:2], lines[3], lines[2], *lines[4:]))
    assert (found.code, found.event) == ("span.order", "response.in_progress")
    assert only(said(*lines[:3], state("queued"), *lines[3:])).event == "response.queued"


def test_steps_of_a_search() -> None:
    steps = [
        inside(f"web_search_call.{step}") for step in ("in_progress", "searching", "completed")
    ]
    assert codes(said(*answer(*steps))) == codes(said(*answer(*steps[1:]))) == []
    assert only(said(*answer(*steps[:2]))).span == "work"


def test_an_item_keeps_its_id() -> None:
    found = only(said(*begun(), item("added"), item("done", key="i2"), state("completed")))
    assert (found.code, found.expected, found.seen) == ("span.differs", "i1", "i2")


def test_responses_side_by_side() -> None:
    def lane(name: str) -> list[Line]:
        return [(line[0], {**line[1], "stream_id": name}) for line in answer(*part(*TEXT))]  # type: ignore[index]

    mixed = [line for pair in zip(lane("a"), lane("b"), strict=True) for line in pair]
    assert codes(said(*mixed)) == []
    assert only(said(*mixed[:-1])).code == "span.unclosed"


def test_one_that_never_ends_does_not_spoil_the_next() -> None:
    found = only(said(*answer()[:-1], *answer(*part(*TEXT))))
    assert (found.code, found.seq) == ("span.unclosed", 2)


def test_errors() -> None:
    refused = server("error", error={"type": "invalid_request_error", "message": "no"})
    assert codes(said(client("response.create"), refused, *answer())) == []
    broken = server("error", code="server_error", message="no", sequence_number=3)
    assert codes(said(*numbered(*begun(), item("added")), broken)) == []
    found = only(said(*answer(), client("response.create")))
    assert (found.code, found.event) == ("session.missing", "response.created")
    assert codes(said(*answer(), server("error", status=400))) == ["event.missing_field"]


def test_a_response_that_nobody_asked_for() -> None:
    found = only(said(*answer()[1:]))
    assert (found.code, found.event) == ("session.machine", "response.created")
    steered = {"steer": {"id": "s1"}}
    steer: list[Line] = [client("response.steer"), server("response.steer.accepted", **steered)]
    assert codes(said(*begun(), *steer, state("completed"), *answer()[1:])) == []
    found = only(said(*begun(), steer[0], state("completed")))
    assert (found.code, found.event) == ("session.missing", "response.steer.accepted")


def test_silence_is_a_warning() -> None:
    whole = answer()
    outcome = said(*whole[:3], 301 * SECOND, *whole[3:])
    assert (only(outcome).code, outcome.verdict) == ("latency.gap", "pass")
    outcome = said(whole[0], 61 * SECOND, *whole[1:])
    assert (only(outcome).code, outcome.verdict) == ("latency.responds", "pass")
