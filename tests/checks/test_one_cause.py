"""One lost, repeated, swapped, renamed or malformed event is one finding, whatever the rules."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from support.conversation import Line, contract, judge
from wsrec.schemas.model import Contract, Fold, Inside, Machine, Monotonic, Same

NAMES = ("hello", "run_started", "progress", "item_added", "item_delta", "item_done",
         "run_finished")  # fmt: skip
SCHEMA = (
    "{type: object, properties: {run: {type: string}, item: {type: string}, "
    "seq: {type: integer}, id: {type: string}, who: {type: string}, delta: {type: string}, "
    "text: {type: string}}}"
)
HEAD = (
    "events:\n  sender: server\n  name: /type\n  unknown: %s\n"
    "  fields: {run: /run, item: /item, seq: /seq, id: /id, who: /who, delta: /delta, "
    "text: /text}\n  types:\n" + "".join(f"    {name}: {{schema: {SCHEMA}}}\n" for name in NAMES)
)
SPANS = """spans:
  run: {key: %s, open: run_started, during: progress, close: run_finished%s}
  item: {in: run, key: %s, open: item_added, during: item_delta, close: item_done%s}
"""
TURNS = Machine(
    "new",
    {
        "new": {"hello": "idle"},
        "idle": {"run_started": "running"},
        "running": {
            "progress": "running",
            "item_added": "running",
            "item_delta": "running",
            "item_done": "running",
            "run_finished": "idle",
        },
    },
    ("idle",),
)
STEPS = Machine(
    "new",
    {
        "new": {"item_added": "some"},
        "some": {"item_delta": "some", "item_done": "all"},
        "all": {},
    },
    ("all",),
)

Value = dict[str, Any]


def conversation(runs: Sequence[Sequence[int]], *, crossed: bool) -> list[Value]:
    """`hello`, then runs with items of so many deltas; `crossed`: two runs take turns."""
    talks: list[list[Value]] = []
    for number, items in enumerate(runs):
        ids: Value = {"run": f"r{number}", "who": "u"}
        talk: list[Value] = [{"type": "run_started", **ids}, {"type": "progress", **ids}]
        for item, deltas in enumerate(items):
            of = {**ids, "item": f"r{number}i{item}"}
            talk.append({"type": "item_added", **of})
            parts = [f"{number}.{item}.{part} " for part in range(deltas)]
            talk += [{"type": "item_delta", **of, "delta": part} for part in parts]
            talk.append({"type": "item_done", **of, "text": "".join(parts)})
        talks.append([*talk, {"type": "progress", **ids}, {"type": "run_finished", **ids}])
    merged: list[Value] = [{"type": "hello", "who": "u"}]
    if crossed:
        longest = max(map(len, talks), default=0)
        merged += [talk[n] for n in range(longest) for talk in talks if n < len(talk)]
    else:
        merged += [value for talk in talks for value in talk]
    return [{**value, "seq": n, "id": f"e{n}"} for n, value in enumerate(merged)]


@st.composite
def contracts(draw: st.DrawFn, crossed: bool) -> Contract:
    """The two spans with any of the rules that the conversations keep."""

    def maybe(*words: str) -> str:
        return "".join(f", {word}" for word in words if draw(st.booleans()))

    rising = (Monotonic("seq", 1),)
    run = maybe(
        "requires: [run_started, progress, item_added, item_done, run_finished]",
        "count: {run_finished: {max: 1}, progress: {min: 2, max: 2}}",
        "first: progress",
        "last: progress",
        "same: who",
        "once: true",
        "after_close: forbid",
        "order: [{before: [item_added, item_done]}]",
    )
    item = maybe("requires: item_delta", "once: true", "after_close: forbid")
    text = HEAD % draw(st.sampled_from(["allow", "fail"])) + SPANS % ("run", run, "item", item)
    plain = contract(text)
    spans = list(plain.spans)
    within = spans[0].inside
    if draw(st.booleans()):
        within = replace(within, unique=("id",))
    if draw(st.booleans()) and not crossed:
        within = replace(within, monotonic=rising)
    spans[0] = replace(spans[0], inside=within)
    inside = spans[1].inside
    if draw(st.booleans()):
        spans[1] = replace(spans[1], fold=(Fold("join", "delta", "text"),))
    if draw(st.booleans()):
        inside = replace(inside, machine=STEPS)
    if draw(st.booleans()):
        inside = replace(inside, monotonic=(Monotonic("seq"),))
    if draw(st.booleans()):
        inside = replace(inside, same=(Same("run", "differs"),))
    spans[1] = replace(spans[1], inside=inside)
    session = Inside()
    if draw(st.booleans()):
        session = replace(session, requires=("hello",))
    if draw(st.booleans()) and not crossed:
        session = replace(session, machine=TURNS)
    if draw(st.booleans()):
        session = replace(session, monotonic=rising)
    if draw(st.booleans()):
        session = replace(session, unique=("id",))
    if draw(st.booleans()):
        session = replace(session, same=(Same("who"),))
    return replace(plain, spans=tuple(spans), session=replace(plain.session, inside=session))


Mutation = Literal["drop", "repeat", "swap", "rename", "malform", "garble"]


def mutate(values: list[Value], how: Mutation, place: int, field: str) -> list[Line]:
    changed = [dict(value) for value in values]
    if how == "drop":
        del changed[place]
    elif how == "repeat":
        changed.insert(place, dict(changed[place]))
    elif how == "swap":
        changed[place : place + 2] = reversed(changed[place : place + 2])
    elif how == "rename":
        changed[place]["type"] += "x"
    elif how == "malform":
        changed[place][field] = ["odd"]
    lines: list[Line] = [("server", value) for value in changed]
    if how == "garble":
        lines[place] = "server", json.dumps(changed[place])[:-2]
    return lines


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_one_cause_is_at_most_one_finding(data: st.DataObject) -> None:
    runs = data.draw(
        st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=2), min_size=1, max_size=2)
    )
    crossed = len(runs) > 1 and data.draw(st.booleans())
    values = conversation(runs, crossed=crossed)
    rules = data.draw(contracts(crossed))
    whole = judge(mutate(values, "swap", len(values), ""), rules)
    assert whole.all_findings() == ()
    how: Any = data.draw(st.sampled_from(get_args(Mutation)))
    place = data.draw(st.integers(0, len(values) - 1))
    fields = sorted(values[place].keys() - {"type"})
    field = data.draw(st.sampled_from(fields))
    found = judge(mutate(values, how, place, field), rules).all_findings()
    event(f"{how}: {len(found)}")
    assert len(found) <= 1, "\n".join(f"{f.code} {f.seq} {f.message} {f.nearest}" for f in found)
