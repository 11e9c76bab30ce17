"""What judging a session costs: its state holds what is open, and the order of work is fixed."""

from __future__ import annotations

import gc
import sys
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.conversation import Line, contract, judge, messages, server, session
from support.runs import conversation
from wsrec.checks.compiled import Compiled
from wsrec.checks.judge import Judge
from wsrec.checks.samples import Samples
from wsrec.checks.session import SessionJudge
from wsrec.schemas.mistakes import _likeness
from wsrec.schemas.model import Contract

RULES = """
events:
  sender: both
  name: /type
  fields: {run: /run, item: /item, seq: /seq, id: /id, who: /who, delta: /delta, text: /text}
  types: {hello: , run_started: , progress: , item_added: , item_delta: , item_done: ,
          run_finished: }
spans:
  run:
    key: run
    open: run_started
    during: progress
    close: run_finished
    requires: [run_started, progress, run_finished]
    count: {progress: {max: 2}}
    order: [{before: [run_started, run_finished]}, {responds: {to: item_added, with: item_done}}]
    same: who
    monotonic: seq
    machine: {start: new, end: [old], new: {run_started: young}, young: {run_finished: old,
              '*': young}, old: {}}
    latency: {gap: {max: 1h}, total: {max: 1h}}
  item:
    in: run
    key: item
    open: item_added
    during: item_delta
    close: item_done
    fold: {join: delta, equals: text}
session:
  same: who
  monotonic: {seq: {by: 1}}
  machine: {start: new, end: [idle], new: {hello: idle}, idle: {run_started: running},
            running: {run_started: error, run_finished: idle, '*': running}}
"""


def weight(root: object) -> int:
    """How many values an object holds, those it refers to included."""
    seen: set[int] = set()
    todo = [root]
    while todo:
        each = todo.pop()
        if id(each) in seen or isinstance(each, type | Compiled | Contract | Samples):
            continue
        seen.add(id(each))
        todo += _inside(each)
    return len(seen)


def _inside(each: Any) -> Iterator[object]:
    if isinstance(each, dict):
        yield from each.keys()
        yield from each.values()
    elif isinstance(each, list | tuple | set | frozenset) or type(each).__name__ == "deque":
        yield from each
    elif type(each).__module__.startswith("wsrec."):
        slots = [name for kind in type(each).__mro__ for name in getattr(kind, "__slots__", ())]
        yield from (getattr(each, name) for name in slots if hasattr(each, name))
        yield from vars(each).values() if hasattr(each, "__dict__") else ()


def long(count: int) -> Iterator[dict[str, Any]]:
    """So many events of runs that follow each other, with two faults in each."""
    values = conversation([[1]], crossed=False)[1:]
    yield {"type": "hello", "seq": 0, "who": "u"}
    for n in range(1, count):
        number, place = divmod(n - 1, len(values))
        value = values[place] | {"seq": n, "id": f"e{n}", "run": f"r{number}"}
        faults = {1: {"type": "run_started"}, 3: {"who": f"not {number}"}}
        yield value | faults.get(place, {})


def after(count: int) -> tuple[int, int]:
    """The size of the state after so many events, and the calls the last thousand took."""
    engine = SessionJudge(Compiled(contract(RULES)), session(), defaultdict(Samples))
    calls = 0

    def called(frame: object, event: str, arg: object) -> None:
        nonlocal calls
        calls += event == "call"

    lines: list[Line] = [("server", value) for value in long(count)]
    for message in messages(lines):
        if message.seq == count - 999:
            sys.setprofile(called)
        engine.message(message)
    sys.setprofile(None)
    return weight(engine), calls


@pytest.mark.timeout(120)
def test_a_long_session_costs_no_more_than_what_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wsrec.checks.closed_spans.MAX_CLOSED", 10)
    monkeypatch.setattr("wsrec.checks.ledger.MAX_TOLD", 10)
    monkeypatch.setattr("wsrec.checks.ledger.MAX_HELD", 10)
    small, quick = after(2_000)
    big, slow = after(20_000)
    assert big <= small * 1.05
    assert slow <= quick * 1.05


