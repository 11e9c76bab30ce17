"""The rules of the pack jupyter, one by one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from support.conversation import Line, codes, judge, session
from wsrec.schemas.packs import find

ENDING = session(target="/api/kernels/k/channels?session_id=s")


def kernel(words: str) -> list[Line]:
    """`<x_request:1` is the client's request 1, `busy:1` a status, `stream:1` of the kernel."""
    lines: list[Line] = []
    for number, word in zip(itertools.count(), words.split(), strict=False):
        name, _, request = word.lstrip("<").partition(":")
        asked = name.endswith("_request") and word.startswith("<")
        header: dict[str, Any] = {"msg_id": request if asked else f"m{number}", "msg_type": name}
        content: dict[str, Any] = {"silent": False} if asked else {}
        if name in ("busy", "idle"):
            header["msg_type"], content = "status", {"execution_state": name}
        elif name.endswith("_reply") and not word.startswith("<"):
            content = {"status": "ok"}
        elif name == "failed":
            header["msg_type"], content = "execute_reply", {"status": "error"}
        parent = {} if asked else {"msg_id": request}
        value = {"header": header, "parent_header": parent, "content": content}
        lines.append(("client" if word.startswith("<") else "server", value))
    return lines


@pytest.mark.parametrize(
    ("good", "bad", "expected"),
    [
        ("<execute_request:1 busy:1 execute_input:1 stream:1 execute_reply:1 idle:1",
         "<execute_request:1 busy:1 execute_input:1 stream:1 idle:1", ["span.unclosed"]),
        ("<execute_request:1 busy:1 execute_input:1 idle:1 execute_reply:1",
         "<execute_request:1 busy:1 execute_input:1 execute_reply:1", ["span.unclosed"]),
        ("<execute_request:1 busy:1 execute_input:1 execute_result:1 idle:1 execute_reply:1",
         "<execute_request:1 busy:1 execute_result:1 execute_input:1 idle:1 execute_reply:1",
         ["span.order"]),
        ("<execute_request:1 busy:1 execute_input:1 idle:1 execute_reply:1",
         "<execute_request:1 execute_input:1 idle:1 execute_reply:1", ["span.missing"]),
        ("<execute_request:1 busy:1 execute_input:1 idle:1 execute_reply:1",
         "<execute_request:1 busy:1 idle:1 execute_reply:1", ["span.missing"]),
        ("<complete_request:1 busy:1 complete_reply:1 idle:1",
         "busy:1 complete_reply:1 idle:1", ["span.unopened"]),
        ("<complete_request:1 busy:1 complete_reply:1 idle:1 busy:9 stream:9 idle:9",
         "<complete_request:1 complete_reply:1 idle:1", ["span.missing"]),
        ("<execute_request:1 busy:1 execute_input:1 input_request:1 <input_reply:1 idle:1 "
         "execute_reply:1",
         "<execute_request:1 busy:1 execute_input:1 input_request:1 idle:1 execute_reply:1",
         ["span.unclosed"]),
        ("<execute_request:1 busy:1 execute_input:1 input_request:1 error:1 idle:1 failed:1",
         "<execute_request:1 busy:1 execute_input:1 error:1 error:1 idle:1 failed:1",
         ["span.count"]),
    ],
)  # fmt: skip
def test_rules(good: str, bad: str, expected: Sequence[str]) -> None:
    assert codes(judge(kernel(good), find("jupyter"), ENDING)) == []
    assert codes(judge(kernel(bad), find("jupyter"), ENDING)) == expected


def test_a_message_that_comes_twice() -> None:
    lines = kernel("<execute_request:1 busy:1 execute_input:1 stream:1 execute_reply:1 idle:1")
    again = [*lines[:4], lines[3], *lines[4:]]
    assert codes(judge(again, find("jupyter"), ENDING)) == ["session.repeated"]


def test_a_reply_that_names_no_request() -> None:
    lines = kernel("<complete_request:1 busy:1 complete_reply:1 idle:1")
    lines[2][1]["parent_header"] = {}  # type: ignore[index]
    assert codes(judge(lines, find("jupyter"), ENDING)) == ["event.missing_field"]
