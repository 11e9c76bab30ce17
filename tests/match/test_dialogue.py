"""Whose turn it is, and what is wrong with what a live peer says, as conversations."""

from __future__ import annotations

import pytest
from support.dialogues import (
    BEGAN,
    MS,
    PING,
    PONG,
    SECOND,
    STEP,
    Half,
    Said,
    close,
    event,
    script,
)
from wsrec.match.compare import Comparer
from wsrec.match.dialogue import Counts, Dialogue, Over, Say, Wait
from wsrec.match.difference import Difference
from wsrec.match.ids import Ids
from wsrec.match.rules import Matching, Pacing, Patience
from wsrec.match.shown import shown_apart

ASK, ANSWER, MORE = event("ask"), event("answer", text="42"), event("more", n=2)
DONE = event("done", usage=7)
TALK = script(
    ("C", ASK), ("S", ANSWER), ("S", DONE), ("C", MORE), ("S", event("end")),
    ("C", close()), ("S", close()),
)  # fmt: skip


def test_a_line_is_said_when_all_that_had_come_before_it_has_come() -> None:
    half = Half(TALK)
    assert half.says() == [ASK]
    half.hears(ANSWER)
    assert half.says() == []
    half.hears(DONE)
    assert half.says() == [MORE]
    half.hears(event("end"))
    assert half.says() == [close().data]
    half.hears(close())
    assert half.over
    assert half.found == []
    assert (half.dialogue.counts.said, half.dialogue.counts.heard) == (3, 4)
    assert (half.dialogue.counts.matched, half.dialogue.counts.left) == (4, 0)


def test_a_server_answers_what_it_is_asked() -> None:
    half = Half(TALK, "server")
    assert half.says() == []
    half.hears(ASK)
    assert half.says() == [ANSWER, DONE]
    half.hears(MORE)
    assert half.says() == [event("end")]
    half.hears(close())
    assert half.over
    assert half.found == []


def test_pings_of_ours_are_said_and_those_of_the_peer_mean_nothing() -> None:
    half = Half(script(("C", ASK), ("C", PING), ("S", PONG), ("S", PING), ("S", ANSWER)))
    assert half.says() == [ASK, b""]
    half.hears(PONG, PING, PING, ANSWER)
    assert half.over
    assert half.found == []
    assert half.dialogue.counts.heard == 1


@pytest.mark.parametrize("pings", [10, 2000])
def test_a_close_before_pings_of_ours_is_none_that_comes_early(pings: int) -> None:
    ours: list[Said] = [("S", PING)] * pings
    talk = script(("C", ASK), *ours, ("C", close()))
    half = Half(talk, "server", page=100)
    half.hears(ASK)
    half.hears(close())
    assert half.over
    assert half.found == [], "it may close while they are on their way"


def test_what_did_not_come_in_time_is_missing_and_it_goes_on() -> None:
    half = Half(TALK)
    half.says()
    half.hears(ANSWER)
    act = half.does()
    assert act == Wait(half.now + 50 * MS + 10 * SECOND)
    assert half.waits() == []
    assert half.says() == [MORE]
    assert half.leaves() == ["missing"]
    assert half.messages == ['frame 3 (done) did not come: {"type": "done", "usage": 7}']


def test_a_stretch_that_did_not_come_is_missing_once() -> None:
    half = Half(TALK, patience=Patience(message_ns=SECOND))
    half.says()
    half.waits()
    assert half.leaves() == ["missing"]
    assert half.messages == [
        "2 messages did not come, frame 2 (answer) to frame 3, "
        'the first: {"type": "answer", "text": "42"}'
    ]
    assert (half.found[0].seq, half.found[0].event) == (2, "answer")


def test_what_comes_after_it_was_given_up_is_late() -> None:
    half = Half(TALK)
    half.says()
    half.hears(ANSWER)
    half.waits()
    assert half.says() == [MORE]
    half.hears(DONE, after=3 * SECOND)
    assert half.does() == Wait(half.now + 50 * MS + 10 * SECOND), "it is there, and has its time"
    half.hears(event("end"))
    assert half.says() == [close().data]
    half.hears(close())
    assert half.found == [Difference(
        "late", "frame 3 (done) came as the server's 2nd message, 3 s after it was given up",
        1, seq=3, number=2, event="done",
    )]  # fmt: skip
    assert half.dialogue.counts == Counts(said=3, heard=4, matched=4, left=0)


