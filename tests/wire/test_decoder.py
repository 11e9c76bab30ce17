"""Bytes in, frames out: the examples of RFC 6455, every length form, every fault, every cut."""

from __future__ import annotations

import sys
import tracemalloc
from types import FrameType
from typing import Any

import pytest
from support.frames import KEY, decode, masked, wire
from wsrec.wire.anomalies import Anomaly, anomaly_names
from wsrec.wire.decoder import PART_SIZE, FrameDecoder
from wsrec.wire.frames import Frame, Part, encode_frame
from wsrec.wire.mask import xor_mask


def only(data: bytes, *, client: bool = False) -> Frame:
    frames = decode([data], client=client)
    assert len(frames) == 1
    return frames[0]


def faults(data: bytes, *, client: bool = False) -> tuple[str, ...]:
    return anomaly_names(only(data, client=client).anomalies)


class TestTheExamplesOfRfc6455:
    """§5.7, as the bytes stand there."""

    def test_an_unmasked_text(self) -> None:
        assert only(b"\x81\x05\x48\x65\x6c\x6c\x6f") == (1, 0, 1, 0, b"Hello", 0)

    def test_a_masked_text(self) -> None:
        data = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
        assert only(data, client=True) == (1, 0, 1, 1, b"Hello", 0)

    def test_a_fragmented_unmasked_text(self) -> None:
        assert decode([b"\x01\x03\x48\x65\x6c", b"\x80\x02\x6c\x6f"]) == [
            (0, 0, 1, 0, b"Hel", 0),
            (1, 0, 0, 0, b"lo", 0),
        ]

    def test_a_ping_and_its_masked_answer(self) -> None:
        assert only(b"\x89\x05\x48\x65\x6c\x6c\x6f") == (1, 0, 9, 0, b"Hello", 0)
        pong = b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
        assert only(pong, client=True) == (1, 0, 10, 1, b"Hello", 0)

    def test_256_bytes_of_binary(self) -> None:
        data = bytes(range(256))
        assert only(b"\x82\x7e\x01\x00" + data) == (1, 0, 2, 0, data, 0)

    def test_64_kib_of_binary(self) -> None:
        data = bytes(range(256)) * 256
        frame = only(b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00" + data)
        assert frame == (1, 0, 2, 0, data, 0)


HEADERS = {
    0: b"\x82\x00",
    1: b"\x82\x01",
    125: b"\x82\x7d",
    126: b"\x82\x7e\x00\x7e",
    127: b"\x82\x7e\x00\x7f",
    65535: b"\x82\x7e\xff\xff",
    65536: b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00",
    PART_SIZE: b"\x82\x7f\x00\x00\x00\x00\x00\x10\x00\x00",
    PART_SIZE + 1: b"\x82\x7f\x00\x00\x00\x00\x00\x10\x00\x01",
    2 * PART_SIZE: b"\x82\x7f\x00\x00\x00\x00\x00\x20\x00\x00",
}


@pytest.mark.parametrize("size", HEADERS)
def test_every_length_form(size: int) -> None:
    payload = bytes(range(251)) * (size // 251 + 1)
    payload = payload[:size]
    header = HEADERS[size]
    assert encode_frame(2, payload) == header + payload
    behind = b"\x81\x02ok"
    assert decode([header + payload + behind]) == [
        (1, 0, 2, 0, payload, 0),
        (1, 0, 1, 0, b"ok", 0),
    ]
    with_mask = header[:1] + bytes([header[1] | 0x80]) + header[2:] + KEY
    body = bytearray(payload)
    xor_mask(KEY, body)
    assert encode_frame(2, payload, mask=KEY) == with_mask + body
    assert decode([with_mask + body + wire(1, b"ok", mask=KEY)], client=True) == [
        (1, 0, 2, 1, payload, 0),
        (1, 0, 1, 1, b"ok", 0),
    ]


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 7, 8, 127, 1001])
def test_the_mask_begins_with_its_first_byte_and_leaves_the_length_alone(size: int) -> None:
    plain = bytes(range(256)) * 4
    data = bytearray(plain[:size])
    xor_mask(b"\x00\xff\x01\x80", data)
    assert data == masked(b"\x00\xff\x01\x80", plain[:size])


