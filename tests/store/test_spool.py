"""Segments of a spool, byte by byte: what is read back, and what is known to be missing."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from zlib import crc32

import pytest
from wsrec.store.errors import RecordingError
from wsrec.store.segment import CLIENT, ENDED, OPENED, Record, read_segment
from wsrec.store.spool import Spool, remove_spool, segments

ID = bytes(range(16))
HEADER = b"wsrecspl" + struct.pack("<I16sQ", 1, ID, 7)
RECORDS = [
    Record(OPENED, 1, 1_000, b"how it began"),
    Record(CLIENT, 1, -5, b"\x81\x02hi"),
    Record(ENDED, (1 << 32) - 1, (1 << 63) - 1, b""),
]


def record(kind: int, session: int, at_ns: int, data: bytes, length: int | None = None) -> bytes:
    size = len(data) if length is None else length
    head = struct.pack("<IIqB", size, session, at_ns, kind)
    return head + data + struct.pack("<I", crc32(head + data))


BYTES = HEADER + b"\x01" + b"".join(record(*each) for each in RECORDS)
ENDS = [len(HEADER) + 1]
for each in RECORDS:
    ENDS.append(ENDS[-1] + len(record(*each)))


@pytest.fixture
def segment(tmp_path: Path) -> Path:
    return tmp_path / "7"


def read(path: Path, data: bytes, identity: bytes = ID, *, resumed: bool = False) -> list[object]:
    path.write_bytes(data)
    return list(read_segment(path, identity, resumed=resumed))


class TestASegment:
    def test_is_these_bytes(self, tmp_path: Path) -> None:
        folder = tmp_path / "spool"
        spool = Spool(folder, ID, 6, durable=False)
        spool.turn()
        for each in RECORDS:
            spool.write(*each)
        assert spool.turn() == 8
        spool.close(remove=False)
        assert (folder / "7").read_bytes() == BYTES
        assert [number for number, _ in segments(folder)] == [6, 7, 8]
        assert (folder / "7").stat().st_mode & 0o777 == 0o600
        assert folder.stat().st_mode & 0o777 == 0o700
        assert list(read_segment(folder / "7", ID)) == RECORDS
        remove_spool(folder)
        assert not folder.exists()

    def test_torn_at_any_byte_holds_what_is_before_it(self, segment: Path) -> None:
        for end in range(len(BYTES)):
            whole = sum(end >= each for each in ENDS[1:])
            torn = [] if end in ENDS else [None]
            assert read(segment, BYTES[:end]) == [*RECORDS[:whole], *torn]

    def test_with_any_bit_turned_holds_what_is_before_it(self, segment: Path) -> None:
        for place in range(ENDS[0], len(BYTES)):
            whole = sum(place >= each for each in ENDS[1:])
            for bit in range(8):
                data = bytearray(BYTES)
                data[place] ^= 1 << bit
                assert read(segment, bytes(data)) == [*RECORDS[:whole], None]

    def test_says_whether_it_goes_on_with_the_one_before(self, segment: Path) -> None:
        begun = HEADER + b"\x00" + BYTES[ENDS[0] :]
        assert read(segment, begun) == [None, *RECORDS]
        assert read(segment, begun, resumed=True) == RECORDS
        assert read(segment, begun[: ENDS[0]]) == [None]

    @pytest.mark.parametrize("claim", [1 << 20, (1 << 32) - 1])
    def test_that_claims_more_than_there_is_is_torn(self, segment: Path, claim: int) -> None:
        assert read(segment, BYTES + record(CLIENT, 1, 0, b"x", claim)) == [*RECORDS, None]

    def test_that_claims_all_of_a_file_with_holes_is_not_read_into_memory(
        self, segment: Path
    ) -> None:
        segment.write_bytes(BYTES + record(CLIENT, 1, 0, b"x", (1 << 32) - 1))
        os.truncate(segment, 1 << 33)
        assert list(read_segment(segment, ID)) == [*RECORDS, None]

    def test_followed_by_zeros_is_torn_there(self, segment: Path) -> None:
        assert read(segment, BYTES + bytes(4096)) == [*RECORDS, None]

    @pytest.mark.parametrize(
        ("place", "value"),
        [(0, b"W"), (8, b"\x02"), (28, b"\x08")],
        ids=["something else", "of a newer wsrec", "under another's number"],
    )
    def test_that_is_none_is_refused(self, segment: Path, place: int, value: bytes) -> None:
        data = BYTES[:place] + value + BYTES[place + 1 :]
        with pytest.raises(RecordingError, match="not a spool that this wsrec reads"):
            read(segment, data)

    def test_of_another_recording_is_refused_unless_nothing_is_in_it(self, segment: Path) -> None:
        with pytest.raises(RecordingError, match="belongs to another recording"):
            read(segment, BYTES, bytes(16))
        assert read(segment, BYTES[: ENDS[0]], bytes(16)) == []


class TestAFolder:
    def test_that_is_not_there_holds_nothing(self, tmp_path: Path) -> None:
        assert segments(tmp_path / "spool") == []

    def test_holds_what_has_a_number(self, tmp_path: Path) -> None:
        for name in ("10", "9", "01", "x", "-1", "٣", "9" * 30, "1.5", ""):
            if name:
                (tmp_path / name).touch()
        assert [number for number, _ in segments(tmp_path)] == [9, 10]

    def test_is_neither_a_link_nor_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "link").symlink_to("elsewhere")
        (tmp_path / "file").touch()
        os.mkfifo(tmp_path / "pipe")
        for name in ("link", "file", "pipe"):
            with pytest.raises(RecordingError, match="not a spool"):
                segments(tmp_path / name)

    def test_is_made_of_files_alone(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "1")
        (tmp_path / "2").symlink_to("/dev/zero")
        (tmp_path / "3").mkdir()
        for name, error in (("1", RecordingError), ("2", OSError), ("3", RecordingError)):
            with pytest.raises(error):
                list(read_segment(tmp_path / name, ID))
