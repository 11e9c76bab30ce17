"""Several recordings as one: nothing of them is lost, and nothing is left of what failed."""

from __future__ import annotations

import io
import json
import os
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from support.frames import KEY, wire
from support.pages import blocks, page
from support.recordings import (
    Contents,
    Conversation,
    contents,
    elsewhere,
    eventually,
    record,
    recorder_at,
)
from support.tampering import change, record_everything, said
from wsrec.store.errors import RecordingError
from wsrec.store.lock import RecordingLock
from wsrec.store.model import Session
from wsrec.store.reader import Recording
from wsrec.upkeep.merging import merge

PAGE = page("retention.md")


def merged(out: Path, *inputs: Path) -> Contents:
    merge(inputs, out, io.StringIO(), "text")
    return contents(out)


def talk_of(path: Path, *texts: str) -> Path:
    with recorder_at(path) as recorder:
        for text in texts:
            Conversation(recorder, target=f"/{text}").text("client", text).end()
    return path


def timeless(session: Session) -> Session:
    return replace(session, id=0, started_ns=0)


def meta(path: Path) -> dict[str, str]:
    with Recording.open(path) as recording:
        return recording.meta


@pytest.fixture
def inputs(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "a.db", tmp_path / "b.db"]
    for path in paths:
        record_everything(path)
    return paths


def expected(*paths: Path) -> Contents:
    """What is in recordings whose sessions came one after the other."""
    found = [contents(path) for path in paths]
    numbers = iter(range(1, 1000))
    sessions, frames, messages = [], [], []
    for each in found:
        for session, its_frames, its_messages in zip(*each, strict=True):
            number = next(numbers)
            sessions.append(timeless(session))
            frames.append([replace(frame, session_id=number) for frame in its_frames])
            messages.append([replace(message, session_id=number) for message in its_messages])
    return Contents(sessions, frames, messages)


class TestWhatIsMerged:
    def test_everything_reads_back_as_it_was(self, tmp_path: Path, inputs: list[Path]) -> None:
        before = [path.read_bytes() for path in inputs]
        out = merged(tmp_path / "all.db", *inputs)

        sessions, frames, messages = expected(*inputs)
        assert [timeless(session) for session in out.sessions] == sessions
        assert [session.id for session in out.sessions] == list(range(1, 15))
        assert out.frames == frames
        assert out.messages == messages
        assert len({session.status for session in sessions}) == 3
        assert [path.read_bytes() for path in inputs] == before

    def test_it_verifies(self, tmp_path: Path, inputs: list[Path]) -> None:
        merged(tmp_path / "all.db", *inputs)
        assert said(tmp_path / "all.db") == [
            "session 7: ends without an end record",
            "session 14: ends without an end record",
        ]
        with closing(sqlite3.connect(tmp_path / "all.db")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)

    def test_it_is_for_its_owner_only(self, tmp_path: Path, inputs: list[Path]) -> None:
        before = os.umask(0)
        try:
            merged(tmp_path / "all.db", *inputs)
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "all.db").stat().st_mode) == 0o600
        assert {path.name for path in tmp_path.iterdir()} == {"a.db", "b.db", "all.db"}

    def test_messages_larger_than_a_row(self, tmp_path: Path) -> None:
        big = os.urandom(5 << 20)

        def talk(conversation: Conversation) -> None:
            conversation.client(wire(2, big, mask=KEY)).server(wire(1, b"x" * (3 << 20)))

        (message, other), *_ = record(tmp_path / "a.db", talk).messages
        (found, *_), _ = merged(
            tmp_path / "all.db", tmp_path / "a.db", talk_of(tmp_path / "b.db", "after")
        ).messages
        assert found.data == message.data == big
        assert len(other.data) == 3 << 20

    def test_parts_of_what_was_never_completed_stay_behind(self, tmp_path: Path) -> None:
        """Nothing says to which session they belong."""

        def parts(path: Path) -> object:
            with closing(sqlite3.connect(path)) as connection:
                (each,) = connection.execute(
                    "SELECT count(*), coalesce(sum(blob IN (SELECT message_parts FROM frames UNION"
                    " SELECT payload_parts FROM frames)), 0) FROM parts"
                ).fetchall()
                return each

        path = tmp_path / "a.db"
        record(path, lambda talk: talk.server(wire(1, b"x" * (2 << 20), fin=False)))
        assert parts(path) == (4, 2)
        out = merged(tmp_path / "all.db", path)
        assert parts(tmp_path / "all.db") == (2, 2)
        assert out.frames == contents(path).frames

    def test_one_alone(self, tmp_path: Path, inputs: list[Path]) -> None:
        out = merged(tmp_path / "all.db", inputs[0])
        assert out.frames == contents(inputs[0]).frames

    def test_without_any_session(self, tmp_path: Path) -> None:
        empty = talk_of(tmp_path / "a.db")
        merged(tmp_path / "all.db", empty, talk_of(tmp_path / "b.db"))
        assert said(tmp_path / "all.db") == []

    def test_a_merged_one_again(self, tmp_path: Path, inputs: list[Path]) -> None:
        merged(tmp_path / "all.db", *inputs)
        talk_of(tmp_path / "c.db", "c")
        out = merged(tmp_path / "more.db", tmp_path / "c.db", tmp_path / "all.db")
        assert out.frames[:14] == contents(tmp_path / "all.db").frames
        assert "derived_from" in json.loads(meta(tmp_path / "more.db")["derived_from"])[1]["meta"]

    def test_it_may_be_continued(self, tmp_path: Path, inputs: list[Path]) -> None:
        merged(tmp_path / "all.db", *inputs)
        talk_of(tmp_path / "all.db", "more")
        assert contents(tmp_path / "all.db").sessions[-1].id == 15
        assert all("without an end" in line for line in said(tmp_path / "all.db"))


