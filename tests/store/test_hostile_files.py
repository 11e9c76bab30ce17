"""Things that are no recordings, damaged ones, and what else may lie beside or be in the way."""

from __future__ import annotations

import os
import random
import shutil
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.hostile_files import (
    COMMANDS,
    Answer,
    Shell,
    ask,
    change,
    leave_a_crash,
    mode_of_log,
    state,
)
from support.tampering import record_everything

Make = Callable[[Path], None]


def refused(answers: dict[str, Answer], why: str = "") -> None:
    for words, answer in answers.items():
        assert answer.is_refusal(words), (words, answer)
        assert why in answer.out + answer.err, (words, answer)


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


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return record_everything(tmp_path_factory.mktemp("files") / "session.db")


@pytest.fixture
def path(tmp_path: Path, recording: bytes) -> Path:
    path = tmp_path / "session.db"
    path.write_bytes(recording)
    return path


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


def another_encoding(path: Path) -> None:
    change(path, "PRAGMA encoding = 'UTF-16le'", "CREATE TABLE meta (key, value)",
           "PRAGMA application_id = 2003001955", "PRAGMA user_version = 1")  # fmt: skip


def much_of_nothing(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 27)


def a_link_to_a_pipe(path: Path) -> None:
    os.mkfifo(f"{path}.pipe")
    path.symlink_to(f"{path}.pipe")


def holds(data: bytes) -> Make:
    def make(path: Path) -> None:
        path.write_bytes(data)

    return make


FOREIGN: dict[str, Make] = {
    "nothing": lambda path: None,
    "an empty file": holds(b""),
    "a text": holds(b"hello" * 99),
    "a header alone": holds(b"SQLite format 3\0"),
    "a header and noughts": holds(b"SQLite format 3\0" + bytes(9999)),
    "much of nothing": much_of_nothing,
    "a folder": Path.mkdir,
    "a pipe": os.mkfifo,
    "a socket": a_socket,
    "a device without end": lambda path: path.symlink_to("/dev/zero"),
    "a device without anything": lambda path: path.symlink_to("/dev/null"),
    "a link to nothing": lambda path: path.symlink_to("nowhere"),
    "a link to itself": lambda path: path.symlink_to(path),
    "a link to a pipe": a_link_to_a_pipe,
    "another SQLite file": lambda path: change(path, "CREATE TABLE sessions (id)"),
    "an encoding of its own": another_encoding,
}


@pytest.mark.parametrize("name", FOREIGN)
def test_no_recording(shell: Shell, tmp_path: Path, name: str) -> None:
    path = tmp_path / "session.db"
    FOREIGN[name](path)
    refused(shell.ask_all(path))


