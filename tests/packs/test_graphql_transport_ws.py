"""The rules of the pack graphql-transport-ws, one by one, and what servers refuse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from support import traffic
from support.conversation import SECOND, Line, client, codes, judge, only, server, session
from wsrec.schemas.packs import find

ENDING = session(subprotocol="graphql-transport-ws")
HELLO = [client("connection_init"), server("connection_ack")]
PAUSE = [600 * SECOND]


def subscribe(key: Any = "1", **payload: Any) -> Line:
    return client("subscribe", id=key, payload={"query": "{ a }"} | payload)


def following(key: str = "1", **payload: Any) -> Line:
    return server("next", id=key, payload=payload or {"data": {"a": 1}})


def complete(key: str = "1") -> Line:
    return server("complete", id=key)


def stop(key: str = "1") -> Line:
    return client("complete", id=key)


def error(key: str = "1", *messages: str) -> Line:
    return server("error", id=key, payload=[{"message": each} for each in messages or ["no"]])


def found(lines: Sequence[Line], **ending: Any) -> list[str]:
    return codes(judge(lines, find("graphql-transport-ws"), replace(ENDING, **ending)))


@pytest.mark.parametrize(
    "lines",
    [
        [*HELLO, subscribe(), following(), following(), complete()],
        [*HELLO, subscribe(), error()],
        [*HELLO, subscribe(), following(), error()],
        [*HELLO, subscribe(), subscribe("2"), following("2"), following(), complete(), stop("2")],
        [*HELLO, subscribe(), following(), stop(), following(), complete()],  # they crossed
        [*HELLO, subscribe(), following(), complete(), stop()],
        [*HELLO, subscribe(), complete(), subscribe(), complete()],  # an id is free again
        [client("ping"), server("pong"), *HELLO, subscribe(), complete()],
        [*HELLO, client("ping"), server("ping"), client("pong"), server("pong")],
        [*HELLO, client("ping"), client("ping"), server("pong"), server("pong")],
        [*HELLO, server("pong"), client("pong")],  # heartbeats of one side
        [*HELLO, subscribe(operationName=None, variables={}, extensions=None), complete()],
        [*HELLO, subscribe(), *PAUSE, following(), *PAUSE, complete()],  # streams may be silent
    ],
)
def test_what_the_protocol_allows(lines: Sequence[Line]) -> None:
    assert found(lines) == []


@pytest.mark.parametrize(
    ("lines", "code", "event"),
    [
        ([*HELLO, *HELLO[:1]], "span.reopened", "connection_init"),
        ([*HELLO[:1], *HELLO], "span.reopened", "connection_init"),
        ([*HELLO[1:], subscribe(), complete()], "span.unopened", "connection_ack"),
        ([*HELLO[:1], subscribe(), complete()], "session.order", "subscribe"),
        ([*HELLO, subscribe(), subscribe(), complete()], "span.reopened", "subscribe"),
        ([*HELLO, subscribe(), following()], "span.unclosed", "subscribe"),
        ([*HELLO, following()], "span.unopened", "next"),
        ([*HELLO, subscribe(), complete(), following()], "span.after_close", "next"),
        ([*HELLO, subscribe(), error(), complete()], "span.after_close", "complete"),
        ([*HELLO, subscribe(), stop(), stop()], "span.after_close", "complete"),
        ([*HELLO, client("ping")], "span.unclosed", "ping"),
        ([*HELLO, client("ping"), client("pong")], "span.unclosed", "ping"),
        ([*HELLO, client("ping"), *PAUSE, server("pong")], "latency.total", "pong"),
        ([HELLO[0], *PAUSE, HELLO[1]], "latency.total", "connection_ack"),
        ([*HELLO, server("subscribe", id="1", payload={"query": ""})], "event.sender", "subscribe"),
        ([*HELLO, client("next", id="1", payload={})], "event.sender", "next"),
        ([*HELLO, client("start", id="1")], "event.unknown", "start"),
        ([*HELLO, ("client", '{"type":"ping"')], "event.undecodable", None),
    ],
)
def test_what_it_does_not(lines: Sequence[Line], code: str, event: str | None) -> None:
    one = only(judge(lines, find("graphql-transport-ws"), ENDING))
    assert (one.code, one.event) == (code, event)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (1, server("connection_ack", payload="welcome")),
        (2, subscribe(query=7)),
        (2, subscribe(variables=[1])),
        (2, subscribe(key=1)),
        (2, client("subscribe", id="1")),
        (3, server("next", id="1", payload=[])),
        (3, following(errors=[])),
        (3, following(errors=[{"text": "no"}])),
        (4, server("error", id="1", payload={"message": "no"})),
    ],
)
def test_what_messages_look_like(place: int, message: Line) -> None:
    lines: list[Line] = [*HELLO, subscribe(), following(), complete()]
    lines[place] = message
    one = only(judge(lines, find("graphql-transport-ws"), ENDING))
    assert (one.code.partition(".")[0], one.seq) == ("event", place + 1)


def test_sessions_of_another_protocol_are_not_judged() -> None:
    outcome = judge([], find("graphql-transport-ws"), session(subprotocol="graphql-ws"))
    assert [each.id for each in outcome.skipped] == [1]


def test_close_codes() -> None:
    lines = [*HELLO, subscribe(), complete()]
    assert found(lines, close_code=4499) == []
    assert found(lines, close_code=4002) == ["session.close_code"]
    assert found(lines, close_code=None, closed_by=None) == ["session.close_code"]


REFUSED = {
    4400: "event.undecodable",
    4401: "session.order",
    4403: None,  # the server may refuse whom it likes
    4406: None,  # the handshake's own business
    4408: None,  # nothing was said
    4409: "span.reopened",
    4429: "span.reopened",
}


@pytest.mark.parametrize("code", REFUSED)
def test_what_a_real_server_refuses(code: int) -> None:
    talk = next(
        each
        for each in traffic.talks("graphql-transport-ws-refused")
        if each.session.close_code == code
    )
    outcome = traffic.judge([talk], find("graphql-transport-ws"))
    errors = [each for each in outcome.all_findings() if each.severity == "error"]
    told = {each.code for each in errors if each.code != "contract.vacuous"}
    assert told == ({REFUSED[code]} - {None})
    assert bool(outcome.skipped) == (code == 4406)


def test_a_client_that_leaves_with_an_operation_open_is_only_warned_of() -> None:
    talks = traffic.talks("graphql-transport-ws-refused")
    left = next(each for each in talks if each.session.close_code == 1000)
    outcome = traffic.judge([left], find("graphql-transport-ws"))
    assert (outcome.verdict, codes(outcome)) == ("pass", ["span.unclosed"])
