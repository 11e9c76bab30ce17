"""Recordings of real conversations held against edited ones: exactly the edit is found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.conversation import MS, Line, client, contract, run, server
from support.diffing import (
    Fresh,
    changed,
    contrast,
    divergence,
    joined,
    kinds,
    only,
    recorded,
    talk,
    without,
)
from support.matching import rules
from support.traffic import TRAFFIC, Talk, talks
from wsrec.checks.scope import Scope, SessionRange
from wsrec.match.contrast import Changed
from wsrec.match.rules import Matching
from wsrec.schemas.packs import find
from wsrec.store.reader import Recording

PACKS = sorted(each.name for each in TRAFFIC.iterdir() if each.is_dir())
AGENT = Matching(find("agent-events"))


def pack(name: str) -> Matching:
    return Matching(find(name.removesuffix("-refused").removesuffix("-unnumbered")))


def two(tmp_path: Path, ours: list[Talk], theirs: list[Talk]) -> tuple[Path, Path]:
    return recorded(tmp_path / "a.db", *ours), recorded(tmp_path / "b.db", *theirs)


def agents(tmp_path: Path, ours: Sequence[Line], theirs: Sequence[Line], **about: Any) -> Any:
    a, b = two(tmp_path, [talk(ours)], [talk(theirs)])
    return contrast(a, b, about.pop("matching", AGENT), **about)


@pytest.mark.parametrize("name", PACKS)
def test_real_conversations_are_the_same_with_fresh_ids(name: str, tmp_path: Path) -> None:
    fresh = Fresh()
    ours = talks(name)
    a, b = two(tmp_path, ours, [fresh(each) for each in ours])
    for matching in (pack(name), Matching()):
        assert contrast(a, a, matching).same
        made = contrast(a, b, matching)
        assert kinds(made) == []
        assert made.same
        assert [(each.a, each.b) for each in made.sessions] == [
            (n, n) for n in range(1, len(ours) + 1)
        ]
        for bound in (each for session in made.sessions for each in session.bindings):
            assert fresh.known.get(str(bound.recorded), bound.live) == bound.live


@pytest.mark.parametrize("name", ["openai-realtime", "openai-responses", "ag-ui", "langgraph"])
def test_a_model_may_cut_its_answer_anew(name: str, tmp_path: Path) -> None:
    matching = pack(name)
    ours = talks(name)
    theirs, cut = [], 0
    for each in ours:
        whole, number = joined(each, matching)
        theirs.append(whole)
        cut += number
    assert cut
    a, b = two(tmp_path, ours, theirs)
    made = contrast(a, b, matching)
    assert made.same
    again = contrast(b, a, matching)
    assert again.same
    recuts = [each for session in made.sessions for each in session.recut]
    assert recuts
    assert all(each.a_pieces > each.b_pieces for each in recuts)
    assert [each.a_pieces for each in recuts] == [
        each.b_pieces for session in again.sessions for each in session.recut
    ]


ANSWERS = contract("""
decode: json
events: {name: /type, fields: {block: /block, text: /text, whole: /whole}}
spans:
  answer:
    key: block
    open: start
    during: delta
    close: done
    fold: {join: text, equals: whole}