def test_all_that_comes_late_is_told_once_and_what_does_not_come_by_itself() -> None:
    plan, call, result, done = map(event, ("plan", "call", "result", "done"))
    half = Half(
        script(
            ("C", ASK), ("S", plan), ("S", call), ("C", MORE), ("S", result), ("S", done),
            ("C", close()),
        )
    )  # fmt: skip
    half.says()
    half.waits()
    half.says()
    half.waits()
    half.hears(plan, call, result)
    assert half.leaves() == ["missing", "late"]
    assert half.messages == [
        'frame 6 (done) did not come: {"type": "done"}',
        "3 messages came after they were given up, frame 2 (plan) to frame 5, "
        "the first 10.1 s after, as the server's 1st message",
    ]


def test_what_comes_late_and_is_another_one_is_changed_too() -> None:
    half = Half(script(("C", ASK), ("S", event("usage", n=1, of="a")), ("C", MORE), ("S", DONE)))
    half.says()
    half.waits()
    half.says()
    half.hears(event("usage", n=2, of="a"), DONE)
    half.leaves()
    assert [(each.kind, each.seq) for each in half.found] == [("changed", 2), ("late", 2)]


def test_an_id_that_comes_late_is_known_from_then_on() -> None:
    run, other = "run_8f3ka9d2c1", "run_b7m2x0q4z9"
    half = Half(
        script(("S", event("run", id=run)), ("C", MORE), ("S", DONE), ("C", event("stop", id=run)))
    )
    half.waits()
    half.says()
    half.hears(event("run", id=other), DONE)
    assert half.says() == [event("stop", id=other)]


def test_what_others_have_overtaken_comes_late() -> None:
    half = Half(TALK)
    half.says()
    half.hears(DONE)
    half.waits()
    half.says()
    half.hears(ANSWER, event("end"))
    assert half.leaves() == ["late"]
    assert half.found[0].seq == 2


def test_of_many_that_are_given_up_the_last_may_come_late() -> None:
    talk = [each for n in range(300) for each in (("S", event("n", n=n)), ("C", MORE))]
    half = Half(script(*talk))  # type: ignore[arg-type]
    for _ in range(300):
        half.waits()
        half.says()
    half.hears(event("n", n=299))
    half.leaves()
    assert [(each.kind, each.seq) for each in half.found] == [
        ("missing", 1), ("missing", 513), ("late", 599)
    ]  # fmt: skip


def test_the_pause_that_was_recorded_is_granted_on_top_of_the_patience() -> None:
    half = Half(script(("C", ASK), 30 * SECOND, ("S", ANSWER), 20 * SECOND, ("S", DONE)))
    half.says()
    assert half.does() == Wait(BEGAN + 60 * SECOND)
    half.hears(ANSWER)
    assert half.does() == Wait(half.now + 30 * SECOND)


def test_what_others_have_overtaken_is_soon_given_up_unless_any_order_will_do() -> None:
    half = Half(TALK)
    half.says()
    assert half.hears(DONE) == []
    assert half.does() == Wait(half.now + SECOND)
    half.waits()
    assert half.says() == [MORE]
    assert half.leaves() == ["missing"]

    half = Half(TALK, matching=Matching(any_order=True))
    half.says()
    half.hears(DONE)
    assert half.does() == Wait(half.now + 50 * MS + 10 * SECOND)


def test_what_says_nothing_new_does_not_prolong_the_wait() -> None:
    half = Half(TALK)
    half.says()
    until = half.does()
    assert half.hears(event("alive"), event("alive")) == ["unexpected", "unexpected"]
    assert half.does() == until


def test_one_value_is_another() -> None:
    half = Half(TALK)
    half.says()
    half.hears(event("answer", text="43"))
    assert half.says() == []
    half.hears(DONE)
    assert half.kinds == ["changed"]
    assert half.says() == [MORE]
    [found] = half.found
    assert (found.seq, found.number, found.event) == (2, 1, "answer")
    assert (
        found.message == "frame 2 (answer) came as the server's 1st message with other values: "
        '/text: "42" -> "43"'
    )
    [change] = found.changes
    assert (change.pointer, change.recorded, change.live) == ("/text", "42", "43")