class TestTheOrder:
    def test_is_that_of_the_clock_on_the_wall(self, tmp_path: Path) -> None:
        later, sooner = tmp_path / "a.db", tmp_path / "b.db"
        talk_of(sooner, "1", "2")
        talk_of(later, "3", "4")
        out = merged(tmp_path / "all.db", later, sooner)
        assert [session.target for session in out.sessions] == ["/1", "/2", "/3", "/4"]
        assert [m.data for (m,) in out.messages] == ["1", "2", "3", "4"]

    def test_sessions_of_two_recorders_at_once_overlap(self, tmp_path: Path) -> None:
        one, other = tmp_path / "a.db", tmp_path / "b.db"
        with recorder_at(one) as first, recorder_at(other) as second:
            talks = [
                Conversation(recorder, target=target).text("client", "hi")
                for recorder, target in ((first, "/1"), (second, "/2"), (first, "/3"))
            ]
            for talk in talks:
                talk.end()
        sessions = merged(tmp_path / "all.db", other, one).sessions
        assert [session.target for session in sessions] == ["/1", "/2", "/3"]
        for before, after in pairwise(sessions):
            assert before.started_ns <= after.started_ns
            assert before.ended_ns is not None
            assert after.started_ns < before.started_ns + before.ended_ns

        started = datetime.fromisoformat(meta(tmp_path / "all.db")["started_at"])
        for session in sessions:
            wall = datetime.fromisoformat(session.started_at) - started
            assert abs(wall.total_seconds() - session.started_ns / 1e9) < 0.05

        own = contents(one).sessions
        assert sessions[2].started_ns - sessions[0].started_ns == (
            own[1].started_ns - own[0].started_ns
        )
        assert json.loads(meta(tmp_path / "all.db")["derived_from"])[1]["sessions"] == [
            [1, 1, 1],
            [2, 3, 1],
        ]


