"""The rules of the pack socketio, one by one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from support.conversation import Line, codes, judge, session
from wsrec.schemas.packs import find

OPEN = '0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}'


def s(data: str | bytes) -> Line:
    return "server", data


def c(data: str | bytes) -> Line:
    return "client", data


CONNECTED = [s(OPEN), c("40"), s('40{"sid":"x"}')]


@pytest.mark.parametrize(
    ("good", "bad", "code"),
    [
        ([c('421["ask"]'), s("431[]")], [c('421["ask"]')], "span.unclosed"),
        ([s('421["ask"]'), c("431[]")], [s('421["ask"]'), s("431[]")], "span.unclosed"),
        ([c('421["ask"]'), s("431[]")], [s("431[]")], "span.unopened"),
        ([c('42/a,1["q"]'), s("43/a,1[]")], [c('42/a,1["q"]'), s("43/b,1[]")], "span.unclosed"),
        ([c("40/a,"), s('40/a,{"sid":"y"}')], [c("40/a,")], "span.unclosed"),
        ([c("40/a,"), s('44/a,{"message":"no"}')], [c("40/a,"), s("41/a,")], "span.unclosed"),
        ([s("2"), c("3")], [s("2")], "span.unclosed"),
        ([s("2"), c("3")], [c("3")], "span.unopened"),
        ([c('451-["b",{"_placeholder":true,"num":0}]'), c(b"x")],
         [c('451-["b",{"_placeholder":true,"num":0}]'), s(b"x")], "span.unclosed"),
    ],
)  # fmt: skip
def test_rules(good: Sequence[Line], bad: Sequence[Line], code: str) -> None:
    rules = find("socketio")
    ending = session(target="/socket.io/?EIO=4&transport=websocket")
    assert codes(judge([*CONNECTED, *good], rules, ending)) == []
    assert codes(judge([*CONNECTED, *bad], rules, ending)) == [code]


def test_an_upgrade() -> None:
    rules = find("socketio")
    ending = session(target="/socket.io/?EIO=4&transport=websocket&sid=x")
    assert codes(judge([c("2probe"), s("3probe"), c("5"), s("42[1]")], rules, ending)) == []
    assert codes(judge([c("2probe"), c("5")], rules, ending)) == ["span.unclosed"]
    assert codes(judge([c("2probe"), s("3probe")], rules, ending)) == ["span.unclosed"]


def test_an_event_of_the_application_may_be_called_like_a_packet() -> None:
    lines = [*CONNECTED, s('42["ping"]'), c('42["ack",1]'), c('42["open"]'), s('42["connect"]')]
    ending = session(target="/socket.io/?EIO=4&transport=websocket")
    assert codes(judge(lines, find("socketio"), ending)) == []


def test_a_handshake_that_lacks_something() -> None:
    lines = [s('0{"sid":"s","upgrades":[]}'), *CONNECTED[1:]]
    ending = session(target="/socket.io/?EIO=4&transport=websocket")
    assert codes(judge(lines, find("socketio"), ending)) == ["event.missing_field"]
