"""The pack for Gemini's Live API, rule by rule."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.conversation import SECOND, Line, codes, judge, only
from wsrec.checks.outcome import Outcome
from wsrec.schemas.packs import find

PACK = find("gemini-live")


def client(**message: Any) -> Line:
    return "client", message


def server(**message: Any) -> Line:
    """The service sends JSON in binary messages."""
    return "server", json.dumps(message).encode()


def content(**parts: Any) -> Line:
    return server(serverContent=parts)


SETUP = [client(setup={"model": "m"}), server(setupComplete={})]
ASK = client(clientContent={"turns": [], "turnComplete": True})
WORD = content(modelTurn={"parts": [{"text": "a"}]})
GENERATED = content(generationComplete=True)
END = content(turnComplete=True)
ANSWER = [WORD, WORD, GENERATED, END]


def said(*lines: Line) -> Outcome:
    return judge([*SETUP, *lines], PACK)


def called(*ids: str) -> Line:
    return server(toolCall={"functionCalls": [{"id": each, "name": "f"} for each in ids]})


def returned(*ids: str, **more: Any) -> Line:
    return client(toolResponse={"functionResponses": [{"id": each, **more} for each in ids]})


def test_a_conversation_passes() -> None:
    outcome = said(ASK, *ANSWER, ASK, *ANSWER)
    assert codes(outcome) == []
    assert outcome.sessions[0].spans == {"setup": 1, "turn": 2, "call": 0, "activity": 0}
    assert outcome.sessions[0].events["modelTurn"] == 4


def test_setup_is_first_and_answered() -> None:
    whole = [*SETUP, ASK, *ANSWER]
    assert codes(judge(whole, PACK)) == []
    found = only(judge([SETUP[0], *whole[2:]], PACK))
    assert (found.code, found.span) == ("span.unclosed", "setup")
    found = only(judge([SETUP[0], ASK, SETUP[1], *ANSWER], PACK))
    assert (found.code, found.event) == ("session.order", "clientContent")
    assert only(judge([*whole[1:]], PACK)).span == "setup"
    found = only(judge([SETUP[0], 61 * SECOND, *whole[1:]], PACK))
    assert (found.code, found.severity) == ("latency.total", "warning")
    assert codes(judge([*whole, *SETUP], PACK)) == ["session.count"]
    found = only(judge([client(contextUpdate={}), *whole], PACK))
    assert (found.code, found.event) == ("session.first", "contextUpdate")


@pytest.mark.parametrize(
    "early", [client(realtimeInput={}), returned("a"), content(inputTranscription={}), called("a")]
)
def test_nobody_says_more_before_the_setup_is_complete(early: Line) -> None:
    rest = [SETUP[1], called("a"), returned("a"), *ANSWER]
    assert codes(judge([SETUP[0], *rest], PACK)) == []
    assert "session.order" in codes(judge([SETUP[0], early, *rest], PACK))


def test_several_keys_in_one_message() -> None:
    ends = {"turnComplete": True, "generationComplete": True, "modelTurn": {"parts": []}}
    both = server(usageMetadata={"totalTokenCount": 1}, serverContent=ends)
    outcome = said(ASK, WORD, both)
    assert codes(outcome) == []
    counted = outcome.sessions[0].events
    assert [counted[name] for name in ("modelTurn", "turnComplete", "usageMetadata")] == [2, 1, 1]
    assert codes(said(ASK, WORD, content(turnComplete=False), GENERATED, END)) == []


@pytest.mark.parametrize(
    ("camel", "snake"),
    [
        ({"clientContent": {"turnComplete": True}}, {"client_content": {"turn_complete": True}}),
        ({"clientContent": {"turnComplete": True}}, {"client_content": {"turnComplete": True}}),
    ],
)
def test_either_spelling(camel: dict[str, Any], snake: dict[str, Any]) -> None:
    counted = [
        said(client(**asked), *ANSWER).sessions[0].events["clientContent"]
        for asked in (camel, snake)
    ]
    assert counted == [1, 1]


def test_a_turn_that_never_ends() -> None:
    found = only(said(ASK, WORD, GENERATED))
    assert (found.code, found.span, found.expected) == ("span.unclosed", "turn", "turnComplete")


def test_an_answer_that_never_comes_is_a_warning() -> None:
    assert codes(said(ASK, *ANSWER, ASK, 10 * SECOND)) == []
    outcome = said(ASK, 61 * SECOND, *ANSWER)
    assert (only(outcome).code, outcome.verdict) == ("latency.first", "pass")


def test_an_interrupted_turn() -> None:
    stopped = content(interrupted=True)
    assert codes(said(ASK, WORD, ASK, stopped, END, *ANSWER)) == []
    assert codes(said(ASK, *ANSWER[:3], stopped, END)) == []  # while it was being played
    found = only(said(ASK, WORD, stopped, GENERATED, END))
    assert (found.code, found.event) == ("span.order", "generationComplete")
    found = only(said(ASK, WORD, stopped, WORD, END))
    assert (found.code, found.event) == ("span.order", "modelTurn")


def test_nothing_is_said_after_the_generation() -> None:
    found = only(said(ASK, WORD, GENERATED, WORD, END))
    assert (found.code, found.event) == ("span.order", "modelTurn")
    assert only(said(ASK, WORD, GENERATED, GENERATED, END)).code == "span.count"


def test_a_turn_ends_once() -> None:
    found = only(said(ASK, *ANSWER, END))
    assert (found.code, found.event) == ("session.machine", "turnComplete")
    # The model may have nothing to say.
    assert codes(said(ASK, *ANSWER, ASK, END)) == []


def test_functions_are_answered_by_id() -> None:
    assert codes(said(ASK, called("a", "b"), returned("b"), returned("a"), *ANSWER)) == []
    assert codes(said(ASK, called("a"), called("b"), returned("a", "b"), *ANSWER)) == []
    found = only(said(ASK, called("a", "b"), returned("b"), *ANSWER))
    assert (found.code, found.key, found.event) == ("span.unclosed", "a", "functionCall")
    found = only(said(ASK, called("a"), returned("a"), returned("x"), *ANSWER))
    assert (found.code, found.key) == ("span.unopened", "x")
    assert only(said(ASK, called("a"), returned("a"), returned("a"), *ANSWER)).key == "a"
    outcome = said(ASK, called("a"), WORD, 299 * SECOND, WORD, 2 * SECOND, returned("a"), *ANSWER)
    assert (only(outcome).code, outcome.verdict) == ("latency.total", "pass")


def test_a_function_may_answer_in_parts() -> None:
    part = returned("a", willContinue=True)
    assert codes(said(ASK, called("a"), part, part, returned("a"), *ANSWER)) == []
    assert only(said(ASK, called("a"), part, *ANSWER)).code == "span.unclosed"


@pytest.mark.parametrize("responses", ["functionResponses", "function_responses"])
def test_the_client_may_spell_functions_as_it_likes(responses: str) -> None:
    asked = [ASK, called("a")]
    assert codes(said(*asked, client(tool_response={responses: [{"id": "a"}]}), *ANSWER)) == []
    found = said(*asked, client(tool_response={responses: [{}]}), *ANSWER).all_findings()
    assert found[0].code == "event.missing_field"


def test_cancelled_functions() -> None:
    cancelled = server(toolCallCancellation={"ids": ["a", "b"]})
    stopped = [content(interrupted=True), END]
    assert codes(said(ASK, called("a", "b"), ASK, cancelled, *stopped, *ANSWER)) == []
    # A result and the cancelling may cross.
    late = [called("a", "b"), ASK, cancelled, returned("a"), *stopped, *ANSWER]
    assert codes(said(ASK, *late)) == []
    early = [called("a", "b"), returned("a", "b"), cancelled, *stopped, *ANSWER]
    assert codes(said(ASK, *early)) == []


def test_marked_activity() -> None:
    for name in ("realtimeInput", "realtime_input"):
        spoken = [client(**{name: {key: {}}}) for key in ("activityStart", "audio", "activityEnd")]
        assert codes(said(*spoken, *ANSWER)) == []
        assert codes(said(*ANSWER, *spoken[:2])) == []
        found = only(said(*spoken[1:], *ANSWER))
        assert (found.code, found.span) == ("span.unopened", "activity")


def test_who_says_what() -> None:
    found = said(ASK, *ANSWER, ("server", {"setup": {"model": "m"}})).all_findings()
    assert [each.code for each in found] == ["event.sender"]
