"""The rules of the pack ag-ui, one by one."""

from __future__ import annotations

from typing import Any

import pytest
from support.conversation import Line, codes, contract, judge, only
from wsrec.checks.outcome import Outcome
from wsrec.schemas.packs import find

START = {"type": "RUN_STARTED", "threadId": "t", "runId": "r"}
FINISH = {"type": "RUN_FINISHED", "threadId": "t", "runId": "r"}
ERROR = {"type": "RUN_ERROR", "message": "no"}

Said = dict[str, Any]


def message(kind: str, name: str = "m", by: str | None = None) -> Said:
    more = {"delta": "x"} if kind == "CONTENT" else {}
    return {"type": f"TEXT_MESSAGE_{kind}", "messageId": name, **more} | _by(by)


def call(kind: str, by: str | None = None, **more: str) -> Said:
    more |= {"START": {"toolCallName": "f"}, "ARGS": {"delta": "{}"}}.get(kind, {})
    return {"type": f"TOOL_CALL_{kind}", "toolCallId": "c", **more} | _by(by)


def step(kind: str, by: str | None = None) -> Said:
    return {"type": f"STEP_{kind}", "stepName": "read"} | _by(by)


def worker(kind: str, name: str = "s1") -> Said:
    more = {"STARTED": {"name": "reader"}, "ERROR": {"message": "no"}}.get(kind, {})
    return {"type": f"SUBAGENT_{kind}", "subagentRunId": name, **more}


def thought(kind: str) -> Said:
    return {"type": f"REASONING_{kind}", "messageId": "h"}


def _by(by: str | None) -> dict[str, str]:
    return {} if by is None else {"subagentRunId": by}


def heard(*events: Said) -> Outcome:
    """Judge one run in which these events come."""
    return raw(START, *events, FINISH)


def raw(*events: Said) -> Outcome:
    lines: list[Line] = [("server", event) for event in events]
    return judge(lines, find("ag-ui"))


BOTH = [message("START"), message("CONTENT"), message("END")]
CALL = [call("START"), call("ARGS"), call("END")]


@pytest.mark.parametrize(
    ("good", "bad", "code", "event"),
    [
        (BOTH, BOTH[1:], "span.unopened", "TEXT_MESSAGE_CONTENT"),
        (BOTH, BOTH[:2], "span.unclosed", "TEXT_MESSAGE_START"),
        (BOTH * 2, [BOTH[0], *BOTH], "span.reopened", "TEXT_MESSAGE_START"),
        (BOTH, [*BOTH, BOTH[1]], "span.after_close", "TEXT_MESSAGE_CONTENT"),
        (CALL, CALL[1:], "span.unopened", "TOOL_CALL_ARGS"),
        (CALL, CALL[:2], "span.unclosed", "TOOL_CALL_START"),
        ([step("STARTED"), step("STARTED", "s1"), step("FINISHED", "s1"), step("FINISHED")],
         [step("STARTED"), step("FINISHED", "s1"), step("FINISHED")],
         "span.unopened", "STEP_FINISHED"),
        ([thought("START"), thought("MESSAGE_START"), thought("MESSAGE_END"), thought("END")],
         [thought("START"), thought("MESSAGE_START"), thought("END")],
         "span.unclosed", "REASONING_MESSAGE_START"),
        ([worker("STARTED"), worker("FINISHED"), worker("STARTED", "s2"), worker("ERROR", "s2")],
         [worker("STARTED"), worker("FINISHED"), worker("STARTED"), worker("FINISHED")],
         "span.reopened", "SUBAGENT_STARTED"),
    ],
)  # fmt: skip
def test_what_opens_closes_once_and_in_order(
    good: list[Said], bad: list[Said], code: str, event: str
) -> None:
    assert codes(heard(*good)) == []
    found = only(heard(*bad))
    assert (found.code, found.event) == (code, event)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ([message("START", by="s1"), message("END")],
         [message("START", by="s1"), message("END", by="s2")]),
        ([message("START"), message("END")], [message("START"), message("END", by="s1")]),
        ([*BOTH, message("START"), message("END")],
         [*BOTH, message("START", by="s1"), message("END", by="s1")]),
        ([call("START", parentMessageId="m"), call("END", by="s1")],
         [call("START"), call("END", by="s1")]),
    ],
)  # fmt: skip
def test_what_belongs_to_one_agent_is_not_continued_by_another(
    good: list[Said], bad: list[Said]
) -> None:
    assert codes(heard(*good)) == []
    assert only(heard(*bad)).code == "span.differs"


