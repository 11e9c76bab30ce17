"""`wsrec verify`: its lines, its JSON, its exit code; and `wsrec validate` on what it refuses."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from support.conversation import agent_events
from support.recordings import Conversation, recorder_at
from support.tampering import change
from wsrec.judge.validate import validate
from wsrec.judge.verify import verify
from wsrec.store.errors import RecordingError


def record(path: Path, *, end: bool = True) -> Path:
    with recorder_at(path) as recorder:
        for _ in range(2):
            talk = Conversation(recorder).text("client", "hi").text("server", "ho")
            if end:
                talk.end()
    return path


def text(*paths: Path) -> tuple[int, list[str]]:
    out = io.StringIO()
    code = verify(paths, out, "text")
    return code, [line.replace(f"{paths[0].parent}/", "") for line in out.getvalue().splitlines()]


def machine(*paths: Path) -> tuple[int, list[dict[str, Any]]]:
    out = io.StringIO()
    code = verify(paths, out, "json")
    return code, [json.loads(line) for line in out.getvalue().splitlines()]


def test_what_is_intact(tmp_path: Path) -> None:
    path = record(tmp_path / "a.db")
    assert text(path) == (0, ["a.db: 2 sessions, 4 frames: intact"])
    summary = {"recording": str(path), "status": "intact", "sessions": 2, "frames": 4}
    summary |= {"sealed_sessions": 0, "seals": "none"}
    assert machine(path) == (0, [summary])


def test_what_was_interrupted_is_no_damage(tmp_path: Path) -> None:
    path = record(tmp_path / "a.db", end=False)
    assert text(path) == (
        0,
        [
            "a.db: session 1: ends without an end record",
            "a.db: session 2: ends without an end record",
            "a.db: 2 sessions, 4 frames: intact, 2 sessions without an end record",
        ],
    )
    code, lines = machine(path)
    assert code == 0
    assert [(line["status"], line.get("session")) for line in lines] == [
        ("interrupted", 1),
        ("interrupted", 2),
        ("interrupted", None),
    ]


def test_what_was_changed_is_three(tmp_path: Path) -> None:
    path, other = record(tmp_path / "a.db"), record(tmp_path / "b.db")
    change(path, "UPDATE frames SET at_ns = at_ns + 1 WHERE session_id = 2 AND seq = 1")
    assert text(path, other) == (
        3,
        [
            "a.db: session 2: frame 1 is not what was recorded",
            "a.db: damaged; 2 frames of 2 sessions were found to be what was recorded",
            "b.db: 2 sessions, 4 frames: intact",
        ],
    )
    code, (fault, summary, _) = machine(path, other)
    assert code == 3
    assert fault == {
        "recording": str(path),
        "session": 2,
        "status": "damaged",
        "first_seq": 1,
        "last_seq": 1,
        "what": "frame 1 is not what was recorded",
    }
    assert (summary["status"], summary["sessions"], summary["frames"]) == ("damaged", 2, 2)


def test_what_cannot_be_opened_does_not_stop_the_others(tmp_path: Path) -> None:
    missing, good = tmp_path / "\x1b[2J.db", record(tmp_path / "b.db")
    code, lines = text(missing, good)
    assert code == 3
    assert lines == [
        "\\x1b[2J.db: No such file or directory",
        "b.db: 2 sessions, 4 frames: intact",
    ]
    code, (line, _) = machine(missing, good)
    assert code == 3
    assert (line["status"], line["recording"]) == ("damaged", str(missing))


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE frames SET payload = x'00' WHERE id = 3", "frame 1 is not what was recorded"),
        ("DELETE FROM frames WHERE id = 4", "frame 2 is missing"),
        ("UPDATE sessions SET close_code = 1000 WHERE id = 2", "its end record, the row in"),
        ("DELETE FROM extents WHERE session_id = 2", "frames from 1 on are missing"),
    ],
)
def test_nothing_is_validated_that_was_changed(
    tmp_path: Path, statement: str, expected: str
) -> None:
    good, path = record(tmp_path / "b.db"), record(tmp_path / "a.db")
    change(path, statement)
    with pytest.raises(RecordingError) as caught:
        validate([good, path], agent_events())
    assert str(caught.value).startswith(f"{path}: damaged: session 2: {expected}")
    assert str(caught.value).isprintable()
