"""One fault of a live peer is one difference, whatever was recorded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support.dialogues import SECOND, STEP, Half, Said, close, event, plain, script, utterance
from wsrec.match.line import Line, Role
from wsrec.match.rules import Pace, Pacing

NAMES = ("alpha", "beta", "delta")


@dataclass(frozen=True)
class Case:
    lines: list[Line]
    role: Role
    pace: Pace
    page: int

    @property
    def theirs(self) -> list[int]:
        """Where the messages of the peer are."""
        return [
            n
            for n, each in enumerate(self.lines)
            if each.sender != self.role and each.said.is_message
        ]

    def play(self, live: list[Line]) -> Half:
        half = Half(self.lines, self.role, Pacing(self.pace), page=self.page)
        half.plays(live)
        return half


@st.composite
def cases(draw: st.DrawFn, least: int = 1) -> Case:
    """Sessions whose messages all differ, though some differ in one member of two only."""
    role: Role = draw(st.sampled_from(("client", "server")))
    peer, own = ("S", "C") if role == "client" else ("C", "S")
    ours = st.just((own, None))
    theirs = st.tuples(st.just(peer), st.sampled_from(NAMES))
    talk: list[tuple[str, str | None]] = draw(
        st.lists(st.one_of(ours, theirs, theirs), max_size=12)
    )
    talk += draw(st.lists(theirs, min_size=least, max_size=least + 3))
    talk = draw(st.permutations(talk)) if draw(st.booleans()) else talk
    said: list[Any] = [
        (sender, event(name or "ours", word=f"word {n}", flag=True))
        for n, (sender, name) in enumerate(talk)
    ]
    if draw(st.booleans()):
        said += [("S", close()), ("C", close())]
    else:
        said += [("C", close()), ("S", close())]
    spaced = [each for pair in zip([2 * STEP] * len(said), said, strict=True) for each in pair]
    pace: Pace = draw(st.sampled_from(("causal", "recorded", "asap")))
    return Case(script(*spaced), role, pace, draw(st.sampled_from((1, 3, 1000))))


@given(cases())
def test_what_was_recorded_is_found_to_be_so(case: Case) -> None:
    half = case.play(case.lines)
    assert half.messages == []
    theirs = [each for each in case.lines if each.sender != case.role]
    assert half.dialogue.counts.matched == len(theirs)


@given(cases(), st.data())
def test_a_lost_message_is_one_missing(case: Case, data: st.DataObject) -> None:
    lost = data.draw(st.sampled_from(case.theirs))
    half = case.play([each for n, each in enumerate(case.lines) if n != lost])
    assert [(each.kind, each.seq) for each in half.found] == [("missing", lost + 1)], half.messages


@given(cases(), st.data())
def test_a_message_that_comes_after_it_was_given_up_is_one_late(
    case: Case, data: st.DataObject
) -> None:
    case = replace(case, role="client", pace="causal")
    lines = case.lines
    late = [
        (n, m)
        for n in case.theirs
        for m in range(n + 1, len(lines))
        if lines[m].said.is_message and any(each.sender == "client" for each in lines[n : m + 1])
    ]
    if not late:
        return
    n, m = data.draw(st.sampled_from(late))
    half = case.play([*lines[:n], *lines[n + 1 : m + 1], lines[n], *lines[m + 1 :]])
    assert [(each.kind, each.seq) for each in half.found] == [("late", n + 1)], half.messages


@given(cases(), st.data())
def test_a_doubled_message_is_one_unexpected(case: Case, data: st.DataObject) -> None:
    n = data.draw(st.sampled_from(case.theirs))
    half = case.play([*case.lines[: n + 1], case.lines[n], *case.lines[n + 1 :]])
    assert half.kinds == ["unexpected"], half.messages


@given(cases(), st.sampled_from((*NAMES, "other")), st.data())
def test_a_message_of_nobody_is_one_unexpected(case: Case, name: str, data: st.DataObject) -> None:
    n = data.draw(st.sampled_from(case.theirs))
    extra = replace(case.lines[n], said=utterance(event(name, word="none", flag=True)))
    half = case.play([*case.lines[:n], extra, *case.lines[n:]])
    assert half.kinds == ["unexpected"], half.messages


@given(cases(), st.data())
def test_a_changed_member_is_one_changed(case: Case, data: st.DataObject) -> None:
    n = data.draw(st.sampled_from(case.theirs))
    line = case.lines[n]
    other = utterance({**plain(line.said), "flag": False})
    half = case.play([*case.lines[:n], replace(line, said=other), *case.lines[n + 1 :]])
    assert [(each.kind, each.seq) for each in half.found] == [("changed", n + 1)], half.messages
    assert [change.pointer for change in half.found[0].changes] == ["/flag"]


@given(cases(least=2), st.data())
def test_a_swapped_pair_is_one_reordered(case: Case, data: st.DataObject) -> None:
    pairs = [(a, b) for a, b in zip(case.theirs, case.theirs[1:], strict=False) if b == a + 1]
    if not pairs:
        return
    a, b = data.draw(st.sampled_from(pairs))
    live = [*case.lines[:a], case.lines[b], case.lines[a], *case.lines[b + 1 :]]
    half = case.play(live)
    assert [(each.kind, each.seq) for each in half.found] == [("reordered", a + 1)], half.messages


@given(cases(), st.integers(1000, 1003), st.data())
def test_a_close_in_the_middle_is_one_difference(
    case: Case, code: int, data: st.DataObject
) -> None:
    n = data.draw(st.sampled_from(case.theirs))
    ends = replace(case.lines[n], said=close(code))
    half = case.play([*case.lines[:n], ends])
    assert len(half.found) == 1, half.messages
    assert half.kinds == ["close"] or (half.kinds == ["missing"] and code == 1000)


@given(cases(), st.data())
def test_the_end_of_the_connection_is_one_difference(case: Case, data: st.DataObject) -> None:
    half = Half(case.lines, case.role, Pacing(case.pace), page=case.page)
    n = data.draw(st.sampled_from(case.theirs))
    for each in case.lines[:n]:
        half.now += SECOND
        half.says()
        if each.sender != case.role:
            half.hears(each.said)
    half.loses()
    assert half.kinds == ["lost"], half.messages


said = st.tuples(
    st.sampled_from(("C", "S")),
    st.one_of(
        st.builds(event, st.sampled_from(NAMES), n=st.integers(0, 2)),
        st.just("text"),
        st.binary(max_size=1),
        st.builds(close, st.sampled_from((1000, 1011))),
    ),
)


@settings(max_examples=200)
@given(st.lists(said, max_size=12), st.lists(said, max_size=12), st.data())
def test_whatever_comes_it_ends(
    recorded: list[Said], live: list[Said], data: st.DataObject
) -> None:
    role: Role = data.draw(st.sampled_from(("client", "server")))
    pace: Pace = data.draw(st.sampled_from(("causal", "recorded", "asap")))
    half = Half(script(*recorded), role, Pacing(pace), page=data.draw(st.integers(1, 5)))
    half.plays(script(*live))
    assert half.over
    assert half.found or half.dialogue.counts.left == 0
