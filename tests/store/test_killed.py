"""A recorder killed while it begins, records or recovers; and segments that a power cut took."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.frames import KEY, wire
from support.killed import Life, Talk, comparable, find, small
from support.recordings import elsewhere
from wsrec.store.durability import Durability
from wsrec.store.recorder import Recorder
from wsrec.store.spool import segments, spool_folder
from wsrec.store.unfinished import Unfinished
from wsrec.upkeep.recover import recover

SCRIPT = """
import sys, time
from pathlib import Path
from support.frames import wire
from support.killed import Talk, small
from wsrec.store.durability import Durability
from wsrec.store.recorder import Recorder

with small(2000):
    recorder = Recorder(Path(sys.argv[1]), durability=Durability.PROCESS)
    talks = [Talk(recorder) for _ in range(3)]
    for talk in talks:
        talk.answer()
    for n in range(1_000_000):
        data = wire(1, b"%d" % n)
        for talk in talks:
            talk.send("server", data[:2])
            talk.send("server", data[2:])
        print(n, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "live").mkdir()
    return tmp_path / "live" / "session.db"


class TestARecorderKilled:
    @pytest.mark.parametrize("last", [0, 7, 60, 400])
    def test_while_it_records(self, path: Path, monkeypatch: pytest.MonkeyPatch, last: int) -> None:
        monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
        with elsewhere(SCRIPT, path) as process:
            assert process.stdout is not None
            while process.stdout.readline() != f"{last}\n":
                pass
            process.kill()
            told = last + len(process.stdout.read().splitlines())
        before = find(path)
        assert before.damage == []
        assert recover(path) is not None
        assert find(path) == before
        for messages in before.contents.messages:
            assert [each.data for each in messages] == [str(n) for n in range(len(messages))]
            assert len(messages) - 1 >= told

    def test_while_it_begins(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        left = path.parent.parent / "left"
        note = Unfinished.note

        def dying(unfinished: Unfinished, segment: int) -> None:
            shutil.copytree(path.parent, left)
            note(unfinished, segment)

        monkeypatch.setattr(Unfinished, "note", dying)
        Recorder(path, durability=Durability.PROCESS).close()
        monkeypatch.undo()
        killed = left / path.name
        assert len(segments(spool_folder(killed))) == 1
        assert find(killed).contents.sessions == []
        life = Life(killed)
        Talk(life.recorder).end()
        life.close()
        assert len(find(killed).contents.sessions) == 1

    @pytest.mark.parametrize("durability", list(Durability))
    def test_when_it_had_ended_but_for_its_spool(self, path: Path, durability: Durability) -> None:
        life = Life(path)
        talk = Talk(life.recorder)
        talk.send("client", wire(1, b"x", mask=KEY))
        life.settle()
        spool = spool_folder(path)
        shutil.copytree(spool, spool.with_name("kept"))
        talk.end()
        life.close()
        spool.with_name("kept").rename(spool)
        expected = find(path)
        assert recover(path) is None
        assert find(path) == expected
        Recorder(path, durability=durability).close()
        assert not spool.exists()
        assert comparable(find(path)) == comparable(expected)


def test_who_reads_meanwhile_does_not_keep_it_from_being_recovered(path: Path) -> None:
    life = Life(path)
    talk = Talk(life.recorder)
    life.stop_here()
    talk.send("server", wire(1, b"kept"))
    left = life.copy(path.parent.parent / "left")
    life.close()
    with closing(sqlite3.connect(left)) as reader:
        assert reader.execute("SELECT count(*) FROM frames").fetchone() == (0,)
        done = recover(left)
        assert done is not None
        assert done.frames == 1
        assert not spool_folder(left).exists()
        assert reader.execute("SELECT count(*) FROM frames").fetchone() == (1,)


class TestSegmentsThatAPowerCutTook:
    @pytest.mark.parametrize("how", ["gone", "empty", "torn"])
    def test_are_stated_as_frames_cut_off(self, path: Path, how: str) -> None:
        with small(500):
            life = Life(path)
            talk = Talk(life.recorder)
            life.settle()
            life.stop_here()
            for n in range(60):
                data = wire(2, bytes([n]) * 20)
                talk.send("server", data[:11])
                talk.send("server", data[11:])
            left = life.copy(path.parent.parent / "left")
            life.close()
            (_, _), (_, lost), *others = segments(spool_folder(left))
            assert len(others) > 2
            if how == "gone":
                lost.unlink()
            else:
                data = lost.read_bytes()
                lost.write_bytes(data[: len(data) // 2] if how == "torn" else b"")
            found = find(left)
            assert found.damage == []
            ((*frames, last),) = found.contents.frames
            assert [each.payload for each in frames] == [
                bytes([n]) * 20 for n in range(len(frames))
            ]
            assert 0 < len(frames) < 40
            assert last.anomalies in ((), ("truncated",))
            done = recover(left)
            assert done is not None
            assert done.passed_over > 0
            assert find(left) == found


def test_the_spool_is_dropped_once_the_recording_has_what_is_in_it(path: Path) -> None:
    with small(500):
        life = Life(path)
        talk = Talk(life.recorder)
        for n in range(60):
            talk.send("server", wire(2, bytes([n]) * 20))
        life.settle()
        assert len(segments(spool_folder(path))) == 1
        life.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM unfinished").fetchone() == (0,)
    assert not spool_folder(path).exists()
