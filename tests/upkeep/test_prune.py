"""Old sessions taken out of a recording: those and no others, and nothing of them stays."""

from __future__ import annotations

import io
import json
import os
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.frames import KEY, wire
from support.recordings import Conversation, contents, elsewhere, recorder_at
from support.tampering import change, record_everything, said
from wsrec.store.pruned import Pruned, ranges_of
from wsrec.store.reader import Recording
from wsrec.upkeep.merging import merge
from wsrec.upkeep.prune import Pruning
from wsrec.upkeep.prune import prune as prune_recording
from wsrec.upkeep.pruning import prune, read_rule
from wsrec.upkeep.rule import EMPTY, Ended, Rule


def talks(path: Path, count: int = 6, size: int = 100, secret: str = "", pause: float = 0) -> Path:
    """Sessions of one message each, and the last one without an end."""
    with recorder_at(path) as recorder:
        for number in range(count):
            talk = Conversation(recorder, target=f"/{number + 1}")
            time.sleep(pause)
            talk.client(wire(1, f"{secret}{number + 1}".encode() + b"x" * size, mask=KEY))
            if number < count - 1:
                talk.end()
    return path


def pruned(path: Path, rule: Rule, **settings: Any) -> Pruning:
    return prune_recording(path, rule, **settings)


def numbers(path: Path) -> list[int]:
    return [session.id for session in contents(path).sessions]


def meta(path: Path) -> dict[str, str]:
    with Recording.open(path) as recording:
        return recording.meta


def text(path: Path, rule: Rule, **settings: Any) -> tuple[int, str]:
    out = io.StringIO()
    code = prune([path], rule, out, "text", **settings)
    return code, out.getvalue().replace(f"{path.parent}/", "")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return talks(tmp_path / "a.db")


class TestWhatStays:
    def test_reads_back_as_it_was(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        record_everything(path)
        before = contents(path)
        assert pruned(path, Rule(keep_last=5)).removed == ((1, 2),)
        after = contents(path)
        assert after.sessions == before.sessions[2:]
        assert after.frames == before.frames[2:]
        assert after.messages == before.messages[2:]
        assert said(path) == ["session 7: ends without an end record"]

    def test_what_stays_is_as_it_was_link_by_link(self, tmp_path: Path) -> None:
        def links(path: Path) -> list[Any]:
            with closing(sqlite3.connect(path)) as connection:
                return connection.execute(
                    "SELECT session_id, first_seq, l.link FROM extents JOIN links l"
                    " USING (first_id) WHERE session_id > 1 UNION ALL"
                    " SELECT id, 0, link FROM sessions WHERE id > 1 ORDER BY 1, 2"
                ).fetchall()

        path = tmp_path / "a.db"
        record_everything(path)
        before = links(path)
        pruned(path, Rule(keep_last=6))
        assert links(path) == before

    def test_a_recorder_goes_on_with_it(self, path: Path) -> None:
        pruned(path, Rule(keep_last=2))
        talks(path, 2)
        assert numbers(path) == [5, 6, 7, 8]
        assert all("without an end" in line for line in said(path))

    def test_numbers_are_not_given_again(self, path: Path) -> None:
        pruned(path, Rule(before_ns=1 << 62))
        talks(path, 2)
        assert numbers(path) == [7, 8]
        assert said(path) == ["session 8: ends without an end record"]

    def test_one_that_comes_back_is_found_out(self, tmp_path: Path, path: Path) -> None:
        pruned(path, Rule(keep_last=2))
        stated = meta(path)["pruned"]
        other = talks(tmp_path / "b.db")
        change(other, f"INSERT INTO meta VALUES ('pruned', '{stated}')")
        assert "session 4: is there, though it is said to have been removed" in said(other)

    def test_it_is_merged_like_any_other(self, tmp_path: Path, path: Path) -> None:
        pruned(path, Rule(keep_last=2))
        merge([path], tmp_path / "all.db", io.StringIO(), "text")
        assert numbers(tmp_path / "all.db") == [1, 2]
        assert json.loads(meta(tmp_path / "all.db")["derived_from"])[0]["sessions"] == [[5, 1, 2]]

    def test_mode_and_link_stay(self, tmp_path: Path, path: Path) -> None:
        path.chmod(0o640)
        (tmp_path / "link.db").symlink_to(path)
        pruned(tmp_path / "link.db", Rule(keep_last=2))
        assert (tmp_path / "link.db").is_symlink()
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert numbers(path) == [5, 6]
        assert {each.name for each in tmp_path.iterdir()} == {"a.db", "link.db"}

    def test_what_is_removed_is_stated(self, path: Path) -> None:
        before = meta(path)
        pruned(path, Rule(keep_last=4))
        pruned(path, Rule(keep_last=3))
        stated = meta(path)
        removed = json.loads(stated.pop("pruned"))
        assert (removed["sessions"], removed["count"]) == ([[1, 3]], 3)
        assert datetime.fromisoformat(removed["at"]).tzinfo == UTC
        assert stated == before
        assert Pruned.stated(meta(path)).last == 3

    def test_whoever_removes_one_more_is_found_out(self, path: Path) -> None:
        pruned(path, Rule(keep_last=4))
        for table, column in (("sessions", "id"), ("frames", "session_id")):
            change(path, f"DELETE FROM {table} WHERE {column} = 3")
        change(
            path,
            "DELETE FROM links WHERE first_id IN (SELECT first_id FROM extents"
            " WHERE session_id = 3)",
            "DELETE FROM extents WHERE session_id = 3",
        )
        assert [line for line in said(path) if "missing" in line]
        code, line = text(path, Rule(keep_last=1))
        assert (code, line[:15]) == (3, "a.db: damaged: ")


class TestWhatIsGone:
    def test_is_not_in_the_file_any_more(self, tmp_path: Path) -> None:
        path = talks(tmp_path / "a.db", 40, 20_000, secret="launch code ")
        before = path.stat().st_size
        assert b"launch code 7x" in path.read_bytes()
        result = pruned(path, Rule(keep_last=2))
        content = path.read_bytes()
        assert content.count(b"launch code ") == 2
        assert b"launch code 7x" not in content
        assert result.bytes_before == before
        assert result.bytes_after == len(content) < before // 3
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA freelist_count").fetchone() == (0,)
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)

    def test_all_of_them(self, path: Path) -> None:
        assert pruned(path, Rule(before_ns=1 << 62)).left == 0
        assert path.stat().st_size == EMPTY
        assert said(path) == []