class TestWhatItStates:
    def test_where_it_comes_from(self, tmp_path: Path, inputs: list[Path]) -> None:
        merged(tmp_path / "all.db", *inputs)
        stated = meta(tmp_path / "all.db")
        first, second = json.loads(stated["derived_from"])
        assert (first["name"], first["sessions"]) == ("a.db", [[1, 1, 7]])
        assert (second["name"], second["sessions"]) == ("b.db", [[1, 8, 7]])
        assert first["meta"] == meta(inputs[0])
        assert stated["sessions"] == "14"
        assert stated["ended_at"] == meta(inputs[1])["ended_at"]
        assert stated["host"] == meta(inputs[0])["host"]
        assert "wsrec_version" in stated

    def test_an_auditor_finds_the_originals(self, tmp_path: Path, inputs: list[Path]) -> None:
        """By the example in docs/retention.md."""
        (example,) = blocks(PAGE, "python")
        names: dict[str, Any] = {}
        exec(compile(example, "docs/retention.md", "exec"), names)
        out = merged(tmp_path / "all.db", *inputs)
        derived = json.loads(meta(tmp_path / "all.db")["derived_from"])
        for path, stated in zip(inputs, derived, strict=True):
            with closing(sqlite3.connect(path)) as connection:
                assert names["sha256_of"](connection) == stated["sha256"]
            ((there, here, count),) = stated["sessions"]
            for place, session in enumerate(contents(path).sessions[there - 1 :][:count]):
                copied = out.sessions[here - 1 + place]
                assert copied.started_ns - session.started_ns == stated["later_ns"]

    def test_the_page_names_every_key(self, tmp_path: Path, inputs: list[Path]) -> None:
        merged(tmp_path / "all.db", *inputs)
        for key in json.loads(meta(tmp_path / "all.db")["derived_from"])[0]:
            assert f"\n| {key} |" in PAGE

    def test_what_was_redacted_from_which_session(self, tmp_path: Path) -> None:
        one, other = talk_of(tmp_path / "a.db", "1", "2"), talk_of(tmp_path / "b.db", "3")
        runs = [{"from_session": 1, "rules": ["x"]}, {"from_session": 2, "rules": []}]
        change(
            one,
            "DELETE FROM meta WHERE key LIKE 'redaction%'",
            f"INSERT INTO meta VALUES ('redaction_runs', '{json.dumps(runs)}')",
        )
        change(other, "DELETE FROM meta WHERE key LIKE 'redaction%'")
        merged(tmp_path / "all.db", one, other)
        assert json.loads(meta(tmp_path / "all.db")["redaction_runs"]) == runs


