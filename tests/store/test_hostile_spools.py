"""A spool that anybody may have made, beside a recording that anybody may have made."""

from __future__ import annotations

import os
import shutil
import sqlite3
import struct
import time
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from zlib import crc32

import msgpack  # type: ignore[import-untyped]  # it ships no types
import pytest
from support.frames import wire
from support.hostile_files import COMMANDS, Shell, change, state
from support.killed import Life, Talk, find
from wsrec.store.errors import RecordingError
from wsrec.store.recorder import Recorder
from wsrec.store.segment import ANSWERED, CLIENT, ENDED, OPENED, SERVER, SYNTHETIC_SERVER

HEADER_SIZE = 37


@pytest.fixture(scope="module")
def shell() -> Iterator[Shell]:
    with Shell() as shell:
        yield shell


@pytest.fixture(scope="module")
def kill(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a killed recorder leaves: a session that had ended, and one that had not."""
    (tmp_path_factory.mktemp("kill") / "live").mkdir()
    live = tmp_path_factory.getbasetemp() / "kill0" / "live"
    life = Life(live / "session.db")
    ended, going_on = Talk(life.recorder), Talk(life.recorder)
    for talk in (ended, going_on):
        talk.answer()
        talk.send("server", wire(1, b"recorded"))
    life.settle()
    ended.end()
    life.stop_here()
    going_on.send("server", wire(1, b"kept") + wire(1, b"half of it")[:5])
    left = life.copy(live.parent / "left")
    life.close()
    return left.parent


@pytest.fixture
def path(kill: Path, tmp_path: Path) -> Path:
    shutil.copytree(kill, tmp_path / "here")
    return tmp_path / "here" / "session.db"


def spool(path: Path) -> Path:
    return path.with_name("session.db-spool")


def segment(path: Path) -> Path:
    return spool(path) / "1"


def record(kind: int, session: int, at_ns: int, data: bytes) -> bytes:
    head = struct.pack("<IIqB", len(data), session, at_ns, kind)
    return head + data + struct.pack("<I", crc32(head + data))


def add(path: Path, *records: bytes) -> None:
    with segment(path).open("ab") as file:
        file.writelines(records)


def refused(shell: Shell, path: Path) -> None:
    """All that reads it, recovers it or goes on with it says one line, and changes nothing."""
    before = state(path.parent), state(path.parent.parent)
    for words in (*COMMANDS, ("recover",)):
        answer = shell.ask(*words, path)
        said = answer.out + answer.err
        assert (answer.code, said.count("\n")) == (3, 1), (words, said)
        assert "Traceback" not in said
        if words != ("recover",):
            assert (state(path.parent), state(path.parent.parent)) == before
    with pytest.raises(RecordingError):
        Recorder(path)
    assert not path.with_name("session.db-1").exists()


def opened(session: int = 9, *values: object) -> bytes:
    what = values or ("2030-01-01T00:00:00+00:00", 0, None, "/", [["Host", "a"]])
    return record(OPENED, session, 0, msgpack.packb(what))


DEFLATED = record(
    ANSWERED, 9, 0, msgpack.packb((101, [], None, None, (True, True, True, ())))
)  # fmt: skip
NESTED = b"\xdd\x00\x0f\xff\xff" * 1000


class TestItsPlace:
    @pytest.mark.parametrize("make", ["link", "file", "pipe"])
    def test_is_no_folder(self, shell: Shell, path: Path, make: str) -> None:
        elsewhere = path.parent.parent / "elsewhere"
        spool(path).rename(elsewhere)
        if make == "link":
            spool(path).symlink_to(elsewhere)
        elif make == "file":
            spool(path).touch()
        else:
            os.mkfifo(spool(path))
        refused(shell, path)
        assert (elsewhere / "1").exists()

    @pytest.mark.parametrize("make", ["link", "folder", "pipe"])
    def test_holds_no_file(self, shell: Shell, path: Path, make: str) -> None:
        segment(path).rename(path.parent.parent / "elsewhere")
        if make == "link":
            segment(path).symlink_to(path.parent.parent / "elsewhere")
        elif make == "folder":
            segment(path).mkdir()
        else:
            os.mkfifo(segment(path))
        refused(shell, path)

    def test_is_that_of_another_recording(self, shell: Shell, path: Path) -> None:
        with segment(path).open("r+b") as file:
            file.seek(12)
            file.write(bytes(16))
        refused(shell, path)


class TestItsRecords:
    @pytest.mark.parametrize(
        "records",
        [
            [record(8, 2, 0, b"")],
            [record(0, 2, 0, b"")],
            [opened(0)],
            [opened((1 << 32) - 1)],
            [record(OPENED, 9, 0, b"")],
            [record(OPENED, 9, 0, b"\xc1")],
            [record(OPENED, 9, 0, NESTED + bytes(1 << 20))],
            [opened(9, {"a": 1})],
            [opened(9, 1, 2, 3, 4, 5)],
            [opened(9, "", 0, None, "/", [["a"] * 3])],
            [opened(9, "", 1 << 63, None, "/", [])],
            [record(ANSWERED, 2, 0, msgpack.packb((101, [], None, None, None)))],
            [record(SERVER, 2, -(1 << 63), wire(1, b"long ago") * 2)],
        ],
        ids=lambda records: f"{len(records)} of {len(records[0])} bytes",
    )
    def test_are_none_that_a_recorder_writes(
        self, shell: Shell, path: Path, records: list[bytes]
    ) -> None:
        add(path, *records)
        refused(shell, path)

    def test_are_of_more_sessions_than_can_be_open(self, shell: Shell, path: Path) -> None:
        add(path, *[opened(number) for number in range(9, 70_000)])
        answer = shell.ask("recover", path)
        assert answer.code == 3
        assert "more than 65,536 sessions were open at once" in answer.err
        assert answer.err.count("\n") == 1

    def test_are_many(self, shell: Shell, path: Path) -> None:
        many = [record(SYNTHETIC_SERVER, 2, time.monotonic_ns(), b"\x03\xe8")] * 30_000
        brief = [opened(n) + record(ENDED, n, 1, b"") for n in range(9, 3000)]
        add(path, *many, *brief, record(CLIENT, 7, 0, b"of nobody"))
        answer = shell.ask("recover", path)
        assert answer.code == 0
        assert "30,002 frames" in answer.out
        assert "1 record of unknown sessions" in answer.out

    def test_are_a_bomb(self, shell: Shell, path: Path) -> None:
        bomb = zlib.compressobj(wbits=-15)
        data = bomb.compress(bytes(64 << 20)) + bomb.flush(zlib.Z_SYNC_FLUSH)
        message = wire(2, data.removesuffix(b"\x00\x00\xff\xff"), rsv=4)
        add(path, opened(), DEFLATED, *[record(SERVER, 9, 1, message)] * 3)
        before = state(path.parent)
        answer = shell.ask("sessions", path)
        assert answer.code == 3
        assert "cannot be read on the fly" in answer.err
        assert "wsrec recover" in answer.err
        assert answer.err.count("\n") == 1
        assert state(path.parent) == before


def states(path: Path, value: object) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT OR REPLACE INTO unfinished VALUES (7, ?)", (value,))


TRACKER = False, 0, 0, False, False, 0, None, b"", False, None, 0
STREAM = (0, 0, 0, None, None, (b"", 2, None, 0), TRACKER)


def a_state(
    stream: object = STREAM, opening: object = (7, "", 0, None, "/", "[]"), seq: object = 0
) -> bytes:
    agreed = (False, True, True, ())
    whole = seq, opening, (None,) * 4, agreed, None, None, stream, STREAM
    packed: bytes = msgpack.packb((0, whole))
    return packed


def stream(at: int, value: object) -> bytes:
    return a_state((*STREAM[:at], value, *STREAM[at + 1 :]))


class TestWhatTheRecordingSaysOfIt:
    def test_is_believed_when_it_could_be(self, path: Path) -> None:
        states(path, a_state())
        assert len(find(path).contents.frames[1]) == 3

    @pytest.mark.parametrize(
        "value",
        [
            b"",
            b"\xc0",
            "text",
            5,
            1.5,
            msgpack.packb([1, 2, 3]),
            NESTED,
            a_state(None),
            a_state(opening=()),
            a_state(seq=-1),
            a_state(seq=(1 << 64) - 1, stream=(*STREAM[:5], (b"\x81", 2, None, 0), STREAM[6])),
            stream(3, (1 << 60, 5)),
            stream(3, (1, 1 << 63)),
            stream(4, (1, 5)),
            stream(5, (1 << 62, 2, None, 0)),
            stream(5, (b"", 2, (0x82, 0, b"", 0), 0)),
            stream(5, (b"", 2, (0x82, 5, b"", 0), 9)),
            stream(6, (False, 7, 0, True, False, 0, b"", b"", False, None, 0)[:10]),
        ],
        ids=repr,
    )
    def test_is_damage_when_it_could_not(self, shell: Shell, path: Path, value: object) -> None:
        states(path, value)
        refused(shell, path)

    @pytest.mark.parametrize("value", ["x", "-1 2", "1 2", "9" * 5000, ""])
    def test_is_no_number(self, shell: Shell, path: Path, value: str) -> None:
        change(path, f"UPDATE meta SET value = '{value}' WHERE key = 'spool'")
        refused(shell, path)


class TestTheRecordingBesideIt:
    @pytest.mark.parametrize(
        "statement",
        [
            "CREATE INDEX mine ON frames (session_id, seq)",
            'CREATE INDEX "my ""own" ON frames (zeroblob(1000000000))',
            "CREATE VIEW mine AS SELECT * FROM frames",
            "CREATE TRIGGER mine AFTER INSERT ON frames BEGIN DELETE FROM frames; END",
            "CREATE TABLE mine (a)",
        ],
    )  # fmt: skip
    def test_may_have_more_in_it(self, path: Path, statement: str) -> None:
        expected = find(path).contents
        change(path, "CREATE INDEX mine ON frames (id)" if "zeroblob" in statement else statement)
        if "zeroblob" in statement:  # it cannot be made here: it would take too much memory
            sql = statement.replace("'", "''")
            change(path, f"UPDATE sqlite_master SET sql = '{sql}', name = 'my \"own'"
                   " WHERE name = 'mine'")  # fmt: skip
        assert find(path).contents == expected

    def test_runs_nothing_when_it_is_recovered(self, shell: Shell, path: Path) -> None:
        change(path, "CREATE TRIGGER mine AFTER INSERT ON frames BEGIN DELETE FROM frames; END")
        answer = shell.ask("recover", path)
        assert answer.code == 3
        assert "mine" not in answer.out
        assert answer.err.count("\n") == 1

    def test_has_nothing_in_it(self, shell: Shell, path: Path) -> None:
        path.write_bytes(b"")
        path.with_name("session.db-wal").unlink()
        answer = shell.ask("recover", path)
        assert (answer.code, answer.err.count("\n")) == (3, 1)
        assert path.stat().st_size == 0
