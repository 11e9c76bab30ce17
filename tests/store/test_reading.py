"""What a reader does with files that are no recordings, damaged ones, and large ones."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.frames import KEY, wire
from support.recordings import Contents, Conversation, contents, recorder_at
from wsrec.store.errors import RecordingError
from wsrec.store.reader import Recording
from wsrec.wire.decoder import PART_SIZE


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a small recording with something of everything in it."""
    path = tmp_path_factory.mktemp("reading") / "session.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wsrec.wire.decoder.PART_SIZE", 64)
        patch.setattr("wsrec.wire.messages.PART_SIZE", 64)
        with recorder_at(path, meta={"upstream": "ws://example.test"}) as recorder:
            for i in range(3):
                talk = Conversation(recorder, extensions="permessage-deflate", target=f"/{i}")
                for j in range(12):
                    talk.text("client", f'{{"type":"ask","n":{j}}}').text("server", "世" * j)
                talk.server(
                    wire(2, bytes(range(256)) * 2) + wire(1, b"a", fin=False) + wire(0, b"b")
                )
                talk.server(b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\x83\x01x\x81\x01\xff")
                talk.client(wire(8, b"\x03\xe8bye", mask=KEY)).end()
    return path.read_bytes()


@pytest.fixture
def path(tmp_path: Path, recording: bytes) -> Path:
    path = tmp_path / "session.db"
    path.write_bytes(recording)
    return path


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        for statement in statements:
            connection.execute(statement)


def refusal(path: Path) -> str:
    with pytest.raises(RecordingError) as raised:
        contents(path)
    message = str(raised.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


def read_or_refused(path: Path) -> Contents | None:
    """Whatever is wrong with the file: it is read, or refused in one way only."""
    try:
        return contents(path)
    except RecordingError:
        return None


class TestAFileThatIsNoRecording:
    def test_none_at_all(self, tmp_path: Path) -> None:
        assert "No such file" in refusal(tmp_path / "nothing.db")
        assert not list(tmp_path.iterdir())

    def test_a_folder(self, tmp_path: Path) -> None:
        refusal(tmp_path)

    @pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 99, 100, 101, 5000])
    def test_other_bytes(self, tmp_path: Path, size: int, recording: bytes) -> None:
        path = tmp_path / "file.db"
        path.write_bytes((b'{"not": "a recording"}\n' * 300)[:size])
        assert "not a wsrec recording" in refusal(path)
        path.write_bytes(recording[:size])
        refusal(path)
        path.write_bytes(recording[:16] + bytes(size))
        refusal(path)

    def test_another_sqlite_file(self, tmp_path: Path) -> None:
        path = tmp_path / "other.db"
        change(path, "CREATE TABLE sessions (id)", "CREATE TABLE meta (key, value)")
        assert "not a wsrec recording" in refusal(path)

    def test_a_newer_format(self, path: Path) -> None:
        change(path, "PRAGMA user_version = 2")
        assert "upgrade wsrec" in refusal(path)

    def test_is_left_as_it_is(self, path: Path, recording: bytes) -> None:
        assert len(contents(path).sessions) == 3
        assert path.read_bytes() == recording