class TestWhileTheyAreRecorded:
    def test_open_sessions_appear_as_interrupted(self, tmp_path: Path) -> None:
        with recorder_at(tmp_path / "a.db") as recorder:
            Conversation(recorder).text("client", "done").end()
            Conversation(recorder).text("client", "still here")
            eventually(lambda: sum(map(len, contents(tmp_path / "a.db").frames)) == 2)
            out = merged(tmp_path / "all.db", tmp_path / "a.db", talk_of(tmp_path / "b.db", "b"))
        assert [session.clean for session in out.sessions] == [True, False, True]
        assert [m.data for (m,) in out.messages] == ["done", "still here", "b"]
        assert said(tmp_path / "all.db") == ["session 2: ends without an end record"]
        assert "ended_at" not in meta(tmp_path / "all.db")

    def test_one_state_of_each_is_taken(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What comes after it was verified is not copied unseen."""
        with recorder_at(tmp_path / "a.db") as recorder:
            talk = Conversation(recorder).text("client", "before")
            eventually(lambda: len(contents(tmp_path / "a.db").frames) == 1)

            def more(_: object) -> str:
                talk.text("client", "after").end()
                eventually(lambda: contents(tmp_path / "a.db").sessions[0].clean)
                return "digest"

            monkeypatch.setattr("wsrec.upkeep.merge._digest", more)
            out = merged(tmp_path / "all.db", tmp_path / "a.db")
        assert [m.data for m in out.messages[0]] == ["before"]
        assert not out.sessions[0].clean

    def test_the_log_of_a_killed_recorder_counts(self, tmp_path: Path) -> None:
        script = """
import sys, time
from pathlib import Path
from typing import Any
from support.recordings import Conversation
from wsrec.store.recorder import Recorder
talk = Conversation(Recorder(Path(sys.argv[1]))).text("client", "in the log")
time.sleep(0.3)
print("ready", flush=True)
time.sleep(60)
"""
        path = tmp_path / "a.db"
        with elsewhere(f"import sys; sys.path.insert(0, {sys.path[0]!r})\n" + script, path) as it:
            assert it.stdout is not None
            assert it.stdout.readline() == "ready\n"
            os.kill(it.pid, signal.SIGKILL)
            it.wait()
        log = tmp_path / "a.db-wal"
        size = log.stat().st_size
        assert size > 0
        out = merged(tmp_path / "all.db", path)
        assert [m.data for (m,) in out.messages] == ["in the log"]
        assert log.stat().st_size == size

    def test_a_recorder_that_goes_on_with_what_seemed_to_be_at_rest(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A file in WAL mode without a log is read as if nobody could change it."""
        path = talk_of(tmp_path / "a.db", "1")
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        assert not (tmp_path / "a.db-wal").exists()

        def more(_: object) -> str:
            talk_of(path, "2")
            return "digest"

        monkeypatch.setattr("wsrec.upkeep.merge._digest", more)
        with pytest.raises(RecordingError, match="a recorder went on with it meanwhile"):
            merged(tmp_path / "all.db", path)
        assert [path.name for path in tmp_path.iterdir()] == ["a.db"]


class TestWhatIsRefused:
    @pytest.fixture
    def good(self, tmp_path: Path) -> Path:
        return talk_of(tmp_path / "good.db", "1", "2")

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE frames SET payload = x'00' WHERE id = 2",
            "UPDATE sessions SET started_at = 'yesterday' WHERE id = 2",
            "DELETE FROM extents WHERE session_id = 2",
            "DELETE FROM sessions WHERE id = 2",
        ],
    )
    def test_a_damaged_input(self, tmp_path: Path, good: Path, statement: str) -> None:
        bad = talk_of(tmp_path / "bad.db", "3", "4")
        change(bad, statement)
        with pytest.raises(RecordingError, match=r"bad.db: damaged: .*session 2"):
            merged(tmp_path / "all.db", good, bad)
        assert {path.name for path in tmp_path.iterdir()} == {"good.db", "bad.db"}

    def test_what_its_meta_makes_no_sense_of(self, tmp_path: Path, good: Path) -> None:
        for value in ("{", "7", '{"a": 1}', "[1]", '[{"from_session": "x"}]', "[" * 5000):
            change(good, f"INSERT OR REPLACE INTO meta VALUES ('redaction_runs', '{value}')")
            with pytest.raises(RecordingError, match=r"good.db: damaged"):
                merged(tmp_path / "all.db", good)
            assert [path.name for path in tmp_path.iterdir()] == ["good.db"]

    @pytest.mark.parametrize("content", [b"", b"not a database", None])
    def test_what_is_no_recording(self, tmp_path: Path, good: Path, content: bytes | None) -> None:
        other = tmp_path / "other.db"
        if content is not None:
            other.write_bytes(content)
        with pytest.raises(RecordingError, match=r"other\.db"):
            merged(tmp_path / "all.db", good, other)
        assert not (tmp_path / "all.db").exists()

    def test_the_same_file_twice(self, tmp_path: Path, good: Path) -> None:
        (tmp_path / "link.db").symlink_to(good)
        for name in ("good.db", "link.db"):
            with pytest.raises(RecordingError, match="is the same file as"):
                merged(tmp_path / "all.db", good, tmp_path / name)

    def test_a_copy_of_another_input(self, tmp_path: Path, good: Path) -> None:
        shutil.copy(good, tmp_path / "copy.db")
        with pytest.raises(RecordingError, match="is a copy of"):
            merged(tmp_path / "all.db", good, tmp_path / "copy.db")

    @pytest.mark.parametrize("name", ["all.db", "all.db-wal", "all.db-journal"])
    def test_a_file_that_exists(self, tmp_path: Path, good: Path, name: str) -> None:
        (tmp_path / name).write_bytes(b"precious")
        with pytest.raises(FileExistsError) as caught:
            merged(tmp_path / "all.db", good)
        assert str(caught.value.filename) == str(tmp_path / name)
        assert {path.name for path in tmp_path.iterdir()} == {"good.db", name}
        assert (tmp_path / name).read_bytes() == b"precious"

    def test_a_link_to_nowhere(self, tmp_path: Path, good: Path) -> None:
        (tmp_path / "all.db").symlink_to(tmp_path / "elsewhere.db")
        with pytest.raises(FileExistsError):
            merged(tmp_path / "all.db", good)
        assert not (tmp_path / "elsewhere.db").exists()

    def test_a_folder_that_is_missing(self, tmp_path: Path, good: Path) -> None:
        with pytest.raises(FileNotFoundError) as caught:
            merged(tmp_path / "no" / "all.db", good)
        assert caught.value.filename == str(tmp_path / "no")

    def test_a_name_that_somebody_is_about_to_use(self, tmp_path: Path, good: Path) -> None:
        with locked(tmp_path / "all.db"), pytest.raises(RecordingError, match=r"all\.db"):
            merged(tmp_path / "all.db", good)
        assert {path.name for path in tmp_path.iterdir()} == {"good.db"}


