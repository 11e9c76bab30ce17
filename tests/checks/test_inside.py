"""Machines, rising fields and values that come once, in spans and in sessions."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest
from support.contracts import in_session, in_span, machine, say
from support.conversation import Line, codes, crashed, judge, messages, only, session
from wsrec.checks.judge import Judge
from wsrec.schemas.model import Monotonic, Same

TURNS = machine("idle -o-> busy, busy -x-> busy, busy -y-> waiting, waiting -z-> busy,"
                "busy -c-> idle", "idle")  # fmt: skip


@pytest.mark.parametrize(
    ("talk", "seen"),
    [
        ("o x y z x c o c", None),
        ("o y x z c", "x"),  # x and z changed places
        ("o y c", "c"),  # z was lost
        ("o y y z x c", "y"),  # y came twice
        ("x y z c", "x"),  # o was lost
        ("o x y z c c", "c"),
        ("o x y", "waiting"),
        ("c o", "c"),
    ],
)
def test_a_machine_tells_one_fault_once(talk: str, seen: str | None) -> None:
    outcome = judge(say(talk), in_session(machine=TURNS))
    if seen is None:
        assert codes(outcome) == []
        return
    found = only(outcome)
    assert (found.code, found.seen) == ("session.machine", seen)


def test_a_machine_says_where_it_stood_and_what_it_expected() -> None:
    found = only(judge(say("o y x z c"), in_session(machine=TURNS)))
    assert found.message == "x is not allowed in state waiting of the session; expected z"
    found = only(judge(say("o x"), in_session(machine=TURNS)))
    assert found.message == "the session ended in state busy; expected it to end in idle"


def test_two_faults_far_apart_are_two_findings() -> None:
    talk = "o y x z x x c o x y y z x c"
    outcome = judge(say(talk), in_session(machine=TURNS))
    assert [(f.code, f.seq) for f in outcome.all_findings()] == [
        ("session.machine", 3),
        ("session.machine", 11),
    ]


def test_a_star_is_any_other_event_and_error_is_none() -> None:
    rules = in_session(machine=machine("idle -o-> open, open -*-> open, open -y-> error"))
    assert codes(judge(say("o x z x"), rules)) == []
    assert only(judge(say("o x y x"), rules)).seen == "y"
    assert only(judge(say("x o x"), rules)).seen == "x"
    # What no state names is nothing to a machine without a star.
    assert codes(judge(say("hello o c"), in_session(machine=TURNS))) == []


def test_a_machine_inside_a_span() -> None:
    rules = in_span(machine=machine("new -x-> some, some -y-> done, done -*-> error", "done"))
    assert codes(judge(say("o:1 o:2 x:1 x:2 y:2 y:1 c:1 c:2"), rules)) == []
    found = only(judge(say("o:1 o:2 x:1 x:2 y:2 c:1 c:2"), rules))
    assert (found.code, found.key, found.seq) == ("span.machine", "1", 6)
    assert codes(judge(say("o:1 x:1 a:1"), rules)) == []  # an abort ends it anywhere
    assert codes(judge(say("o:1 x:1"), rules)) == ["span.unclosed"]


def test_the_end_of_a_machine_is_not_judged_when_the_tail_may_be_lost() -> None:
    rules = in_session(machine=TURNS)
    assert codes(judge(say("o x"), rules, crashed())) == ["recording.unclean"]


@pytest.mark.parametrize("by", [1, None])
@pytest.mark.parametrize(
    ("talk", "seq"),
    [
        ("x:1/1 x:1/2 x:1/3 x:1/4 x:1/5", None),
        ("x:1/1 x:1/2 x:1/2 x:1/3 x:1/4", 3),  # twice
        ("x:1/1 x:1/3 x:1/2 x:1/4 x:1/5", 3),  # changed places
        ("x:1/1 x:1/2 x:1/3 x:1/1 x:1/2 x:1/3 x:1/4", 4),  # counts anew
        ("x:1/1 x:1/4 x:1/5 x:1/2 x:1/3 x:1/6", 4),  # two came late
    ],
)
def test_what_does_not_rise_is_told_once(talk: str, seq: int | None, by: int | None) -> None:
    for rules, code in (
        (in_session(monotonic=(Monotonic("seq", by),)), "session.monotonic"),
        (in_span(monotonic=(Monotonic("seq", by),)), "span.monotonic"),
    ):
        outcome = judge([*say("o:1"), *say(talk), *say("c:1")], rules)
        expected = [] if seq is None else [(code, seq + 1)]
        assert [(f.code, f.seq) for f in outcome.all_findings()] == expected


def test_what_was_left_out_is_told_only_where_the_step_is_known() -> None:
    talk = say("x:1/1 x:1/2 x:1/5 x:1/6")
    assert codes(judge(talk, in_session(monotonic=(Monotonic("seq"),)))) == []
    found = only(judge(talk, in_session(monotonic=(Monotonic("seq", 1),))))
    assert found.message == (
        "in the session: seq went from 2 (frame 2) to 5 (frame 3): 3 to 4 (2 values) never came"
    )


def test_texts_of_digits_are_numbers_and_others_are_not() -> None:
    rules = in_session(monotonic=(Monotonic("seq", 10),))
    good = [*say("x", seq="90"), *say("x", seq="100"), *say("x", seq=110), *say("x", seq=120.0)]
    assert codes(judge(good, rules)) == []
    for value in ("ten", True, "²", "-1"):
        found = only(judge([*good, *say("x", seq=value)], rules))
        assert found.expected == "a number"
    found = only(judge([*good, *say("x", seq=125)], rules))
    assert found.expected == "130.0"


def test_what_may_stay_the_same_must_not_fall() -> None:
    level = in_session(monotonic=(Monotonic("seq", level=True),))
    assert codes(judge(say("x:1/5 x:1/5 x:1/6"), level)) == []
    found = only(judge(say("x:1/5 x:1/6 x:1/5 x:1/6"), level))
    assert (found.code, found.seq, found.expected) == ("session.monotonic", 3, "6 or more")


def test_dates_with_times_rise_in_any_form() -> None:
    rules = in_session(monotonic=(Monotonic("user"),))

    def told(*times: str | float) -> list[Line]:
        return [line for time in times for line in say("x:1", user=time)]

    good = told("2026-01-31T12:00:00", "2026-01-31 12:00:00.5Z", "2026-01-31T14:00:01+02:00")
    assert codes(judge([*good, *told(1769860802.5)], rules)) == []
    found = only(judge(told("2026-01-31T12:00:00Z", "2026-01-31T12:00:00+01:00"), rules))
    assert (found.code, found.seq) == ("session.monotonic", 2)
    assert found.expected == "more than 2026-01-31T12:00:00Z"
    assert only(judge(told("2026-01-31T12:00:00Z", "2026-31-01T12:00:00Z"), rules)).seq == 2


def test_numbers_at_the_end_of_all_doubles_do_not_rise() -> None:
    rules = in_session(monotonic=(Monotonic("user", 1),))
    talk = [line for number in (1.5, 10**305, 2.5) for line in say("x:1", user=number)]
    found = only(judge(talk, rules))
    assert (found.code, found.seq, found.expected) == ("session.monotonic", 2, "a number")


def test_a_lost_event_that_a_span_misses_is_not_also_a_hole() -> None:
    rules = in_session(in_span("requires: y"), monotonic=(Monotonic("seq", 1),))
    talk = say("o:1/1 x:1/2 y:1/3 c:1/4 o:2/5 y:2/6 c:2/7")
    assert codes(judge(talk, rules)) == []
    for place, code in ((0, "span.unopened"), (2, "span.missing"), (3, "span.unclosed")):
        found = only(judge(talk[:place] + talk[place + 1 :], rules))
        assert found.code == code
        if place:
            assert found.nearest is not None
            assert f"{place + 1} never came" in found.nearest
    assert only(judge(talk[:1] + talk[2:], rules)).code == "session.monotonic"
    # Two are lost, and only one of them is missed.
    assert sorted(codes(judge(talk[:1] + talk[3:], rules))) == ["session.monotonic", "span.missing"]


def test_a_gap_in_the_recording_is_no_hole() -> None:
    rules = in_session(machine=TURNS, monotonic=(Monotonic("seq", 1),))
    engine = Judge(rules)
    engine.open(session())
    for message in messages(say("o:1/1 y:1/2 c:1/7 o:1/8 o:1/9")):
        if message.seq == 3:
            engine.gap(1, 3, "frames are missing")
        engine.message(1, message)
    engine.close(session())
    assert sorted(codes(engine.finish())) == ["recording.gap", "session.machine"]


@pytest.mark.parametrize("repeated", range(4))
def test_a_repeated_value_is_one_finding_and_is_not_counted(repeated: int) -> None:
    talk = say("o:1/1 x:1/2 y:1/3 c:1/4")
    talk = [*talk[: repeated + 1], talk[repeated], *talk[repeated + 1 :]]
    more = "count: {o: {max: 1}, x: {max: 1}}, once: true, after_close: forbid"
    for rules, code in (
        (in_session(in_span(more), unique=("seq",)), "session.repeated"),
        (in_span(more, unique=("seq",)), "span.repeated"),
    ):
        found = only(judge(talk, rules))
        assert (found.code, found.seq, found.seen) == (code, repeated + 2, str(repeated + 1))


def test_more_values_than_are_kept_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wsrec.checks.unique.MAX_UNIQUE", 3)
    talk: list[Line] = [line for n in range(1, 7) for line in say(f"x:1/{n}")]
    outcome = judge([*talk, *say("x:1/1 x:1/6")], in_session(unique=("seq",)))
    assert sorted(codes(outcome)) == ["session.repeated", "span.forgotten"]


def test_an_absent_field_may_differ() -> None:
    mixed = [*say("o:1", user="a"), *say("x:1 hello:1"), *say("c:1", user="a")]
    assert codes(judge(mixed, in_span(same=(Same("user"),)))) == []
    found = only(judge(mixed, in_span(same=(Same("user", "differs"),))))
    assert found.message == "user is absent in x, but was 'a' in s '1' since frame 1"
    late = [*say("o:1 x:1"), *say("x:1", user="a"), *say("c:1")]
    found = only(judge(late, in_span(same=(Same("user", "differs"),))))
    assert (found.seq, found.expected, found.seen) == (3, "absent", "a")


def test_an_absent_field_may_be_the_value_a_span_begins_with() -> None:
    rules = in_span(same=(Same("user", "first"),))
    ours = say("o:1", user="a")
    assert codes(judge([*ours, *say("x:1"), *say("c:1", user="a")], rules)) == []
    found = only(judge([*say("o:1 x:1"), *say("x:1", user="a"), *say("c:1")], rules))
    assert (found.seq, found.expected, found.seen) == (3, "absent", "a")
    found = only(judge([*ours, *say("x:1"), *say("c:1", user="b")], rules))
    assert (found.seq, found.expected, found.seen) == (3, "a", "b")


def test_a_span_opened_again_inside_itself() -> None:
    rules = in_span("requires: x", span={"nest": True})
    assert codes(judge(say("o:1 x:1 o:1 x:1 c:1 c:1"), rules)) == []
    found = only(judge(say("o:1 x:1 o:1 c:1 c:1"), rules))
    assert (found.code, found.seq) == ("span.missing", 4)
    found = only(judge(say("o:1 x:1 o:1 x:1 c:1"), rules))
    assert (found.code, found.seq) == ("span.unclosed", 1)
    found = only(judge(say("o:1 x:1 o:1 x:1"), rules))  # cut off
    assert (found.code, found.seq) == ("span.unclosed", 1)
    assert codes(judge(say("o x o x c c"), rules)) == []


@pytest.mark.parametrize("level", ["off", "warning"])
def test_a_finding_that_weighs_less_accounts_for_nothing(level: Literal["off", "warning"]) -> None:
    rules = in_session(in_span("requires: y"), machine=TURNS)
    lost = say("x:1 y:1 z:1 c:1")
    assert codes(judge(lost, rules)) == ["span.unopened"]
    lighter = judge(lost, replace(rules, severity=(("span.unopened", level),)))
    assert lighter.verdict == "fail"
    assert "session.machine" in codes(lighter)


def test_a_stranger_behind_an_event_in_one_message_stays_a_stranger() -> None:
    rules = """
decode: [json, {each: /events/*}]
events: {name: /type, fields: {user: /user}, types: {hello: }}
session: {same: user}
"""
    known, stranger = {"type": "hello", "user": "u"}, {"type": "stranger", "user": "v"}
    for events in ([known, stranger], [stranger, known]):
        assert codes(judge([("server", {"events": events})], rules)) == []
    assert codes(judge([("server", {"events": [known, known | {"user": "v"}]})], rules)) == [
        "session.differs"
    ]