def test_what_is_taken_for_a_changed_message_is_one_too_many_if_that_comes() -> None:
    half = Half(TALK)
    half.says()
    half.hears(event("answer", text="41"), ANSWER, DONE)
    [found] = half.found
    assert (found.kind, found.number, found.nearest) == ("unexpected", 1, 2)
    assert found.message == (
        "the server's 1st message (answer) is not recorded: "
        '{"type": "answer", "text": "41"}; the nearest is frame 2 (answer)'
    )


def test_a_message_that_nobody_recorded() -> None:
    half = Half(TALK)
    half.says()
    assert half.hears(event("tick", n=1)) == ["unexpected"]
    half.hears(ANSWER, DONE)
    assert half.kinds == ["unexpected"]
    assert half.says() == [MORE]


def test_what_is_twice_the_same_is_one_too_many() -> None:
    tick = event("tick")
    half = Half(script(("S", tick), ("S", ANSWER), ("S", tick), ("S", DONE), ("S", close())))
    half.hears(tick, tick, ANSWER, tick, DONE, close())
    assert half.kinds == ["unexpected"]
    assert half.found[0].number == 2


def test_a_lost_message_shifts_nothing_even_among_equal_ones() -> None:
    tick = event("tick")
    half = Half(script(("S", tick), ("S", ANSWER), ("S", tick), ("S", DONE), ("S", close())))
    half.hears(ANSWER, tick, DONE, close())
    assert half.kinds == ["missing"]
    assert half.found[0].seq == 1


def test_two_messages_came_the_other_way_round() -> None:
    half = Half(TALK)
    half.says()
    half.hears(DONE)
    assert half.says() == []
    half.hears(ANSWER)
    assert half.says() == [MORE]
    half.hears(event("end"))
    [found] = half.found
    assert (found.kind, found.seq, found.number) == ("reordered", 2, 2)
    assert (
        found.message == "frame 2 (answer) came as the server's 2nd message, behind frame 3 (done)"
    )


def test_one_message_before_several_is_one_difference() -> None:
    several = [event("n", n=n) for n in range(5)]
    half = Half(script(*(("S", each) for each in several), ("S", close())))
    half.hears(several[3], *several[:3], several[4], close())
    assert half.messages == ["frame 1 (n) came as the server's 2nd message, behind frame 4 (n)"]


def test_any_order_may_do() -> None:
    half = Half(TALK, matching=Matching(any_order=True))
    half.says()
    half.hears(DONE, ANSWER, event("end"))
    assert half.found == []


def early(pause: int, matching: Matching | None = None) -> list[str]:
    lines = script(("C", ASK), ("S", ANSWER), pause, ("C", MORE), ("S", DONE), ("S", close()))
    half = Half(lines, "server", matching=matching)
    half.hears(MORE, ASK)
    assert half.says() == [ANSWER, DONE, close().data]
    assert half.over
    return half.messages


def test_a_client_that_does_not_wait_for_the_answer_is_early() -> None:
    found = (
        "frame 3 (more) came as the client's 1st message before frame 2, which it followed, "
        "was said"
    )
    assert early(100 * MS) == [found]


def test_what_may_have_crossed_is_not_early() -> None:
    assert early(99 * MS) == []
    assert early(SECOND, Matching(any_order=True)) == []


def test_a_server_may_be_ahead_of_us() -> None:
    half = Half(TALK)
    half.says()
    half.hears(ANSWER, DONE, event("end"))
    assert half.says() == [MORE, close().data]
    half.hears(close())
    assert half.found == []


@pytest.mark.parametrize("any_order", [True, False])
def test_a_server_that_is_ahead_of_itself_is_out_of_order(any_order: bool) -> None:
    half = Half(TALK, matching=Matching(any_order=any_order))
    half.says()
    half.hears(ANSWER, event("end"), DONE)
    assert half.says() == [MORE, close().data]
    half.hears(close())
    assert half.kinds == ([] if any_order else ["reordered"])


@pytest.mark.parametrize("ahead", [True, False])
def test_a_client_that_says_a_thing_twice_is_not_early(ahead: bool) -> None:
    again = event("next")
    half = Half(
        script(("C", again), SECOND, ("S", ANSWER), SECOND, ("C", again), ("S", close())), "server"
    )
    if ahead:
        half.hears(again, again)
        assert half.says() == [ANSWER, close().data]
        assert half.kinds == ["early"]
    else:
        half.hears(again)
        half.says()
        half.hears(again)
        assert half.says() == [close().data]
        assert half.found == []