class TestWhatOneFrameCanDoWrong:
    """Nothing is refused: the frame comes out, with a name for what is wrong."""

    @pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
    def test_reserved_opcode(self, opcode: int) -> None:
        assert faults(bytes([0x80 | opcode, 1, 0x21])) == ("reserved_opcode",)

    @pytest.mark.parametrize(
        ("data", "names"),
        [
            (b"\x82\x7e\x00\x7d" + b"a" * 125, ("length_not_minimal",)),
            (b"\x82\x7e\x00\x00", ("length_not_minimal",)),
            (b"\x82\x7f\x00\x00\x00\x00\x00\x00\xff\xff" + b"a" * 65535, ("length_not_minimal",)),
            (b"\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x02hi", ("length_not_minimal",)),
            (b"\x89\x7e\x00\x02hi", ("length_not_minimal",)),
            (b"\x89\x7e\x00\x7e" + b"a" * 126, ("control_too_long",)),
            (b"\x88\x7f\x00\x00\x00\x00\x00\x01\x00\x00" + b"a" * 65536, ("control_too_long",)),
            (b"\x09\x00", ("control_fragmented",)),
            (b"\x82\x80\x01\x02\x03\x04", ("masked",)),
            (b"\x09\xfe\x00\x01" + KEY + b"\x00",
             ("length_not_minimal", "control_fragmented", "masked")),
        ],
    )  # fmt: skip
    def test_in_its_header(self, data: bytes, names: tuple[str, ...]) -> None:
        assert faults(data) == names

    def test_a_client_that_does_not_mask(self) -> None:
        assert faults(b"\x81\x02hi", client=True) == ("not_masked",)

    def test_a_length_of_2_to_the_63(self) -> None:
        data = b"\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00" + b"all there is"
        frame = only(data)
        assert anomaly_names(frame.anomalies) == ("length_overflow", "truncated")
        assert frame.payload == b"all there is"

    def test_rsv_bits_are_a_number_of_three_bits(self) -> None:
        assert [frame.rsv for frame in decode([b"\xc1\x00\xa1\x00\x91\x00\xf1\x00"])] == [
            4,
            2,
            1,
            7,
        ]


