"""Texts whose pieces are counted: neither another cut nor a lost piece is told by its numbers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.conversation import contract
from support.dialogues import Half, Said, close, event, script
from wsrec.match.difference import Difference
from wsrec.match.rules import Matching

RULES = """
events: {name: /type, fields: {job: /job, block: /index, text: /text}}
spans:
  job:
    key: KEY
    open: begin
    during: delta
    close: end
    fold: {join: text, equals: text}
"""
BY_JOB = contract(RULES.replace("KEY", "job"))
BY_BLOCK = contract(RULES.replace("KEY", "[job, block]"))
USUAL, COMPARED = Matching(BY_JOB), Matching(BY_JOB, usual=False)


def counted(*texts: str, **more: Any) -> list[dict[str, Any]]:
    """The pieces, each with its number and where it begins."""
    starts = [sum(map(len, texts[:n])) for n in range(len(texts))]
    return [
        event("delta", job="j1", text=text, index=n, at={"offset": start}, **more)
        for n, (text, start) in enumerate(zip(texts, starts, strict=True))
    ]


def found(
    recorded: list[dict[str, Any]], live: list[dict[str, Any]], matching: Matching = USUAL
) -> list[Difference]:
    """What differs when these pieces come, the recorded ones of which are frames 3, 4.."""
    begin, end = event("begin", job="j1"), event("end", job="j1")
    talk: list[Said] = [("C", event("ask")), *(("S", each) for each in (begin, *recorded, end))]
    talk += [("C", event("next")), ("S", close())]
    side = Half(script(*talk), matching=matching)
    assert side.says() == [event("ask")]
    side.hears(begin, *live, end)
    if side.says() == []:
        side.waits()
        assert side.says() == [event("next")]
    side.hears(close())
    assert side.over
    return side.found


def test_numbers_of_pieces_mean_nothing_where_the_text_is_cut_anew() -> None:
    assert found(counted("The ", "cat ", "sat"), counted("The cat", " sat")) == []
    assert found(counted("The cat", " sat"), counted("The", " ", "cat", " ", "sat")) == []


def test_they_are_compared_where_it_is_asked_for() -> None:
    [other] = found(counted("The ", "cat ", "sat"), counted("The cat", " sat"), COMPARED)
    assert [each.pointer for each in other.changes] == ["/at/offset"]


@pytest.mark.parametrize("live", [{"index": "1"}, {"index": True}, {"index": None}, {}])
def test_a_number_has_to_be_one(live: dict[str, Any]) -> None:
    piece = event("delta", job="j1", text="The cat")
    [other] = found([{**piece, "index": 0}], [{**piece, **live}])
    assert [each.pointer for each in other.changes] == ["/index"]


def test_numbers_of_what_is_in_a_list_are_compared() -> None:
    piece = event("delta", job="j1", text="The cat")
    [other] = found([{**piece, "of": [{"index": 0}]}], [{**piece, "of": [{"index": 1}]}])
    assert [each.pointer for each in other.changes] == ["/of/0/index"]


def test_a_number_that_tells_texts_apart_is_compared() -> None:
    piece = event("delta", job="j1", text="The cat")
    assert found([{**piece, "index": 0}], [{**piece, "index": 1}], Matching(BY_BLOCK))


def test_a_number_in_another_message_is_compared() -> None:
    tick = event("tick", job="j1")
    [other] = found([{**tick, "index": 0}], [{**tick, "index": 1}])
    assert [each.pointer for each in other.changes] == ["/index"]


def test_what_else_differs_is_told_beside_a_lost_piece() -> None:
    recorded = counted("The ", "cat ", "sat", model="a")
    live = [each for n, each in enumerate(counted("The ", "cat ", "sat", model="b")) if n != 1]
    first, second = found(recorded, live)
    assert (first.seq, [each.pointer for each in first.changes]) == (3, ["/model"])
    assert (second.kind, second.seq) == ("missing", 4)


texts = st.text("ab ", min_size=1, max_size=12)
words = st.lists(st.text("ab ", max_size=4), min_size=2, max_size=6).map(
    lambda ends: [f"{chr(ord('A') + n)}{end}" for n, end in enumerate(ends)]
)
"""Pieces that cannot be taken for each other."""
alike = st.lists(st.text("ab", min_size=1, max_size=3), min_size=2, max_size=6)
rules = st.sampled_from([USUAL, COMPARED])


@given(texts, st.data())
def test_no_cut_makes_a_difference(text: str, data: st.DataObject) -> None:
    def cut() -> list[str]:
        places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
        return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]

    assert found(counted(*cut()), counted(*cut())) == []


@given(words, st.data(), rules)
def test_a_lost_piece_is_one_difference(
    pieces: list[str], data: st.DataObject, matching: Matching
) -> None:
    lost = data.draw(st.integers(0, len(pieces) - 1))
    live = counted(*pieces)
    del live[lost]
    [missing] = found(counted(*pieces), live, matching)
    assert (missing.kind, missing.seq) == ("missing", 3 + lost)


@given(alike, st.data())
def test_a_lost_piece_is_one_difference_though_it_may_be_another(
    pieces: list[str], data: st.DataObject
) -> None:
    live = counted(*pieces)
    del live[data.draw(st.integers(0, len(pieces) - 1))]
    assert len(found(counted(*pieces), live)) == 1


@given(words, st.data(), rules)
def test_another_piece_is_one_difference(
    pieces: list[str], data: st.DataObject, matching: Matching
) -> None:
    other = data.draw(st.integers(0, len(pieces) - 1))
    live = counted(*pieces)
    live[other]["text"] = "x" * len(pieces[other])
    [changed] = found(counted(*pieces), live, matching)
    assert (changed.kind, changed.seq, changed.number) == ("changed", 3 + other, 2 + other)


@given(words, st.data(), rules)
def test_a_piece_that_comes_twice_is_one_difference(
    pieces: list[str], data: st.DataObject, matching: Matching
) -> None:
    twice = data.draw(st.integers(0, len(pieces) - 1))
    live = counted(*pieces[: twice + 1], *pieces[twice:])
    assert [each.kind for each in found(counted(*pieces), live, matching)] == ["unexpected"]
