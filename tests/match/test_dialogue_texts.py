"""Texts that come in pieces, cut anew each time: what a dialogue makes of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.conversation import contract
from support.dialogues import SECOND, Half, close, event, script
from support.diffing import joined
from support.traffic import Talk, talks
from wsrec.match.dialogue import Wait
from wsrec.match.line import Line
from wsrec.match.outline import uttered
from wsrec.match.rules import Matching, Pacing
from wsrec.schemas.packs import find

FOLDED = Matching(
    contract(
        """
events: {name: /type, fields: {job: /job, text: /text}}
spans:
  job:
    key: job
    open: begin
    during: delta
    close: end
    fold: {join: text, equals: text}
"""
    )
)


def delta(text: str, job: str = "j1", **more: Any) -> dict[str, Any]:
    return event("delta", job=job, text=text, **more)


def answer(*texts: str, job: str = "j1") -> list[dict[str, Any]]:
    return [event("begin", job=job), *(delta(text, job) for text in texts), event("end", job=job)]


def half(*said: Any, then: bool = True) -> Half:
    """Who has asked, and hears an answer, then says `next`, and is closed."""
    talk: list[Any] = [("C", event("ask")), *(("S", each) for each in said)]
    if then:
        talk += [("C", event("next"))]
    half = Half(script(*talk, ("S", close())), matching=FOLDED)
    assert half.says() == [event("ask")]
    return half


@pytest.mark.parametrize(
    "live", [["Hello you"], [*"Hello you"], ["H", "ello", " y", "ou"], ["", "Hello", "", " you"]]
)
def test_how_a_text_is_cut_does_not_matter(live: list[str]) -> None:
    side = half(*answer("Hello", " ", "you"))
    side.hears(*answer(*live))
    assert side.says() == [event("next")]
    side.hears(close())
    assert side.found == []
    assert side.over


def test_our_turn_comes_with_the_last_piece() -> None:
    side = half(event("begin", job="j1"), delta("Hello"), delta(" you"))
    side.hears(event("begin", job="j1"), delta("Hello yo"))
    assert side.says() == []
    side.hears(delta("u"))
    assert side.says() == [event("next")]


def test_another_text_is_one_difference_at_its_place() -> None:
    side = half(*answer("The", " cat", " sat", " down"))
    side.hears(*answer("The", " dog", " sat", " up", " there"))
    assert side.says() == [event("next")]
    side.hears(close())
    assert side.messages == [
        "the text of frame 4 (delta) differs from its character 5 on: "
        '"cat sat down" -> "dog sat up there" (the server\'s 3rd message)'
    ]
    assert side.kinds == ["changed"]


def test_a_shorter_and_a_longer_text() -> None:
    side = half(*answer("The cat", " sat"))
    side.hears(*answer("The", " cat", " s"))
    assert side.messages == [
        'the text of frame 4 (delta) differs from its character 10 on: "at" -> its end'
    ]
    side = half(*answer("The cat"))
    side.hears(*answer("The cat sat"))
    assert side.messages == [
        'the text of frame 3 (delta) differs from its character 8 on: its end -> " sat" '
        "(the server's 2nd message)"
    ]


@pytest.mark.parametrize("lost", range(3))
def test_a_piece_is_lost(lost: int) -> None:
    pieces = ["The ", "cat ", "sat"]
    side = half(*answer(*pieces))
    side.hears(*answer(*(p for n, p in enumerate(pieces) if n != lost)))
    if lost == 2:
        assert side.says() == []
        side.waits()
    assert side.says() == [event("next")]
    side.hears(close())
    assert side.messages == [
        f"frame {3 + lost} (delta) did not come: {json.dumps(delta(pieces[lost]))}"
    ]


@pytest.mark.parametrize("place", range(4))
def test_a_piece_too_many(place: int) -> None:
    pieces = ["The ", "cat ", "sat"]
    side = half(*answer(*pieces))
    side.hears(*answer(*pieces[:place], "big ", *pieces[place:]))
    assert side.says() == [event("next")]
    side.hears(close())
    [found] = side.found
    assert (found.kind, found.number) == ("unexpected", 2 + place)
    assert 'adds "big "' in found.message


def test_pieces_of_two_texts_between_each_other() -> None:
    one, two = answer("The", " cat"), answer("A", " dog", job="j2")
    side = half(*(each for pair in zip(one, two, strict=True) for each in pair))
    one, two = answer("The cat", job="j7"), answer("A d", "og", job="j8")
    side.hears(one[0], two[0], two[1], one[1], two[2], one[2], two[3])
    assert side.says() == [event("next")]
    side.hears(close())
    assert side.found == []


def test_a_text_that_differs_is_told_when_it_ends_and_not_when_something_else_does() -> None:
    side = half(
        event("begin", job="j1"), delta("The"), event("tick"), delta(" cat"), delta(" sat"),
        event("end", job="j1"),
    )  # fmt: skip
    side.hears(event("begin", job="j1"), delta("A"), event("tick"), delta(" cat"))
    assert side.kinds == []
    side.hears(delta(" sat"), event("end", job="j1"), event("what"))
    assert side.kinds == ["changed", "unexpected"]
    assert side.found[0].changes[0].live == "A cat sat"


def test_a_long_text_of_which_little_is_held() -> None:
    many = 3000
    side = half(delta("0123456789abcdef" * 100 * many), event("end", job="j1"))
    for _ in range(many - 1):
        side.hears(delta("0123456789abcdef" * 100))
    side.hears(delta("0123456789abcdef" * 99 + "0123456789abcdeF"), event("end", job="j1"))
    assert side.messages == [
        f"the text of frame 2 (delta) differs from its character {1600 * many} on: "
        f'"f" -> "F" (the server\'s {many}th message)'
    ]


def test_a_text_that_nobody_recorded_is_one_difference() -> None:
    side = half(*answer("Hello"))
    side.hears(*answer("Hello"), delta("What", "j9"), delta(" is", "j9"), close())
    assert side.kinds.count("unexpected") == 1


def test_something_else_in_the_pieces_is_another() -> None:
    side = half(event("begin", job="j1"), delta("He", model="a"), delta("y", model="a"))
    side.hears(event("begin", job="j1"), delta("H", model="b"), delta("ey", model="b"))
    assert side.says() == [event("next")]
    side.hears(close())
    [found] = side.found
    assert (found.kind, [c.pointer for c in found.changes]) == ("changed", ["/model"])


HELLO = [delta("Hello"), delta("", finish="stop"), event("end", job="j1")]


@pytest.mark.parametrize(
    "live",
    [
        [delta("Hel"), delta("lo"), delta("", finish="stop")],
        [delta(""), delta("Hello"), delta(""), delta("", finish="stop"), delta("", finish="stop")],
        [delta("Hel"), delta("lo", finish="stop")],
    ],
)
def test_what_else_the_pieces_hold_comes_in_its_order_wherever_they_are_cut(live: Any) -> None:
    side = half(event("begin", job="j1"), *HELLO)
    side.hears(event("begin", job="j1"), *live, event("end", job="j1"))
    assert side.says() == [event("next")]
    side.hears(close())
    assert side.found == []


def test_a_piece_without_text_that_holds_something_else_does_not_get_lost() -> None:
    side = half(event("begin", job="j1"), *HELLO)
    side.hears(event("begin", job="j1"), delta("Hello"), event("end", job="j1"))
    assert side.says() == []
    side.waits()
    assert side.says() == [event("next")]
    side.hears(close())
    assert side.messages == [
        'frame 4 (delta) did not come: {"type": "delta", "job": "j1", "text": "", "finish": "stop"}'
    ]


def test_what_the_last_piece_holds_does_not_get_lost_with_another_cut() -> None:
    side = half(event("begin", job="j1"), delta("Hel"), delta("lo", finish="stop"), event("end"))
    side.hears(event("begin", job="j1"), delta("Hello"), event("end"))
    assert side.says() == [event("next")]
    side.hears(close())
    [found] = side.found
    assert found.kind == "changed"
    assert [(c.pointer, c.recorded) for c in found.changes] == [("/finish", "stop")]


@pytest.mark.parametrize(
    "live",
    [
        [delta("Hello"), delta("", finish="length")],
        [delta("Hello", finish="stop")],
        [delta("Hello"), delta("", note="x"), delta("", finish="stop")],
        [delta("Hello"), delta("", finish="stop"), delta("", note="x")],
    ],
)
def test_what_else_the_pieces_hold_is_one_difference(live: Any) -> None:
    side = half(event("begin", job="j1"), *HELLO)
    side.hears(event("begin", job="j1"), *live, event("end", job="j1"))
    assert side.says() == [event("next")]
    side.hears(close())
    assert side.kinds == ["changed"]


def test_what_the_first_of_two_texts_of_one_key_lacks_does_not_get_lost() -> None:
    side = half(*HELLO, *HELLO)
    side.hears(delta("Hello"), event("end", job="j1"), *HELLO)
    side.waits()
    assert side.says() == [event("next")]
    side.hears(close())
    assert side.kinds == ["missing"]


def test_what_the_pieces_hold_may_come_before_it_is_due_and_known() -> None:
    """The server is ahead of us, further than is loaded."""
    talk: list[Any] = [("C", event("ask")), *[("S", delta("x"))] * 300]
    talk += [("C", event("next")), *[("S", delta("x"))] * 300, ("S", HELLO[1])]
    side = Half(script(*talk, ("S", close())), matching=FOLDED, page=50)
    assert side.says() == [event("ask")]
    side.hears(*(delta("x" * 100) for _ in range(6)), HELLO[1], after=0)
    assert side.says() == [event("next")]
    side.load()
    side.hears(close())
    assert side.found == []


@pytest.mark.parametrize("name", ["openai-realtime", "openai-responses", "ag-ui", "langgraph"])
def test_real_answers_that_are_cut_anew(name: str) -> None:
    matching = Matching(find(name))
    cut = 0
    for each in talks(name):
        whole, number = joined(each, matching)
        cut += number
        for ours, live in ((each, whole), (whole, each)):
            side = Half(lines(ours), matching=matching, pacing=Pacing("asap"))
            assert side.plays(lines(live)) == []
    assert cut


def lines(each: Talk) -> list[Line]:
    return [Line(m.seq, m.sender, m.at_ns, uttered(m)) for m in each.messages]


def test_what_differs_at_the_end_of_a_turn_is_waited_for_and_told() -> None:
    side = half(event("begin", job="j1"), delta("Hello"), delta(" you"))
    side.hears(event("begin", job="j1"), delta("Hullo"))
    assert side.says() == []
    assert isinstance(side.does(), Wait)
    assert side.waits() == ["changed"]
    assert side.says() == [event("next")]


@pytest.mark.parametrize("there", range(5))
def test_a_text_of_which_the_rest_comes_late_is_one_difference(there: int) -> None:
    live = answer("Hel", "lo", " you")
    side = half(*answer("Hello", " ", "you"))
    side.hears(*live[:there])
    side.waits()
    assert side.says() == [event("next")]
    side.hears(*live[there:], close())
    assert side.kinds == ["late"]
    assert side.found[0].number == there + 1
    assert side.dialogue.counts.matched == 6


def test_what_is_missing_of_one_text_is_not_looked_for_in_the_next_one() -> None:
    first, second = answer("The ", "cat"), answer("sat ", "down")
    talk = [("S", each) for each in first], [("S", each) for each in second]
    side = Half(script(*talk[0], ("C", event("next")), *talk[1]), matching=FOLDED)  # type: ignore[arg-type]
    side.hears(*first[:2], first[3])
    side.waits()
    assert side.says() == [event("next")]
    side.hears(*second)
    side.leaves()
    assert side.messages == [f"frame 3 (delta) did not come: {json.dumps(delta('cat'))}"]


def test_an_early_close_within_a_text() -> None:
    side = half(*answer("The", " cat", " sat"))
    side.hears(event("begin", job="j1"), delta("Th"), close(1011))
    assert side.kinds == ["close"]


def test_a_text_that_comes_whole_where_hundreds_of_pieces_were_recorded() -> None:
    pieces = [f"{n} " for n in range(1000)]
    talk = [("C", event("ask")), *(("S", each) for each in answer(*pieces)), ("C", event("next"))]
    side = Half(script(*talk), matching=FOLDED, page=100)  # type: ignore[arg-type]
    side.says()
    side.hears(event("begin", job="j1"), delta("".join(pieces)))
    assert side.dialogue.counts.left < 400
    side.load()
    side.hears(event("end", job="j1"))
    assert side.says() == [event("next")]
    assert side.found == []


def test_a_text_without_a_contract_is_compared_piece_by_piece() -> None:
    side = Half(script(*(("S", each) for each in answer("a", "b"))))
    side.hears(*answer("ab"))
    assert side.kinds != []


texts = st.text("ab ", min_size=1, max_size=12)


@given(texts, st.data())
def test_no_cut_makes_a_difference(text: str, data: st.DataObject) -> None:
    def cut() -> list[str]:
        places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
        return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]

    side = half(*answer(*cut()))
    side.hears(*answer(*cut()))
    assert side.says() == [event("next")]
    side.hears(close())
    assert side.found == []


@given(texts, texts, st.data())
def test_another_text_is_one_difference(text: str, other: str, data: st.DataObject) -> None:
    def cut(text: str) -> list[str]:
        places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
        return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]

    side = half(*answer(*cut(text)))
    side.hears(*answer(*cut(other)))
    if side.says() == []:
        side.waits()
        assert side.says() == [event("next")]
    side.hears(close())
    assert len(side.found) == (text != other)


def test_at_once_the_pieces_of_the_second_turn_are_not_taken_for_the_first() -> None:
    talk: list[Any] = [("C", event("ask")), *(("S", e) for e in answer("a", "b"))]
    talk += [("C", event("ask")), *(("S", e) for e in answer("c", "d", job="j2")), ("S", close())]
    side = Half(script(*talk), matching=FOLDED, pacing=Pacing("asap"))
    assert side.says() == [event("ask")] * 2
    side.hears(*answer("ab"), *answer("cd", job="j2"), close(), after=SECOND)
    assert side.found == []
