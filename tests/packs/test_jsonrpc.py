"""The rules of the pack jsonrpc, one by one, and the protocols that are built on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support import traffic
from support.conversation import SECOND, Line, codes, judge, only
from wsrec.schemas.contract import load
from wsrec.schemas.packs import find

LATE = 600 * SECOND


def c(method: str | None = None, **members: Any) -> Line:
    """What the client says; `of` is an id, `at` a CDP session."""
    return "client", _object(method, **members)


def s(method: str | None = None, **members: Any) -> Line:
    return "server", _object(method, **members)


def _object(
    method: str | None, of: object = None, at: str | None = None, **members: Any
) -> dict[str, Any]:
    said: dict[str, Any] = {"jsonrpc": "2.0"}
    said |= {} if of is None else {"id": of}
    said |= {} if at is None else {"sessionId": at}
    said |= {} if method is None else {"method": method}
    return said | members


def done(of: object, **members: Any) -> dict[str, Any]:
    return {"of": of, "result": {}} | members


def batch(*lines: Line) -> Line:
    sender, _ = lines[0]  # type: ignore[misc]
    return sender, [said for _, said in lines]  # type: ignore[misc]


FAILED = {"code": -32601, "message": "no such method"}
CANCEL = "notifications/cancelled"


@pytest.mark.parametrize(
    "lines",
    [
        [c("a", of=1), s(**done(1))],
        [c("a", of=0), s(of=0, error=FAILED)],
        [c("a", of="1"), c("a", of=1), s(**done(1)), s(**done("1"))],  # a text is no number
        [c("a", of=1), s("b", of=1), c(**done(1)), s(**done(1))],  # each peer counts its own
        [c("a", of=1), c("b", of=2), s(**done(2)), s(**done(1))],
        [c("a", of=1), s(of=1, result=None), c("a", of=1), s(**done(1))],
        [c("n"), s("n", params=[1]), c("n", params={"id": 7}), c("a", of=1), s(**done(1))],
        [batch(c("a", of=1), c("n"), c("b", of=2)), batch(s(**done(2)), s(**done(1)))],
        [batch(c("a", of=1), c("b", of=2)), s(**done(2)), s(**done(1))],
        [c("a", of=1, at="x"), c("a", of=1), s(**done(1)), s(**done(1, at="x"))],
        [c("a", of=1), s(id=None, error=FAILED), s(**done(1))],
        [c("a", of=1), c(CANCEL, params={"requestId": 1})],
        [c("a", of=1), c(CANCEL, params={"requestId": 1}), s(**done(1))],  # they crossed
        [c("a", of=1), s(**done(1)), c(CANCEL, params={"requestId": 1})],
        [c("a", of=1), s(CANCEL, params={"requestId": 1}), s(**done(1))],  # of no request: nothing
        [c("a", of=1), c("$/cancelRequest", params={"id": 1}), s(of=1, error=FAILED)],
    ],
)
def test_what_json_rpc_allows(lines: Sequence[Line]) -> None:
    assert codes(judge(lines, find("jsonrpc"))) == []


@pytest.mark.parametrize(
    ("lines", "code", "key"),
    [
        ([c("a", of=1)], "span.unclosed", "1"),
        ([c("a", of=1), s(**done("1"))], "span.unclosed", "1"),
        ([c("a", of=1), c(**done(1))], "span.unclosed", "1"),  # one does not answer oneself
        ([s(**done(1))], "span.unopened", "1"),
        ([c("a", of=1), s(**done(1)), s(**done(1))], "span.after_close", "1"),
        ([c("a", of=1), c("b", of=1), s(**done(1))], "span.reopened", "1"),
        ([s(**done(1)), c("a", of=1)], "span.order", "1"),
        ([c("a", of=1, at="x"), s(**done(1, at="y"))], "span.unclosed", "1/x"),
        ([c("a", of=1, at="x"), c("a", of=1), s(**done(1))], "span.unclosed", "1/x"),
        ([batch(c("a", of=1), c("b", of=2)), batch(s(**done(1)))], "span.unclosed", "2"),
        ([c("a", of=1), c("$/cancelRequest", params={"id": 1})], "span.unclosed", "1"),
        ([c("a", of=1), LATE, s(**done(1))], "latency.total", "1"),
    ],
)
def test_what_it_does_not(lines: Sequence[Line], code: str, key: str) -> None:
    found = only(judge(lines, find("jsonrpc")))
    assert (found.code, found.span, found.key) == (code, "request", key)


@pytest.mark.parametrize(
    "answer",
    [
        {"jsonrpc": "2.0", "id": 1},
        {"jsonrpc": "2.0", "id": 1, "result": 1, "error": FAILED},
        {"jsonrpc": "2.0", "id": 1, "error": {"code": "no", "message": "no"}},
        {"jsonrpc": "2.0", "id": 1, "error": "no"},
        {"jsonrpc": "1.0", "id": 1, "result": 1},
    ],
)
def test_what_an_answer_looks_like(answer: object) -> None:
    found = only(judge([c("a", of=1), ("server", answer)], find("jsonrpc")))
    assert (found.code.partition(".")[0], found.seq) == ("event", 2)


@pytest.mark.parametrize("text", ["[]", "[1]", '"a"', "not json"])
def test_what_is_no_message(text: str) -> None:
    lines: list[Line] = [c("a", of=1), s(**done(1)), ("server", text)]
    assert only(judge(lines, find("jsonrpc"))).code == "event.undecodable"


def work(kind: str, token: str = "t", **more: Any) -> Line:
    return s("$/progress", params={"token": token, "value": {"kind": kind} | more})


def test_work_done_progress() -> None:
    rules = find("jsonrpc")
    partial = s("$/progress", params={"token": "p", "value": [1, 2]})  # results, not work
    whole = [
        work("begin", title="a"),
        work("begin", "u"),
        work("report"),
        partial,
        work("end", "u"),
        work("end"),
    ]
    assert codes(judge(whole, rules)) == []
    found = only(judge(whole[:-1], rules))
    assert (found.code, found.span, found.key) == ("span.unclosed", "work", "t")
    found = only(judge(whole[1:], rules))
    assert (found.code, found.seq) == ("span.unopened", 2)


def told(progress: float, token: str = "p") -> Line:
    return s("notifications/progress", params={"progressToken": token, "progress": progress})


def test_progress_rises() -> None:
    asked = c("tools/call", of=1, params={"_meta": {"progressToken": "p"}})
    other = c("tools/call", of=2, params={"_meta": {"progressToken": "q"}})
    lines = [asked, other, told(1), told(0.5, "q"), told(1.5), s(**done(2)), told(3), s(**done(1))]
    assert codes(judge(lines, find("jsonrpc"))) == []
    found = only(judge([asked, told(1), told(2), told(2), s(**done(1))], find("jsonrpc")))
    assert (found.code, found.span, found.seq) == ("span.monotonic", "reported", 4)


def test_the_same_pack_passes_on_each_protocol() -> None:
    files = sorted((traffic.TRAFFIC / "jsonrpc").glob("*.jsonl"))
    assert [file.stem for file in files] == ["both-ways", "cdp", "lsp", "mcp"]
    for file in files:
        outcome = traffic.judge(traffic.talks(f"jsonrpc/{file.name}"), find("jsonrpc"))
        assert outcome.verdict == "pass"
        assert sum(each.spans["request"] for each in outcome.sessions) >= 8


def test_a_protocol_says_more_on_top(tmp_path: Path) -> None:
    place = tmp_path / "mcp.yaml"
    place.write_text(
        """
wsrec: 1
extends: jsonrpc
events: {types: {notifications/initialized: {sender: client}}}
session: {requires: notifications/initialized}
"""
    )
    mcp = load(place)
    (talk,) = traffic.talks("jsonrpc/mcp.jsonl")
    assert codes(traffic.judge([talk], mcp)) == []
    rest = [each for each in talk.messages if "notifications/initialized" not in str(each.data)]
    outcome = traffic.judge([traffic.Talk(talk.session, tuple(rest))], mcp)
    assert codes(outcome) == ["session.missing"]
