"""Recordings that may be deleted, and everything that may not, whatever it is called."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from support.recordings import Conversation, contents, elsewhere, recorder_at
from wsrec.store.lock import RecordingLock
from wsrec.store.reader import Recording
from wsrec.store.recorder import Recorder
from wsrec.store.series import Series
from wsrec.upkeep.merge import merge
from wsrec.upkeep.retention import Finished
from wsrec.upkeep.shelf import Shelf
from wsrec.upkeep.source import Source

PATTERN = "rec-%Y%m%d.db"
NAME = "rec-20200101.db"

RECORD_FOR_EVER = """
import sys, time
from pathlib import Path
from wsrec.store.reader import Recording
from wsrec.store.recorder import Recorder
recorder = Recorder(Path(sys.argv[1]), meta={"output": sys.argv[2]})
tap = recorder.session(None, "/", [])
tap.ended()
time.sleep(0.2)
print("recording", flush=True)
time.sleep(60)
"""
READ_FOR_EVER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN")
connection.execute("SELECT count(*) FROM sessions").fetchone()
print("reading", flush=True)
time.sleep(60)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "recordings"


@pytest.fixture
def shelf(folder: Path) -> Shelf:
    folder.mkdir()
    return Shelf(Series(folder / PATTERN))


def recorded(path: Path, output: str = PATTERN) -> Path:
    """Make a recording of one session."""
    with recorder_at(path, meta={"output": output}) as recorder:
        Conversation(recorder).text("client", "hello").end()
    return path


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# -- what may go ------------------------------------------------------------------------------


def test_a_finished_recording_is_deleted_and_nothing_beside_it(shelf: Shelf, folder: Path) -> None:
    path = recorded(folder / NAME)
    (folder / f"{NAME}.txt").write_text("notes")
    change(path, "UPDATE meta SET value = '1970-01-01T00:00:01+00:00' WHERE key = 'ended_at'")

    (found,) = shelf.finished()

    assert found == Finished(path, path.stat().st_size, 10**9)
    assert shelf.delete(found)
    assert names(folder) == {f"{NAME}.txt"}
    assert shelf.finished() == []


def test_one_that_was_killed_ended_when_it_was_last_written(shelf: Shelf, folder: Path) -> None:
    path = folder / NAME
    with elsewhere(RECORD_FOR_EVER, path, PATTERN) as recorder:
        assert recorder.stdout is not None
        assert recorder.stdout.readline() == "recording\n"
        assert shelf.finished() == []
        recorder.kill()
    wal = folder / f"{NAME}-wal"
    os.utime(path, ns=(5, 5))
    os.utime(wal, ns=(7, 7))

    (found,) = shelf.finished()

    assert found == Finished(path, path.stat().st_size + wal.stat().st_size, 7)
    assert shelf.delete(found)
    assert names(folder) == set()


def test_a_second_look_sees_what_has_changed(shelf: Shelf, folder: Path) -> None:
    path = recorded(folder / NAME)
    before = shelf.finished()
    assert shelf.finished() == before
    change(path, "UPDATE meta SET value = '1970-01-01T00:00:01+00:00' WHERE key = 'ended_at'")
    assert shelf.finished()[0].ended_ns == 10**9


def test_another_name_of_the_same_file_stays(shelf: Shelf, folder: Path) -> None:
    path = recorded(folder / NAME)
    other = folder / "kept.db"
    other.hardlink_to(path)
    assert shelf.delete(shelf.finished()[0])
    assert names(folder) == {"kept.db"}
    assert len(contents(other).sessions) == 1


# -- what may not -----------------------------------------------------------------------------


def another_output(path: Path) -> None:
    recorded(path, "rec-%Y%d%m.db")


def no_output(path: Path) -> None:
    with recorder_at(path) as recorder:
        Conversation(recorder).end()


def another_database(path: Path) -> None:
    change(path, "CREATE TABLE meta (key, value)")
    change(path, f"INSERT INTO meta VALUES ('output', '{PATTERN}')")


def newer(path: Path) -> None:
    change(recorded(path), "PRAGMA user_version = 1000")


def damaged(path: Path) -> None:
    size = recorded(path).stat().st_size
    os.truncate(path, size // 2)


def merged(path: Path) -> None:
    parts = [recorded(path.with_name(name)) for name in ("one.db", "two.db")]
    with Source.open(parts[0]) as one, Source.open(parts[1]) as two:
        merge([one, two], path, {})
    for part in parts:
        part.unlink()
    with Recording.open(path) as opened:
        assert opened.meta["output"] == PATTERN


def link(path: Path) -> None:
    path.symlink_to(recorded(path.parent.parent / NAME))


def link_beside(path: Path) -> None:
    path.symlink_to(recorded(path.with_name("kept.db")))


def dangling(path: Path) -> None:
    path.symlink_to(path.with_name("nothing.db"))


def a_folder(path: Path) -> None:
    path.mkdir()
    recorded(path / NAME)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def text(path: Path) -> None:
    path.write_text("these are my notes\n" * 100)


def empty(path: Path) -> None:
    path.touch()


@pytest.mark.parametrize(
    "make",
    [
        *(another_output, no_output, another_database, newer, damaged, merged),
        *(link, link_beside, dangling, a_folder, pipe, text, empty),
    ],
)
def test_what_has_the_name_and_was_not_made_by_this_output(
    shelf: Shelf, folder: Path, make: Callable[[Path], None]
) -> None:
    make(folder / NAME)
    before = names(folder)

    assert shelf.finished() == []

    # Nor if somebody says that it was.
    assert not shelf.delete(Finished(folder / NAME, 1, 1))
    assert names(folder) == before


@pytest.mark.parametrize("name", ["rec-2020010.db", "rec-20200101.db.old", "kept.db", "rec-%Y.db"])
def test_a_recording_under_another_name(shelf: Shelf, folder: Path, name: str) -> None:
    recorded(folder / name)
    assert shelf.finished() == []


def test_a_recording_in_a_folder_below(shelf: Shelf, folder: Path) -> None:
    (folder / "archive").mkdir()
    recorded(folder / "archive" / NAME)
    assert shelf.finished() == []


def test_a_recording_that_is_recorded_into(shelf: Shelf, folder: Path) -> None:
    path = recorded(folder / NAME)
    (found,) = shelf.finished()
    recorder = Recorder(path, meta={"output": PATTERN})
    try:
        assert shelf.finished() == []
        assert not shelf.delete(found)
    finally:
        recorder.close()
    assert len(contents(path).sessions) == 1
    (found,) = shelf.finished()
    assert shelf.delete(found)


def test_a_recording_that_somebody_is_about_to_go_on_with(shelf: Shelf, folder: Path) -> None:
    path = recorded(folder / NAME)
    (found,) = shelf.finished()
    lock = RecordingLock(path)
    assert not shelf.delete(found)
    lock.release()
    assert path.exists()


def test_a_lock_that_was_left_behind_protects_nothing(shelf: Shelf, folder: Path) -> None:
    recorded(folder / NAME)
    (folder / f"{NAME}.lock").touch()
    assert shelf.delete(shelf.finished()[0])
    assert names(folder) == set()


def test_a_recording_that_another_process_reads(shelf: Shelf, folder: Path) -> None:
    path = recorded(folder / NAME)
    (found,) = shelf.finished()
    with elsewhere(READ_FOR_EVER, path) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "reading\n"
        assert not shelf.delete(found)
        assert path.exists()
    assert shelf.delete(found)


def test_a_recording_that_this_process_reads(shelf: Shelf, folder: Path) -> None:
    path = recorded(folder / NAME)
    (found,) = shelf.finished()
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sessions").fetchone()
        assert not shelf.delete(found)
        assert path.exists()
    assert shelf.delete(found)


def test_a_reader_of_one_whose_recorder_was_killed(shelf: Shelf, folder: Path) -> None:
    path = folder / NAME
    with elsewhere(RECORD_FOR_EVER, path, PATTERN) as recorder:
        assert recorder.stdout is not None
        assert recorder.stdout.readline() == "recording\n"
        recorder.kill()
    (found,) = shelf.finished()
    with elsewhere(READ_FOR_EVER, path) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "reading\n"
        assert not shelf.delete(found)
    assert len(contents(path).sessions) == 1


def test_what_came_in_the_place_of_a_recording(shelf: Shelf, folder: Path) -> None:
    path = recorded(folder / NAME)
    (found,) = shelf.finished()
    path.unlink()
    recorded(path, "mine")
    assert not shelf.delete(found)
    assert path.exists()


def test_a_link_that_came_in_the_place_of_a_recording(shelf: Shelf, folder: Path) -> None:
    path = recorded(folder / NAME)
    (found,) = shelf.finished()
    kept = path.rename(folder / "kept.db")
    path.symlink_to(kept)
    assert not shelf.delete(found)
    assert names(folder) == {NAME, "kept.db"}


def test_one_that_is_gone_already(shelf: Shelf, folder: Path) -> None:
    path = recorded(folder / NAME)
    (found,) = shelf.finished()
    path.unlink()
    assert not shelf.delete(found)


def test_a_folder_that_is_gone(shelf: Shelf, folder: Path) -> None:
    folder.rmdir()
    with pytest.raises(FileNotFoundError):
        shelf.finished()
