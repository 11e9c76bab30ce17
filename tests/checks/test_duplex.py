"""What protocols need in which both peers speak: messages that cross, ids that are not there."""

from __future__ import annotations

import pytest
from support.conversation import Line, client, codes, judge, only, server

HEAD = "events: {sender: both, name: /t, fields: {id: /id, room: [/room, {literal: lobby}]}}\n"

CROSSING = (
    HEAD
    + """
spans:
  job: {key: id, open: start, during: part, close: [done, stop], after_close: crossing}
"""
)
PING = (
    HEAD
    + """
spans:
  ping: {key: [], open: ping, close: {event: pong, sender: other}, pair: fifo}
"""
)
ROOM = (
    HEAD
    + """
spans:
  job: {key: [room, id], open: start, close: done}
"""
)


def say(words: str) -> list[Line]:
    """`<start:1` is the client's, `part:1` the server's, `done:1@red` that in a room."""
    lines: list[Line] = []
    for word in words.split():
        name, _, key = word.lstrip("<").partition(":")
        key, _, room = key.partition("@")
        ids = ({"id": key} if key else {}) | ({"room": room} if room else {})
        lines.append(("client" if word.startswith("<") else "server", {"t": name, **ids}))
    return lines


@pytest.mark.parametrize(
    "words",
    [
        "<start:1 part:1 done:1",
        "<start:1 part:1 <stop:1 part:1 part:1",  # sent before the server knew of the stop
        "<start:1 part:1 <stop:1 part:1 done:1",  # both ended it at once
        "<start:1 part:1 done:1 <stop:1",
        "<start:1 done:1 <stop:1 <start:1 part:1 done:1",
    ],
)
def test_what_crosses_a_close_is_allowed(words: str) -> None:
    assert codes(judge(say(words), CROSSING)) == []


@pytest.mark.parametrize(
    ("words", "event"),
    [
        ("<start:1 done:1 part:1", "part"),
        ("<start:1 done:1 done:1", "done"),
        ("<start:1 <stop:1 done:1 part:1", "part"),  # the server has ended it too
        ("<start:1 <stop:1 <stop:1", "stop"),
    ],
)
def test_what_its_own_sender_had_closed_is_not(words: str, event: str) -> None:
    found = only(judge(say(words), CROSSING))
    assert (found.code, found.event) == ("span.after_close", event)


def test_closed_spans_that_are_no_longer_kept_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wsrec.checks.closed_spans.MAX_CLOSED", 1)
    words = "<start:1 <stop:1 <start:2 done:2 <start:3 done:3 part:1 done:1"
    assert codes(judge(say(words), CROSSING)) == []


def test_pings_without_ids_are_answered_in_order_by_the_other_peer() -> None:
    assert codes(judge(say("<ping <ping pong ping pong <pong"), PING)) == []
    found = only(judge(say("<ping pong <pong"), PING))
    assert (found.code, found.seq) == ("span.unopened", 3)
    found = only(judge(say("<ping <ping pong ping <pong"), PING))
    assert (found.code, found.seq) == ("span.unclosed", 2)


def test_a_word_stands_for_a_field_that_is_not_there() -> None:
    assert codes(judge(say("<start:1 <start:1@red done:1@red done:1"), ROOM)) == []
    found = only(judge(say("<start:1 <start:1@red done:1"), ROOM))
    assert (found.code, found.key) == ("span.unclosed", "red/1")


CALLS = (
    HEAD
    + """
spans:
  call: {key: id, open: {event: "*", sender: client}, close: {event: answer, sender: other}}
  turn: {key: id, open: ask, close: {event: answer, sender: other}, must_open: false}
session: {order: [{before: [hello, ask]}]}
"""
)


def test_what_two_kinds_of_span_lack_is_told_once() -> None:
    assert codes(judge(say("<hello:1 answer:1 <ask:2 answer:2"), CALLS)) == []
    found = only(judge(say("<hello:1 answer:1 <ask:2"), CALLS))
    assert (found.code, found.span, found.key) == ("span.unclosed", "call", "2")
    assert codes(judge(say("<hello:1 answer:1 <ask:2 <ask:3"), CALLS)) == ["span.unclosed"] * 2
    found = only(judge(say("<hello:1 answer:1 <ask:2 <ask:2 answer:2"), CALLS))
    assert (found.code, found.span) == ("span.reopened", "call")


def test_an_opening_that_may_have_been_any_event_explains_the_one_that_is_missing() -> None:
    found = only(judge(say("answer:1 <ask:2 answer:2"), CALLS))
    assert (found.code, found.seq) == ("span.unopened", 1)
    found = only(judge(say("<ask:2 answer:2"), CALLS))
    assert (found.code, found.event) == ("session.order", "ask")


def test_an_event_that_opens_and_closes_is_a_span_of_its_own() -> None:
    rules = """
events: {name: /t, fields: {id: /id, state: /state}}
spans:
  job: {key: id, open: job, close: [{event: job, when: {state: done}}, end]}
"""
    begun: Line = ("server", {"t": "job", "id": 1})
    done: Line = ("server", {"t": "job", "id": 1, "state": "done"})
    end: Line = ("server", {"t": "end", "id": 1})
    assert codes(judge([done], rules)) == []
    assert codes(judge([done, begun, end], rules)) == []
    assert only(judge([done, begun], rules)).code == "span.unclosed"
    assert only(judge([begun, done], rules)).code == "span.reopened"
    assert only(judge([done, end], rules)).code == "span.unopened"


JOINED = """
events: {sender: both, name: /t, fields: {id: /id, ask: /ask}}
spans:
  request: {key: ask, open: ask, close: began}
  run: {key: id, open: began, during: step, close: done}
"""


def test_an_event_that_closes_one_span_and_opens_another_is_lost_once() -> None:
    def talk(number: int) -> list[Line]:
        ids = {"ask": f"a{number}", "id": f"r{number}"}
        return [client("ask", **ids), *(server(name, **ids) for name in ("began", "step", "done"))]

    def named(lines: list[Line]) -> list[Line]:
        return [(who, {**said, "t": said["type"]}) for who, said in lines]  # type: ignore[misc]

    first, second = named(talk(1)), named(talk(2))
    assert codes(judge([*first, *second], JOINED)) == []
    assert codes(judge([first[0], *first[2:], *second], JOINED)) == ["span.unclosed"]
    both = [first[0], *first[2:], second[0], *second[2:]]
    assert codes(judge(both, JOINED)) == ["span.unclosed", "span.unclosed"]
    # A request may be answered in other ways, too.
    other = JOINED.replace("close: began", "close: [began, refused]")
    assert codes(judge([first[0], *first[2:], *second], other)) == ["span.unclosed"]
