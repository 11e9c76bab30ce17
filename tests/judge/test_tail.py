"""`wsrec tail` as its users meet it: real recorders, real processes, pipes that get stuck."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from support.frames import wire
from support.recordings import Conversation, elsewhere, recorder_at
from support.tailing import WRITE, tailing


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session.db"


def files(path: Path) -> set[str]:
    return {each.name for each in path.parent.iterdir()}


def write(path: Path, *texts: str, end: bool = True) -> None:
    """Record a session of its own."""
    with recorder_at(path) as recorder:
        talk = Conversation(recorder)
        for text in texts:
            talk.text("client", text)
        if end:
            talk.end()


class TestWhatIsSaid:
    def test_each_session_as_it_comes_and_goes(self, path: Path) -> None:
        with recorder_at(path) as recorder, tailing(path) as tail:
            first = Conversation(recorder, target="/a").text("client", "one")
            assert tail.until_said("client").split()[0] == "session"
            assert tail.until_said("one").split()[0::2] == ["1", "1", "client", "one"]
            second = Conversation(recorder, target="/b").text("server", "two")
            tail.until_said("two")
            first.server(wire(8, b"\x03\xe8bye")).end()
            tail.until_said("session 1 ended", "server, 1000 bye")
            second.end()
            tail.until_said("session 2 ended", "connection")
            refused = recorder.session(None, "/c", [])
            refused.answered(403, [], None, None)
            refused.ended()
            tail.until_said("session 3", "/c", "answered 403")
            tail.until_said("session 3 ended", "refused")
            assert tail.interrupt() == (0, "")

    def test_the_last_ones_first(self, path: Path) -> None:
        write(path, *(f"text-{n}" for n in range(30)))
        for words, expected in (
            ((), range(20, 30)),
            (("-n", "3"), range(27, 30)),
            (("-n", "0"), ()),
            (("-n", "1000"), range(30)),
            (("1", "-n", "2"), range(28, 30)),
            (("--frames", "-n", "4"), range(26, 30)),
        ):
            with tailing(path, "--until-end", *words) as tail:
                tail.until()
                assert tail.ended() == (0, "")
                shown = [line.split("text-")[1] for line in tail.lines if "text-" in line]
                assert shown == [str(n) for n in expected]
                assert ("session 1  /ws" in tail.lines[0]) == bool(expected)

    def test_no_escapes(self, path: Path) -> None:
        with recorder_at(path) as recorder, tailing(path) as tail:
            evil = "\x1b]0;owned\x07"
            talk = Conversation(recorder, target="/\x1b[2J", subprotocol=evil)
            talk.text("client", evil).server(wire(8, b"\x03\xe8" + evil.encode())).end()
            tail.until_said("session 1 ended")
            assert not any(char in line for char in "\x1b\x07" for line in tail.lines)
            assert sum("\\x1b]0;owned\\x07" in line for line in tail.lines) == 4

    def test_all_of_a_large_message(self, path: Path) -> None:
        with recorder_at(path) as recorder, tailing(path, "1", "--retry", "--full") as tail:
            Conversation(recorder).server(wire(1, b"x" * (3 << 20))).end()
            tail.until()
            assert tail.ended() == (0, "")
            assert any("x" * (3 << 20) in line for line in tail.lines)


class TestBesideARecorder:
    @pytest.mark.parametrize("words", [(), ("2",), ("--frames",)])
    def test_nothing_is_missing_and_nothing_comes_twice(
        self, path: Path, words: tuple[str, ...]
    ) -> None:
        with (
            elsewhere(WRITE, path, 50_000, 5) as recorder,
            tailing(path, *words, "-n1000000", "--retry", "--until-end", "--format=json") as tail,
        ):
            assert recorder.stdin is not None
            time.sleep(0.5)
            recorder.stdin.write("\n\n")
            recorder.stdin.flush()
            tail.until()
            assert tail.ended() == (0, "")
        frames: dict[int, list[int]] = {}
        events: dict[int, list[str | int]] = {}
        for line in tail.json():
            if "seq" in line:
                frames.setdefault(line["session_id"], []).append(line["seq"])
                events[line["session_id"]][1:] = [line["seq"]]
            elif "id" in line:
                events.setdefault(line["id"], []).append(line["event"])
        sessions = [2] if "2" in words else range(1, 6)
        assert frames == {number: list(range(1, 10_001)) for number in sessions}
        assert events == {number: ["began", 10_000, "ended"] for number in sessions}

    def test_its_clean_end_leaves_one_file(self, path: Path) -> None:
        with tailing(path, "--retry", "-n1000") as tail:
            for run in range(3):
                with recorder_at(path) as recorder:
                    Conversation(recorder).text("client", f"run-{run}").end()
                    tail.until_said(f"session {run + 1} ended")
                    time.sleep(0.5)  # two looks that find nothing; the next is seconds away
                assert files(path) == {"session.db"}
                tail.until_said("recording ended")
            assert sum("run-" in line for line in tail.lines) == 3
            assert tail.interrupt() == (0, "")

    def test_one_that_is_killed_is_followed_by_another(self, path: Path) -> None:
        with tailing(path, "--retry", "-n1000") as tail:
            for _ in range(3):
                with elsewhere(WRITE, path, 100, 2) as recorder:
                    assert recorder.stdin is not None
                    recorder.stdin.write("\n")
                    recorder.stdin.flush()
                    for _ in range(2):
                        tail.until_said("ended after")
            assert [
                line.split()[1] for line in tail.lines if "session" in line and "/" in line
            ] == [str(n) for n in range(1, 7)]
            assert sum("binary" in line for line in tail.lines) == 300

    def test_a_stuck_terminal_holds_up_nobody(self, path: Path) -> None:
        with elsewhere(WRITE, path, 100_000, 3) as recorder:
            assert recorder.stdin is not None
            assert recorder.stdout is not None
            recorder.stdout.readline()
            with tailing(path, "-n0", read=False) as tail:
                time.sleep(1)
                recorder.stdin.write("\n")
                recorder.stdin.flush()
                recorder.stdout.readline()
                # A reader in the way of checkpoints would have let it grow to that of the file.
                assert path.stat().st_size > 20 << 20
                assert path.with_name("session.db-wal").stat().st_size < 8 << 20
                with closing(sqlite3.connect(path)) as other:
                    assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
                recorder.stdin.write("\n")
                recorder.stdin.flush()
                assert recorder.wait(20) == 0
                assert files(path) == {"session.db"}
                assert tail.process.poll() is None
                assert tail.interrupt() == (0, "")


class TestTheEnd:
    def test_ctrl_c_at_any_moment(self, path: Path) -> None:
        write(path, *(str(n) for n in range(20_000)), end=False)
        for seconds in (0, 0.02, 0.05, 0.1, 0.3):
            with tailing(path, "-n", "20000") as tail:
                tail.until_said("session 1")
                time.sleep(seconds)
                assert tail.interrupt() == (0, "")

    def test_a_closed_pipe_is_noticed_without_a_word(self, path: Path) -> None:
        write(path, "one")
        with tailing(path, read=False) as tail:
            assert tail.process.stdout is not None
            tail.process.stdout.readline()
            tail.process.stdout.close()
            assert tail.ended()[1] == ""

    def test_one_session_that_has_ended(self, path: Path) -> None:
        with recorder_at(path) as recorder:
            talk = Conversation(recorder).text("client", "one")
            Conversation(recorder).text("client", "other")
            with tailing(path, "1") as tail:
                tail.until_said("one")
                talk.end()
                tail.until()
                assert tail.ended() == (0, "")
                assert [line.split()[0] for line in tail.lines][::2] == ["session", "session"]
                assert len(tail.lines) == 3


class TestWhatIsNotThere:
    def test_the_file(self, path: Path) -> None:
        with tailing(path) as tail:
            assert tail.ended() == (3, f"wsrec: {path}: No such file or directory\n")

    def test_a_session(self, path: Path) -> None:
        write(path, "one")
        with tailing(path, "7") as tail:
            code, said = tail.ended()
            assert (code, said.count("\n")) == (3, 1)
            assert "no session 7" in said

    def test_may_come(self, path: Path) -> None:
        with tailing(path, "2", "--retry", "-n1") as tail:
            time.sleep(0.3)
            path.touch()
            write(path, "one")
            time.sleep(0.3)
            write(path, "two")
            tail.until()
            assert tail.ended() == (0, "")
            assert [line.split()[-1] for line in tail.lines if "client text" in line] == ["two"]

    @pytest.mark.parametrize("retry", [False, True])
    def test_another_file_in_its_place(self, path: Path, tmp_path: Path, retry: bool) -> None:
        write(path, "one")
        other = tmp_path / "other.db"
        write(other, *(f"other-{n}" for n in range(20)))
        with tailing(path, *["--retry"] * retry) as tail:
            tail.until_said("recording ended")
            other.replace(path)
            if retry:
                tail.until_said("other-19")
                assert sum("other-" in line for line in tail.lines) == 20
                code, said = tail.interrupt()
                assert code == 0
            else:
                code, said = tail.ended()
                assert code == 3
            assert said.count("\n") == 1
            assert "another recording" in said

    def test_no_longer(self, path: Path) -> None:
        write(path, "one")
        with tailing(path) as tail:
            tail.until_said("recording ended")
            path.unlink()
            assert tail.ended() == (3, f"wsrec: {path}: No such file or directory\n")
