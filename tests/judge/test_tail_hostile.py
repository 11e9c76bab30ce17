"""`wsrec tail` on files that no recorder made: one line, exit code 3, nothing written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.hostile_files import ask, change, state
from support.recordings import Conversation, recorder_at
from wsrec.store.errors import RecordingError
from wsrec.store.follower import Follower
from wsrec.store.news import Ended

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT"
MISLEADING = {
    "a view of sessions": (
        "ALTER TABLE sessions RENAME TO others",
        f"CREATE VIEW sessions AS {ENDLESS} i AS id FROM n",
    ),
    "a view of frames": ("DROP TABLE frames", f"CREATE VIEW frames AS {ENDLESS} i AS id FROM n"),
    "frames of no session": ("DELETE FROM sessions",),
    "frames of another type": ("UPDATE frames SET at_ns = 'soon'",),
    "anomalies without end": ("UPDATE frames SET anomalies = hex(zeroblob(999999))",),
    "parts that are not there": ("UPDATE frames SET payload_parts = 7, message_parts = 7",),
    "headers that are none": ("UPDATE sessions SET request_headers = '{'",),
    "times of another type": ("UPDATE sessions SET started_at = x'00'",),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "session.db"
    with recorder_at(path) as recorder:
        Conversation(recorder).text("client", "one").text("server", "two").end()
    return path


@pytest.mark.parametrize("name", MISLEADING)
@pytest.mark.parametrize("words", [(), ("1",), ("--frames",)])
def test_is_refused(path: Path, name: str, words: tuple[str, ...]) -> None:
    change(path, *MISLEADING[name])
    before = state(path.parent)
    answer = ask("tail", "--until-end", path, *words)
    assert answer.is_refusal("tail"), answer
    assert state(path.parent) == before


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.write_text("hello")])
def test_is_no_recording(tmp_path: Path, make: object) -> None:
    path = tmp_path / "session.db"
    assert callable(make)
    make(path)
    assert ask("tail", path).is_refusal("tail")


def test_extents_that_have_no_end(path: Path) -> None:
    change(path, f"INSERT INTO extents SELECT 1, i + 2, {1 << 62}, 1 FROM"
                 f" ({ENDLESS} i FROM n LIMIT 10000)")  # fmt: skip
    with pytest.raises(RecordingError, match="frame 1 is not what it was"):
        Follower(path, session_id=1).look()


class TestOneLook:
    def test_takes_a_piece(self, path: Path) -> None:
        with recorder_at(path) as recorder:
            talk = Conversation(recorder)
            for _ in range(5000):
                talk.text("server", "x" * 300)
            for _ in range(3):
                talk.text("server", "y" * (3 << 20))
            for _ in range(500):
                Conversation(recorder).end()
            talk.end()
        follower = Follower(path)
        looks = [follower.look()]
        while follower.behind:
            looks.append(follower.look())
        assert max(map(len, looks)) < 1300
        assert sum(isinstance(item, Ended) for look in looks for item in look) == 502
        large = [sum(len(getattr(item, "data", "")) for item in look) for look in looks]
        assert sum(large) == 5000 * 300 + 3 * (3 << 20) + 6
        assert max(large) < 8 << 20

    def test_that_fails_takes_nothing(self, path: Path) -> None:
        follower = Follower(path)
        before = path.read_bytes()
        change(path, "UPDATE frames SET at_ns = 'soon' WHERE seq = 2")
        with pytest.raises(RecordingError):
            follower.look()
        path.write_bytes(before)
        assert [type(item).__name__ for item in follower.look()] == [
            *("Began", "Message", "Message", "Ended", "RecordingEnded"),
        ]
        assert follower.look() == []
        assert follower.ended