class TestADamagedFile:
    def test_cut_anywhere(self, path: Path, recording: bytes) -> None:
        chance = random.Random(1)
        for _ in range(40):
            path.write_bytes(recording[: chance.randrange(len(recording))])
            refusal(path)
        path.write_bytes(recording[:-1])
        assert "truncated" in refusal(path)

    def test_bits_flipped_anywhere(self, path: Path, recording: bytes) -> None:
        chance = random.Random(2)
        used = [i for i, byte in enumerate(recording) if byte]
        whole = contents(path)
        outcomes = set()
        for _ in range(300):
            data = bytearray(recording)
            for _ in range(chance.choice([1, 1, 1, 4, 40])):
                data[chance.choice(used)] ^= 1 << chance.randrange(8)
            path.write_bytes(data)
            read = read_or_refused(path)
            outcomes.add("refused" if read is None else "same" if read == whole else "other")
        assert outcomes == {"refused", "same", "other"}

    def test_whole_pages_lost(self, path: Path, recording: bytes) -> None:
        size = int.from_bytes(recording[16:18], "big")
        pages = len(recording) // size
        for page in range(pages):
            for filling in (bytes(size), b"\xff" * size, recording[:size]):
                path.write_bytes(
                    recording[: page * size] + filling + recording[(page + 1) * size :]
                )
                read_or_refused(path)

    @pytest.mark.parametrize(
        "value", ["NULL", "5", "-1", "1.5", "'x'", "''", "x'ff'", "9223372036854775807", "'[[1]]'"]
    )
    @pytest.mark.parametrize(
        "column",
        [
            "sessions.target",
            "sessions.started_ns",
            "sessions.request_headers",
            "sessions.response_headers",
            "frames.session_id",
            "frames.seq",
            "frames.at_ns",
            "frames.head",
            "frames.payload",
            "frames.payload_parts",
            "frames.message_parts",
            "frames.message_seq",
            "frames.anomalies",
            "extents.session_id",
            "extents.first_seq",
            "extents.last_seq",
            "extents.first_id",
            "parts.data",
            "meta.key",
            "meta.value",
        ],
    )
    def test_values_that_do_not_belong_there(self, path: Path, column: str, value: str) -> None:
        table, name = column.split(".")
        # Affinity would mend some of it on the way in; a flipped bit asks nobody.
        change(
            path,
            "UPDATE sqlite_master SET sql = replace(replace(replace(replace(sql, ' NOT NULL', ''),"
            " 'INTEGER,', 'BLOB,'), ' TEXT,', ' BLOB,'), ' TEXT)', ' BLOB)')"
            f" WHERE name = '{table}'",
        )
        change(path, f"UPDATE OR IGNORE {table} SET {name} = {value}")
        read_or_refused(path)

    @pytest.mark.parametrize("table", ["meta", "sessions", "frames", "extents", "parts"])
    def test_a_table_lost(self, path: Path, table: str) -> None:
        change(path, "DROP VIEW messages", f"DROP TABLE {table}")
        refusal(path)

    def test_headers_that_are_nested_without_end(self, path: Path) -> None:
        deep = "[" * 100_000
        change(path, f"UPDATE sessions SET request_headers = '{deep}'")
        refusal(path)

    def test_is_never_quoted_raw(self, path: Path) -> None:
        change(path, "UPDATE sessions SET target = CAST(x'ff0a1b5b324a' AS TEXT)")
        assert refusal(path).isprintable()


class TestReadingOneSession:
    def plans(self, path: Path) -> list[str]:
        """How SQLite goes about each statement of a reader."""
        statements: list[str] = []
        with Recording.open(path) as recording:
            connection = recording._connection
            connection.set_trace_callback(statements.append)
            list(recording.frames(2))
            list(recording.messages(2))
            recording.session(2)
            connection.set_trace_callback(None)
            assert len(statements) > 2
            return [
                str(row[3])
                for statement in statements
                for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")
            ]

    def test_searches_and_never_scans(self, path: Path) -> None:
        plans = self.plans(path)
        assert any("SEARCH f USING INTEGER PRIMARY KEY" in plan for plan in plans)
        assert any("SEARCH e USING PRIMARY KEY (session_id=?" in plan for plan in plans)
        assert any("SEARCH parts USING INTEGER PRIMARY KEY" in plan for plan in plans)
        scans = [plan for plan in plans if "SCAN" in plan]
        assert all("subquery" in plan for plan in scans), scans  # the parts of one message
        assert not [plan for plan in plans if "TEMP B-TREE" in plan]

    def test_costs_what_the_session_costs(self, tmp_path: Path) -> None:
        steps = []
        for others in (1, 40):
            path = tmp_path / f"{others}.db"
            with recorder_at(path) as recorder:
                small = Conversation(recorder)
                for _ in range(others):
                    talk = Conversation(recorder)
                    talk.server(wire(1, b"x") * 100)
                    small.text("client", "one") if others == 1 else None
                    talk.end()
                small.text("client", "two").end()
            with Recording.open(path) as recording:
                count = 0

                def step() -> int:
                    nonlocal count
                    count += 1
                    return 0

                recording._connection.set_progress_handler(step, 10)
                assert len(list(recording.frames(1))) <= 2
                assert len(list(recording.messages(1))) <= 2
                recording._connection.set_progress_handler(None, 0)
            steps.append(count)
        assert steps[1] <= steps[0] + 5

    def test_in_any_tool_too(self, path: Path) -> None:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            query = "SELECT data FROM messages WHERE session_id = 2"
            plan = [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {query}")]
        assert not [line for line in plan if line.startswith("SCAN") and "subquery" not in line]


def test_a_message_larger_than_one_part_is_one_value(tmp_path: Path) -> None:
    path = tmp_path / "session.db"
    data = bytes(range(256)) * (PART_SIZE // 64)
    with recorder_at(path) as recorder:
        Conversation(recorder).server(wire(2, data)).end()
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        assert connection.execute("SELECT data FROM messages").fetchall() == [(data,)]
        sizes = connection.execute("SELECT n, length(data) FROM parts ORDER BY id").fetchall()
    assert sizes == [(0, PART_SIZE), (1, PART_SIZE), (2, PART_SIZE), (3, PART_SIZE)]
