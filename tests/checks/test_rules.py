"""The rules of the language that the agent-events pack does not use, on small contracts."""

from __future__ import annotations

import pytest
from support.conversation import SECOND, Line, Said, codes, crashed, judge, only, server

HEAD = """
events: {sender: both, name: /t, fields: {id: /id, sub: /sub, user: /user, kind: /kind}}
"""


def say(words: str, **fields: object) -> list[Line]:
    """`a b:1 <c` is server's a, server's b with id 1, client's c."""
    lines: list[Line] = []
    for word in words.split():
        name, _, key = word.lstrip("<").partition(":")
        ids = {"id": key} if key else {}
        sender: Said = ("client", None) if word.startswith("<") else ("server", None)
        lines.append((sender[0], {"t": name, **ids, **fields}))
    return lines


def span(rules: str) -> str:
    return HEAD + "spans:\n  s: {key: id, open: o, close: [c, d], " + rules + "}\n"


@pytest.mark.parametrize(
    ("rules", "good", "bad", "code"),
    [
        ("requires: x", "o:1 x:1 c:1", "o:1 c:1", "span.missing"),
        ("count: {x: {max: 1}}", "o:1 x:1 c:1", "o:1 x:1 x:1 c:1", "span.count"),
        ("count: {x: {min: 2}}", "o:1 x:1 x:1 c:1", "o:1 x:1 c:1", "span.count"),
        ("first: x", "o:1 x:1 y:1 c:1", "o:1 y:1 x:1 c:1", "span.first"),
        ("last: y", "o:1 x:1 y:1 c:1", "o:1 y:1 x:1 c:1", "span.last"),
        ("order: [{before: [x, y]}]", "o:1 x:1 y:1 c:1", "o:1 y:1 x:1 c:1", "span.order"),
        ("order: [{before: [x, y]}]", "o:1 x:1 c:1", "o:1 y:1 c:1", "span.order"),
        ("order: [{never: x, after: y}]", "o:1 x:1 y:1 c:1", "o:1 y:1 x:1 x:1 c:1", "span.order"),
        ("order: [{never: x, between: [y, z]}]", "o:1 y:1 z:1 x:1 c:1", "o:1 y:1 x:1 z:1 c:1",
         "span.order"),
        ("order: [{responds: {to: x, with: y}}]", "o:1 x:1 y:1 c:1", "o:1 x:1 c:1",
         "span.missing"),
        ("order: [{responds: {to: x, with: [y, z]}}]", "o:1 x:1 x:1 z:1 y:1 c:1",
         "o:1 x:1 x:1 z:1 c:1", "span.missing"),
        ("once: true", "o:1 c:1 o:2 c:2", "o:1 c:1 o:1 c:1", "span.reopened"),
        ("during: x", "o:1 x:1 c:1", "o:1 c:1 x:2", "span.unopened"),
        ("during: x, after_close: forbid", "o:1 x:1 c:1", "o:1 c:1 x:1 x:1", "span.after_close"),
        ("during: x, after_close: allow", "o:1 c:1 x:1", "o:1 c:1 d:1 d:1", "span.unopened"),
        ("must_close: false", "o:1", "c:1", "span.unopened"),
    ],
)  # fmt: skip
def test_rules_inside_a_span(rules: str, good: str, bad: str, code: str) -> None:
    rules = span("during: [x, y, z], " + rules if "during" not in rules else rules)
    assert codes(judge(say(good), rules)) == []
    found = only(judge(say(bad), rules))
    assert (found.code, found.span) == (code, "s")


@pytest.mark.parametrize("edge", ["first", "last"])
def test_what_is_missing_is_not_also_out_of_place(edge: str) -> None:
    rules = span(f"during: [x, y], requires: x, {edge}: x")
    assert only(judge(say("o:1 y:1 c:1"), rules)).code == "span.missing"


def test_a_response_that_comes_late() -> None:
    rules = span("during: [x, y], order: [{responds: {to: x, with: y, within: 1s}}]")
    assert codes(judge(say("o:1 x:1 y:1 c:1"), rules)) == []
    found = only(judge([*say("o:1 x:1"), 2 * SECOND, *say("y:1 c:1")], rules))
    assert (found.code, found.event) == ("latency.responds", "y")


