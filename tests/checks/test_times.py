"""Latency, percentiles, the session's own rules, and sessions that follow each other."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.conversation import (
    MS,
    SECOND,
    Line,
    agent_events,
    client,
    codes,
    contract,
    crashed,
    judge,
    messages,
    only,
    run,
    server,
    session,
)
from wsrec.checks.judge import Judge
from wsrec.checks.outcome import Outcome
from wsrec.checks.samples import ERROR, EXACT, Samples
from wsrec.store.model import Message, Session

RUN = """
events: {name: /type, fields: {run: /run_id, user: /user_id}}
spans: {run: {key: run, open: agent_started, close: agent_completed, latency: %s}}
"""


def test_a_late_first_event() -> None:
    lines = run()
    found = only(judge([lines[0], 3 * SECOND, *lines[1:]]))
    assert (found.code, found.event, found.seq) == ("latency.first", "agent_started", 2)
    assert found.message == (
        "agent_started came 3.05 s after user_message (frame 1); expected within 2 s"
    )


def test_first_without_after_counts_from_the_opening() -> None:
    rules = RUN.replace("key: run,", "key: run, during: agent_thinking,") % "{first: {max: 2s}}"
    lines = run()
    assert codes(judge(lines, rules)) == []
    found = only(judge([*lines[:2], 3 * SECOND, *lines[2:]], rules))
    assert (found.code, found.event) == ("latency.first", "agent_thinking")


def test_a_silence_is_a_warning_in_the_pack() -> None:
    lines = run()
    outcome = judge([*lines[:4], 6 * SECOND, *lines[4:]])
    found = only(outcome)
    assert (found.code, found.severity, found.key) == ("latency.gap", "warning", "r1")
    assert outcome.verdict == "pass"


def test_a_span_that_takes_too_long() -> None:
    lines = run()
    found = only(judge([*lines[:2], 2 * SECOND, *lines[2:]], RUN % "{total: {max: 1s}}"))
    assert (found.code, found.event) == ("latency.total", "agent_completed")


def test_a_percentile_over_all_sessions() -> None:
    rules = contract(RUN % "{total: {p50: 100ms, min_samples: 3}}")
    many = Judge(rules)
    for number in (1, 2, 3):
        play(many, run(), session(number))
    found = only(many.finish())
    assert (found.code, found.session, found.span) == ("latency.percentile", None, "run")
    few = Judge(rules)
    play(few, run(), session())
    assert few.finish().all_findings() == ()


def test_what_the_proxy_added() -> None:
    engine = Judge(contract("session: {proxy_added: {p99: 5ms, max: 1s}}"))
    engine.open(session())
    for seq, added in enumerate((1, 1, 20), 1):
        at = seq * SECOND
        data = '{"type": "x"}'
        message = Message(1, seq, seq, "server", at, at + added * MS, "text", data, ())
        engine.message(1, message)
    engine.close(session())
    outcome = engine.finish()
    assert codes(outcome) == ["session.proxy_added", "contract.vacuous"]
    assert outcome.latency[0].times.max == 20 * MS
    assert outcome.latency[0].times.exact


@pytest.mark.parametrize(
    ("ending", "seen"),
    [
        (session(close_code=1011, closed_by="server"), "1011"),
        (session(close_code=None, closed_by=None), "1006"),
        (session(close_code=None, closed_by="client"), None),
        (session(close_code=1001), None),
    ],
)
def test_close_codes(ending: Session, seen: str | None) -> None:
    outcome = judge(run(), ending=ending)
    if seen is None:
        assert codes(outcome) == []
    else:
        found = only(outcome)
        assert (found.code, found.seen) == ("session.close_code", seen)


def test_who_closed() -> None:
    rules = RUN % "{}" + "session: {closed_by: client}"
    assert codes(judge(run(), rules)) == []
    found = only(judge(run(), rules, session(closed_by="server")))
    assert (found.code, found.seen) == ("session.closed_by", "server")
    assert codes(judge(run(), rules, crashed())) == ["recording.unclean"]


def test_an_idle_session() -> None:
    rules = RUN % "{}" + "session: {idle: 5s}"
    lines = run()
    assert only(judge([*lines, 6 * SECOND, client("ping")], rules)).code == "session.idle"


LOST = {"close_code": None, "closed_by": None, "ended_ns": 10 * SECOND}


@pytest.mark.parametrize(
    ("back", "found"),
    [(11 * SECOND, []), (14 * SECOND, ["session.reconnect"]), (5 * SECOND, [])],
)
def test_a_lost_session_must_come_back_soon(back: int, found: list[str]) -> None:
    engine = Judge(agent_events())
    play(engine, run(), session(1, **LOST))
    play(engine, run("r2"), session(2, started_ns=back))
    outcome = engine.finish()
    assert [code for code in codes(outcome) if code != "session.close_code"] == found
    # A session that overlaps the lost one is not its successor.
    measured = [row.kind for row in outcome.latency if row.kind == "reconnect"]
    assert measured == ([] if back < 10 * SECOND else ["reconnect"])


@pytest.mark.parametrize(("user", "same"), [(1, True), (1.0, True), (True, False), ("1", False)])
def test_who_came_back_is_told_as_json_tells_values(user: object, same: bool) -> None:
    rules = RUN % "{}" + "session: {reconnect: {max: 1s, by: user}}"
    engine = Judge(contract(rules))
    play(engine, [server("agent_started", user_id=1)], session(1, **LOST))
    play(engine, [server("agent_started", user_id=user)], session(2, started_ns=14 * SECOND))
    found = codes(engine.finish())
    assert found == ["span.unclosed", "span.unclosed", *["session.reconnect"] * same]


def test_a_session_that_ended_with_a_run_open_was_lost() -> None:
    engine = Judge(agent_events())
    play(engine, run()[:3], session(1, ended_ns=10 * SECOND))
    play(engine, run("r2"), session(2, started_ns=14 * SECOND))
    outcome = engine.finish()
    assert codes(outcome) == ["span.unclosed", "session.reconnect"]
    assert outcome.findings[0].session == 2


def test_a_session_that_ended_well_need_not_come_back() -> None:
    engine = Judge(agent_events())
    play(engine, run(), session(1, ended_ns=10 * SECOND))
    play(engine, run("r2"), session(2, started_ns=3600 * SECOND))
    play(engine, run("r3", "u2"), session(3, started_ns=3700 * SECOND))
    assert codes(engine.finish()) == []


def test_a_session_never_closed_is_judged_as_unclean() -> None:
    engine = Judge(agent_events())
    engine.open(session())
    for message in messages(run()):
        engine.message(1, message)
    assert codes(engine.finish()) == ["recording.unclean"]


def test_a_session_cut_before_its_first_run_is_only_unclean() -> None:
    outcome = judge(run()[:1], ending=crashed())
    assert outcome.sessions[0].verdict == "inconclusive"
    assert codes(outcome) == ["recording.unclean", "contract.vacuous"]
    assert outcome.findings[0].session is None


def test_a_gap_in_the_recording_makes_completeness_inconclusive() -> None:
    engine = Judge(agent_events())
    engine.open(session())
    lines = messages([line for line in run() if line != run()[2]])
    for message in lines[:2]:
        engine.message(1, message)
    assert [f.code for f in engine.gap(1, 3, "frame 3 is missing")] == ["recording.gap"]
    for message in lines[2:]:
        engine.message(1, message)
    engine.close(session())
    outcome = engine.finish()
    assert codes(outcome) == ["recording.gap"]
    assert outcome.verdict == "inconclusive"


def test_findings_of_one_code_are_counted_beyond_a_hundred() -> None:
    noise: list[Line] = [("server", "not json")] * 250
    outcome = judge([*noise, *run()])
    assert codes(outcome) == ["event.undecodable"] * 100
    assert outcome.sessions[0].suppressed == {"event.undecodable": 150}


@given(st.lists(st.sampled_from(["ok", "lost", "late", "junk", "cut"]), min_size=2, max_size=4),
       st.randoms(use_true_random=False))  # fmt: skip
def test_interleaved_sessions_give_the_same_outcome(kinds: list[str], order: random.Random) -> None:
    talks = {number: (_talk(kind), _ending(kind, number)) for number, kind in enumerate(kinds, 1)}
    one_by_one = Judge(agent_events())
    for lines, ending in talks.values():
        play(one_by_one, lines, ending)
    interleaved = Judge(agent_events())
    waiting = {number: messages(lines, number) for number, (lines, _) in talks.items()}
    for _, ending in talks.values():
        interleaved.open(ending)
    while waiting:
        number = order.choice(sorted(waiting))
        if waiting[number]:
            interleaved.message(number, waiting[number].pop(0))
        else:
            interleaved.close(talks[number][1])
            del waiting[number]
    assert one_by_one.finish() == interleaved.finish()


def _talk(kind: str) -> list[Line]:
    lines = run(user=kind, tools=2)
    if kind == "lost":
        del lines[3]
    elif kind == "late":
        lines.insert(1, 3 * SECOND)
    elif kind == "junk":
        lines.insert(2, ("server", "\x00"))
    return lines[:4] if kind == "cut" else lines


def _ending(kind: str, number: int) -> Session:
    start = number * 100 * SECOND
    return session(number, started_ns=start, **(LOST if kind == "cut" else {}))


def play(engine: Judge, lines: list[Line], ending: Session) -> None:
    engine.open(ending)
    for message in messages(lines, ending.id):
        engine.message(ending.id, message)
    engine.close(ending)


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=300))
def test_few_samples_are_exact(values: list[int]) -> None:
    samples = Samples()
    for value in values:
        samples.add(value)
    assert samples.percentile(50) == sorted(values)[(len(values) + 1) // 2 - 1]
    assert samples.quantiles().max == max(values)
    assert samples.quantiles().exact


def test_many_samples_are_within_the_stated_error() -> None:
    values = [int(1.003**n) * 1000 for n in range(EXACT + 2000)]
    random.Random(7).shuffle(values)
    samples = Samples()
    for value in values:
        samples.add(value)
    times = samples.quantiles()
    assert not times.exact
    for percent, seen in ((50, times.p50), (95, times.p95), (99, times.p99)):
        true = sorted(values)[-(-len(values) * percent // 100) - 1]
        assert abs(seen - true) <= true * (ERROR + 0.001)


def test_severity_weighs_and_switches_off() -> None:
    rules = RUN % "{}" + "severity: {span: warning, span.unclosed: error, event: off}"
    lines: list[Line] = [("server", "junk"), server("agent_completed", run_id="x"), *run()[:2]]
    outcome: Outcome = judge(lines, rules)
    assert [(f.code, f.severity) for f in outcome.all_findings()] == [
        ("span.unopened", "warning"),
        ("span.unclosed", "error"),
    ]
