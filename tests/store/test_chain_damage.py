"""A verification of anything: flipped bits, values that do not belong there, any cell changed."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.frames import KEY, wire
from support.recordings import Contents, Conversation, contents, recorder_at
from support.tampering import change, extents, faults, record_everything, said, split
from wsrec.store.errors import RecordingError
from wsrec.store.model import Frame, Message
from wsrec.store.tables import TABLES


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session.db"


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return record_everything(tmp_path_factory.mktemp("chain") / "session.db")


@pytest.fixture
def copy(path: Path, recording: bytes) -> Path:
    path.write_bytes(recording)
    return path


class TestDamage:
    """Never raised, whatever the file holds."""

    @pytest.mark.parametrize(
        "value",
        [
            "NULL",
            "5",
            "-1",
            "1.5",
            "'x'",
            "''",
            "x'ff'",
            "9223372036854775807",
            "CAST(x'ff' AS TEXT)",
        ],
    )
    @pytest.mark.parametrize(
        "column",
        [
            *("sessions.id", "sessions.target", "sessions.clean", "sessions.client_frames"),
            *("sessions.link", "frames.id", "frames.session_id", "frames.seq", "frames.at_ns"),
            *("frames.head", "frames.payload", "frames.payload_parts", "frames.message_parts"),
            *("frames.message_seq", "frames.anomalies", "extents.session_id", "extents.first_seq"),
            *("extents.last_seq", "extents.first_id", "links.first_id", "links.link", "links.sums"),
            *("parts.id", "parts.data", "meta.key", "meta.value"),
        ],
    )
    def test_of_values(self, copy: Path, column: str, value: str) -> None:
        table, name = column.split(".")
        # Affinity would mend some of it on the way in; a flipped bit asks nobody.
        change(
            copy,
            "UPDATE sqlite_master SET sql = replace(replace(replace(replace(sql, ' NOT NULL', ''),"
            " 'INTEGER,', 'BLOB,'), ' TEXT,', ' BLOB,'), ' TEXT)', ' BLOB)')"
            f" WHERE name = '{table}'",
        )
        try:
            change(copy, f"UPDATE OR IGNORE {table} SET {name} = {value}")
        except sqlite3.Error:
            return  # an id of this type cannot be written, not even with these columns
        try:
            found = faults(copy)
        except RecordingError:
            return  # it did not even open
        assert any(fault.damage for fault in found)
        assert all(str(fault).isprintable() for fault in found)

    @pytest.mark.parametrize("table", TABLES)
    def test_of_a_table_lost(self, copy: Path, table: str) -> None:
        change(copy, "DROP VIEW messages", f"DROP TABLE {table}")
        try:
            assert any(fault.damage for fault in faults(copy))
        except RecordingError:
            assert table == "meta"

    def test_of_an_extent_without_end(self, copy: Path) -> None:
        change(
            copy,
            "UPDATE extents SET last_seq = 9223372036854775807 WHERE session_id = 5",
            "UPDATE extents SET first_id = 9223372036854775807 WHERE session_id = 2",
        )
        assert [fault.session for fault in faults(copy) if fault.damage][:2] == [2, 5]

    def test_takes_no_memory(self, copy: Path) -> None:
        change(
            copy,
            "UPDATE frames SET payload = zeroblob(100000000) WHERE session_id = 5",
            "UPDATE sessions SET target = CAST(zeroblob(100000000) AS TEXT) WHERE id = 4",
        )
        assert [str(fault) for fault in faults(copy) if fault.damage] == [
            "session 4: cannot be read: string or blob too big",
            "session 5: frame 1 cannot be read: string or blob too big",
        ]

    def test_of_an_extent_larger_than_any_is_read_no_further(self, copy: Path) -> None:
        change(copy, "UPDATE frames SET payload = zeroblob(3900000) WHERE session_id = 1")
        _, last = extents(copy, 1)[0]
        assert said(copy)[0] == f"session 1: frames 5-{last} are not what was recorded"

    def test_of_when_a_frame_was_forwarded(self, copy: Path) -> None:
        change(copy, "UPDATE frames SET forwarded_ns = 'x' WHERE session_id = 1 AND seq = 3")
        assert said(copy)[0] == "session 1: frame 3 is not what was recorded"

    def test_of_a_byte_is_said_or_changes_nothing_that_is_read(
        self, path: Path, recording: bytes
    ) -> None:
        path.write_bytes(recording)
        whole = seen(path)
        chance = random.Random(7)
        used = [i for i, byte in enumerate(recording) if byte]
        outcomes = []
        for _ in range(400):
            data = bytearray(recording)
            at, bit = chance.choice(used), chance.randrange(8)
            data[at] ^= 1 << bit
            path.write_bytes(data)
            try:
                reported = any(fault.damage for fault in faults(path))
            except RecordingError:
                reported = True
            if not reported:
                assert seen(path) == whole, (at, bit)
            outcomes.append(reported)
        assert {True, False} == set(outcomes)


def seen(path: Path) -> tuple[object, ...]:
    """All that a reader finds, but for when frames were forwarded."""

    def forget(item: Frame | Message) -> object:
        return replace(item, forwarded_ns=None)

    read: Contents = contents(path)
    return (
        read.sessions,
        [[forget(frame) for frame in frames] for frames in read.frames],
        [[forget(message) for message in messages] for messages in read.messages],
    )


COLUMNS: dict[str, tuple[str, ...]] = {
    "frames": (
        *("session_id", "seq", "head", "at_ns", "payload", "anomalies"),
        *("message_seq", "message_parts", "payload_parts"),
    ),
    "extents": ("session_id", "first_seq", "last_seq", "first_id"),
    "links": ("first_id", "link", "sums"),
    "sessions": (
        *("started_at", "started_ns", "client", "target", "request_headers", "status"),
        *("response_headers", "subprotocol", "extensions", "ended_ns", "close_code"),
        *("close_reason", "closed_by", "clean", "client_frames", "client_bytes"),
        *("server_frames", "server_bytes", "link"),
    ),
}
COVERED = [(table, column) for table, columns in COLUMNS.items() for column in columns]
Sent = list[tuple[bool, int, bytes, bool, bool]]


def mutated(value: object, by: int) -> object:
    """Change one bit, one character or one byte; or put something where nothing is."""
    if isinstance(value, int):
        return value ^ 1 << by % 40
    if isinstance(value, str) and value:
        at = by % len(value)
        return value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :]
    if isinstance(value, bytes) and value:
        data = bytearray(value)
        data[by % len(data)] ^= 1 << by % 8
        return bytes(data)
    return 1 if value is None else None


@settings(max_examples=120, deadline=None)
@given(
    sent=st.lists(
        st.tuples(
            st.booleans(),
            st.sampled_from([0, 1, 2, 8, 9]),
            st.binary(max_size=90),
            st.booleans(),
            st.booleans(),
        ),
        min_size=1,
        max_size=12,
    ),
    place=st.sampled_from(COVERED),
    which=st.integers(0, 1 << 30),
    by=st.integers(0, 1 << 30),
)
def test_any_cell_of_any_conversation(
    tmp_path_factory: pytest.TempPathFactory,
    sent: Sent,
    place: tuple[str, str],
    which: int,
    by: int,
) -> None:
    path = tmp_path_factory.mktemp("cell") / "session.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wsrec.wire.decoder.PART_SIZE", 32)
        patch.setattr("wsrec.wire.messages.PART_SIZE", 32)
        with recorder_at(path) as recorder:
            talk = Conversation(recorder)
            for from_client, opcode, payload, fin, then in sent:
                mask = KEY if from_client else None
                talk.send("client" if from_client else "server",
                          wire(opcode, payload, fin=fin, mask=mask))  # fmt: skip
                if then:
                    split(talk)
            talk.end()
    assert said(path) == []
    table, column = place
    key = {"sessions": "id", "frames": "id"}.get(table, "first_id")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        cells = connection.execute(f"SELECT {key}, {column} FROM {table} ORDER BY 1").fetchall()
        row, old = cells[which % len(cells)]
        try:
            connection.execute(
                f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (mutated(old, by), row)
            )
        except sqlite3.IntegrityError:
            return  # NOT NULL, or a key that is there already
    found = faults(path)
    assert any(fault.damage for fault in found), (old, mutated(old, by))
    assert {fault.session for fault in found} <= {1, None} or column == "session_id"