def test_an_aborted_span_is_not_judged_for_completeness() -> None:
    rules = span("requires: x, during: x, abort: a")
    assert codes(judge(say("o:1 a:1"), rules)) == []
    nested = rules + "  t: {in: s, key: sub, open: to, close: tc}\n"
    assert codes(judge([*say("o:1"), *say("to:1", sub="k"), *say("a:1")], nested)) == []
    lines = [*say("o:1"), *say("to:1", sub="k"), *say("x:1 c:1")]
    assert codes(judge(lines, nested)) == ["span.unclosed"]
    found = only(judge([*say("o:1"), *say("tc:1", sub="k"), *say("a:1")], nested))
    assert (found.code, found.event) == ("span.unopened", "tc")


def test_an_abort_may_come_where_nothing_began() -> None:
    rules = span("during: x, abort: a")
    assert codes(judge(say("a:1 o:2 c:2"), rules)) == []
    found = only(judge(say("x:1 a:1"), rules))
    assert (found.code, found.event) == ("span.unopened", "x")


def test_what_ended_well_may_still_turn_out_to_have_failed() -> None:
    rules = span("abort: a")
    assert codes(judge(say("o:1 c:1 a:1"), rules)) == []
    assert codes(judge(say("o:1 a:1 a:1"), rules)) == ["span.unopened"]
    assert codes(judge(say("o:1 c:1 a:1"), span("abort: a, after_close: forbid"))) == [
        "span.after_close"
    ]


def test_a_span_that_need_not_close_is_judged_at_the_end() -> None:
    rules = span("during: x, requires: x, must_close: false")
    assert codes(judge(say("o:1 x:1"), rules)) == []
    assert codes(judge(say("o:1"), rules)) == ["span.missing"]
    assert codes(judge(say("o:1"), rules, crashed())) == ["recording.unclean"]


def test_a_span_outlives_its_parent() -> None:
    rules = span("during: x") + "  t: {in: s, key: sub, open: to, close: tc}\n"
    inner, ends = say("to:1", sub="k"), say("tc:1", sub="k")
    assert codes(judge([*say("o:1"), *inner, *ends, *say("c:1")], rules)) == []
    found = only(judge([*say("o:1"), *inner, *say("c:1"), *ends], rules))
    assert (found.code, found.event) == ("span.outside", "tc")
    found = only(judge([*say("o:1 c:1"), *inner, *ends], rules))
    assert (found.code, found.event) == ("span.outside", "to")


def test_a_close_with_another_key_is_no_span_of_its_own() -> None:
    rules = span("during: x, requires: x, machine: {start: i, end: j, i: {x: j}}")
    found = only(judge(say("o:1 x:1 c:2"), rules))
    assert (found.code, found.nearest) == ("span.unclosed", "c at frame 3 differs in id")


def test_an_event_of_two_spans_that_are_not_open_is_told_of_the_outer_one() -> None:
    rules = span("during: x") + "  t: {in: s, key: sub, open: to, close: tc}\n"
    found = only(judge([*say("o:1 c:1"), *say("tc:2", sub="k")], rules))
    assert (found.code, found.span) == ("span.unopened", "s")


def test_a_span_without_an_opening_event_is_opened_by_its_first() -> None:
    rules = HEAD + "spans: {s: {key: id, during: x, close: c, count: {x: {max: 2}}}}"
    assert codes(judge(say("x:1 x:1 c:1 c:2"), rules)) == []
    assert codes(judge(say("x:1 x:1"), rules)) == ["span.unclosed"]
    assert codes(judge(say("x:1 c:1 c:1"), rules)) == ["span.unopened"]
    found = only(judge(say("x:1 x:1 x:1 x:1 c:1"), rules))
    assert (found.code, found.seq) == ("span.count", 3)  # the first too many


