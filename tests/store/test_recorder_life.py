"""A recorder from the first byte to the last, and beyond: locks, crashes, full disks, crowds."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import stat
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.frames import KEY, wire
from support.recordings import Conversation, contents, elsewhere, eventually, recorder_at
from wsrec.store.durability import Durability
from wsrec.store.errors import RecordingBusyError, RecordingError
from wsrec.store.reader import Recording
from wsrec.store.recorder import Recorder
from wsrec.store.tap import Record, Room

HOLD = """
import sys, time
from pathlib import Path
from wsrec.store.recorder import Recorder
recorder = Recorder(Path(sys.argv[1]))
tap = recorder.session("a:1", "/done", [])
tap.stream("server")(time.monotonic_ns(), time.monotonic_ns(), b"\\x81\\x04done")
tap.ended()
tap = recorder.session("a:2", "/open", [])
tap.answered(101, [], None, None)
for i in range(50):
    tap.stream("server")(time.monotonic_ns(), time.monotonic_ns(), b"\\x81\\x02%02d" % i)
print("recording", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session.db"


def change(path: Path, *statements: str) -> None:
    """What somebody else does to the file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def recorded(path: Path) -> list[int]:
    """How many frames of each session are there."""
    return [len(frames) for frames in contents(path).frames]


def files(path: Path) -> set[str]:
    return {file.name for file in path.parent.iterdir()}


class TestTheFile:
    def test_is_for_its_owner_only(self, path: Path) -> None:
        before = os.umask(0)
        try:
            with recorder_at(path) as recorder:
                Conversation(recorder).text("client", "secret")
                names = {"session.db", "session.db-wal", "session.db-shm", "session.db.lock"}
                eventually(lambda: len(contents(path).sessions) == 1)
                assert files(path) == names
                for name in names:
                    mode = path.with_name(name).stat().st_mode
                    assert stat.S_IMODE(mode) == 0o600, name
        finally:
            os.umask(before)
        assert files(path) == {"session.db"}
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_has_a_write_ahead_log_while_it_is_written(self, path: Path) -> None:
        with recorder_at(path), closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as other:
            assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)

    def test_says_what_it_is(self, path: Path) -> None:
        meta = {"upstream": "ws://example.test/", "wsrec_version": "1.2.3"}
        with recorder_at(path, meta=meta), Recording.open(path) as recording:
            assert not recording.clean
            assert recording.meta.items() >= meta.items()
            assert recording.meta["format_version"] == "1"
            assert recording.meta["sqlite_version"] == sqlite3.sqlite_version
            assert datetime.fromisoformat(recording.meta["started_at"]).tzinfo == UTC
        with Recording.open(path) as recording:
            assert recording.clean
            assert recording.meta["ended_at"] >= recording.meta["started_at"]

    def test_is_whole_after_the_end(self, path: Path) -> None:
        with recorder_at(path) as recorder:
            Conversation(recorder).text("client", "hi").end()
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)

    def test_needs_no_other_file_to_be_read_after_the_end(self, path: Path) -> None:
        for _ in range(2):
            with recorder_at(path) as recorder:
                Conversation(recorder).text("client", "hi").end()
            assert files(path) == {"session.db"}
            contents(path)
            assert files(path) == {"session.db"}

    def test_may_have_any_name(self, tmp_path: Path) -> None:
        for name in ("a?b#c%20.db", "two words.db", "ünï.db", os.fsdecode(b"\xff.db"), "noext"):
            path = tmp_path / name
            with recorder_at(path) as recorder:
                Conversation(recorder).text("client", "hi").end()
            assert path.exists()
            assert [m.data for m in contents(path).messages[0]] == ["hi"]

    def test_shows_each_frame_while_it_is_being_recorded(self, path: Path) -> None:
        with recorder_at(path) as recorder:
            talk = Conversation(recorder)
            for count in range(1, 4):
                talk.text("client", f"{count}")
                eventually(lambda n=count: recorded(path) == [n])  # type: ignore[misc]
            (session,) = contents(path).sessions
            assert not session.clean
            talk.end()
            eventually(lambda: contents(path).sessions[0].clean)
            with Recording.open(path) as recording:
                assert not recording.clean

    def test_may_be_read_while_it_is_closed(self, path: Path) -> None:
        recorder = Recorder(path)
        talk = Conversation(recorder).text("client", "1").text("client", "2")
        eventually(lambda: recorded(path) == [2])
        with Recording.open(path) as recording:
            reading = recording.frames(1)
            assert next(reading).payload == b"1"
            talk.text("client", "3").end()
            recorder.close()
            assert [frame.payload for frame in reading] == [b"2"]
            assert [message.data for message in recording.messages(1)] == ["1", "2", "3"]
        assert recorder.failure is None
        assert contents(path).sessions[0].clean
        with recorder_at(path):
            pass

    def test_is_read_by_one_reader_as_it_grows(self, path: Path) -> None:
        with recorder_at(path) as recorder:
            talk = Conversation(recorder).text("client", "1")
            eventually(lambda: recorded(path) == [1])
            with Recording.open(path) as recording:
                assert len(list(recording.frames(1))) == 1
                talk.text("client", "2")
                eventually(lambda: len(list(recording.frames(1))) == 2)
                talk.end()


class TestARecordingThatIsContinued:
    def test_keeps_what_it_had_and_goes_on_counting(self, path: Path) -> None:
        big = bytes(1 << 21)
        for run in range(3):
            with recorder_at(path, meta={"run": f"{run}"}) as recorder:
                for _ in range(2):
                    talk = Conversation(recorder).text("client", f"{run}")
                    talk.server(
                        wire(2, big) + wire(1, b"a", fin=False) + wire(0, b"%d" % run)
                    ).end()
        read = contents(path)
        assert [session.id for session in read.sessions] == [1, 2, 3, 4, 5, 6]
        assert [[m.data for m in messages] for messages in read.messages] == [
            [f"{run}", big, f"a{run}"] for run in (0, 0, 1, 1, 2, 2)
        ]
        with Recording.open(path) as recording:
            assert recording.meta["run"] == "2"
            assert recording.clean

    @pytest.mark.parametrize("hours", [-30, 0, 30])
    @pytest.mark.parametrize("clean", [True, False])
    def test_never_goes_back_in_time(self, path: Path, hours: int, clean: bool) -> None:
        with recorder_at(path) as recorder:
            for _ in range(3):
                talk = Conversation(recorder).text("client", "hi")
                at = time.monotonic_ns() + 10**12
                talk.tap.stream("server")(at, at, wire(1, b"much later"))
                talk.end()
        if not clean:
            change(path, "UPDATE sessions SET ended_ns = NULL, clean = 0 WHERE id = 3")
        # Somebody has set the clock.
        started = datetime.now(UTC) + timedelta(hours=hours)
        change(path, f"UPDATE meta SET value = '{started.isoformat()}' WHERE key = 'started_at'")
        with recorder_at(path) as recorder:
            Conversation(recorder).text("client", "hi").end()
        read = contents(path)
        last = max(
            session.started_ns + max(session.ended_ns or 0, 0 if clean else frames[-1].at_ns)
            for session, frames in zip(read.sessions[:3], read.frames, strict=False)
        )
        assert read.sessions[3].started_ns >= last

    def test_is_not_clean_until_it_ends_again(self, path: Path) -> None:
        with recorder_at(path):
            pass
        with recorder_at(path), Recording.open(path) as recording:
            assert not recording.clean

    def test_an_empty_file_is_a_new_one(self, path: Path) -> None:
        path.touch()
        with recorder_at(path) as recorder:
            Conversation(recorder).text("client", "hi").end()
        assert len(contents(path).frames[0]) == 1


class TestTwoRecorders:
    def test_the_second_is_refused_in_one_line(self, path: Path) -> None:
        with elsewhere(HOLD, path) as holder:
            assert holder.stdout
            assert holder.stdout.readline() == "recording\n"
            with pytest.raises(RecordingBusyError) as raised:
                Recorder(path)
            message = str(raised.value)
            assert "\n" not in message
            assert str(path) in message
            assert str(holder.pid) in message

    def test_the_second_of_one_process_too(self, path: Path) -> None:
        with recorder_at(path) as recorder:
            with pytest.raises(RecordingBusyError):
                Recorder(path)
            Conversation(recorder).text("client", "unharmed").end()
        assert len(contents(path).frames[0]) == 1
        with recorder_at(path):
            pass

    def test_under_another_name_of_the_same_file(self, path: Path) -> None:
        link = path.with_name("link.db")
        with recorder_at(path):
            link.symlink_to(path)
            with pytest.raises(RecordingBusyError):
                Recorder(link)

    def test_side_by_side_into_two_files(self, path: Path) -> None:
        with recorder_at(path) as one, recorder_at(path.with_name("b.db")) as two:
            Conversation(one).text("client", "one").end()
            Conversation(two).text("client", "two").end()
        assert contents(path).messages[0][0].data == "one"
        assert contents(path.with_name("b.db")).messages[0][0].data == "two"


class TestARecorderThatIsKilled:
    def test_leaves_a_readable_file_and_no_lock(self, path: Path) -> None:
        with elsewhere(HOLD, path) as holder:
            assert holder.stdout
            assert holder.stdout.readline() == "recording\n"
            eventually(lambda: recorded(path) == [1, 50])
            os.kill(holder.pid, signal.SIGKILL)
            holder.wait()
        read = contents(path)
        assert [session.clean for session in read.sessions] == [True, False]
        assert read.sessions[1].ended_ns is None
        assert [m.data for m in read.messages[1]] == [f"{i:02}" for i in range(50)]
        with Recording.open(path) as recording:
            assert not recording.clean
        with recorder_at(path) as recorder:
            Conversation(recorder).text("client", "hi").end()
        read = contents(path)
        assert [session.clean for session in read.sessions] == [True, False, True]
        assert [len(frames) for frames in read.frames] == [1, 50, 1]

    def test_at_any_moment(self, path: Path) -> None:
        script = HOLD.replace("sys.stdin.read()", "") + (
            "for i in range(20_000):\n"
            "    tap.stream('server')(time.monotonic_ns(), None, b'\\x81\\x02xx' * 9)\n"
            "    time.sleep(0.001)\n"
        )
        for run in range(3):
            with elsewhere(script, path) as holder:
                assert holder.stdout
                assert holder.stdout.readline() == "recording\n"
                eventually(lambda n=run: len(recorded(path)) == 2 * n + 2)  # type: ignore[misc]
                os.kill(holder.pid, signal.SIGKILL)
        read = contents(path)
        assert [session.clean for session in read.sessions] == [True, False] * 3
        for frames in read.frames:
            assert [frame.seq for frame in frames] == [*range(1, len(frames) + 1)]


class TestABacklog:
    CHUNK = wire(2, bytes(60_000), mask=KEY)

    def fill(self, record: Record) -> tuple[int, Room]:
        """Send until there is no room; return how much was sent, and what is said then."""
        for sent in range(1, 1000):
            if room := record(time.monotonic_ns(), None, self.CHUNK):
                return sent, room
        raise AssertionError("there is always room")

    def test_of_one_peer_stops_that_peer_and_no_other(self, path: Path) -> None:
        gate, room, all_room = (threading.Event() for _ in range(3))
        with recorder_at(path, on_room=all_room.set) as recorder:
            talk = Conversation(recorder)
            greedy = talk.tap.stream("client", on_room=room.set)
            recorder.backlog.put(lambda: gate.wait(30), 0)  # the disk is very slow
            sent, said = self.fill(greedy)
            assert said is Room.NONE_FOR_ONE
            assert 1 << 20 < sent * len(self.CHUNK) < 3 << 20
            assert greedy(time.monotonic_ns(), None, self.CHUNK) is Room.NONE_FOR_ONE
            assert not talk.tap.stream("server")(time.monotonic_ns(), None, wire(1, b"hi"))
            assert not room.is_set()
            gate.set()
            assert room.wait(30)
            assert not greedy(time.monotonic_ns(), None, self.CHUNK)
            talk.end()
        assert not all_room.is_set()
        ((session,), _, _) = contents(path)
        assert session.client_bytes == (sent + 2) * 60_000

    def test_of_all_is_told_of_and_nothing_is_lost(self, path: Path) -> None:
        gate, room = threading.Event(), threading.Event()
        with recorder_at(path, on_room=room.set) as recorder:
            talks = [Conversation(recorder) for _ in range(3)]
            recorder.backlog.put(lambda: gate.wait(30), 0)
            sent, said = zip(*(self.fill(talk.tap.stream("client")) for talk in talks), strict=True)
            assert said[-1] is Room.NONE
            assert 3 << 20 < sum(sent) * len(self.CHUNK) < 8 << 20
            assert not room.is_set()
            gate.set()
            assert room.wait(30)
            assert not talks[2].tap.stream("client")(time.monotonic_ns(), None, self.CHUNK)
            for talk in talks:
                talk.end()
        sessions = contents(path).sessions
        assert sum(each.client_bytes for each in sessions) == (sum(sent) + 1) * 60_000

    def test_of_empty_work_counts_too(self, path: Path) -> None:
        gate = threading.Event()
        with recorder_at(path) as recorder:
            recorder.backlog.put(lambda: gate.wait(30), 0)
            for _ in range(1 << 15):
                recorder.backlog.put(int, 0)
            assert recorder.backlog.is_full()
            gate.set()

    def test_is_written_at_the_end(self, path: Path) -> None:
        with recorder_at(path) as recorder:
            talk = Conversation(recorder)
            for i in range(3000):
                talk.server(wire(1, b"%d" % i))
        assert [m.data for m in contents(path).messages[0]] == [f"{i}" for i in range(3000)]


class TestAWriterThatFails:
    def test_says_so_once_and_lets_go(self, path: Path) -> None:
        failures: list[Exception] = []
        failed = threading.Event()
        room = threading.Event()

        def on_failure(error: Exception) -> None:
            failures.append(error)
            failed.set()

        recorder = Recorder(path, on_failure=on_failure, on_room=room.set)
        talk = Conversation(recorder).text("client", "kept")
        eventually(lambda: recorded(path) == [1])
        change(path, "DROP TABLE frames")
        talk.text("client", "lost")
        assert failed.wait(30)
        # Nobody who goes on sending is left waiting.
        chunk = wire(2, bytes(1 << 20), mask=KEY)
        for _ in range(20):
            room.clear()
            if talk.tap.stream("client", room.set)(time.monotonic_ns(), None, chunk):
                assert room.wait(30)
        talk.text("client", "lost").end()
        recorder.close()
        assert [type(error) for error in failures] == [sqlite3.OperationalError]
        assert recorder.failure is failures[0]
        assert files(path) >= {"session.db"}
        assert "session.db.lock" not in files(path)
        with Recording.open(path) as recording:
            assert not recording.clean
            assert [session.clean for session in recording.sessions()] == [False]

    def test_and_then_keeps_nothing(self, path: Path) -> None:
        failed, room = threading.Event(), threading.Event()
        recorder = Recorder(path, on_room=room.set, on_failure=lambda error: failed.set())
        gate = threading.Event()
        recorder.backlog.put(lambda: gate.wait(30) and [][0], 0)
        while not recorder.backlog.is_full():
            recorder.backlog.put(int, 1 << 20)
        gate.set()
        assert failed.wait(30)
        assert room.wait(30)
        recorder.backlog.put(int, 5 << 20)
        eventually(lambda: recorder.backlog.size == 0)
        assert not recorder.backlog.is_full()
        recorder.close()

    def test_for_any_reason_at_all(self, path: Path) -> None:
        failures: list[Exception] = []
        recorder = Recorder(path, on_failure=failures.append)
        Conversation(recorder).text("client", "lost").end()
        recorder.backlog.put(lambda: [][0], 0)
        recorder.close()
        assert [type(error) for error in failures] == [IndexError]
        with recorder_at(path):  # the lock is free, and the file a recording
            pass

    def test_on_a_full_disk(self, path: Path) -> None:
        script = """
import resource, signal, sys, threading, time
from pathlib import Path
from wsrec.store.recorder import Recorder
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
failures, failed = [], threading.Event()
recorder = Recorder(Path(sys.argv[1]), on_failure=lambda e: (failures.append(e), failed.set()))
tap = recorder.session("a:1", "/", [])
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
for i in range(1000):
    tap.stream("server")(time.monotonic_ns(), None, b"\\x82\\x7e\\xff\\xff" + bytes(65535))
    if failed.wait(0.01):
        break
tap.ended()
recorder.close()
print(len(failures), type(failures[0]).__name__, recorder.failure is failures[0])
"""
        with elsewhere(script, path) as process:
            out, _ = process.communicate(timeout=60)
        assert out == "1 OperationalError True\n"
        assert process.returncode == 0
        ((session,), (frames,), _) = contents(path)
        assert not session.clean
        assert [frame.seq for frame in frames] == [*range(1, len(frames) + 1)]

    def test_at_the_very_end(self, path: Path) -> None:
        recorder = Recorder(path)
        Conversation(recorder).text("client", "hi").end()
        eventually(lambda: contents(path).sessions != [] and contents(path).sessions[0].clean)
        change(path, "DROP TABLE meta")
        recorder.close()
        assert isinstance(recorder.failure, sqlite3.OperationalError)
        assert "session.db.lock" not in files(path)


class TestALockThatIsTakenAway:
    def test_is_taken_again(self, path: Path) -> None:
        failed, resumed = threading.Event(), threading.Event()
        recorder = Recorder(
            path, on_failure=lambda error: failed.set(), on_resumed=lambda: resumed.set()
        )
        path.with_name("session.db.lock").unlink()
        talk = Conversation(recorder).text("client", "hi")
        assert failed.wait(30)
        assert resumed.wait(30)
        with pytest.raises(RecordingBusyError):
            Recorder(path)
        talk.end()
        recorder.close()
        with Recording.open(path) as recording:
            assert recording.clean
            assert {message.data for message in recording.messages(1)} == {"hi"}

    def test_and_not_where_another_recorder_has_come_meanwhile(self, path: Path) -> None:
        failed = threading.Event()
        recorder = Recorder(path, on_failure=lambda error: failed.set())
        path.with_name("session.db.lock").unlink()
        with recorder_at(path) as other:
            Conversation(other).text("client", "theirs").end()
        Conversation(recorder).text("client", "ours").end()
        assert failed.wait(30)
        recorder.close()
        assert recorder.failure is not None
        with Recording.open(path) as recording:
            assert [message.data for message in recording.messages(1)] == ["theirs"]


class TestADiskThatDoesNotAnswer:
    def stuck(self, path: Path, durability: Durability) -> tuple[Recorder, threading.Event]:
        recorder = Recorder(path, durability=durability)
        answer = threading.Event()
        recorder.backlog.put(answer.wait, 0, 30)  # stands in for a sync that takes for ever
        return recorder, answer

    def test_is_a_failure_that_ends_when_it_answers(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("wsrec.store.progress.STUCK", 0.05)
        recorder, answer = self.stuck(path, Durability.PROCESS)
        talk = Conversation(recorder).text("client", "hi")

        def look() -> bool:
            recorder.look()
            return recorder.failure is not None

        eventually(look)
        assert "nothing could be written for" in str(recorder.failure)
        assert not recorder.is_open
        answer.set()
        eventually(lambda: recorder.failure is None)
        talk.end()
        recorder.close()
        assert recorder.first_failure is not None
        with Recording.open(path) as recording:
            assert recording.clean
            assert [message.data for message in recording.messages(1)] == ["hi"]

    def test_holds_up_those_who_are_forwarded_in_any_case(
        self, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr("wsrec.store.progress.STUCK", 0.05)
        recorder, answer = self.stuck(path, Durability.ASYNC)

        def look() -> bool:
            recorder.look()
            return bool(caplog.messages)

        eventually(look)
        assert recorder.failure is None
        answer.set()
        recorder.close()

    def test_is_none_that_has_nothing_to_do(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("wsrec.store.progress.STUCK", 0.0)
        with recorder_at(path) as recorder:
            for _ in range(3):
                recorder.look()
                time.sleep(0.01)
            assert recorder.failure is None


class TestAFileThatCannotBeRecordedInto:
    def refused(self, path: Path) -> str:
        before = path.read_bytes() if path.is_file() else b""
        with pytest.raises(RecordingError) as raised:
            Recorder(path)
        message = str(raised.value)
        assert "\n" not in message
        assert path.name in message
        assert (path.read_bytes() if path.is_file() else b"") == before
        with contextlib.suppress(OSError):
            assert f"{path.name}.lock" not in files(path)
        return message

    def test_other_bytes(self, path: Path) -> None:
        path.write_bytes(b"not a database\n" * 100)
        self.refused(path)

    def test_another_database(self, path: Path) -> None:
        change(path, "CREATE TABLE frames (id)")
        assert "not a wsrec recording" in self.refused(path)

    def test_a_newer_format(self, path: Path) -> None:
        with recorder_at(path):
            pass
        change(path, "PRAGMA user_version = 99")
        assert "upgrade wsrec" in self.refused(path)

    def test_a_folder_and_one_that_is_not_there(self, tmp_path: Path) -> None:
        self.refused(tmp_path)
        self.refused(tmp_path / "no" / "session.db")
        (tmp_path / "file").touch()
        self.refused(tmp_path / "file" / "session.db")

    @pytest.mark.parametrize(
        "statement",
        [
            "DELETE FROM meta",
            "UPDATE meta SET value = 'soon' WHERE key = 'started_at'",
            "UPDATE meta SET value = x'00ff' WHERE key = 'started_at'",
            "DROP TABLE extents",
        ],
    )
    def test_one_that_is_damaged(self, path: Path, statement: str) -> None:
        with recorder_at(path):
            pass
        change(path, statement)
        with contextlib.suppress(RecordingError):
            Recorder(path).close()
        assert "session.db.lock" not in files(path)


def test_a_recorder_killed_before_it_had_made_the_tables_is_followed_by_another(
    path: Path,
) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("VACUUM")
    assert path.stat().st_size > 0

    with recorder_at(path) as recorder:
        Conversation(recorder).text("client", "hi")

    with Recording.open(path) as recording:
        assert [message.data for message in recording.messages(1)] == ["hi"]