def test_the_close_is_another_one() -> None:
    half = Half(script(("C", ASK), ("S", ANSWER), ("S", close(1000, "bye"))))
    half.says()
    half.hears(ANSWER, close(1011, "oops"))
    assert half.messages == ['the server closed with 1011 "oops" instead of 1000 "bye"']
    assert half.kinds == ["close"]
    assert half.over


def test_of_long_texts_is_shown_where_they_differ() -> None:
    for least, long in ((1000, "x" * 3000), (60, "x" * 100)):
        half = Half(script(("C", ASK), ("S", event("answer", text=f"{long} sunny {long}"))))
        half.says()
        half.hears(event("answer", text=f"{long} cloudy {long}"))
        [found] = half.found
        pair = ('"…xxxxxxxxxxxxxxxxxxx sunny xxx', '"…xxxxxxxxxxxxxxxxxxx cloudy xx')
        assert all(each in found.message for each in pair)
        assert len(found.message) < 300
        [change] = found.changes
        assert len(str(change.recorded)) > least
        for each, kept in zip(pair, shown_apart(change.recorded, change.live), strict=True):
            assert kept.startswith(each)
            assert len(kept) < 70


def test_a_close_that_comes_early_accounts_for_all_that_is_missing() -> None:
    half = Half(TALK)
    half.says()
    half.hears(ANSWER, close(1000))
    assert half.messages == [
        "the server closed with 1000, where the client had closed with 1000, before "
        "2 messages of the server had come, first frame 3 (done), "
        "and 1 message of the client was said, first frame 4"
    ]
    assert half.kinds == ["close"]
    assert half.dialogue.counts == Counts(said=1, heard=2, matched=1, left=3)
    assert half.says() == []
    assert half.over


def test_what_was_lost_before_an_early_close_is_missing_by_itself() -> None:
    half = Half(TALK)
    half.says()
    half.hears(DONE, close(1011))
    assert half.kinds == ["missing", "close"]


def test_the_last_message_is_lost() -> None:
    half = Half(script(("C", ASK), ("S", ANSWER), ("S", DONE), ("S", close())))
    half.says()
    half.hears(ANSWER, close())
    assert half.messages == ['frame 3 (done) did not come: {"type": "done", "usage": 7}']


def test_the_peer_does_not_close() -> None:
    half = Half(TALK)
    half.says()
    half.hears(ANSWER, DONE)
    half.says()
    half.hears(event("end"))
    half.says()
    assert half.does() == Wait(half.now + 50 * MS + 5 * SECOND)
    assert half.waits() == ["close"]
    assert half.messages == ["the server did not close, as it had with 1000"]
    assert half.over


def test_the_peers_time_begins_when_what_we_say_is_out() -> None:
    half = Half(script(("C", ASK), ("S", ANSWER), ("C", close()), ("S", close())))
    half.says()
    half.hears(ANSWER)
    assert half.says() == [close().data]
    half.now += 20 * SECOND  # it had to wait for others
    half.dialogue.said(half.now)
    assert half.does() == Wait(half.now + STEP + 5 * SECOND)


def test_a_server_that_closes_first_when_only_our_close_was_left() -> None:
    half = Half(TALK, pacing=Pacing("recorded"))
    half.hears(ANSWER, DONE, event("end"), close())
    assert half.kinds == ["close"]
    half = Half(script(("C", ASK), ("S", ANSWER), ("C", close()), ("S", close())))
    half.says()
    half.hears(ANSWER, close())
    assert half.found == []
    assert half.says() == []


def test_after_the_peers_close_nothing_is_said() -> None:
    half = Half(script(("S", close(1001)), ("C", close(1001)), ("C", PING)))
    assert half.says() == []
    half.hears(close(1001))
    assert half.over
    assert half.found == []


def test_the_connection_is_lost() -> None:
    half = Half(TALK)
    half.says()
    half.hears(ANSWER)
    assert half.loses() == ["lost"]
    assert half.messages == [
        "the connection ended (reset) before 3 messages of the server had come, "
        "first frame 3 (done), "
        "and 2 messages of the client were said, first frame 4"
    ]
    assert half.dialogue.counts == Counts(said=1, heard=1, matched=1, left=5)
    assert half.over


