"""What differs, as text and as JSON, and the JSON Schema that documents it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from rich.console import Console
from support.conversation import Line, client, run, server
from support.diffing import Fresh, contrast, recorded, talk
from support.reporting import EVIL
from support.traffic import talks
from wsrec.match.contrast import Contrast
from wsrec.match.members import read_members
from wsrec.match.rules import Matching
from wsrec.replay.diff import show
from wsrec.report.diff import print_diff
from wsrec.report.diff_json import diff_to_json
from wsrec.schemas.packs import find

SCHEMA: Any = json.loads((files("wsrec.report") / "diff.schema.json").read_text("utf-8"))
AGENT = Matching(find("agent-events"))


def held(folder: Path, ours: Sequence[Line], theirs: Sequence[Line], **about: Any) -> Contrast:
    matching = about.pop("matching", AGENT)
    a = recorded(folder / "a.db", talk(ours))
    return contrast(a, recorded(folder / "b.db", talk(theirs, **about)), matching, max_slower=1.1)


def same(folder: Path) -> Contrast:
    return held(folder, run(), run())


def different(folder: Path) -> Contrast:
    theirs: list[Line] = [
        *run("run_77b1c0e4")[:4],
        client("what", n=[1, {"a": None}]),
        ("server", b"\x00"),
    ]
    return held(folder, run("run_8f3ka9d2", tools=2), theirs, close_code=1011, target="/ws?a=1")


def moved(folder: Path) -> Contrast:
    lines = run(tools=2)
    lines[3:3] = [server("note", n=n) for n in range(3)]
    return held(folder, lines, [*lines[:3], lines[5], *lines[3:5], *lines[6:]])


def alone(folder: Path) -> Contrast:
    a = recorded(folder / "a.db", talk(run()), talk(run(), target="/a"))
    b = recorded(folder / "b.db", talk(run()[1:], target="/b"), talk(run()))
    return contrast(a, b)


def empty(folder: Path) -> Contrast:
    return contrast(recorded(folder / "a.db"), recorded(folder / "b.db"))


def recut(folder: Path) -> Contrast:
    ours = talks("openai-realtime")[:1]
    a = recorded(folder / "a.db", *ours)
    b = recorded(folder / "b.db", *map(Fresh(), ours))
    bind = (read_members("item_id"), read_members("/response/id"))
    return contrast(a, b, Matching(find("openai-realtime"), ignore=bind[:1], bind=bind))


def beating(folder: Path) -> Contrast:
    graphql: Any = {"target": "/graphql", "subprotocol": "graphql-transport-ws"}
    beats = [client("ping"), server("pong")]
    a = recorded(folder / "a.db", talk([*run(), *beats], **graphql))
    b = recorded(folder / "b.db", talk([*beats, *run(), *beats * 500], **graphql))
    return contrast(a, b)


def evil(folder: Path) -> Contrast:
    ours: list[Line] = [
        server(EVIL, id="id_8f3ka9d2e1"),
        ("server", EVIL),
        client("x", **{EVIL: 1}),
    ]
    theirs: list[Line] = [server(EVIL, id=EVIL), ("server", EVIL * 2), client("x", **{EVIL: EVIL})]
    ignore = (read_members(EVIL.replace("/", "") or "x"),)
    a = recorded(folder / "a.db", talk(ours))
    b = recorded(folder / "b.db", talk([*theirs, server(EVIL)], close_reason="\x1b[2J"))
    return contrast(a, b, Matching(unconsumed=frozenset({EVIL}), bind=ignore))


KINDS: list[Callable[[Path], Contrast]] = [
    *(same, different, moved, alone, empty, recut, beating, evil),
]


def text_on_terminal(made: Contrast, width: int) -> list[str]:
    out = io.StringIO()
    print_diff(made, Console(file=out, width=width))
    return out.getvalue().split("\n")


def text(made: Contrast) -> str:
    out = io.StringIO()
    show(made, out)
    return out.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_every_report_is_as_documented(kind: Callable[[Path], Contrast], tmp_path: Path) -> None:
    made = kind(tmp_path)
    value = json.loads(diff_to_json(made))
    Draft202012Validator(SCHEMA).validate(value)
    assert value["verdict"] == made.verdict
    assert list(value) == list(SCHEMA["$defs"]["diff"]["properties"])
    assert text(made).splitlines()[-1].startswith(f"verdict   {value['verdict']}")


def test_heartbeats_are_counted_and_not_compared(tmp_path: Path) -> None:
    made = beating(tmp_path)
    assert made.same
    assert "  heartbeats, which are not compared: 2 in A, 1,002 in B\n" in text(made)
    (session,) = json.loads(diff_to_json(made))["sessions"]
    assert session["heartbeats"] == {"a": 2, "b": 1002}


@pytest.mark.parametrize("raw", ["\x1b[2J", "\u202e", "\x00", "##[error]", "\ufffe"])
def test_recorded_text_is_inert(raw: str, tmp_path: Path) -> None:
    made = evil(tmp_path)
    assert raw in EVIL
    for written in (diff_to_json(made), str(json.loads(diff_to_json(made))), text(made)):
        assert raw not in written
    assert not any(line.startswith(("::", "[red]")) for line in text(made).splitlines())
    diff_to_json(made).encode("ascii")


def test_the_lines_of_a_difference(tmp_path: Path) -> None:
    lines = [line.strip() for line in text(different(tmp_path)).splitlines()]
    for line in (
        "/query/a: nothing -> \"1\"",
        "/close_code: 1000 -> 1011",
        "run_8f3ka9d2 -> run_77b1c0e4 at /run_id, frame 2",
        "A frames 5 to 8: 4 messages, tool_completed to agent_completed",
        "… and 1 more",
        "B frames 5 to 6: 2 messages",
        '→ client what  {"type": "what", "n": [1, {"a": null}]}',
        "← server  1 bytes 00",
        "verdict   differs: 1 handshake, 4 missing, 2 extra, 1 close; "
        "times of 3 events were not compared (fewer than 5 samples: --min-samples)",
    ):  # fmt: skip
        assert line in lines


def test_what_moved_is_where_it_was_and_where_it_is(tmp_path: Path) -> None:
    assert '    A frame 6, B frame 4: ← server note  {"type": "note", "n": 2}' in text(
        moved(tmp_path)
    )


def test_one_difference_for_all_that_an_early_close_has_cut_off(tmp_path: Path) -> None:
    made = held(tmp_path, [server("step", n=n) for n in range(200)], [server("step", n=0)])
    (session,) = json.loads(diff_to_json(made))["sessions"]
    (missing,) = session["differences"]
    assert session["counts"]["missing"] == missing["count"] == 199
    assert (missing["a"]["seq"], missing["last"]["seq"], missing["b"]) == (2, 200, None)
    shown = text(made)
    assert "    A frames 2 to 200: 199 messages, step to step\n" in shown
    assert "      … and 196 more\n" in shown
    assert "verdict   differs: 199 missing" in shown


def test_sessions_of_one_recording_alone(tmp_path: Path) -> None:
    shown = text(alone(tmp_path))
    assert "session 2 of A /a: only in A\n" in shown
    assert "session 1 of B /b: only in B\n" in shown
    assert "differs: 1 session only in A, 1 session only in B" in shown
    assert "contract  none: messages are compared by their shape" in shown


def test_on_a_narrow_terminal_no_word_and_no_time_is_broken(tmp_path: Path) -> None:
    made = recut(tmp_path)
    wide, narrow = (text_on_terminal(made, width) for width in (120, 80))

    (row,) = (line.split() for line in wide if line.startswith("session.created"))
    at = next(number for number, line in enumerate(narrow) if line.startswith("session. "))
    assert (row[0], row[-5:-2], row[-2:]) == (
        "".join(line.split()[0] for line in narrow[at : at + 2]),
        narrow[at].split()[-3:],
        narrow[at + 1].split()[-2:],
    )
