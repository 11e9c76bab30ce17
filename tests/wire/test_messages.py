"""Frames become messages: what is one, where it begins and ends, and what breaks it."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.frames import KEY, Told, chop, listen, wire
from wsrec.wire.decoder import PART_SIZE
from wsrec.wire.frames import Frame
from wsrec.wire.messages import MessageTracker

TEXT, BINARY, MORE = 1, 2, 0


def told(stream: bytes) -> list[Told]:
    return listen(stream)[1]


def faults(stream: bytes) -> list[tuple[str, ...]]:
    """The anomalies of each frame."""
    return [frame.anomalies for frame in listen(stream)[0]]


class TestAMessage:
    def test_in_one_frame(self) -> None:
        assert told(b"\x81\x05Hello\x82\x02\x00\xff") == [
            (1, 1, "text", b"Hello", ()),
            (2, 2, "binary", b"\x00\xff", ()),
        ]

    def test_that_is_empty(self) -> None:
        assert told(b"\x81\x00\x82\x00\x01\x00\x80\x00") == [
            (1, 1, "text", b"", ()),
            (2, 2, "binary", b"", ()),
            (3, 4, "text", b"", ()),
        ]

    def test_in_fragments(self) -> None:
        assert told(b"\x01\x03Hel\x80\x02lo\x02\x01a\x00\x00\x00\x01b\x80\x01c") == [
            (1, 2, "text", b"Hello", ()),
            (3, 6, "binary", b"abc", ()),
        ]

    def test_with_control_frames_between_its_fragments(self) -> None:
        seen, messages = listen(b"\x01\x03Hel\x89\x01?\x8a\x00\x80\x02lo")
        assert messages == [(1, 4, "text", b"Hello", ())]
        assert [(frame.opcode, frame.anomalies) for frame in seen] == [
            (1, ()),
            (9, ()),
            (10, ()),
            (0, ()),
        ]

    def test_with_its_sender_s_close_in_the_middle(self) -> None:
        seen, messages = listen(b"\x01\x03Hel\x88\x00\x80\x02lo")
        assert messages == [(1, 3, "text", b"Hello", ("after_close",))]
        assert seen[1].anomalies == ()

    def test_is_neither_control_frame_nor_reserved_opcode(self) -> None:
        assert told(b"\x89\x00\x8a\x00\x83\x01a\x8b\x01b\x88\x00") == []

    def test_can_be_larger_than_what_is_held(self) -> None:
        big = bytes(range(256)) * (PART_SIZE // 256 + 1)
        assert told(wire(BINARY, big) + b"\x81\x01x") == [
            (1, 1, "binary", big, ()),
            (2, 2, "text", b"x", ()),
        ]
        stream = wire(BINARY, big, fin=False) + b"\x89\x00" + wire(MORE, big)
        assert told(stream) == [(1, 3, "binary", big + big, ())]
        assert told(b"\x01\x01a" + wire(MORE, b"b" * len(big))) == [
            (1, 2, "text", b"a" + b"b" * len(big), ())
        ]


class TestFragmentsOutOfPlace:
    def test_a_continuation_of_nothing(self) -> None:
        assert listen(b"\x80\x02lo\x00\x00\x81\x01x") == (
            [
                (0, b"lo", ("unexpected_continuation",)),
                (0, b"", ("unexpected_continuation",)),
                (1, b"x", ()),
            ],
            [(3, 3, "text", b"x", ())],
        )

    def test_a_large_continuation_of_nothing(self) -> None:
        stream = wire(MORE, bytes(PART_SIZE + 1)) + b"\x81\x01x"
        assert faults(stream) == [("unexpected_continuation",), ()]
        assert told(stream) == [(2, 2, "text", b"x", ())]

    def test_a_message_that_interrupts_another(self) -> None:
        assert listen(b"\x01\x03Hel\x81\x01x\x80\x02lo\x81\x01y") == (
            [
                (1, b"Hel", ()),
                (1, b"x", ("interrupted_message",)),
                (0, b"lo", ("unexpected_continuation",)),
                (1, b"y", ()),
            ],
            [(2, 2, "text", b"x", ("interrupted_message",)), (4, 4, "text", b"y", ())],
        )

    def test_a_fragmented_message_that_interrupts_another(self) -> None:
        assert told(b"\x02\x03\xff\xff\xff\x01\x01a\x80\x01b") == [(2, 3, "text", b"ab", ())]
        assert faults(b"\x02\x00\x01\x00\x80\x00") == [(), ("interrupted_message",), ()]

    def test_a_large_message_that_interrupts_another(self) -> None:
        big = bytes(PART_SIZE + 1)
        assert told(b"\x02\x01a" + wire(BINARY, big)) == [
            (2, 2, "binary", big, ("interrupted_message",))
        ]

    def test_a_reserved_opcode_is_no_fragment(self) -> None:
        assert told(b"\x02\x01a\x83\x01b\x80\x01c") == [(1, 3, "binary", b"ac", ())]
        stream = b"\x02\x01a" + wire(3, bytes(PART_SIZE + 1)) + b"\x80\x01c"
        assert told(stream) == [(1, 3, "binary", b"ac", ())]

    def test_an_end_that_never_comes(self) -> None:
        assert told(b"\x01\x03Hel") == []
        assert told(b"\x01\x03Hel\x80\x02l") == []
        assert told(b"\x81") == []
        assert told(wire(BINARY, b"a", claim=2 * PART_SIZE)) == []


class TestClosing:
    def test_what_comes_behind_a_close(self) -> None:
        assert faults(b"\x88\x00\x81\x01x\x89\x00\x88\x00\x01\x00\x80\x00") == [
            (),
            *[("after_close",)] * 5,
        ]
        assert told(b"\x88\x00\x81\x01x") == [(2, 2, "text", b"x", ("after_close",))]

    @pytest.mark.parametrize(
        ("body", "names"),
        [
            (b"", ()),
            (b"\x03", ("close_malformed",)),
            (b"\x03\xe8", ()),
            (b"\x03\xee", ("close_malformed",)),
            (b"\x03\xe8bye", ()),
            (b"\x03\xe8\xff", ("invalid_utf8",)),
            (b"\x00\x00\xff", ("invalid_utf8", "close_malformed")),
        ],
    )
    def test_its_body(self, body: bytes, names: tuple[str, ...]) -> None:
        assert faults(wire(8, body)) == [names]

    def test_a_close_too_large_to_hold_still_closes(self) -> None:
        # Behind it another message, and one in parts.
        big = bytes(PART_SIZE + 1)
        stream = wire(8, big) + b"\x81\x01x" + wire(BINARY, big) + b"\x01\x00\x80\x01y"
        assert faults(stream)[0] == ("control_too_long",)
        assert told(stream) == [
            (2, 2, "text", b"x", ("after_close",)),
            (3, 3, "binary", big, ("after_close",)),
            (4, 5, "text", b"y", ("after_close",)),
        ]

    @pytest.mark.parametrize(
        "data", [b"\x88", b"\x88\x82", b"\x88\x02\x03", b"\x88\x04\x03\xe8\xff"]
    )
    def test_a_close_that_was_cut_off_is_not_the_peer_s_fault(self, data: bytes) -> None:
        (names,) = faults(data)
        assert set(names) <= {"truncated", "truncated_header", "masked"}


class TestText:
    GOOD = "Grüße, 世界 🎈"
    BAD = (
        b"\xff",
        b"\xc3",
        b"\xc3(",
        b"\xed\xa0\x80",  # a surrogate
        b"\xc0\xaf",  # a slash, longer than it needs to be
        b"\xf4\x90\x80\x80",  # beyond U+10FFFF
        b"\xf0\x9f\x8e",
        "世".encode()[:2],
    )

    @pytest.mark.parametrize("place", range(1, len(GOOD.encode())))
    def test_may_be_cut_within_a_character(self, place: int) -> None:
        data = self.GOOD.encode()
        stream = wire(TEXT, data[:place], fin=False) + wire(MORE, data[place:])
        assert told(stream) == [(1, 2, "text", data, ())]

    @pytest.mark.parametrize("offset", [1, 2, 3])
    def test_may_be_cut_within_a_character_where_a_part_ends(self, offset: int) -> None:
        data = b"a" * (PART_SIZE - offset) + "🎈".encode()
        assert told(wire(TEXT, data)) == [(1, 1, "text", data, ())]

    @pytest.mark.parametrize("bad", BAD)
    def test_that_is_not_utf_8(self, bad: bytes) -> None:
        assert told(wire(TEXT, b"ok" + bad)) == [(1, 1, "text", b"ok" + bad, ("invalid_utf8",))]
        assert told(wire(BINARY, bad)) == [(1, 1, "binary", bad, ())]
        in_fragments = wire(TEXT, b"ok", fin=False) + wire(MORE, bad, fin=False) + wire(MORE, b"")
        assert told(in_fragments) == [(1, 3, "text", b"ok" + bad, ("invalid_utf8",))]
        in_parts = b"ok" * PART_SIZE + bad
        assert told(wire(TEXT, in_parts)) == [(1, 1, "text", in_parts, ("invalid_utf8",))]

    def test_is_good_again_after_a_bad_one(self) -> None:
        assert told(b"\x81\x01\xff\x81\x01x")[1] == (2, 2, "text", b"x", ())

    def test_its_beginning_is_not_held_against_another(self) -> None:
        assert told(b"\x01\x01\xc3\x81\x01\xa9")[0].anomalies == (
            "interrupted_message",
            "invalid_utf8",
        )
        assert told(b"\x01\x01\xff\x81\x01x")[0].anomalies == ("interrupted_message",)


class TestReservedBits:
    @pytest.mark.parametrize("rsv", range(1, 8))
    def test_without_an_extension(self, rsv: int) -> None:
        for opcode in (TEXT, BINARY, 8, 9, 10):
            assert faults(wire(opcode, rsv=rsv)) == [("reserved_bits",)]

    def test_of_permessage_deflate(self) -> None:
        def with_deflate(stream: bytes) -> list[tuple[str, ...]]:
            seen, _ = listen(stream, extensions="permessage-deflate")
            return [frame.anomalies for frame in seen]

        assert with_deflate(b"\xc1\x01\x00") == [()]
        assert with_deflate(b"\xa1\x00\x91\x00") == [("reserved_bits",)] * 2
        assert with_deflate(b"\x41\x00\xc0\x01\x00") == [(), ("reserved_bits",)]
        assert with_deflate(b"\xc9\x00\xca\x00\xc8\x00") == [("reserved_bits",)] * 3

    def test_of_an_extension_nobody_here_knows(self) -> None:
        seen, _ = listen(b"\xf1\x00\x71\x00\xf0\x00\xf9\x00", extensions="x-unknown")
        assert [frame.anomalies for frame in seen] == [()] * 4


def test_memory_does_not_grow_with_a_message() -> None:
    sizes: list[int] = []
    tracker = MessageTracker(lambda piece: sizes.append(len(piece)))
    payload = bytes(64 << 10)
    tracemalloc.start()
    try:
        for seq in range(1, 513):
            opcode = BINARY if seq == 1 else MORE
            tracker.frame(Frame(int(seq == 512), 0, opcode, 0, payload, 0), seq)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sum(sizes) == 512 * len(payload)
    assert peak < 4 * PART_SIZE


def in_order(stream: list[tuple[int, bool, bytes]]) -> list[tuple[int, int, str, bytes]]:
    """The messages of whole frames, said a second time: (first, last, kind, data)."""
    messages = []
    first, kind, data = 0, 0, b""
    for seq, (opcode, fin, payload) in enumerate(stream, 1):
        if opcode in (TEXT, BINARY):
            first, kind, data = seq, opcode, b""
        elif opcode != MORE or not first:
            continue
        data += payload
        if fin:
            messages.append((first, seq, {TEXT: "text", BINARY: "binary"}[kind], data))
            first = 0
    return messages


@settings(max_examples=120, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([0, 0, 0, 1, 2, 3, 8, 9]), st.booleans(), st.binary(max_size=9)),
        max_size=14,
    ),
    st.lists(st.integers(0, 300), max_size=6),
)
def test_any_order_of_frames(stream: list[tuple[int, bool, bytes]], cuts: list[int]) -> None:
    data = b"".join(wire(opcode, body, fin=fin, mask=KEY) for opcode, fin, body in stream)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wsrec.wire.decoder.PART_SIZE", 4)
        patch.setattr("wsrec.wire.messages.PART_SIZE", 4)
        seen, messages = listen(chop(data, cuts), client=True)
    assert [message[:4] for message in messages] == in_order(stream)
    assert [(frame.opcode, frame.payload) for frame in seen] == [
        (opcode, body) for opcode, _, body in stream
    ]
    for message in messages:
        try:
            message.data.decode()
        except UnicodeDecodeError:
            assert ("invalid_utf8" in message.anomalies) is (message.kind == "text")
        else:
            assert "invalid_utf8" not in message.anomalies
