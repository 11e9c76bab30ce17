"""What the events during a span add up to, held against what its close says."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.contracts import in_span
from support.conversation import Line, codes, crashed, judge, messages, only, session
from wsrec.checks.judge import Judge
from wsrec.schemas.model import Contract, Fold


def folding(how: Literal["join", "last", "sum"]) -> Contract:
    return in_span(span={"fold": (Fold(how, "delta", "text"),)})


def talk(deltas: list[Any], final: Any) -> list[Line]:
    """A span with these deltas; None: an event without the field."""
    lines: list[Line] = [("server", {"t": "o", "id": "1"})]
    for delta in deltas:
        more = {} if delta is None else {"delta": delta}
        lines.append(("server", {"t": "x", "id": "1", **more}))
    end = {} if final is None else {"text": final}
    return [*lines, ("server", {"t": "c", "id": "1", **end})]


@pytest.mark.parametrize(
    ("how", "deltas", "final"),
    [
        ("join", ["Hel", "lo", None, ""], "Hello"),
        ("join", [], ""),
        ("join", ["a" * 150, "b" * 5000], "a" * 150 + "b" * 5000),  # beyond what keys keep
        ("last", [1, 2, "three"], "three"),
        ("sum", [1, 2, 3], 6),
        ("sum", [0.1] * 10, 1.0),
        ("sum", [0.1, 0.2, -0.3], 0),
        ("sum", [1e300, 0.5, -1e300], 0.5),
        ("sum", [10**17, 1], 10**17 + 1),
        ("sum", [], 0),
        ("join", ["a"], None),  # a close that does not carry the field
    ],
)
def test_what_adds_up(how: Any, deltas: list[Any], final: Any) -> None:
    assert codes(judge(talk(deltas, final), folding(how))) == []


@pytest.mark.parametrize(
    ("how", "deltas", "final", "message"),
    [
        ("join", ["Hel", "o"], "Hello",
         "'delta' of 2 events adds up to 4 characters, but 'text' of the close has 5; "
         "they first differ at character 4: 'Helo', but 'Hello' at the close"),
        ("join", [], "Hello",
         "'delta' of 0 events adds up to 0 characters, but 'text' of the close has 5; "
         "they first differ at character 1: nothing, but 'Hello' at the close"),
        ("join", ["a" * 5000, "b"], "a" * 5000 + "c",
         "'delta' of 2 events adds up to 5001 characters, but 'text' of the close has 5001; "
         "they first differ after the first 4096"),
        ("last", [1, 2], 1, "the last 'delta' of 2 events is 2, but 'text' of the close is 1"),
        ("last", [], "x",
         "the last 'delta' of 0 events is nothing, but 'text' of the close is 'x'"),
        ("last", [1], True, "the last 'delta' of 1 event is 1, but 'text' of the close is true"),
        ("sum", [1, 2], 4, "'delta' of 2 events adds up to 3, but 'text' of the close is 4"),
        ("sum", [10**17, 1], 10**17,
         f"'delta' of 2 events adds up to {10**17 + 1}, but 'text' of the close is"),
        ("sum", [1], "1", "'delta' of 1 event adds up to 1, but 'text' of the close is '1'"),
    ],
)  # fmt: skip
def test_what_does_not_add_up(how: Any, deltas: list[Any], final: Any, message: str) -> None:
    found = only(judge(talk(deltas, final), folding(how)))
    assert (found.code, found.event) == ("span.fold", "c")
    assert found.message.startswith(f"in s '1': {message}")


@pytest.mark.parametrize(
    ("deltas", "final"), [([1.5, 10**400], 1), ([1.5], 10**400)], ids=["delta", "final"]
)
def test_no_number_is_too_large_to_be_added(deltas: list[Any], final: Any) -> None:
    assert "event.undecodable" in codes(judge(talk(deltas, final), folding("sum")))


@given(st.lists(st.text(max_size=300), max_size=6), st.data())
def test_a_lost_part_is_found_and_a_whole_one_is_not(parts: list[str], data: st.DataObject) -> None:
    rules, final = folding("join"), "".join(parts)
    assert codes(judge(talk(list(parts), final), rules)) == []
    place = data.draw(st.integers(0, len(parts)))
    rest = parts[:place] + parts[place + 1 :]
    lost = codes(judge(talk(list(rest), final), rules))
    assert lost == ([] if "".join(rest) == final else ["span.fold"])


def test_what_was_not_seen_whole_is_not_judged() -> None:
    rules, lines = folding("join"), talk(["Hel", "lo"], "Hello")
    assert codes(judge(lines[2:], rules)) == ["span.unopened"]
    engine = Judge(rules)
    engine.open(session())
    for message in messages(lines):
        if message.seq == 2:
            continue
        if message.seq == 3:
            engine.gap(1, 3, "frames are missing")
        engine.message(1, message)
    engine.close(session())
    assert codes(engine.finish()) == ["recording.gap"]
    assert codes(judge(lines[:2], rules, crashed())) == ["recording.unclean"]
    # A message that cannot be read may have been the part that is missing.
    lines[1] = "server", '{"t": "x", "id": "1", "delta": "Hel'
    assert codes(judge(lines, rules)) == ["event.undecodable"]