def test_conditions_choose_events_by_their_fields() -> None:
    rules = (
        HEAD
        + """
spans:
  s:
    key: id
    open: {event: m, when: {kind: start, has: id}}
    close: {event: m, when: {kind: [end, stop]}}
"""
    )
    lines = [*say("m:1", kind="start"), *say("m:1", kind="stop"), *say("m:1", kind="other")]
    assert codes(judge(lines, rules)) == []
    assert codes(judge(lines[:1], rules)) == ["span.unclosed"]


def test_a_condition_tells_true_from_one() -> None:
    rules = HEAD + "spans: {s: {key: id, open: {event: m, when: {kind: 1}}, close: c}}"
    assert codes(judge(say("m:1", kind=True), rules)) == ["contract.vacuous"] * 2
    assert codes(judge(say("m:1", kind=1), rules)) == ["span.unclosed"]


def test_each_peer_numbers_its_own_requests() -> None:
    rules = """
events: {sender: both, name: [/method, {literal: response}], fields: {id: /id, method: /method}}
spans:
  request:
    key: id
    open: {event: "*", when: {has: [id, method]}}
    close: {event: response, sender: other}
"""
    call, answer = {"id": 1, "method": "m"}, {"id": 1, "result": 0}
    both: list[Line] = [("client", call), ("server", call), ("client", answer), ("server", answer)]
    assert codes(judge(both, rules)) == []
    assert codes(judge(both[:3], rules)) == ["span.unclosed"]
    assert codes(judge([*both, ("server", {"method": "notify"})], rules)) == []
    wrong: list[Line] = [("client", call), ("client", answer)]
    found = only(judge(wrong, rules))
    assert (found.code, found.nearest) == (
        "span.unclosed",
        "response at frame 2 differs in its sender",
    )


def test_true_is_not_one_in_a_key() -> None:
    rules = span("must_close: true")
    lines = [server("x"), ("server", {"t": "o", "id": 1}), ("server", {"t": "c", "id": True})]
    found = only(judge(lines, rules))
    assert (found.code, found.nearest) == ("span.unclosed", "c at frame 3 differs in id")


@pytest.mark.parametrize(
    ("rules", "good", "bad", "code"),
    [
        ("first: {event: hello, sender: client}", "<hello x", "hello x", "session.first"),
        ("last: bye", "x bye", "bye x", "session.last"),
        ("requires: bye", "x bye", "x", "session.missing"),
        ("order: [{before: [hello, x]}]", "hello x", "x hello", "session.order"),
        ("count: {x: {max: 1}}", "x", "x x", "session.count"),
    ],
)
def test_rules_of_a_session(rules: str, good: str, bad: str, code: str) -> None:
    text = HEAD.replace("fields", "types: {hello: , bye: , x: }, fields") + f"session: {{{rules}}}"
    assert codes(judge(say(good), text)) == []
    assert codes(judge(say(bad), text)) == [code]
    assert codes(judge(say("x"), text, crashed()))[-1:] != ["session.missing"]


def test_a_field_that_must_stay_the_same() -> None:
    rules = span("during: x, same: user")
    lines = [*say("o:1 x:1", user="a"), *say("x:1 x:1", user="b"), *say("c:1", user="a")]
    found = only(judge(lines, rules))
    assert (found.code, found.seq, found.seen) == ("span.differs", 3, "b")


@pytest.mark.parametrize(
    ("first", "then", "seen"),
    [(1, True, "true"), (True, 1, "1"), (0, False, "false"), (1, 1.0, None), (True, True, None)],
)
def test_sameness_is_that_of_json(first: object, then: object, seen: str | None) -> None:
    lines = [*say("o:1", user=first), *say("x:1 x:1 c:1", user=then)]
    found = judge(lines, span("during: x, same: user")).all_findings()
    assert [each.seen for each in found] == ([] if seen is None else [seen])


@pytest.mark.parametrize(
    ("unknown", "found"),
    [
        ("allow", []),
        ("warn", [("event.unknown", "warning")]),
        ("fail", [("event.unknown", "error")]),
    ],
)
def test_unknown_events(unknown: str, found: list[tuple[str, str]]) -> None:
    rules = span("during: known_event").replace("name:", f"unknown: {unknown}, name:")
    outcome = judge(say("o:1 known_evnt:1 c:1"), rules)
    assert [(f.code, f.severity) for f in outcome.all_findings()] == found
    if found:
        assert outcome.all_findings()[0].nearest == "known_event"