def test_a_connection_that_ended_in_the_recording_may_end() -> None:
    half = Half(script(("C", ASK), ("S", ANSWER)))
    half.says()
    half.hears(ANSWER)
    assert half.over
    assert half.loses() == []


def test_what_may_be_missing_at_the_end() -> None:
    rate = event("rate")
    lines = script(("C", ASK), ("S", rate), ("S", ANSWER), ("S", rate), ("S", rate), ("C", close()))
    half = Half(lines, matching=Matching(unconsumed=frozenset({"rate"})))
    half.says()
    half.hears(ANSWER)
    half.waits()
    assert half.says() == [close().data]
    assert half.leaves() == ["missing"]
    assert half.found[0].seq == 2


def test_at_once() -> None:
    half = Half(TALK, pacing=Pacing("asap"))
    assert half.says() == [ASK, MORE]
    half.hears(ANSWER, DONE, event("end"))
    assert half.says() == [close().data]
    half.hears(close())
    assert half.over
    assert half.found == []
    server = Half(TALK, "server", pacing=Pacing("asap"))
    assert server.says() == []


@pytest.mark.parametrize("pacing", [Pacing("asap"), Pacing("recorded")])
def test_what_carries_an_id_of_the_peer_waits_for_it(pacing: Pacing) -> None:
    run, other, mine = "run_8f3ka9d2c1", "run_b7m2x0q4z9", "5d1c0f3a77e24b9c"
    lines = script(
        ("S", ANSWER), ("S", event("run", id=run)), ("S", event("end")),
        ("C", event("ask", id=mine)), ("C", event("stop", id=run)), ("C", MORE),
    )  # fmt: skip

    half = Half(lines, pacing=pacing)
    half.now += SECOND
    assert half.says() == [event("ask", id=mine)]
    half.hears(ANSWER)
    assert half.says() == []
    half.hears(event("run", id=other))
    assert half.says() == [event("stop", id=other), MORE]

    half = Half(lines, pacing=pacing)
    half.now += SECOND
    half.says()
    half.waits()
    assert half.says() == [event("stop", id=run), MORE], "it goes on without it"
    assert half.leaves() == ["missing"]

    free = Half(lines, pacing=pacing, matching=Matching(binds=False))
    free.now += SECOND
    assert free.says() == [event("ask", id=mine), event("stop", id=run), MORE]