""")


def answer(*pieces: str) -> list[Line]:
    deltas = [server("delta", block=0, text=each) for each in pieces]
    whole = server("done", block=0, whole="".join(pieces))
    return [server("start", block=0), *deltas, whole]


def test_a_text_ends_with_its_span(tmp_path: Path) -> None:
    """The next one has the same key."""
    matching = Matching(ANSWERS)
    ours, theirs = [*answer("ab"), *answer("cd")], [*answer("a", "b"), *answer("c", "d")]
    made = agents(tmp_path, ours, theirs, matching=matching)
    assert made.same
    assert only(made).equal == 6
    assert [(each.a_pieces, each.b_pieces) for each in only(made).recut] == [(1, 2), (1, 2)]
    shifted = [*answer("a"), *answer("b", "cd")]
    made = agents(tmp_path / "shifted", ours, shifted, matching=matching)
    assert [
        [(change.pointer, change.a, change.b) for change in each.changes]
        for each in only(made).divergences
    ] == [
        [("/text", '"ab"', '"a"')],
        [("/whole", '"ab"', '"a"')],
        [("/text", '"cd"', '"bcd"')],
        [("/whole", '"cd"', '"bcd"')],
    ]


# One thing that differs, and nothing else.


def test_a_changed_field(tmp_path: Path) -> None:
    theirs = run()
    theirs[4] = server("tool_completed", run_id="r1", user_id="u1", tool_name="find")
    made = agents(tmp_path, run(), theirs)
    found = divergence(made)
    assert found.kind == "changed"
    assert found.changes == (Changed("/tool_name", '"search"', '"find"'),)
    assert found.a is not None
    assert (found.a.seq, found.a.event, found.a.sender) == (5, "tool_completed", "server")
    assert only(made).equal == 5
    assert [row.kind for row in only(made).first] == [None, None, None, "changed", None]
    assert kinds(contrast(Path(made.a), Path(made.b), rules(ignore="tool_name"))) == []
    assert kinds(contrast(Path(made.a), Path(made.b), rules(ignore="/tool_name"))) == []


@pytest.mark.parametrize(("place", "event"), [(3, "tool_executing"), (5, "agent_completed")])
def test_a_dropped_event_and_one_too_many(tmp_path: Path, place: int, event: str) -> None:
    ours = talk(run())
    a, b = two(tmp_path, [ours], [without(ours, place)])
    missing, extra = divergence(contrast(a, b, AGENT)), divergence(contrast(b, a, AGENT))
    assert (missing.kind, extra.kind) == ("missing", "extra")
    assert missing.a is not None
    assert missing.b is None
    assert (missing.a.seq, missing.a.event) == (place + 1, event)
    assert extra.b == missing.a
    spared = Matching(find("agent-events"), unconsumed=frozenset({"agent_completed"}))
    assert kinds(contrast(a, b, spared)) == ([] if place == 5 else ["missing"])


def test_a_dropped_delta_changes_its_text(tmp_path: Path) -> None:
    name = "openai-realtime"
    ours = talks(name)[0]
    deltas = [
        n
        for n, message in enumerate(ours.messages)
        if json.loads(message.data)["type"] == "response.output_text.delta"
    ]
    a, b = two(tmp_path, [ours], [without(ours, deltas[1])])
    found = divergence(contrast(a, b, pack(name)))
    assert found.kind == "changed"
    assert found.a is not None
    assert found.b is not None
    assert found.a.event == "response.output_text.delta"
    assert found.a.pieces == found.b.pieces + 1
    [text] = found.changes
    assert text.pointer == "/delta"
    lost = json.loads(ours.messages[deltas[1]].data)["delta"]
    assert text.a is not None
    assert text.b is not None
    assert len(text.a) == len(text.b) + len(json.dumps(lost)) - 2


@pytest.mark.parametrize(
    ("theirs", "found"),
    [
        ([server("delta", block=0, text="Hello")], [("/finish", '"stop"', None)]),
        (
            [
                server("delta", block=0, text="Hello"),
                server("delta", block=0, text="", finish="length"),
            ],
            [("/finish", '"stop"', '"length"')],
        ),
        (
            [
                *answer("Hello")[1:2],
                server("delta", block=0, text="", finish="stop"),
                server("delta", block=0, text="", note="x"),
            ],
            [("/finish", '"stop"', None), ("/note", None, '"x"')],
        ),
        ([*answer("H", "ello", "")[1:4], server("delta", block=0, text="", finish="stop")], []),
        ([*answer("Hel")[1:2], server("delta", block=0, text="lo", finish="stop")], []),
    ],
)
def test_what_else_a_later_piece_of_a_text_holds(
    theirs: list[Line], found: list[tuple[str, str | None, str | None]], tmp_path: Path
) -> None:
    start, *pieces, done = answer("Hel", "lo")
    ours = [start, *pieces, server("delta", block=0, text="", finish="stop"), done]
    made = agents(tmp_path, ours, [start, *theirs, done], matching=Matching(ANSWERS))
    assert [
        (change.pointer, change.a, change.b)
        for each in only(made).divergences
        for change in each.changes
    ] == found
    assert len(only(made).divergences) == bool(found)


def test_numbers_of_pieces_where_the_text_is_cut_anew(tmp_path: Path) -> None:
    def counted(*texts: str) -> list[Line]:
        pieces = [server("delta", block=0, text=each, n=n) for n, each in enumerate(texts)]
        return [server("start", block=0), *pieces, server("done", block=0, whole="".join(texts))]

    ours, theirs = counted("Hel", "l", "o"), counted("He", "llo")
    assert agents(tmp_path / "usual", ours, theirs, matching=Matching(ANSWERS)).same
    made = agents(tmp_path / "all", ours, theirs, matching=Matching(ANSWERS, usual=False))
    assert [change.pointer for change in divergence(made).changes] == ["/n"]


def test_two_that_changed_places(tmp_path: Path) -> None:
    theirs = run(tools=2)
    theirs[3:5] = [server("note", text="a"), server("note", text="b")]
    ours = run(tools=2)
    ours[3:5] = [server("note", text="b"), server("note", text="a")]
    made = agents(tmp_path, ours, theirs)
    found = divergence(made)
    assert found.kind == "reordered"
    assert found.changes == ()
    free = Matching(find("agent-events"), any_order=True)
    assert contrast(Path(made.a), Path(made.b), free).same


def test_the_order_between_two_turns_counts_always(tmp_path: Path) -> None:
    free = Matching(any_order=True)
    question, answer, note = client("q"), server("a"), server("n")
    assert agents(
        tmp_path, [question, answer, note, question], [question, note, answer, question],
        matching=free,
    ).same  # fmt: skip
    assert kinds(contrast(
        recorded(tmp_path / "c.db", talk([question, answer, note, client("p")])),
        recorded(tmp_path / "d.db", talk([question, answer, client("p"), note])), free,
    )) == ["reordered"]  # fmt: skip


def test_numbers_may_be_near(tmp_path: Path) -> None:
    ours, theirs = [server("score", value=0.5, n=1)], [server("score", value=0.501, n=1)]
    assert kinds(agents(tmp_path, ours, theirs)) == ["changed"]
    near = rules(tolerance=0.01)
    a, b = tmp_path / "a.db", tmp_path / "b.db"
    assert contrast(a, b, near).same
    assert kinds(contrast(a, b, rules(tolerance=0.0001))) == ["changed"]


def test_ids_are_bound_or_not(tmp_path: Path) -> None:
    ours, theirs = run("run_8f3ka9d2"), run("run_77b1c0e4")
    made = agents(tmp_path, ours, theirs)
    assert made.same
    [bound] = only(made).bindings
    assert (bound.recorded, bound.live, bound.pointer) == (
        "run_8f3ka9d2", "run_77b1c0e4", "/run_id",
    )  # fmt: skip
    strict = Matching(find("agent-events"), binds=False)
    assert kinds(contrast(Path(made.a), Path(made.b), strict)) == ["changed"] * 5
    theirs[4] = server("tool_completed", run_id="run_99b1c0e4", user_id="u1", tool_name="search")
    crossed = agents(tmp_path / "crossed", ours, theirs)
    assert [each.pointer for each in divergence(crossed).changes] == ["/run_id"]


def test_text_and_binary_are_two_things(tmp_path: Path) -> None:
    same: list[Line] = [("server", "hello"), ("server", b"\x00\x01"), ("server", "")]
    other: list[Line] = [("server", "hello"), ("server", b"\x00\x02"), ("server", "")]
    made = agents(tmp_path, same, other, matching=Matching())
    assert divergence(made).changes == (Changed("", "0001", "0002"),)
    odd: list[Line] = [("server", b"hello"), ("server", b"\x00\x01"), ("server", "")]
    assert kinds(agents(tmp_path / "odd", same, odd, matching=Matching())) != []


# How a session began and ended.


@pytest.mark.parametrize(
    ("about", "kind", "change"),
    [
        ({"close_code": 1011}, "close", Changed("/close_code", "1000", "1011")),
        ({"close_reason": "bye"}, "close", Changed("/close_reason", None, '"bye"')),
        ({"closed_by": "server"}, "close", Changed("/closed_by", '"client"', '"server"')),
        ({"clean": False}, "close", Changed("/recorded", "true", "false")),
        ({"target": "/other"}, "handshake", Changed("/path", '"/ws"', '"/other"')),
        ({"target": "/ws?room=2"}, "handshake", Changed("/query/room", None, '"2"')),
        ({"subprotocol": "v2"}, "handshake", Changed("/subprotocol", None, '"v2"')),
    ],
)
def test_around_the_messages(
    tmp_path: Path, about: dict[str, Any], kind: str, change: Changed
) -> None:
    a, b = two(tmp_path, [talk(run())], [talk(run(), **about)])
    found = divergence(contrast(a, b, AGENT))
    assert (found.kind, found.changes) == (kind, (change,))


def test_a_query_that_is_another_each_time(tmp_path: Path) -> None:
    targets = ("/ws?EIO=4&t=PbXq2a1&ts=1764000000", "/ws?EIO=4&t=PbXq2zz&ts=1795000000")
    a, b = two(tmp_path, *([talk(run(), target=each)] for each in targets))
    assert kinds(contrast(a, b, AGENT)) == []
    assert kinds(contrast(a, b, replace(AGENT, usual=False))) == ["handshake"]


def test_an_early_close(tmp_path: Path) -> None:
    theirs = talk(run()[:4], close_code=1011, closed_by="server")
    made = contrast(*two(tmp_path, [talk(run())], [theirs]), AGENT)
    assert kinds(made) == ["missing", "close"]
    missing, close = only(made).divergences
    assert missing.a is not None
    assert missing.last is not None
    assert (missing.count, missing.a.seq, missing.last.seq) == (2, 5, 6)
    assert close.changes[0].pointer == "/closed_by"


def test_what_lies_between_parts_what_is_missing_or_extra(tmp_path: Path) -> None:
    steps = [server("step", n=n) for n in range(12)]
    a, b = two(tmp_path, [talk(steps)], [talk([steps[2], steps[7], steps[8]])])
    missing, extra = (only(contrast(*each)) for each in ((a, b), (b, a)))
    assert missing.counts is not None
    assert extra.counts is not None
    assert (missing.counts["missing"], extra.counts["extra"]) == (9, 9)
    for side, found in (("a", missing), ("b", extra)):
        told = []
        for each in found.divergences:
            shown = (getattr(each, side), *each.then, each.last)
            told.append((each.count, [json.loads(said.text)["n"] for said in shown]))
        assert told == [(2, [0, 1, 1]), (4, [3, 4, 5, 6]), (3, [9, 10, 11, 11])]
    assert all(each.b is None for each in missing.divergences)
    assert all(each.a is None for each in extra.divergences)
    [first] = only(contrast(a, b, scope=Scope(max_findings=1))).divergences
    assert first == missing.divergences[0]


def test_a_refused_session(tmp_path: Path) -> None:
    refused = talk([], status=403, closed_by=None, close_code=None)
    a, b = two(tmp_path, [talk(run()), refused], [refused, talk(run())])
    made = contrast(a, b, AGENT)
    assert made.same
    assert [(each.a, each.b) for each in made.sessions] == [(1, 2), (2, 1)]
    c = recorded(tmp_path / "c.db", replace(refused, session=replace(refused.session, status=429)))
    d = recorded(tmp_path / "d.db", refused)
    assert divergence(contrast(c, d)).changes == (Changed("/status", "429", "403"),)


def test_ids_in_the_request_target(tmp_path: Path) -> None:
    ours = talk([server("hello")], target="/threads/th_8f3ka9d2b1?key=8f14e45fceea167a&n=1")
    theirs = talk([server("hello")], target="/threads/th_1c0e477b9d?key=c9f0f895fb98ab91&n=1")
    made = contrast(*two(tmp_path, [ours], [theirs]))
    assert made.same
    assert {each.pointer for each in only(made).bindings} == {"/path/2", "/query/key"}
    assert kinds(contrast(Path(made.a), Path(made.b), Matching(binds=False))) == ["handshake"]


# Several sessions.


def test_sessions_find_their_partners_in_any_order(tmp_path: Path) -> None:
    ours = [talk(run(f"r{n}", user=f"u{n}", tools=n)) for n in range(1, 5)]
    a, b = two(tmp_path, ours, [ours[2], ours[0], ours[3]])
    made = contrast(a, b, AGENT)
    assert [(each.a, each.b, each.same) for each in made.sessions] == [
        (1, 2, True), (2, None, False), (3, 1, True), (4, 3, True),
    ]  # fmt: skip
    back = contrast(b, a, AGENT)
    assert [(each.a, each.b) for each in back.sessions] == [(1, 3), (2, 1), (3, 4), (None, 2)]
    few = contrast(a, b, AGENT, Scope(sessions=(SessionRange(3, None),)))
    assert [(each.a, each.b) for each in few.sessions] == [(3, 1), (4, 3)]
    assert few.same


def test_the_most_alike_are_partners(tmp_path: Path) -> None:
    ours = [talk([client("go"), *(server("step", n=n, of=k) for n in range(6))]) for k in range(40)]
    theirs = [changed(each, lambda value: {**value, "n": 9}, 3) for each in ours]
    a, b = two(tmp_path, ours, theirs[:20] + theirs[21:])
    made = contrast(a, b)
    assert [each.a for each in made.sessions if each.b is None] == [21]
    assert kinds(made) == ["changed"] * 39


# Times.


def slow(tool_ns: int, runs: int = 6) -> list[Line]:
    lines: list[Line] = []
    for number in range(runs):
        begun = run(f"r{number}")
        lines += [*begun[:4], tool_ns, *begun[4:]]
    return lines


def test_a_slow_tool(tmp_path: Path) -> None:
    made = agents(tmp_path, slow(0), slow(200 * MS), max_slower=1.5)
    assert kinds(made) == []
    assert not made.same
    [row] = [row for row in made.latency if row.slower]
    assert (row.event, row.measure, row.ends) == ("tool_completed", "step", False)
    assert (row.a.count, row.a.p50, row.b.p95) == (6, 50 * MS, 250 * MS)
    assert (row.asked_a.p50, row.asked_b.p50) == (200 * MS, 400 * MS)
    [row] = [row for row in made.latency if row.ends]  # it waited for the tool
    assert (row.event, row.a.p95, row.b.p95) == ("agent_completed", 50 * MS, 50 * MS)
    assert (row.asked_a.p95, row.asked_b.p95) == (250 * MS, 450 * MS)
    assert contrast(Path(made.a), Path(made.b), AGENT).same  # unless somebody asks
    few = contrast(Path(made.a), Path(made.b), AGENT, max_slower=1.5, min_samples=7)
    assert few.same
    assert not any(row.enough for row in few.latency)
    assert contrast(Path(made.b), Path(made.a), AGENT, max_slower=1.5).same


def test_what_is_slower_by_little_is_not_slower(tmp_path: Path) -> None:
    made = agents(tmp_path, slow(-49 * MS), slow(-40 * MS), max_slower=1.01)
    assert made.same
    assert any(row.b.p95 > row.a.p95 * 1.01 for row in made.latency)


def in_pieces(*pauses_ns: int) -> list[Line]:
    """A question and an answer in three pieces, a note among them; pauses before what is said."""
    first, *rest = answer("a", "b", "c")
    said = [client("ask"), first, *rest[:2], server("note"), *rest[2:]]
    return [line for pair in zip(pauses_ns, said, strict=True) for line in pair]


NAMES = [("start", "step"), ("delta", "first"), ("delta", "rest"), ("note", "step"),
         ("delta", "rest"), ("done", "step")]  # fmt: skip


@pytest.mark.parametrize("place", range(6))
def test_what_is_slow_is_named_once(place: int, tmp_path: Path) -> None:
    late = [0] * 7
    late[place + 1] = 300 * MS
    made = agents(
        tmp_path, in_pieces(*[0] * 7), in_pieces(*late),
        matching=Matching(ANSWERS), max_slower=1.5, min_samples=1,
    )  # fmt: skip
    assert kinds(made) == []
    assert [(row.event, row.measure) for row in made.latency if row.slower] == [NAMES[place]]
    assert {(row.event, row.measure) for row in made.latency} == set(NAMES)
    assert sum(row.a.max for row in made.latency) == 6 * 50 * MS
    assert sum(row.b.max for row in made.latency) == 6 * 50 * MS + 300 * MS
    asked = {(row.event, row.measure): row.asked_a.max // MS for row in made.latency}
    assert asked == {
        ("start", "step"): 50, ("delta", "first"): 100, ("note", "step"): 200,
        ("delta", "rest"): 250, ("done", "step"): 300,
    }  # fmt: skip
    assert [(row.event, row.asked_b.max // MS) for row in made.latency if row.ends] == [
        ("done", 600)
    ]


def test_an_answer_may_end_with_a_piece_and_a_text_in_one_has_no_rest(tmp_path: Path) -> None:
    one = [client("ask"), server("delta", block=0, text="ab")]
    two = [client("ask"), *(server("delta", block=0, text=each) for each in "ab")]
    for name, lines, ends in (("one", one, "first"), ("two", two, "rest")):
        made = agents(tmp_path / name, lines, lines, matching=Matching(ANSWERS))
        assert [row.measure for row in made.latency if row.ends] == [ends]
    assert [row.measure for row in agents(tmp_path / "both", one, two).latency] == ["step"]
    recut = agents(tmp_path / "recut", one, two, matching=Matching(ANSWERS))
    assert [row.measure for row in recut.latency] == ["first"]


# Bounds.


def test_differences_are_kept_up_to_a_number(tmp_path: Path) -> None:
    ours = [server("step", n=n, text="a" * 5000) for n in range(300)]
    theirs = [server("step", n=n, text="a" * 4000 + "b" + "a" * 999) for n in range(300)]
    made = agents(tmp_path, ours, theirs, scope=Scope(max_findings=7))
    [found] = made.sessions
    assert found.counts is not None
    assert found.counts["changed"] == 300
    assert len(found.divergences) == 7
    [change] = found.divergences[0].changes
    assert change.a is not None
    assert len(change.a) < 200
    assert (change.a[:3], change.b and change.b[19:23]) == ("…aa", "aaba")
    assert only(contrast(Path(made.b), Path(made.a))).divergences[0].kind == "changed"


def test_a_message_is_found_by_its_frame(tmp_path: Path) -> None:
    path = recorded(tmp_path / "a.db", talk([server("step", n=n) for n in range(3000)]))
    with Recording.open(path) as recording:
        for seq in (1, 2, 1500, 2999, 3000):
            found = recording.message(1, seq)
            assert found is not None
            assert json.loads(found.data)["n"] == seq - 1
            rest = [each.seq for each in recording.messages(1, seq)]
            assert rest == list(range(seq + 1, 3001))
        assert recording.message(1, 3001) is None  # the Close frame
        assert recording.message(2, 1) is None