def test_where_a_name_was_looked_for_is_told() -> None:
    rules = "events: {name: [/t, /u/t, {only_key: true}], unknown: fail, types: {x: }}"
    found = only(judge([*say("x"), server("x", t=None)], rules))
    assert found.message == "an object without a name at /t or /u/t is not an event of the contract"


def test_a_type_with_a_condition_is_only_what_meets_it() -> None:
    rules = """
events:
  name: /t
  unknown: fail
  fields: {kind: /kind}
  types: {m: {when: {kind: good}}}
"""
    found = only(judge([*say("m", kind="good"), *say("m", kind="bad")], rules))
    assert (found.code, found.seq) == ("event.unknown", 2)


def test_more_closed_spans_than_are_kept_are_still_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wsrec.checks.closed_spans.MAX_CLOSED", 2)
    monkeypatch.setattr("wsrec.checks.closed_spans.MAX_KEYS", 3)
    rules = span("during: x, requires: x, after_close: forbid")
    lines = [*say("o:0 c:0"), *(line for n in range(1, 9) for line in say(f"o:{n} x:{n} c:{n}"))]
    assert sorted(codes(judge(lines, rules))) == ["span.forgotten", "span.missing"]
    late = judge([*lines, *say("x:5")], rules)  # no longer kept whole, but its key is
    assert sorted(codes(late)) == ["span.after_close", "span.forgotten", "span.missing"]


def test_more_open_spans_than_are_kept_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wsrec.checks.track.MAX_OPEN", 2)
    found = codes(judge(say("o:1 o:2 o:3 c:2 c:3"), span("during: x")))
    assert sorted(found) == ["span.forgotten", "span.unclosed"]


def test_a_span_that_may_have_begun_before_is_not_judged() -> None:
    rules = span("requires: x, during: x, must_open: false")
    assert codes(judge(say("x:1 c:1 o:2 x:2 c:2"), rules)) == []
    assert codes(judge(say("c:1 o:2 c:2"), rules)) == ["span.missing"]
    assert codes(judge(say("c:1 o:1 x:1 c:1 c:1"), rules)) == []
    assert codes(judge(say("c:1 o:1 x:1"), rules)) == ["span.order"]
    assert codes(judge(say("x:1 o:1 x:1 c:1 c:1"), rules)) == []
    first = HEAD + "spans: {s: {key: id, during: x, close: c, must_open: false, first: x}}"
    assert codes(judge(say("c:1 x:2 c:2"), first)) == []
    loose = span("during: x, must_open: false, must_close: false")
    assert codes(judge(say("o:1 c:2"), loose)) == []


def test_the_last_that_began_is_meant() -> None:
    rules = span("during: x, count: {x: {max: 1}}, pair: lifo")
    unnamed = [*say("o:1 o:2 x"), *say("c:2 x"), *say("c:1")]
    assert codes(judge(unnamed, rules)) == []
    assert only(judge([*say("o:1 o:2 x x"), *say("c:2 c:1")], rules)).key == "2"
    assert codes(judge(unnamed, span("during: x"))) == ["span.ambiguous"]


def test_a_field_can_be_a_word_where_nothing_is() -> None:
    rules = """
events: {name: /t, fields: {who: [/who, {literal: nobody}], id: /id}}
spans: {s: {key: [who, id], open: o, close: c}}
"""
    assert codes(judge([*say("o:1"), *say("o:1", who="a"), *say("c:1"), *say("c:1", who="a")],
                       rules)) == []  # fmt: skip
    found = only(judge([*say("o:1 c:1"), *say("c:1", who="a")], rules))
    assert (found.code, found.key) == ("span.unopened", "a/1")


def test_a_span_that_ends_with_its_parent_needs_no_closing_event() -> None:
    rules = span("during: x") + "  t: {in: s, key: sub, during: x, must_close: false, same: id}\n"
    assert codes(judge([*say("o:1"), *say("x:1", sub="k"), *say("c:1")], rules)) == []
    unclosed = only(judge([*say("o:1"), *say("x:1", sub="k")], rules))
    assert "still open" not in unclosed.message