def asked(count: int) -> int:
    """The calls that a hundred events without a key take where so many spans are open."""
    rules = contract("events: {fields: {run: /run}}\n"
                     "spans: {run: {key: run, open: a, during: b, close: c}}")  # fmt: skip
    lines: list[Line] = [("server", {"type": "a", "run": f"r{n}"}) for n in range(count)]
    lines += [("server", {"type": "b"})] * 101
    engine, calls = SessionJudge(Compiled(rules), session(), defaultdict(Samples)), 0

    def called(frame: object, event: str, arg: object) -> None:
        nonlocal calls
        calls += event == "call"

    gc.disable()  # whoever asked to be told of a collection would be called, too
    try:
        for message in messages(lines):
            if message.seq == count + 2:
                sys.setprofile(called)
            engine.message(message)
    finally:
        sys.setprofile(None)
        gc.enable()
    return calls


def test_an_event_that_may_be_of_many_spans_is_not_compared_with_each() -> None:
    assert asked(1_000) == asked(100)


@given(st.integers(0, 40), st.booleans(), st.randoms(use_true_random=False))
def test_interleaved_sessions_are_judged_as_each_alone(lost: int, swap: bool, random: Any) -> None:
    rules = contract(RULES)
    talks: list[list[Line]] = []
    for number in (1, 2, 3):
        values = conversation([[1, 2], [1]], crossed=number == 2)
        del values[(lost * number) % len(values)]
        if swap:
            values[3], values[4] = values[4], values[3]
        talks.append([("server", value) for value in values])
    alone = [judge(talk, rules, session(n)).sessions[0] for n, talk in enumerate(talks, 1)]
    engine = Judge(rules)
    queues = {n: iter(messages(talk, n)) for n, talk in enumerate(talks, 1)}
    for number in queues:
        engine.open(session(number))
    while queues:
        number = random.choice(sorted(queues))
        message = next(queues[number], None)
        if message is None:
            engine.close(session(number))
            del queues[number]
        else:
            engine.message(number, message)
    assert list(engine.finish().sessions) == alone


def test_a_name_is_compared_with_another_once_however_often_it_is_missed() -> None:
    missed = "an_event_of_the_protocol_" * 3
    rules = f"""
events: {{unknown: warn, fields: {{id: /id}}}}
spans: {{s: {{key: id, open: {missed}, close: c}}}}
"""
    strange: list[Line] = [server(f"{number}_evant_of_a_protocol_" * 3) for number in range(50)]
    late: list[Line] = [server("c", id=number) for number in range(200)]
    _likeness.cache_clear()
    outcome = judge([*strange, *late, *strange], rules)
    assert outcome.sessions[0].suppressed["span.unopened"] == 100
    assert _likeness.cache_info().misses <= 3 * len(strange)


def test_the_newest_of_many_open_spans_is_found_without_looking_at_the_others() -> None:
    rules = contract(
        "spans: {s: {key: id, pair: lifo, open: o, close: c}}\nevents: {fields: {id: /id}}"
    )

    def calls(count: int) -> int:
        opened: list[Line] = [server("o", id=number) for number in range(count)]
        closed: list[Line] = [server("c")] * count
        calls = 0

        def called(frame: object, event: str, arg: object) -> None:
            nonlocal calls
            calls += event == "call"

        sys.setprofile(called)
        outcome = judge([*opened, *closed], rules)
        sys.setprofile(None)
        assert outcome.all_findings() == ()
        return calls

    assert calls(200) <= calls(100) * 2.1


PARTLY = """
events: {sender: both, name: /t, fields: {call: /call, tool: /tool}}
spans: {tool: {key: [call, tool], open: o, during: x, close: c, PAIRING}}
"""
PARTS = st.sampled_from([None, "a", "b", 1, True])


@pytest.mark.parametrize("pairing", ["pair: key", "pair: fifo", "pair: lifo", "nest: true"])
@given(st.lists(st.tuples(st.sampled_from("ooxc"), PARTS, PARTS), max_size=25))
@settings(max_examples=150, deadline=None)
def test_of_many_open_spans_the_same_ones_fit(
    pairing: str, said: list[tuple[str, Any, Any]]
) -> None:
    rules = contract(PARTLY.replace("PAIRING", pairing))
    lines: list[Line] = []
    for name, *parts in said:
        carried = zip(("call", "tool"), parts, strict=True)
        lines.append(
            ("server", {"t": name} | {key: part for key, part in carried if part is not None})
        )
    looked = judge(lines, rules)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wsrec.checks.open_spans.MANY", 0)
        assert judge(lines, rules) == looked