@contextmanager
def locked(path: Path) -> Iterator[None]:
    lock = RecordingLock(path)
    try:
        yield
    finally:
        lock.release()


def limited(size: int, script: str, *args: object) -> subprocess.CompletedProcess[str]:
    """Run a script in a process that may write no file larger than `size`."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return subprocess.run(
        [sys.executable, "-c", script, *map(str, args)],
        preexec_fn=limit,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


MERGE = """
import sys
from pathlib import Path
from typing import Any
from wsrec.upkeep.merging import merge
from wsrec.store.errors import RecordingError
try:
    merge([Path(sys.argv[1])], Path(sys.argv[2]), sys.stdout, "text")
except RecordingError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize("room", [4 << 10, 60 << 10, 500 << 10, 2 << 20])
def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, room: int) -> None:
    def talk(conversation: Conversation) -> None:
        conversation.client(wire(2, os.urandom(3 << 20), mask=KEY))

    record(tmp_path / "a.db", talk)
    before = (tmp_path / "a.db").read_bytes()
    done = limited(room, MERGE, tmp_path / "a.db", tmp_path / "all.db")
    assert done.returncode == 1
    assert done.stderr.startswith(f"{tmp_path}/all.db: cannot be written: ")
    assert [path.name for path in tmp_path.iterdir()] == ["a.db"]
    assert (tmp_path / "a.db").read_bytes() == before


def test_what_a_killed_merge_leaves_is_overwritten(tmp_path: Path, inputs: list[Path]) -> None:
    (tmp_path / "all.db-unfinished").write_bytes(b"half of something")
    merged(tmp_path / "all.db", *inputs)
    assert {path.name for path in tmp_path.iterdir()} == {"a.db", "b.db", "all.db"}


@pytest.mark.parametrize("format", ["text", "json"])
def test_a_line_says_what_was_made(tmp_path: Path, format: str) -> None:  # noqa: A002
    out, told = tmp_path / "\x1b.db", io.StringIO()
    inputs = [talk_of(tmp_path / "a.db", "1", "2"), talk_of(tmp_path / "b.db", "3")]
    merge(inputs, out, told, "json" if format == "json" else "text")
    size = out.stat().st_size
    if format == "json":
        assert json.loads(told.getvalue()) == {
            "recording": str(out),
            "recordings": 2,
            "sessions": 3,
            "frames": 3,
            "bytes": size,
            "unsealed": 0,
            "contract_stored": None,
        }
    else:
        line = f"\\x1b.db: 3 sessions, 3 frames of 2 recordings; {size:,} bytes\n"
        assert told.getvalue() == f"{tmp_path}/{line}"


def test_memory_stays_small(tmp_path: Path) -> None:
    """A hundred megabytes in one message: what is held is a part of it."""
    path = tmp_path / "a.db"
    with recorder_at(path) as recorder:
        talk = Conversation(recorder)
        talk.server(wire(2, b"", claim=100 << 20))
        for _ in range(100):
            talk.server(bytes(1 << 20))
            eventually(lambda: not recorder.backlog.is_full(), 20)
        talk.end()
    script = MERGE + ("print(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0])")
    done = limited(1 << 30, script, path, tmp_path / "all.db")
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) < 80 << 10  # KiB
    (frame,) = contents(tmp_path / "all.db").frames[0]
    assert len(frame.payload) == 100 << 20
