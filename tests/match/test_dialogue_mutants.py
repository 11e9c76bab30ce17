"""No change of what a live peer says goes unnoticed, unless it is one that may be."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support.dialogues import STEP, Half, Said, close, plain, script, utterance
from wsrec.match.line import Line
from wsrec.match.rules import Pace, Pacing

WORDS = st.sampled_from(["", "one", "two words", "café", "null", "true", "1"])
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(-2, 2), WORDS)
NAMES = st.sampled_from(["type", "text", "n", "items", "é", "a/b", "~"])
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
MESSAGES = st.one_of(
    st.dictionaries(NAMES, VALUES, max_size=4),
    st.lists(VALUES, max_size=3),
    st.builds(lambda value: f"42{json.dumps(value)}", st.lists(VALUES, max_size=2)),
    WORDS,
    st.binary(max_size=3),
)
"""Nothing that is ignored, and nothing that looks like an id."""


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal as JSON is: true is not 1, 1 is 1.0."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return (isinstance(one, bool), one) == (isinstance(other, bool), other)


def alike(one: Line, other: Line) -> bool:
    """Whether two messages are equal."""
    left, right = one.said, other.said
    if left.kind != right.kind:
        return False
    if left.is_message and isinstance(plain(left), dict | list):
        return same(plain(left), plain(right))
    if isinstance(left.data, str) and left.data.startswith("42[") and isinstance(right.data, str):
        return right.data[:2] == "42" and same(json.loads(left.data[2:]), _read(right.data[2:]))
    return left.data == right.data


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


@st.composite
def mutants(draw: st.DrawFn) -> tuple[list[Line], list[Line]]:
    """A session, and the same where the server says one thing otherwise."""
    said: list[Said] = draw(
        st.lists(st.tuples(st.sampled_from(["C", "S", "S"]), MESSAGES), min_size=3, max_size=6)
    )
    said.append(("S", draw(MESSAGES)))
    ends: list[Said] = [("C", close()), ("S", close())]
    said += draw(st.sampled_from([ends, ends[::-1], []]))
    recorded = script(*[part for each in said for part in (2 * STEP, each)])
    theirs = [n for n, line in enumerate(recorded) if line.sender == "server"]
    n = draw(st.sampled_from(theirs))
    line, live = recorded[n], list(recorded)
    faults = ["other", "member", "kind", "lost", "swapped", "swapped", "swapped"]
    if recorded[-1].said.kind == "close":  # else nobody waits for what comes behind the end
        faults.append("doubled")
    fault = draw(st.sampled_from(faults))
    if line.said.kind == "close":
        live[n] = replace(line, said=close(draw(st.sampled_from([1001, 1011]))))
    elif fault == "lost":
        del live[n]
    elif fault == "doubled":
        live.insert(n, line)
    elif fault == "swapped":
        m = draw(st.sampled_from([m for m in theirs if recorded[m].said.is_message]))
        low, high = min(m, n), max(m, n)
        between = [each for each in recorded[low:high] if each.sender == "server"]
        if low < high and not any(alike(each, recorded[high]) for each in between):
            live.insert(low, live.pop(high))  # before its time, whatever the client says meanwhile
        else:
            live[n] = replace(line, said=utterance("something else"))
    elif fault == "kind":
        data = line.said.data
        live[n] = replace(
            line, said=utterance(data.encode() if isinstance(data, str) else data.hex())
        )
    elif fault == "member" and isinstance(plain(line.said), dict):
        value = {**plain(line.said), draw(NAMES): draw(VALUES)}
        live[n] = replace(line, said=utterance(value))
    else:
        live[n] = replace(line, said=utterance(draw(MESSAGES)))
    if len(live) == len(recorded) and all(map(alike, live, recorded)):
        live[n] = replace(line, said=utterance("something else"))
    return recorded, live


@settings(max_examples=800)
@given(mutants(), st.sampled_from(("causal", "recorded", "asap")), st.sampled_from((1, 1000)))
def test_every_change_is_noticed(
    talk: tuple[list[Line], list[Line]], pace: Pace, page: int
) -> None:
    recorded, live = talk
    half = Half(recorded, "client", Pacing(pace), page=page)
    assert half.plays(live), [each.said.data for each in live]


@settings(max_examples=100)
@given(mutants(), st.sampled_from(("causal", "recorded", "asap")))
def test_what_is_the_same_is_found_to_be_so(
    talk: tuple[list[Line], list[Line]], pace: Pace
) -> None:
    recorded, _ = talk
    assert Half(recorded, "client", Pacing(pace)).plays(recorded) == []
