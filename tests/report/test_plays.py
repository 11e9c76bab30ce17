"""What came of a replay or a mock, for people and for machines."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from rich.console import Console
from support.dialogues import MS, Half, Said, close, event, script
from support.reporting import EVIL
from wsrec.checks.samples import Samples
from wsrec.match.heartbeats import Heartbeat
from wsrec.match.ids import Binding
from wsrec.report.plays import Played, Plays
from wsrec.report.plays_json import plays_to_json
from wsrec.report.plays_text import MAX_DIFFERENCES, MAX_NOTES, MAX_ROWS, print_plays

SCHEMA: Any = json.loads((files("wsrec.report") / "plays.schema.json").read_text("utf-8"))
ASKED: list[Said] = [("C", event("ask", n=1)), ("S", event("answer", thread_id="thr_Ab12Cd34Ef56"))]


def played(session: int, *heard: Any, talk: list[Said] = ASKED, **more: Any) -> Played:
    """Play a client that asks; `heard` is what it hears."""
    half = Half(script(*talk, ("S", close())))
    half.says()
    half.hears(*heard)
    return Played(
        session=session,
        target="/ws?room=1",
        differences=half.found,
        counts=half.dialogue.counts,
        bindings=list(half.ids),
        lateness=half.dialogue.lateness.quantiles(),
        **more,
    )


def good(session: int = 1, **more: Any) -> Played:
    return played(session, event("answer", thread_id="thr_Zz98Yy76Xx54"), close(), **more)


def bad(session: int = 2) -> Played:
    return played(session, event("answer", thread_id=7), event("oops"), close(1011, "gone"))


def plays(*sessions: Played, **more: Any) -> Plays:
    late = Samples()
    late.add(2 * MS)
    given = {"role": "client", "recording": "a.db", "address": "ws://localhost:8000"}
    return Plays(sessions=sessions, lateness=late.quantiles(), **{**given, **more})


def beating(session: int, beats: int) -> Played:
    half = Half(script(*ASKED), heartbeats=(Heartbeat("ping", "pong"),))
    half.says()
    half.hears(*[event("ping")] * beats)
    half.says()
    half.hears(event("answer", thread_id="thr_Ab12Cd34Ef56"))
    return Played(session=session, counts=half.dialogue.counts)


def kinds() -> dict[str, Plays]:
    unplayed = Played(session=3, why="its recording was interrupted", notes=("no mask",))
    stranger = Played(session=None, why="no recorded session fits GET /other")
    hostile = played(4, EVIL, {"type": EVIL}, close(1000, EVIL[:40]), talk=[("S", event(EVIL))])
    return {
        "matched": plays(good(live=1), output="b.db"),
        "differs": plays(good(), bad(), contract="agent-events, the default", ignored=["/ts"]),
        "unplayed": plays(good(), unplayed, stranger, role="server"),
        "excused": plays(good(), Played(session=2, why="nobody asked", excused=True)),
        "interrupted": plays(good(), replace(good(), why="interrupted")),
        "empty": plays(),
        "evil": plays(hostile, Played(session=5, target=EVIL, why=EVIL, notes=(EVIL,))),
    }


def text(made: Plays, width: int = 100) -> str:
    out = io.StringIO()
    print_plays(made, Console(file=out, width=width, color_system=None))
    return out.getvalue()


def test_for_people() -> None:
    lines = [line.rstrip() for line in text(kinds()["differs"]).splitlines()]
    assert lines == [
        "recording a.db: its client, played to ws://localhost:8000",
        "contract  agent-events, the default",
        "",
        "session verdict said heard matched left differences",
        "1       matched    1     2       2    0           0 /ws?room=1",
        "2       differs    1     3       1    0           3 /ws?room=1",
        "",
        'bound     session 1: "thr_Ab12Cd34Ef56" is "thr_Zz98Yy76Xx54"',
        "",
        "session 2: 3 differences",
        "  unexpected  the server's 2nd message (oops) is not recorded: "
        '{"type": "oops"}; the nearest is frame 2 (answer)',
        '      /type: "answer" -> "oops"',
        '      /thread_id: "thr_Ab12Cd34Ef56" -> nothing',
        "  changed  frame 2 (answer) came as the server's 1st message with other values: "
        '/thread_id: "thr_Ab12Cd34Ef56" -> 7',
        '  close  the server closed with 1011 "gone" instead of 1000',
        "",
        "ignored   /ts",
        "timing    1 line said; late by 2 ms (p50), 2 ms (p99), at most 2 ms",
        "verdict   differs: of 2 sessions 1 matched, 1 differs (1 changed, 1 close, 1 unexpected)",
    ]


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("matched", "matched"),
        ("differs", "differs"),
        ("unplayed", "differs"),
        ("excused", "matched"),
        ("interrupted", "differs"),
        ("empty", "differs"),
    ],
)
def test_the_verdict(name: str, verdict: str) -> None:
    made = kinds()[name]
    assert made.verdict == verdict
    assert json.loads(plays_to_json(made))["verdict"] == verdict
    assert text(made).splitlines()[-1].startswith(f"verdict   {verdict}")


def test_what_was_not_played_is_said_with_why() -> None:
    shown = text(kinds()["unplayed"])
    assert "3       unplayed" in shown
    assert "0 its recording was interrupted" in shown
    assert "-       unplayed" in shown
    assert "otherwise no mask: session 3" in shown


def test_a_session_that_was_played_in_part_is_interrupted() -> None:
    shown = text(kinds()["interrupted"])
    assert "interrupted    1     2       2    0           0 interrupted\n" in shown
    assert shown.endswith("verdict   differs: of 2 sessions 1 matched, 1 interrupted\n")


def test_a_few_ids_of_each_session_are_shown_before_what_differs() -> None:
    ids = [Binding(f"recorded_{n}", f"live_{n}", "/id", n) for n in range(5)]
    many = [replace(bad(n), bindings=ids) for n in range(1, MAX_ROWS + 3)]
    shown = text(plays(*many), 300)
    first = ", ".join(f'"recorded_{n}" is "live_{n}"' for n in range(3))
    line = f"bound     session 1: {first}, and 2 more (--format json has all)\n"
    assert line in shown.split("session 1: 3 differences")[0]
    assert "bound     in 2 more sessions, too (--format json has all)\n" in shown
    assert shown.count("bound     ") == MAX_ROWS + 1


def test_heartbeats_are_counted_apart() -> None:
    made = plays(beating(1, 2), beating(2, 3))
    assert "\nleft out  heartbeats: 0 recorded, 5 heard, 5 said\n" in text(made)
    session, _ = json.loads(plays_to_json(made))["sessions"]
    assert session["heartbeats"] == {"recorded": 0, "heard": 2, "said": 2}
    assert (session["said"], session["heard"], session["matched"]) == (1, 1, 1)


def test_of_many_only_some_are_shown_and_the_rest_is_counted() -> None:
    many = plays(*(good(n) for n in range(1, 101)), bad(101))
    rows = text(many)
    assert rows.count("/ws?room=1") == MAX_ROWS
    assert "\n101     differs" in rows
    assert f"… and {101 - MAX_ROWS} sessions more" in rows
    found = bad().differences[0]
    several = Played(session=1, differences=[found] * (MAX_DIFFERENCES + 3), more=4)
    assert "session 1: 27 differences" in text(plays(several))
    assert "  … and 7 more" in text(plays(several))


@pytest.mark.parametrize("name", list(kinds()))
def test_for_machines_it_is_as_documented(name: str) -> None:
    value = json.loads(plays_to_json(kinds()[name]))
    Draft202012Validator(SCHEMA).validate(value)
    assert list(value) == list(SCHEMA["$defs"]["plays"]["properties"])
    for session in value["sessions"]:
        assert list(session) == list(SCHEMA["$defs"]["played"]["properties"])


def test_values_are_json_texts() -> None:
    value = json.loads(plays_to_json(kinds()["differs"]))
    unexpected, changed, _ = value["sessions"][1]["differences"]
    assert changed["changes"][0] == {
        "pointer": "/thread_id",
        "recorded": '"thr_Ab12Cd34Ef56"',
        "live": "7",
        "note": "",
    }
    assert (changed["seq"], changed["number"], unexpected["nearest"]) == (2, 1, 2)
    assert unexpected["changes"][1]["live"] is None
    [binding] = value["sessions"][0]["bindings"]
    assert binding["pointer"] == "/thread_id"


@pytest.mark.parametrize("raw", ["\x1b[2J", "\u202e", "\ufffe", "\x00", "##[error]"])
def test_recorded_text_is_inert(raw: str) -> None:
    assert raw in EVIL
    assert raw not in text(kinds()["evil"])
    assert raw not in str(json.loads(plays_to_json(kinds()["evil"])))
    assert not any(line.startswith("::") for line in text(kinds()["evil"]).splitlines())


def test_of_many_notes_the_rest_is_counted() -> None:
    shown = text(plays(good(), *(Played(session=n, notes=(f"note {n}",)) for n in range(2, 15))))
    assert shown.count("otherwise note") == MAX_NOTES
    assert "otherwise 3 notes more (--format json has all)" in shown
