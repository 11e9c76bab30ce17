"""Which recorded session may begin when."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wsrec.match.rules import Pace, Pacing
from wsrec.replay.schedule import Schedule, Span

MS = 1_000_000
RECORDED = Pacing("recorded")


def began(schedule: Schedule, elapsed_ns: int = 0) -> list[int]:
    """Begin what may begin; each opening handshake is sent and answered at once."""
    fresh: list[int] = []
    while more := list(schedule.begin(elapsed_ns)):
        fresh += more
        for number in more:
            schedule.sent(number)
            schedule.answered(number)
    return fresh


def sent(schedule: Schedule) -> list[int]:
    """Begin what may begin; each opening handshake is sent at once, and none is answered."""
    fresh: list[int] = []
    while more := list(schedule.begin(0)):
        fresh += more
        for number in more:
            schedule.sent(number)
    return fresh


def test_a_session_begins_once_those_that_had_ended_before_it_are_over() -> None:
    schedule = Schedule([Span(1, 0, 10), Span(2, 5, 20), Span(3, 15, 30)], Pacing())
    assert began(schedule) == [1, 2]
    schedule.over(2)
    assert began(schedule) == []
    schedule.over(1)
    assert began(schedule) == [3]
    assert schedule.waiting == 0


def test_nothing_waits_for_a_session_whose_end_nobody_knows() -> None:
    assert began(Schedule([Span(1, 0, None), Span(2, 500, 900)], Pacing("asap"))) == [1, 2]


@pytest.mark.parametrize("pace", ["causal", "asap"])
def test_opening_handshakes_are_sent_in_order(pace: Pace) -> None:
    spans = [Span(1, 0, 50), Span(2, 10, 60), Span(3, 20, 70), Span(4, 30, 80)]
    schedule = Schedule(spans, Pacing(pace))
    assert list(schedule.begin(0)) == [1]
    assert list(schedule.begin(0)) == []
    schedule.sent(1)
    assert list(schedule.begin(0)) == [2]
    schedule.over(2)
    assert list(schedule.begin(0)) == [3], "whose request cannot be sent is over"
    assert list(Schedule(spans, RECORDED).begin(30)) == [1, 2, 3, 4]


def test_a_session_begins_once_those_are_answered_that_had_been() -> None:
    spans = [Span(1, 0, 90, 25), Span(2, 10, 90, 80), Span(3, 20, 90, 80), Span(4, 30, 90, 80)]
    schedule = Schedule(spans, Pacing())
    assert sent(schedule) == [1, 2, 3], "they were on their way together"
    schedule.answered(3)
    schedule.answered(2)
    assert sent(schedule) == []
    schedule.answered(1)
    assert sent(schedule) == [4]
    assert sent(Schedule(spans, Pacing("asap"))) == [1, 2, 3, 4]


def test_a_session_ends_once_those_that_it_overlapped_have_begun() -> None:
    spans = [Span(1, 0, 25), Span(2, 10, 15), Span(3, 20, None), Span(4, 30, 40)]
    schedule = Schedule(spans, Pacing())
    assert list(schedule.begin(0)) == [1]
    assert not schedule.may_end(1)
    schedule.sent(1)
    assert list(schedule.begin(0)) == [2]
    assert not schedule.may_end(1)
    schedule.sent(2)
    assert [schedule.may_end(each) for each in (1, 2)] == [False, True]
    schedule.over(2)
    assert list(schedule.begin(0)) == [3]
    assert not schedule.may_end(1)
    schedule.sent(3)
    assert schedule.may_end(1)

    for pacing, most in ((RECORDED, None), (Pacing(), 1)):
        schedule = Schedule(spans, pacing, most)
        assert list(schedule.begin(0)) == [1]
        assert schedule.may_end(1), "it is told when, or has to make room"


def test_a_session_ends_once_those_are_answered_that_had_been() -> None:
    """A server that has room for one has the next one wait for its answer until that is over."""
    spans = [Span(1, 0, 50, 45), Span(2, 10, 80, 60), Span(3, 20, 90, 40)]
    for pacing, free in ((Pacing(), False), (Pacing("asap"), True)):
        schedule = Schedule(spans, pacing)
        assert sent(schedule) == [1, 2, 3]
        schedule.answered(1)
        assert schedule.may_end(1) is free
        schedule.answered(3)
        assert schedule.may_end(1)


def test_with_recorded_pacing_a_session_begins_as_long_after_the_first_as_it_did() -> None:
    schedule = Schedule([Span(7, 40 * MS, 41 * MS), Span(8, 90 * MS, 95 * MS)], RECORDED)
    assert began(schedule) == [7]
    assert schedule.due_ns == 50 * MS
    assert began(schedule, 50 * MS - 1) == []
    assert began(schedule, 50 * MS) == [8]
    assert schedule.due_ns is None


def test_speed_divides_and_long_pauses_are_cut() -> None:
    pacing = Pacing("recorded", speed=2.0, max_gap_ns=10 * MS)
    spans = [Span(1, 0, None), Span(2, 60_000 * MS, None), Span(3, 60_004 * MS, None)]
    schedule = Schedule(spans, pacing)
    assert began(schedule, 5 * MS) == [1, 2]
    assert began(schedule, 7 * MS) == [3]


def test_no_more_run_at_once_than_may() -> None:
    schedule = Schedule([Span(number, 0, None) for number in range(1, 6)], RECORDED, most=2)
    assert began(schedule) == [1, 2]
    assert schedule.due_ns is None, "it waits for one to be over, whatever the time"
    schedule.over(1)
    assert began(schedule) == [3]


@st.composite
def span(draw: st.DrawFn) -> Span:
    began_ns, lasted, took = draw(st.integers(0, 50)), draw(TIMES), draw(TIMES)
    ended_ns = None if lasted is None else began_ns + lasted
    answered_ns = ended_ns if took is None else began_ns + min(took, lasted or took)
    return Span(0, began_ns, ended_ns, answered_ns)


TIMES = st.none() | st.integers(0, 30)
SPANS = st.lists(span(), max_size=25).map(
    lambda spans: [replace(each, session=number) for number, each in enumerate(spans, 1)]
)
PACINGS = st.sampled_from(
    [Pacing(), Pacing("asap"), RECORDED, Pacing("recorded", speed=3.0, max_gap_ns=4)]
)


@settings(max_examples=200, deadline=None)
@given(SPANS, PACINGS, st.none() | st.integers(1, 4), st.randoms(use_true_random=False))
def test_every_session_begins_once_in_order_whenever_others_end(
    spans: list[Span], pacing: Pacing, most: int | None, random: Random
) -> None:
    schedule = Schedule(spans, pacing, most)
    by_id = {span.session: span for span in spans}
    running: list[int] = []
    order: list[int] = []
    over: set[int] = set()
    now = 0
    while schedule.waiting or running:
        fresh = began(schedule, now)
        for number in fresh:
            if pacing.pace != "recorded":
                held = [
                    each for each in spans
                    if each.ended_ns is not None and each.ended_ns <= by_id[number].began_ns
                    and each.session != number and each.began_ns < by_id[number].began_ns
                ]  # fmt: skip
                assert {each.session for each in held} <= over
        running += fresh
        order += fresh
        assert most is None or len(running) <= most
        if running and (schedule.due_ns is None or random.random() < 0.5):
            ended = running.pop(random.randrange(len(running)))
            schedule.over(ended)
            over.add(ended)
        else:
            assert schedule.due_ns is not None, "nothing runs, and nothing will ever begin"
            now = max(now, schedule.due_ns)
    assert order == [
        span.session for span in sorted(spans, key=lambda span: (span.began_ns, span.session))
    ]


@settings(max_examples=200, deadline=None)
@given(SPANS, st.sampled_from([Pacing(), Pacing("asap")]), st.randoms(use_true_random=False))
def test_sessions_that_overlapped_overlap_again_whoever_is_answered_and_has_said_all_first(
    spans: list[Span], pacing: Pacing, random: Random
) -> None:
    schedule = Schedule(spans, pacing)
    asking: set[int] = set()
    running: set[int] = set()
    together: set[tuple[int, int]] = set()
    while schedule.waiting or asking or running:
        for number in sent(schedule):
            together |= {(each, number) for each in asking | running}
            asking.add(number)
        free = {number for number in running if schedule.may_end(number)}
        first = random.choice(sorted(asking | free))
        if first in asking:
            schedule.answered(first)
            asking.remove(first)
            running.add(first)
        else:
            schedule.over(first)
            running.remove(first)
    for one in spans:
        for other in spans:
            if one.ended_ns is not None and one.began_ns < other.began_ns < one.ended_ns:
                assert (one.session, other.session) in together
