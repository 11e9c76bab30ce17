"""Recordings where nothing may be read, written or waited for, and files that change meanwhile."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.frames import wire
from support.hostile_files import Answer, Shell, ask, leave_a_crash, mode_of_log
from support.recordings import recorder_at
from support.tampering import everything, record_everything
from wsrec.store.errors import RecordingError
from wsrec.store.reader import Recording


@pytest.fixture(scope="module")
def shell() -> Iterator[Shell]:
    with Shell() as shell:
        yield shell


@pytest.fixture(scope="module")
def crash(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return leave_a_crash(tmp_path_factory.mktemp("crash"))


@pytest.fixture
def left(crash: Path, tmp_path: Path) -> Path:
    shutil.copytree(crash, tmp_path, dirs_exist_ok=True)
    return tmp_path / "session.db"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "session.db"
    record_everything(path)
    return path


class TestWhereItLies:
    def test_behind_a_link(self, shell: Shell, left: Path, tmp_path: Path) -> None:
        (tmp_path / "links").mkdir()
        link = tmp_path / "links" / "a #1?%20.db"
        link.symlink_to(left)
        answers = shell.ask_all(link)
        assert [answer.code for answer in answers.values()] == [0, 0, 0, 1, 0], answers

    def test_where_it_may_not_be_read(self, tmp_path: Path, path: Path) -> None:
        path.chmod(0)
        limits = "--bounding-set=-dac_override,-dac_read_search"
        before = ("setpriv", limits) if os.geteuid() == 0 else ()
        try:
            answer = ask("validate", path, before=before)
        except OSError as error:
            pytest.skip(f"root can read everything here: {error}")
        assert answer == Answer(3, "", f"wsrec: {path}: Permission denied\n")

    @pytest.mark.parametrize("what", ["ended", "crashed", "without -shm", "without a log"])
    def test_where_nothing_can_be_written(self, left: Path, what: str) -> None:
        path = left
        if what in ("ended", "without a log"):
            for name in ("session.db-wal", "session.db-shm", "session.db"):
                left.with_name(name).unlink()
            record_everything(path)
            if what == "without a log":
                mode_of_log(path)
        elif what == "without -shm":
            left.with_name("session.db-shm").unlink()
        folder = str(path.parent)
        mount = f'mount --bind "{folder}" "{folder}" && mount -o remount,ro,bind "{folder}"'
        before = ("unshare", "--mount", "sh", "-c", f'{mount} || exit 99; exec "$@"', "sh")
        try:
            answer = ask("verify", path, before=before)
        except OSError as error:
            pytest.skip(f"nothing can be mounted here: {error}")
        if answer.code in (1, 99):
            pytest.skip(f"nothing can be mounted here: {answer.err}")
        if what == "without -shm":
            assert answer.is_refusal("verify"), answer
            assert "copy both to a folder that can be written" in answer.out
        else:
            assert answer.code == 0, answer

    def test_while_another_program_has_locked_it(self, shell: Shell, path: Path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            answer = shell.ask("verify", path)
        assert answer.is_refusal("verify"), answer
        assert "another program has locked it" in answer.out


class TestWhileItIsRead:
    def test_it_is_replaced(self, path: Path, tmp_path: Path) -> None:
        other = tmp_path / "other.db"
        with recorder_at(other) as recorder:
            everything(recorder)
        with Recording.open(path) as recording:
            sessions = recording.sessions()
            first = next(sessions)
            other.replace(path)
            assert [first.id, *(each.id for each in sessions)] == list(range(1, 8))
            assert len(list(recording.frames(1))) == 22

    def test_it_is_cut(self, path: Path) -> None:
        with Recording.open(path) as recording:
            os.truncate(path, 16384)
            with pytest.raises(RecordingError):
                list(recording.frames(1))

    def test_a_recorder_goes_on_with_it(self, path: Path) -> None:
        mode_of_log(path)
        recording = Recording.open(path)
        path.with_name("session.db-shm").touch()
        assert next(recording.sessions()).id == 1
        with pytest.raises(RecordingError, match="try again"):
            recording.__exit__()

    def test_its_log_is_not_held(self, tmp_path: Path) -> None:
        path = tmp_path / "session.db"
        with recorder_at(path) as recorder:
            everything(recorder)
            tap = recorder.session(None, "/", [])
            tap.answered(101, [], None, None)
            for _ in range(3000):
                tap.stream("server")(time.monotonic_ns(), None, wire(2, bytes(10)))
            while recorder.backlog.size:
                time.sleep(0.01)
            with Recording.open(path) as recording, closing(sqlite3.connect(path)) as other:
                session = next(sessions := recording.sessions())
                some = [recording.frames(8), recording.messages(8), recording.frames(session.id)]
                for each in some:
                    next(each)
                # (0, ...): nobody's open statement was in the way.
                assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)
                assert len(list(sessions)) == 7
                assert len(list(some[0])) == 2999