class TestTheRules:
    def test_age_and_date(self, tmp_path: Path) -> None:
        """By their end; of an interrupted session, that is its last frame."""
        path = talks(tmp_path / "b.db", pause=0.05)
        sessions = contents(path).sessions
        third = datetime.fromisoformat(sessions[2].started_at)
        ended = third + timedelta(microseconds=(sessions[2].ended_ns or 0) // 1000 + 1)
        assert pruned(path, read_rule(older_than="1h")).count == 0
        assert pruned(path, read_rule(before="2020-01-01")).count == 0
        assert pruned(path, read_rule(before=ended.isoformat())).removed == ((1, 3),)
        assert pruned(path, read_rule(older_than="0s")).removed == ((4, 6),)

    def test_the_last_ones_are_those_that_ended_last(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        with recorder_at(path) as recorder:
            long = Conversation(recorder).text("client", "long")
            for _ in range(3):
                Conversation(recorder).text("client", "short").end()
            long.end()
        assert pruned(path, Rule(keep_last=2)).removed == ((2, 3),)
        assert numbers(path) == [1, 4]

    def test_an_interrupted_one_ended_with_its_last_frame(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        with recorder_at(path) as recorder:
            long = Conversation(recorder).text("client", "long")
            Conversation(recorder)
            Conversation(recorder).text("client", "short").end()
            long.text("client", "still here")
        assert pruned(path, Rule(keep_last=1)).removed == ((2, 3),)
        assert numbers(path) == [1]

    @pytest.mark.parametrize("megabytes", [1, 2, 3, 5])
    def test_size(self, tmp_path: Path, megabytes: int) -> None:
        """Sessions of any size, and as many as fit stay."""
        path = tmp_path / "a.db"
        with recorder_at(path) as recorder:
            for number in range(60):
                talk = Conversation(recorder)
                talk.client(wire(2, os.urandom(number * 3000 + 10), mask=KEY)).end()
        result = pruned(path, read_rule(max_size=f"{megabytes}m"))
        assert result.removed == ((1, result.count),)
        size = path.stat().st_size
        assert result.bytes_after == size < megabytes << 20
        assert size > (megabytes << 20) - 500_000
        assert said(path) == []

    def test_a_recording_that_is_not_there_is_called_as_it_was_given(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        out = io.StringIO()
        assert prune([Path("none.db")], Rule(keep_last=1), out, "text") == 3
        assert out.getvalue() == "none.db: No such file or directory\n"

    def test_nothing_to_remove_leaves_the_file_alone(self, path: Path) -> None:
        before = path.stat()
        assert text(path, Rule(keep_last=6)) == (
            0,
            f"a.db: nothing to remove of 6 sessions; {before.st_size:,} bytes\n",
        )
        assert path.stat().st_mtime_ns == before.st_mtime_ns
        assert path.stat().st_ino == before.st_ino

    def test_at_least_one_goes_from_a_file_that_is_too_large(self) -> None:
        for size in (0, 1, 1 << 40):
            sessions = [Ended(number, number, size) for number in range(3)]
            assert sessions[0] in Rule(max_bytes=10).removed(sessions, 1 << 20)
            assert sessions[0] in Rule(max_bytes=1 << 20).removed(sessions, 1 << 20)
            assert not Rule(max_bytes=(1 << 20) + 1).removed(sessions, 1 << 20)
        assert not Rule(max_bytes=10).removed([], 1 << 20)

    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"older_than": "1d", "keep_last": 3},
            {"older_than": "1"},
            {"older_than": "-1d"},
            {"older_than": "1 year"},
            {"before": "soon"},
            {"before": "2020-13-01"},
            {"max_size": "1x"},
            {"max_size": "1000k"},
            {"max_size": ""},
        ],
    )
    def test_what_is_not_to_be_understood(self, options: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r"^(--|give one of)"):
            read_rule(**options)

    def test_what_is(self) -> None:
        day = int(datetime(2030, 1, 31, tzinfo=UTC).timestamp()) * 10**9
        assert read_rule(before="2030-01-31").before_ns == day
        assert read_rule(before="2030-01-31T01:00+01:00").before_ns == day
        assert read_rule(max_size="2G").max_bytes == 2 << 30
        now = datetime.now(UTC).timestamp() * 1e9
        assert abs((read_rule(older_than="2w").before_ns or 0) - now + 14 * 86400e9) < 60e9


class TestWhatItSays:
    def test_in_a_line(self, path: Path) -> None:
        before = path.stat().st_size
        code, line = text(path, Rule(keep_last=2), dry_run=True)
        assert (code, line.split(";")[0]) == (0, "a.db: would remove 4 of 6 sessions (1-4)")
        assert " bytes before, about " in line
        assert text(path, Rule(keep_last=2)) == (
            0,
            f"a.db: removed 4 of 6 sessions (1-4); {before:,} bytes before,"
            f" {path.stat().st_size:,} after\n",
        )

    def test_for_machines(self, tmp_path: Path, path: Path) -> None:
        out = io.StringIO()
        size = path.stat().st_size
        assert prune([path, tmp_path / "no.db"], Rule(keep_last=5), out, "json") == 3
        done, failed = map(json.loads, out.getvalue().splitlines())
        assert done == {
            "recording": str(path),
            "status": "pruned",
            "removed": [[1, 1]],
            "sessions_removed": 1,
            "sessions_left": 5,
            "bytes_before": size,
            "bytes_after": path.stat().st_size,
            "unsealed": False,
        }
        assert (failed["recording"], failed["status"]) == (str(tmp_path / "no.db"), "refused")

    def test_a_dry_run_changes_nothing(self, tmp_path: Path, path: Path) -> None:
        before, status = path.read_bytes(), path.stat()
        result = pruned(path, Rule(keep_last=2), dry_run=True)
        assert (result.removed, result.left) == (((1, 4),), 2)
        assert path.read_bytes() == before
        assert path.stat().st_mtime_ns == status.st_mtime_ns
        assert [each.name for each in tmp_path.iterdir()] == ["a.db"]
        assert pruned(path, Rule(keep_last=2)).removed == result.removed


class TestWhatIsRefused:
    def test_a_recording_that_is_being_recorded(self, path: Path) -> None:
        with recorder_at(path):
            assert text(path, Rule(keep_last=1)) == (
                3,
                "a.db: is being recorded into; prune it afterwards\n",
            )
        assert len(numbers(path)) == 6

    def test_a_damaged_one_and_the_others_are_pruned(self, tmp_path: Path, path: Path) -> None:
        bad = talks(tmp_path / "b.db")
        change(bad, "UPDATE frames SET payload = x'00' WHERE session_id = 1")
        before = bad.read_bytes()
        out = io.StringIO()
        assert prune([bad, path], Rule(keep_last=2), out, "text") == 3
        assert "b.db: damaged: session 1: " in out.getvalue()
        assert bad.read_bytes() == before
        assert numbers(path) == [5, 6]

    def test_what_is_no_recording(self, tmp_path: Path) -> None:
        (tmp_path / "a.db").write_bytes(b"precious")
        for name in ("a.db", "no.db", "no/a.db"):
            assert text(tmp_path / name, Rule(keep_last=1))[0] == 3
        assert [each.name for each in tmp_path.iterdir()] == ["a.db"]
        assert (tmp_path / "a.db").read_bytes() == b"precious"

    def test_one_with_a_log_that_somebody_reads(self, path: Path) -> None:
        before = numbers(path)
        with closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA journal_mode = WAL")
            other.execute("CREATE TEMP TABLE t (a)")
            assert other.execute("SELECT count(*) FROM sessions").fetchone() == (6,)
            other.execute("UPDATE frames SET forwarded_ns = 1")
            other.commit()
            code, line = text(path, Rule(keep_last=1))
        assert (code, line[:35]) == (3, "a.db: cannot be replaced while it i")
        assert numbers(path) == before
        assert [each.name for each in path.parent.iterdir()] == ["a.db"]


KILLED = """
import sys, time
from pathlib import Path
from wsrec.upkeep import fresh, prune
from wsrec.upkeep.rule import Rule
def stop(*_):
    print("here", flush=True)
    time.sleep(60)
prune.require_intact = lambda *_: None
owner, name = {"finish": (fresh.Fresh, "finish"), "log": (prune, "_take_log_in"),
               "name": (fresh.Fresh, "take_place")}[sys.argv[2]]
setattr(owner, name, stop)
prune.prune(Path(sys.argv[1]), Rule(keep_last=2))
"""


@pytest.mark.parametrize("when", ["finish", "log", "name"])
def test_killed_on_the_way_it_leaves_the_old_one_whole(path: Path, when: str) -> None:
    before = path.read_bytes()
    with elsewhere(KILLED, path, when) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert path.read_bytes() == before
    assert (path.parent / "a.db-unfinished").exists()
    assert text(path, Rule(keep_last=2))[0] == 0
    assert [each.name for each in path.parent.iterdir()] == ["a.db"]
    assert numbers(path) == [5, 6]


def test_the_log_of_a_killed_recorder_is_taken_in(tmp_path: Path) -> None:
    """Beside the new file it would be read with it."""
    script = f"""
import sys, time
sys.path.insert(0, {sys.path[0]!r})
from pathlib import Path
from support.recordings import Conversation
from wsrec.store.recorder import Recorder
recorder = Recorder(Path(sys.argv[1]))
for text in ("one", "two", "three"):
    Conversation(recorder).text("client", text)
time.sleep(0.3)
print("ready", flush=True)
time.sleep(60)
"""
    path = tmp_path / "a.db"
    with elsewhere(script, path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert (tmp_path / "a.db-wal").stat().st_size > 0
    result = pruned(path, Rule(keep_last=2))
    assert (result.removed, result.left) == (((1, 1),), 2)
    assert [m.data for (m,) in contents(path).messages] == ["two", "three"]
    assert {each.name for each in tmp_path.iterdir()} == {"a.db"}


def test_a_full_disk_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    path = talks(tmp_path / "a.db", 50, 50_000)
    before = path.read_bytes()
    script = (
        "import sys; from pathlib import Path; from wsrec.upkeep.pruning import *;"
        "sys.exit(prune([Path(sys.argv[1])], read_rule(keep_last=45), sys.stdout, 'text'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout.startswith(f"{path}: cannot be written: ")
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["a.db"]


class TestStatedNumbers:
    @pytest.mark.parametrize(
        "value",
        [
            "", "[]", "7", "{}", '{"sessions": 1}', '{"sessions": [1]}', '{"sessions": [[1]]}',
            '{"sessions": [[2, 1]]}', '{"sessions": [[0, 1]]}', '{"sessions": [[1, 2.5]]}',
            '{"sessions": [[3, 4], [1, 2]]}', '{"sessions": [[1, 4], [2, 9]]}',
            '{"sessions": [["a", "b"]]}', '{"sessions": [[1, true]]}', "[" * 5000,
            '{"sessions": [[1, 99999999999999999999]]}',
        ],
    )  # fmt: skip
    def test_in_another_form_are_none(self, value: str) -> None:
        assert Pruned.stated({"pruned": value}) == Pruned()

    def test_what_is_missing_beside_them(self) -> None:
        stated = Pruned(((2, 3), (6, 6), (9, 12)))
        assert list(stated.unstated(1, 14)) == [(1, 1), (4, 5), (7, 8), (13, 14)]
        assert list(stated.unstated(3, 6)) == [(4, 5)]
        assert list(stated.unstated(10, 11)) == []
        assert list(stated.unstated(5, 4)) == []
        assert list(Pruned().unstated(1, 2)) == [(1, 2)]
        assert [number for number in range(1, 14) if stated.states(number)] == [
            *(2, 3, 6, 9, 10, 11, 12)
        ]
        assert (stated.count, stated.last) == (7, 12)

    def test_are_joined(self) -> None:
        assert ranges_of([5, 1, 2, 9, 4]) == ((1, 2), (4, 5), (9, 9))
        assert Pruned(((1, 2),)).with_more([3, 5]).ranges == ((1, 3), (5, 5))
        stated = {"pruned": Pruned(((1, 3),)).statement("now")}
        assert Pruned.stated(stated) == Pruned(((1, 3),))