class TestAConnectionThatEndsInTheMiddle:
    @pytest.mark.parametrize(
        "header",
        [
            b"\x81",
            b"\x82\x7e",
            b"\x82\x7e\x01",
            b"\x82\x7f\x00\x00\x00\x00\x00\x00\x01",
        ],
    )
    def test_in_a_header_keeps_the_raw_bytes(self, header: bytes) -> None:
        assert only(header) == (1, 0, header[0] & 15, 0, header, Anomaly.TRUNCATED_HEADER)

    @pytest.mark.parametrize("size", [2, 3, 4, 5])
    def test_in_the_mask(self, size: int) -> None:
        header = b"\x81\x85\x37\xfa\x21\x3d"[:size]
        frame = only(header, client=True)
        assert frame == (1, 0, 1, 1, header, Anomaly.TRUNCATED_HEADER)

    def test_behind_the_header(self) -> None:
        assert only(b"\x81\x05") == (1, 0, 1, 0, b"", Anomaly.TRUNCATED)

    def test_in_a_payload_which_is_unmasked_as_far_as_it_came(self) -> None:
        frame = only(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d", client=True)
        assert frame == (1, 0, 1, 1, b"Hel", Anomaly.TRUNCATED)

    def test_what_else_is_wrong_is_still_said(self) -> None:
        assert faults(b"\x81\x05He", client=True) == ("not_masked", "truncated")
        assert faults(b"\x81\xfe", client=False) == ("masked", "truncated_header")
        assert faults(b"\x89\x7e\x00\x7eab") == ("control_too_long", "truncated")
        assert faults(b"\x82\x7e\x00\x03ab") == ("length_not_minimal", "truncated")

    @pytest.mark.parametrize("size", [0, 1, 5, PART_SIZE, PART_SIZE + 1])
    def test_in_a_large_payload(self, size: int) -> None:
        payload = (bytes(range(251)) * (size // 251 + 1))[:size]
        data = wire(2, payload, mask=KEY, claim=2 * PART_SIZE)
        frame = only(data, client=True)
        assert frame == (1, 0, 2, 1, payload, Anomaly.TRUNCATED)

    def test_between_frames_is_no_fault(self) -> None:
        decoder = FrameDecoder(masked=False)
        decoder.feed(b"\x81\x02hi")
        assert decoder.finish() == []

    def test_is_told_once(self) -> None:
        decoder = FrameDecoder(masked=False)
        decoder.feed(b"\x81")
        assert len(decoder.finish()) == 1
        assert decoder.finish() == []


class TestTheBoundaryBetweenFrames:
    def test_is_at_the_start_and_behind_each_frame(self) -> None:
        decoder = FrameDecoder(masked=False)
        assert decoder.at_boundary
        for byte in b"\x81\x02h":
            decoder.feed(bytes([byte]))
            assert not decoder.at_boundary
        decoder.feed(b"i")
        assert decoder.at_boundary

    def test_is_not_where_a_part_of_a_large_payload_ends(self) -> None:
        decoder = FrameDecoder(masked=False)
        payload = bytes(PART_SIZE)
        (part,) = decoder.feed(wire(2, payload, claim=2 * PART_SIZE))
        assert isinstance(part, Part)
        assert not decoder.at_boundary
        decoder.feed(payload)
        assert decoder.at_boundary

    def test_is_not_behind_a_large_header(self) -> None:
        decoder = FrameDecoder(masked=False)
        assert decoder.feed(wire(2, claim=2 * PART_SIZE)) == []
        assert not decoder.at_boundary


class TestAFrameLargerThanWhatIsHeld:
    def test_comes_in_parts_and_then_without_payload(self) -> None:
        payload = bytes(range(256)) * (PART_SIZE // 128 + 1)
        items = FrameDecoder(masked=True).feed(wire(2, payload, fin=False, rsv=3, mask=KEY))
        *parts, frame = items
        assert [len(part.data) for part in parts if isinstance(part, Part)] == [
            PART_SIZE,
            PART_SIZE,
            256,
        ]
        assert {part[:3] for part in parts} == {(0, 3, 2)}
        assert b"".join(part.data for part in parts if isinstance(part, Part)) == payload
        assert frame == (0, 3, 2, 1, None, 0)

    def test_is_followed_by_the_next_frame_of_the_same_bytes(self) -> None:
        big = wire(2, bytes(PART_SIZE + 1))
        items = FrameDecoder(masked=False).feed(big + b"\x81\x00" + big + b"\x89\x00")
        assert [(type(item), item.opcode) for item in items] == [
            *[(Part, 2), (Part, 2), (Frame, 2), (Frame, 1)],
            *[(Part, 2), (Part, 2), (Frame, 2), (Frame, 9)],
        ]

    @pytest.mark.parametrize("length", [1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
    def test_costs_no_more_memory_than_a_part(self, length: int) -> None:
        decoder = FrameDecoder(masked=False)
        chunk = bytes(64 << 10)
        tracemalloc.start()
        try:
            assert decoder.feed(wire(2, claim=length)) == []
            came = sum(
                len(item.data)
                for _ in range(256)
                for item in decoder.feed(chunk)
                if isinstance(item, Part)
            )
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert came == 256 * len(chunk)
        assert peak < 3 * PART_SIZE


class TestTakingPlainMessages:
    """The short way for what most streams consist of; `feed` gets what it leaves."""

    TAIL = b"\x82\x07-------"  # the last nine bytes are never looked at

    @staticmethod
    def take(decoder: FrameDecoder, data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
        plain, rest = decoder.take_plain(data)
        return [(first, bytes(payload)) for first, payload in plain], rest

    @pytest.mark.parametrize(
        "other",
        [
            b"\x01\x02hi",  # a fragment
            b"\x80\x02hi",
            b"\x89\x02hi",
            b"\xc1\x02hi",  # compressed, perhaps
            b"\x83\x02hi",
            b"\x81\x82\x00\x00\x00\x00hi",  # masked, by a server
            b"\x81\xfe\x00\x80",
            b"\x81\x7e\x00\x02hi",  # a length in more bytes than it needs
            b"\x81\x7f\x00\x00\x00\x00\x00\x00\x00\x02hi",
            b"\x81\x7d" + b"not all of it",
        ],
    )
    def test_stops_at_anything_else(self, other: bytes) -> None:
        decoder = FrameDecoder(masked=False)
        stream = b"\x81\x02hi\x82\x01\xff\x81\x7e\x00\x7e" + b"a" * 126
        taken = [(0x81, b"hi"), (0x82, b"\xff"), (0x81, b"a" * 126)]
        assert self.take(decoder, stream + other + self.TAIL) == (taken, other + self.TAIL)
        assert decoder.at_boundary

    def test_of_a_client_that_does_not_mask(self) -> None:
        decoder = FrameDecoder(masked=True)
        stream = wire(1, b"hi", mask=KEY) + wire(1, b"hi") + self.TAIL
        assert self.take(decoder, stream) == ([(0x81, b"hi")], wire(1, b"hi") + self.TAIL)

    def test_waits_for_the_rest_of_what_was_fed(self) -> None:
        decoder = FrameDecoder(masked=False)
        assert decoder.feed(b"\x81\x05He") == []
        assert self.take(decoder, b"l") == ([], b"l")
        assert decoder.feed(b"l") == []
        assert self.take(decoder, b"lo" + self.TAIL) == ([(0x81, b"Hello")], self.TAIL)

    def test_leaves_a_large_payload_alone(self) -> None:
        decoder = FrameDecoder(masked=False)
        decoder.feed(wire(2, claim=PART_SIZE + 1))
        data = b"\x81\x02hi" * 9
        assert self.take(decoder, data) == ([], data)


class TestBytesThatDribble:
    """One byte at a time costs what the bytes cost, not what they cost each time anew."""

    @staticmethod
    def lines(size: int) -> int:
        """How many lines of the decoder run while a frame of `size` bytes dribbles in."""
        decoder = FrameDecoder(masked=True)
        data = wire(2, bytes(size), mask=KEY)
        ran = 0

        def trace(frame: FrameType, event: str, arg: Any) -> Any:
            nonlocal ran
            ran += event == "line"
            return trace if frame.f_code.co_filename.endswith("decoder.py") else None

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            frames = [frame for byte in data for frame in decoder.feed(bytes([byte]))]
        finally:
            sys.settrace(before)
        assert [len(frame.payload or b"") for frame in frames if isinstance(frame, Frame)] == [size]
        return ran

    def test_each_byte_of_a_payload_costs_the_same_few_lines(self) -> None:
        each = (self.lines(3000) - self.lines(2000)) / 1000
        assert each == (self.lines(30000) - self.lines(20000)) / 10000
        assert each < 10

    def test_a_payload_of_one_mebibyte(self) -> None:
        touched = 0

        def unmask(key: bytes, data: bytearray) -> None:
            nonlocal touched
            touched += len(data)
            xor_mask(key, data)

        payload = bytes(range(256)) * 4096
        data = wire(2, payload, mask=KEY)
        chunks = [data[i : i + 1] for i in range(len(data))]
        (frame,) = decode(chunks, client=True, unmask=unmask)
        assert frame.payload == payload
        assert touched == len(payload)


def test_encoding_cuts_no_corner() -> None:
    assert encode_frame(1, b"Hello", mask=KEY) == b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
    assert encode_frame(1, b"Hel", fin=False) == b"\x01\x03Hel"
    assert encode_frame(1, b"", rsv=4) == b"\xc1\x00"
    assert encode_frame(9) == b"\x89\x00"
    assert encode_frame(8, b"\x03\xe8", mask=bytes(4)) == b"\x88\x82\x00\x00\x00\x00\x03\xe8"