def test_as_a_user_meets_it(tmp_path: Path, path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    refused({words[0]: ask(*words, pipe) for words in COMMANDS}, "recording (a pipe)")
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT i, i FROM n"
    change(path, "DROP TABLE meta", f"CREATE VIEW meta(key, value) AS {endless} WHERE i > 1")
    before = state(tmp_path)
    refused({words[0]: ask(*words, path) for words in COMMANDS}, "not those of this format")
    assert state(tmp_path) == before


class TestDamage:
    def test_cut_between_any_two_pages(self, shell: Shell, path: Path, recording: bytes) -> None:
        size = int.from_bytes(recording[16:18], "big")
        for end in range(0, len(recording), size):
            path.write_bytes(recording[:end])
            refused({"verify": shell.ask("verify", path), "show": shell.ask("show", path)})

    @pytest.mark.parametrize("kind", ["flipped", "cut", "cut, and the header says so", "zeroed"])
    def test_at_random(self, shell: Shell, path: Path, recording: bytes, kind: str) -> None:
        chance = random.Random(kind)
        size = int.from_bytes(recording[16:18], "big")
        used = [i for i, byte in enumerate(recording) if byte]
        end = time.monotonic() + 2.5
        rounds = 0
        while time.monotonic() < end or not rounds:
            rounds += 1
            data = bytearray(recording)
            if kind == "flipped":
                for _ in range(chance.choice([1, 1, 4, 40, 400])):
                    data[chance.choice(used)] ^= 1 << chance.randrange(8)
            elif kind == "zeroed":
                page = chance.randrange(len(data) // size)
                data[page * size : (page + 1) * size] = bytes(size)
            else:
                del data[chance.randrange(100, len(data)) :]
                if kind != "cut":
                    data[28:32] = (len(data) // size).to_bytes(4, "big")
            path.write_bytes(data)
            shell.ask_all(path)


class TestBesideTheFile:
    def intact(self, answers: dict[str, Answer]) -> None:
        assert [answer.code for answer in answers.values()] == [0, 0, 0, 1, 0], answers
        assert '"seq"' in answers["show --frames --format json"].out

    def test_what_a_crash_left_is_read(self, shell: Shell, left: Path) -> None:
        self.intact(shell.ask_all(left))

    def test_also_without_the_index_of_its_log(self, shell: Shell, left: Path) -> None:
        left.with_name("session.db-shm").unlink()
        before = state(left.parent)
        self.intact({" ".join(words): shell.ask(*words, left) for words in COMMANDS})
        # SQLite's index of the log cannot be done without where another process might need it.
        # It holds nothing that is not in the log.
        after = state(left.parent)
        del after["session.db-shm"]
        assert after == before

    def test_an_index_that_lies_is_not_believed(self, shell: Shell, left: Path) -> None:
        left.with_name("session.db-shm").write_bytes(b"\xff" * 32768)
        self.intact(shell.ask_all(left))
        left.with_name("session.db-shm").write_bytes(b"")
        self.intact(shell.ask_all(left))

    def test_a_log_that_is_cut_or_garbled(self, shell: Shell, left: Path) -> None:
        log = left.with_name("session.db-wal")
        whole = log.read_bytes()
        chance = random.Random(3)
        for _ in range(6):
            log.write_bytes(whole[: chance.randrange(32, len(whole))])
            shell.ask_all(left)
            data = bytearray(whole)
            data[chance.randrange(len(data))] ^= 255
            log.write_bytes(data)
            shell.ask_all(left)

    def test_another_files_log(self, shell: Shell, crash: Path, path: Path) -> None:
        other = sqlite3.connect(path.parent / "other.db")
        with closing(other):
            other.execute("PRAGMA journal_mode = WAL")
            other.execute("CREATE TABLE t AS SELECT zeroblob(100000)")
            other.commit()
            shutil.copy(path.parent / "other.db-wal", path.parent / "session.db-wal")
            shutil.copy(path.parent / "other.db-shm", path.parent / "session.db-shm")
        mode_of_log(path)
        refused(shell.ask_all(path), "not a wsrec recording")

    def test_the_mode_of_a_log_without_one(self, shell: Shell, path: Path) -> None:
        mode_of_log(path)
        self.intact(shell.ask_all(path))
        path.with_name("session.db-wal").touch()
        self.intact(shell.ask_all(path))

    def test_a_change_that_was_cut_off(self, shell: Shell, path: Path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA cache_size = 1")
            connection.execute("PRAGMA cache_spill = 1")
            connection.execute("BEGIN")
            connection.execute("UPDATE frames SET payload = zeroblob(60000)")
            copy = path.parent / "copy"
            copy.mkdir()
            for name in ("session.db", "session.db-journal"):
                shutil.copy(path.with_name(name), copy / name)
        refused(shell.ask_all(copy / "session.db"), "-journal")

    @pytest.mark.parametrize("name", ["-wal", "-shm", "-journal"])
    @pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("x")])
    def test_no_files(self, shell: Shell, path: Path, name: str, make: Make) -> None:
        make(path.with_name(path.name + name))
        mode_of_log(path)
        refused(shell.ask_all(path), f"the {name} beside it is a")