def test_a_client_keeps_to_the_times_that_were_recorded() -> None:
    lines = script(("S", ANSWER), SECOND, ("C", ASK), 60 * SECOND, ("C", MORE), ("S", close()))
    half = Half(lines, pacing=Pacing("recorded", speed=2.0, max_gap_ns=10 * SECOND))
    assert half.does() == Wait(BEGAN + SECOND // 2)
    half.now = BEGAN + SECOND // 2 + 3 * MS
    act = half.does()
    assert isinstance(act, Say)
    assert act.due_ns == BEGAN + SECOND // 2
    half.now = BEGAN + 11 * SECOND // 2
    assert half.says() == [MORE]
    assert half.dialogue.lateness.max == 3 * MS
    assert half.dialogue.lateness.percentile(50) == 0


def test_a_server_takes_as_long_as_it_took() -> None:
    lines = script(("C", ASK), 2 * SECOND, ("S", ANSWER), SECOND, ("S", DONE), ("C", close()))
    half = Half(lines, "server", pacing=Pacing("recorded"))
    half.hears(ASK, after=4 * SECOND)
    assert half.does() == Wait(half.now + 2 * SECOND)
    half.now += 2 * SECOND
    assert half.says() == [ANSWER]
    assert half.does() == Wait(half.now + SECOND)
    half.now += SECOND + 5 * MS
    assert half.says() == [DONE]
    assert half.does() == Wait(half.now + 50 * MS + 5 * SECOND)


def test_what_comes_early_delays_nothing() -> None:
    lines = script(("C", ASK), 2 * SECOND, ("S", ANSWER), SECOND, ("C", MORE), ("S", close()))
    half = Half(lines, "server", pacing=Pacing("recorded"))
    half.hears(ASK)
    until = half.does()
    half.hears(MORE, after=SECOND)
    assert half.does() == until


def test_a_peer_is_granted_its_time_however_fast_we_play() -> None:
    lines = script(("C", ASK), 30 * SECOND, ("S", ANSWER))
    half = Half(lines, pacing=Pacing("recorded", speed=10.0))
    half.says()
    assert half.does() == Wait(BEGAN + 40 * SECOND)


def test_no_more_is_held_than_a_window() -> None:
    talk = [("C", ASK), *(("S", event("n", n=n)) for n in range(2000)), ("C", MORE)]
    half = Half(script(*talk), page=64)  # type: ignore[arg-type]
    assert not half.dialogue.hungry
    assert half.dialogue.counts.left <= 256 + 64
    half.says()
    for n in range(1, 2000):  # the first is lost
        assert half.hears(event("n", n=n)) == []
        assert half.dialogue.counts.left <= 256 + 64
    half.waits()
    assert half.says() == [MORE]
    assert half.does() == Over()
    assert half.leaves() == ["missing"]


def test_many_lost_at_once_are_one_difference() -> None:
    many = [event("n", n=n) for n in range(150)]
    half = Half(script(*(("S", each) for each in many), ("S", close())))
    half.hears(*many[:5], *many[105:], close())
    assert half.messages == [
        '100 messages did not come, frame 6 (n) to frame 105, the first: {"type": "n", "n": 5}'
    ]


def test_a_close_that_answers_ours_is_no_difference_though_none_was_recorded() -> None:
    half = Half(script(("C", ASK), ("C", close()), ("S", DONE)))
    half.says()
    half.hears(close())
    assert half.messages == ['frame 3 (done) did not come: {"type": "done", "usage": 7}']


def test_a_close_where_none_was_recorded() -> None:
    half = Half(script(("C", ASK), ("S", ANSWER), ("S", DONE)))
    half.says()
    half.hears(close(1001))
    assert half.messages == [
        "the server closed with 1001, where none of it is recorded, "
        "before 2 messages of the server had come, first frame 2 (answer)"
    ]


def test_a_close_before_the_script_was_read_to_its_end_tells_what_is_known() -> None:
    talk = [("S", event("n", n=n)) for n in range(400)]
    half = Half(script(*talk, ("S", close())), page=64)  # type: ignore[arg-type]
    half.hears(event("n", n=0), close())
    assert half.messages == [
        "the server closed with 1000 before at least 319 messages of the server had come, "
        "first frame 2 (n)"
    ]


def test_texts_and_bytes_are_compared_as_they_are() -> None:
    half = Half(script(("S", "hello"), ("S", b"\x00\x01"), ("S", close())))
    half.hears("hullo", b"\x00\x02", close())
    assert half.messages == [
        'frame 1 (text "hello") came as the server\'s 1st message with other values: '
        'it: "hello" -> "hullo"',
        "frame 2 (binary 2 bytes 0001) came as the server's 2nd message with other values: "
        "it: 2 bytes 0001 -> 2 bytes 0002",
    ]


def test_a_close_is_answered_as_it_was_or_with_its_own_body() -> None:
    half = Half(script(("C", ASK), ("S", close(4000, "enough")), ("C", close())))
    assert half.dialogue.answer(close(4000, "enough")) == close()
    assert half.dialogue.answer(close(1011)) == close(1011)
    half = Half(script(("C", ASK), ("S", close(4000))))
    assert half.dialogue.answer(close(4000)) == close(4000)


def test_what_is_due_needs_no_more_than_a_line_of_ours() -> None:
    dialogue = Half(TALK[:0]).dialogue
    assert not dialogue.starved, "there is nothing more"
    dialogue = Dialogue(1, "client", Comparer(Matching()), Ids(), Pacing("asap"), Patience(), BEGAN)
    lines = script(*(("S", MORE),) * 5, ("C", ASK), ("S", DONE), ("C", MORE))
    for line in lines[:5]:
        dialogue.load([line], last=False)
        assert dialogue.starved
    dialogue.load(lines[5:6], last=False)
    assert dialogue.hungry
    assert not dialogue.starved
    assert isinstance(dialogue.next(BEGAN), Say)
    assert dialogue.starved


def test_the_message_that_was_furthest_behind_its_recorded_step() -> None:
    half = Half(TALK)
    half.says()
    half.hears(ANSWER, after=40 * MS)
    half.hears(DONE, after=3 * SECOND)
    lag = half.dialogue.lag
    assert lag is not None
    assert (lag.seq, lag.event) == (3, "done")
    assert (lag.took_ns, lag.recorded_ns) == (3 * SECOND, 50 * MS)