def test_an_array_can_be_a_key() -> None:
    rules = """
events: {name: /t, fields: {place: {json: /place}}}
spans: {s: {key: place, open: o, close: c}}
"""
    inner: list[object] = ["a", {"n": 1}]
    outer: list[object] = []
    good = [*say("o", place=outer), *say("o", place=inner), *say("c", place=inner)]
    assert codes(judge([*good, *say("c", place=outer)], rules)) == []
    found = only(judge(good, rules))
    assert (found.code, found.key) == ("span.unclosed", "[]")


@pytest.mark.parametrize(
    ("talk", "code", "nearest"),
    [
        ("o:1 x:1 c:2", "span.unclosed", "c at frame 3 differs in id"),
        ("o:1 xx:1 c:1", "span.missing", "unknown event 'xx' at frame 2"),
        ("o:1 x:1 <c:1", "span.unclosed", "c at frame 3 was sent by the client"),
        ("o:1 y:1 c:1", "span.missing", "y at frame 2 does not meet the `when` of its type"),
        ("o:1 x:1 z:1", "span.unclosed", "z at frame 3 does not meet the `when` of `close` in s"),
        ("oo:1 x:1 c:1", "span.unopened", "unknown event 'oo' at frame 1"),
        ("<o:1 x:1 c:1", "span.unopened", "o at frame 1 was sent by the client"),
        ("o:1 xx:1 c:1 o:2 c:2", "span.missing", "unknown event 'xx' at frame 2"),
    ],
)
def test_the_nearest_miss_is_named(talk: str, code: str, nearest: str | None) -> None:
    rules = (
        HEAD.replace("fields:", "types: {y: {when: {kind: good}}}, fields:")
        + "spans:\n  s: {key: id, open: {event: o, sender: server}, during: [x, y], requires: %s,\n"
        "      close: [{event: z, when: {kind: good}}, {event: c, sender: server}]}\n"
    )
    found, *rest = judge(say(talk), rules % ("y" if " y:" in talk else "x")).all_findings()
    assert (found.code, found.nearest) == (code, nearest)
    assert [f.nearest for f in rest] == [None] * len(rest)  # only what came inside is near


def test_an_event_of_another_span_is_the_nearest() -> None:
    found = judge(say("o:1 x:3 c:1"), span("requires: x, during: x")).all_findings()
    assert [(f.code, f.nearest) for f in found] == [
        ("span.unopened", None),
        ("span.missing", "x at frame 2 belongs to s '3', which was not open"),
    ]


def test_a_span_without_opening_and_key_begins_anew() -> None:
    rules = HEAD + "spans:\n  s: {key: [], during: [x, y], close: c, count: {y: {max: 1}}}\n"
    outcome = judge(say("x y c x y c c y"), rules)
    assert (only(outcome).code, only(outcome).seq) == ("span.unclosed", 8)
    assert outcome.sessions[0].spans == {"s": 4}
    assert only(judge(say("x y c y y c"), rules)).code == "span.count"
    kept = rules.replace("count:", "once: true, count:")
    assert only(judge(say("x y c y"), kept)).code == "span.count"


def test_an_end_and_a_cancelling_may_cross() -> None:
    rules = span("abort: a")
    assert codes(judge(say("o:1 c:1 a:1 o:2 a:2 c:2"), rules)) == []
    assert codes(judge(say("o:1 c:1 c:1"), rules)) == ["span.unopened"]
    forbidden = span("abort: a, after_close: forbid")
    assert codes(judge(say("o:1 a:1 c:1"), forbidden)) == ["span.after_close"]


def test_an_abort_of_nothing_accounts_for_nothing() -> None:
    rules = HEAD + "spans: {s: {key: [], open: o, close: c, abort: a}}\n"
    assert codes(judge(say("a o c a"), rules)) == []
    assert codes(judge(say("a c"), rules)) == ["span.unopened"]