def test_an_activity_is_whose_snapshot_replaced_it_last() -> None:
    def activity(kind: str, by: str, **more: bool) -> Said:
        content: Said = {"content": {}} if kind == "SNAPSHOT" else {"patch": []}
        event = {"type": f"ACTIVITY_{kind}", "messageId": "a", "activityType": "p"}
        return event | content | more | _by(by)

    ours, theirs = activity("SNAPSHOT", "s1"), activity("SNAPSHOT", "s2")
    assert codes(heard(ours, activity("DELTA", "s1"), theirs, activity("DELTA", "s2"))) == []
    found = only(heard(ours, theirs, activity("DELTA", "s1")))
    assert (found.code, found.event) == ("span.differs", "ACTIVITY_DELTA")


@pytest.mark.parametrize(
    "events", [(START, ERROR), (START, FINISH, ERROR), (START, ERROR, START, FINISH)]
)
def test_a_run_may_fail_at_any_time(events: tuple[Said, ...]) -> None:
    assert codes(raw(*events)) == []


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ((step("STARTED"), START, step("FINISHED"), FINISH), "span.order"),
        ((START, START | {"runId": "r2"}, FINISH | {"runId": "r2"}), "span.unclosed"),
        ((START, FINISH, {"type": "CUSTOM", "name": "n", "value": 1}), "span.unopened"),
        ((START, ERROR, ERROR), "session.machine"),
        ((START, FINISH | {"runId": "r2"}), "span.unclosed"),
        ((START,), "span.unclosed"),
    ],
)
def test_a_run_begins_once_and_ends_once(events: tuple[Said, ...], code: str) -> None:
    assert code in codes(raw(*events))
    assert len(codes(raw(*events))) == 1


def test_a_snapshot_restates_what_was_streamed() -> None:
    def snapshot(content: object, arguments: str = "{}") -> Said:
        tool = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
        old = {"id": "old", "role": "assistant", "content": "of an earlier run"}
        calls = {"id": "m2", "role": "assistant", "toolCalls": [tool]}
        said = [old, {"id": "m", "role": "assistant", "content": content}, calls]
        return {"type": "MESSAGES_SNAPSHOT", "messages": said}

    assert codes(heard(*BOTH, *CALL, snapshot("x"), snapshot("x"))) == []
    assert codes(heard(*BOTH, *CALL, snapshot([{"type": "image"}]))) == []
    for bad in (snapshot("xx"), snapshot("x", '{"a": 1}')):
        found = only(heard(*BOTH, *CALL, bad))
        assert (found.code, found.severity) == ("span.fold", "warning")


def test_a_chunk_without_an_id_continues_the_one_before() -> None:
    chunks = [{"type": "TEXT_MESSAGE_CHUNK", "messageId": "m", "delta": "a"},
              {"type": "TEXT_MESSAGE_CHUNK", "delta": "b"}]  # fmt: skip
    said = [{"id": "m", "role": "assistant", "content": "ab"}]
    snapshot = {"type": "MESSAGES_SNAPSHOT", "messages": said}
    assert codes(heard(*chunks, snapshot)) == []
    assert only(heard(chunks[0], snapshot)).code == "span.fold"


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ({"type": "TEXT_MESSAGE_START", "messageId": "m", "subagentRunId": None}, "subagentRunId"),
        ({"type": "TEXT_MESSAGE_START", "messageId": "m", "role": "wizard"}, "role"),
        ({"type": "CUSTOM", "name": "n"}, "'value' to be present"),
        (
            {"type": "SUBAGENT_FINISHED", "subagentRunId": "s", "outcome": {"type": "odd"}},
            "outcome",
        ),
    ],
)
def test_what_an_event_must_carry(event: Said, told: str) -> None:
    found = next(f for f in heard(event).all_findings() if f.code.startswith("event."))
    assert told in found.message


def test_an_unknown_event_is_a_warning() -> None:
    found = only(heard({"type": "TEXT_MESSAGE_STRAT", "messageId": "m"}))
    assert (found.code, found.severity, found.nearest) == (
        "event.unknown", "warning", "TEXT_MESSAGE_START"
    )  # fmt: skip


def test_each_request_is_answered_with_its_run() -> None:
    asked: Line = ("client", {"threadId": "t", "runId": "r", "messages": []})
    answered: list[Line] = [("server", START), ("server", FINISH)]
    assert codes(judge([asked, *answered], find("ag-ui"))) == []
    found = only(judge([*answered, ("client", {"threadId": "t", "runId": "r2", "messages": []})],
                       find("ag-ui")))  # fmt: skip
    assert (found.code, found.span, found.key) == ("span.unclosed", "request", "r2")


def test_it_can_be_extended() -> None:
    strict = contract("extends: ag-ui\nspans: {run: {latency: {gap: {max: 10ms}}}}")
    lines: list[Line] = [("server", START), ("server", FINISH)]
    assert codes(judge(lines, strict)) == ["latency.gap"]
