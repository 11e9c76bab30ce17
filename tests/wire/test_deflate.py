"""RFC 7692: the header that agrees on it, its own examples, and what bad data does."""

from __future__ import annotations

import random
import tracemalloc
import zlib
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.frames import KEY, Told, chop, listen, wire
from wsrec.wire.decoder import PART_SIZE
from wsrec.wire.deflate import (
    INFLATE_LIMIT,
    Extensions,
    InflateError,
    InflateLimitError,
    Inflater,
)

DEFLATE = "permessage-deflate"
NO_CONTEXT = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
RSV1 = 4
TAIL = b"\x00\x00\xff\xff"


def told(
    stream: bytes | list[bytes], extensions: str = DEFLATE, *, client: bool = False
) -> list[Told]:
    return listen(stream, extensions=extensions, client=client)[1]


class Deflater:
    """The sender's half, as a peer has it."""

    def __init__(self, *, keeps_context: bool = True) -> None:
        self.keeps_context = keeps_context
        self.zlib = zlib.compressobj(wbits=-15)

    def message(self, data: bytes) -> bytes:
        if not self.keeps_context:
            self.zlib = zlib.compressobj(wbits=-15)
        out = self.zlib.compress(data) + self.zlib.flush(zlib.Z_SYNC_FLUSH)
        assert out.endswith(TAIL)
        return out[:-4]

    def frame(self, data: bytes, opcode: int = 1) -> bytes:
        return wire(opcode, self.message(data), rsv=RSV1)


class TestTheExamplesOfRfc7692:
    """§7.2.3, as the bytes stand there."""

    HELLO = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"

    def test_one_block(self) -> None:
        assert told(self.HELLO) == [(1, 1, "text", b"Hello", ())]

    def test_in_two_fragments(self) -> None:
        stream = b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00"
        assert told(stream) == [(1, 2, "text", b"Hello", ())]

    def test_with_the_sliding_window_of_the_message_before(self) -> None:
        stream = self.HELLO + b"\xc1\x05\xf2\x00\x11\x00\x00"
        assert [message.data for message in told(stream)] == [b"Hello", b"Hello"]

    def test_without_it(self) -> None:
        assert [message.data for message in told(self.HELLO * 2, NO_CONTEXT)] == [b"Hello"] * 2

    def test_a_block_without_compression(self) -> None:
        stream = b"\xc1\x0b\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"
        assert told(stream) == [(1, 1, "text", b"Hello", ())]

    def test_a_final_block(self) -> None:
        final = b"\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00"
        assert told(final) == [(1, 1, "text", b"Hello", ())]
        messages = told(final + self.HELLO + final + final + self.HELLO)
        assert messages == [(seq, seq, "text", b"Hello", ()) for seq in range(1, 6)]

    def test_two_blocks(self) -> None:
        stream = b"\xc1\x0d\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"
        assert told(stream) == [(1, 1, "text", b"Hello", ())]


class TestFinalBlocks:
    FINAL = b"\xf3\x48\xcd\xc9\xc9\x07\x00"  # "Hello", and the end of the stream

    def test_at_the_very_end_of_a_message(self) -> None:
        stream = wire(1, self.FINAL, rsv=RSV1) + TestTheExamplesOfRfc7692.HELLO
        assert [(m.data, m.anomalies) for m in told(stream)] == [(b"Hello", ())] * 2

    def test_with_the_four_octets_left_in(self) -> None:
        stream = wire(1, self.FINAL + TAIL, rsv=RSV1) + TestTheExamplesOfRfc7692.HELLO
        assert [(m.data, m.anomalies) for m in told(stream)] == [(b"Hello", ())] * 2

    def test_several_in_a_message_and_across_its_fragments(self) -> None:
        stream = (
            wire(1, self.FINAL * 2 + self.FINAL[:3], rsv=RSV1, fin=False)
            + wire(0, self.FINAL[3:], fin=False)
            + wire(0, self.FINAL + b"\x00")
            + TestTheExamplesOfRfc7692.HELLO
        )
        assert [message.data for message in told(stream)] == [b"Hello" * 4, b"Hello"]

    def test_so_many_that_each_may_cost_but_little(self) -> None:
        # 03 00 is an empty final block: 100 000 of them, and none of them a recursion.
        stream = wire(1, b"\x03\x00" * 100_000 + b"\x00", rsv=RSV1)
        assert told(stream + TestTheExamplesOfRfc7692.HELLO) == [
            (1, 1, "text", b"", ()),
            (2, 2, "text", b"Hello", ()),
        ]

    def test_count_towards_the_limit_together(self) -> None:
        inflater = Inflater(keeps_context=True, limit=12)
        got: list[bytes] = []
        with pytest.raises(InflateLimitError):
            got.extend(inflater.feed(self.FINAL * 3))
        assert b"".join(got) == b"HelloHelloHe"


class TestContext:
    @pytest.mark.parametrize("extensions", [DEFLATE, NO_CONTEXT])
    def test_messages_of_every_kind_in_a_row(self, extensions: str) -> None:
        deflater = Deflater(keeps_context=extensions == DEFLATE)
        texts = [b"", b"a", b"a" * 70_000, b"", b"", "世界".encode() * 9, b"a"]
        stream = b"".join(deflater.frame(text) for text in texts)
        assert [(m.data, m.anomalies) for m in told(stream, extensions)] == [
            (text, ()) for text in texts
        ]

    def test_is_each_sender_s_own(self) -> None:
        header = "permessage-deflate; client_no_context_takeover"
        keeps, forgets = Deflater(), Deflater(keeps_context=False)
        shared = b"the same words again and again"
        server = keeps.frame(shared) + keeps.frame(shared)
        assert len(server) < len(forgets.frame(shared)) * 2
        assert [m.data for m in told(server, header)] == [shared] * 2
        client = b"".join(wire(1, forgets.message(shared), rsv=RSV1, mask=KEY) for _ in range(2))
        assert [m.data for m in told(client, header, client=True)] == [shared] * 2

    def test_is_not_touched_by_plain_messages(self) -> None:
        deflater = Deflater()
        stream = deflater.frame(b"one two") + b"\x81\x05plain" + deflater.frame(b"one two")
        assert [m.data for m in told(stream)] == [b"one two", b"plain", b"one two"]

    def test_an_empty_payload_is_an_empty_message(self) -> None:
        # Senders leave out one octet more than they should when a second flush brings nothing.
        deflater = Deflater()
        stream = deflater.frame(b"x") + b"\xc1\x00\xc1\x00" + deflater.frame(b"x")
        assert [(m.data, m.anomalies) for m in told(stream)] == [
            (b"x", ()),
            (b"", ()),
            (b"", ()),
            (b"x", ()),
        ]

    def test_smaller_windows_are_read_too(self) -> None:
        data = random.Random(7).randbytes(40_000)
        for bits in range(9, 16):
            packed = zlib.compressobj(wbits=-bits)
            payload = packed.compress(data) + packed.flush(zlib.Z_SYNC_FLUSH)
            assert told(wire(2, payload[:-4], rsv=RSV1))[0].data == data


class TestBadData:
    GARBAGE = b"\xff\xff\xff\xff"  # block type 3: there is none

    def test_is_kept_as_it_came(self) -> None:
        stream = wire(1, self.GARBAGE, rsv=RSV1)
        assert told(stream) == [(1, 1, "text", self.GARBAGE, ("inflate_failed",))]

    def test_loses_the_context_and_says_so(self) -> None:
        deflater = Deflater()
        packed = deflater.message(b"Hello")
        stream = wire(1, self.GARBAGE, rsv=RSV1) + wire(1, packed, rsv=RSV1) + b"\x81\x05plain"
        assert told(stream) == [
            (1, 1, "text", self.GARBAGE, ("inflate_failed",)),
            (2, 2, "text", packed, ("not_inflated",)),
            (3, 3, "text", b"plain", ()),
        ]

    def test_in_fragments_what_comes_later_is_kept_as_it_came(self) -> None:
        packed = Deflater().message(b"Hello")
        stream = (
            wire(1, self.GARBAGE, rsv=RSV1)
            + wire(1, packed[:2], rsv=RSV1, fin=False)
            + wire(0, packed[2:])
        )
        assert told(stream)[1] == (2, 3, "text", packed, ("not_inflated",))

    def test_is_forgotten_where_no_context_is_kept(self) -> None:
        hello = Deflater().frame(b"Hello")
        stream = wire(1, self.GARBAGE, rsv=RSV1) + hello + hello
        assert [(m.data, m.anomalies) for m in told(stream, NO_CONTEXT)][1:] == [(b"Hello", ())] * 2

    def test_in_a_message_that_another_interrupts(self) -> None:
        hello = Deflater().frame(b"Hello")
        for begun in (self.GARBAGE, b"\xf2\x48"):
            stream = wire(1, begun, rsv=RSV1, fin=False) + hello + hello
            assert [m.data for m in told(stream, NO_CONTEXT)] == [b"Hello"] * 2

    def test_in_the_middle_of_a_character_is_no_bad_text(self) -> None:
        packed = zlib.compressobj(wbits=-15)
        half = packed.compress("世".encode()[:2]) + packed.flush(zlib.Z_SYNC_FLUSH)
        (message,) = told(wire(1, half, rsv=RSV1, fin=False) + wire(0, self.GARBAGE))
        assert message.anomalies == ("inflate_failed",)

    def test_text_that_is_no_utf_8_inside(self) -> None:
        (message,) = told(Deflater().frame(b"a\xff"))
        assert message == (1, 1, "text", b"a\xff", ("invalid_utf8",))

    def test_truncated_in_the_middle(self) -> None:
        assert told(Deflater().frame(b"Hello")[:-2]) == []

    def test_keeps_the_inflater_out_of_use(self) -> None:
        inflater = Inflater(keeps_context=True)
        with pytest.raises(InflateError):
            list(inflater.feed(self.GARBAGE))
        assert not inflater.usable
        inflater.begin()
        assert not inflater.usable
        forgetful = Inflater(keeps_context=False)
        with pytest.raises(InflateError):
            list(forgetful.feed(self.GARBAGE))
        forgetful.begin()
        assert forgetful.usable


class TestBombs:
    def test_stop_at_the_limit_to_the_byte(self) -> None:
        for size, fits in ((999, True), (1000, True), (1001, False), (50_000, False)):
            inflater = Inflater(keeps_context=True, limit=1000)
            packed = Deflater().message(b"a" * size)
            if fits:
                assert b"".join([*inflater.feed(packed), *inflater.end()]) == b"a" * size
            else:
                got: list[bytes] = []
                with pytest.raises(InflateLimitError):
                    got.extend(inflater.feed(packed))
                assert b"".join(got) == b"a" * 1000

    def test_the_limit_is_each_message_s(self) -> None:
        inflater = Inflater(keeps_context=True, limit=1000)
        deflater = Deflater()
        for _ in range(5):
            inflater.begin()
            packed = deflater.message(b"a" * 900)
            assert b"".join([*inflater.feed(packed), *inflater.end()]) == b"a" * 900

    def test_the_limit_holds_for_all_the_pieces_of_a_message(self) -> None:
        inflater = Inflater(keeps_context=True, limit=1000)
        data = random.Random(1).randbytes(1500)
        pieces = chop(Deflater().message(data), range(0, 1500, 7))
        got: list[bytes] = []
        with pytest.raises(InflateLimitError):
            got.extend(chain.from_iterable(map(inflater.feed, pieces)))
        assert b"".join(got) == data[:1000]

    def test_an_interrupted_message_does_not_count(self) -> None:
        deflater = Deflater(keeps_context=False)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Extensions.inflater, "__defaults__", (1000,))
            begun = wire(1, deflater.message(b"a" * 900), rsv=RSV1, fin=False)
            messages = told(begun + deflater.frame(b"b" * 900), NO_CONTEXT)
            assert [(m.data, m.anomalies) for m in messages] == [
                (b"b" * 900, ("interrupted_message",))
            ]

    @pytest.mark.parametrize("extensions", [DEFLATE, NO_CONTEXT])
    def test_a_message_beyond_the_limit_keeps_what_fits(self, extensions: str) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Extensions.inflater, "__defaults__", (1000,))
            packed = Deflater(keeps_context=False).message("世".encode() * 500)
            stream = wire(1, packed[:9], rsv=RSV1, fin=False) + wire(0, packed[9:])
            hello = Deflater().frame(b"Hello")
            messages = told(stream + hello, extensions)
        assert messages[0] == (1, 2, "text", ("世".encode() * 500)[:1000], ("inflate_limit",))
        if extensions == NO_CONTEXT:
            assert messages[1] == (3, 3, "text", b"Hello", ())
        else:
            assert messages[1].anomalies == ("not_inflated",)

    def test_of_a_quarter_gibibyte_cost_no_more_than_the_limit(self) -> None:
        packed = zlib.compressobj(9, wbits=-15)
        piece = bytes(1 << 20)
        bomb = b"".join(packed.compress(piece) for _ in range(256)) + packed.flush()
        assert len(bomb) < PART_SIZE
        tracemalloc.start()
        try:
            (message,) = told(wire(2, bomb, rsv=RSV1))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert message.anomalies == ("inflate_limit",)
        assert len(message.data) == INFLATE_LIMIT
        assert not any(message.data[:: 1 << 12])
        assert peak < 6 * INFLATE_LIMIT


class TestTheHeader:
    @pytest.mark.parametrize(
        ("header", "expected"),
        [
            (None, Extensions()),
            ("", Extensions()),
            (" , ,; ;,", Extensions()),
            ("permessage-deflate", Extensions(deflate=True)),
            ("  PerMessage-Deflate ", Extensions(deflate=True)),
            ("permessage-deflate;;", Extensions(deflate=True)),
            (
                "permessage-deflate; server_max_window_bits=10",
                Extensions(deflate=True, server_window_bits=10),
            ),
            (
                'permessage-deflate; client_max_window_bits="8"',
                Extensions(deflate=True, client_window_bits=8),
            ),
            (
                "permessage-deflate; client_max_window_bits; server_max_window_bits=16",
                Extensions(deflate=True),
            ),
            (
                "permessage-deflate;server_no_context_takeover",
                Extensions(deflate=True, server_keeps_context=False),
            ),
            (
                "permessage-deflate ; Client_No_Context_Takeover ; x",
                Extensions(deflate=True, client_keeps_context=False),
            ),
            (
                "permessage-deflate; client_max_window_bits=9; server_no_context_takeover",
                Extensions(deflate=True, server_keeps_context=False, client_window_bits=9),
            ),
            ("permessage-deflated", Extensions(others=("permessage-deflated",))),
            ("x-webkit-deflate-frame", Extensions(others=("x-webkit-deflate-frame",))),
            ("a, permessage-deflate; b, c; d=e", Extensions(deflate=True, others=("a", "c"))),
            ('a; b="permessage-deflate"', Extensions(others=("a",))),
            ("\udcff\x00=;=;,=", Extensions(others=("\udcff\x00=", "="))),
        ],
    )
    def test_is_read_as_it_was_meant(self, header: str | None, expected: Extensions) -> None:
        assert Extensions.parse(header) == expected

    @given(st.text(alphabet='permsag-dfl;,="_ \t\\\x00é', max_size=60))
    @settings(max_examples=80, deadline=None)
    def test_is_never_refused(self, header: str) -> None:
        Extensions.parse(header)
        Extensions.parse(f"permessage-deflate; {header}")

    def test_bits_that_it_gives_a_meaning(self) -> None:
        assert Extensions.parse(None).rsv_bits == 0
        assert Extensions.parse(DEFLATE).rsv_bits == 4
        assert Extensions.parse(f"{DEFLATE}, x").rsv_bits == 7

    def test_compressed_bytes_under_an_unknown_extension_are_left_alone(self) -> None:
        assert Extensions.parse(f"x, {DEFLATE}").inflater("client") is None
        assert Extensions.parse(None).inflater("client") is None


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"", b"a", b"the quick brown fox", "世界".encode(), bytes(3000)]),
            st.booleans(),
            st.lists(st.integers(0, 3000), max_size=3),
        ),
        max_size=8,
    ),
    st.lists(st.integers(0, 4000), max_size=6),
    st.booleans(),
    st.sampled_from([16, 1 << 20]),
)
def test_messages_compressed_or_not_cut_into_any_fragments(
    messages: list[tuple[bytes, bool, list[int]]],
    cuts: list[int],
    keeps_context: bool,
    part_size: int,
) -> None:
    deflater = Deflater(keeps_context=keeps_context)
    stream = b""
    for data, packed, places in messages:
        fragments = chop(deflater.message(data) if packed else data, places) or [b""]
        for i, fragment in enumerate(fragments):
            opcode, rsv = (0, 0) if i else (1, RSV1 if packed else 0)
            stream += wire(opcode, fragment, fin=i == len(fragments) - 1, rsv=rsv)
            stream += b"\x89\x00"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wsrec.wire.decoder.PART_SIZE", part_size)
        patch.setattr("wsrec.wire.messages.PART_SIZE", part_size)
        got = told(chop(stream, cuts), DEFLATE if keeps_context else NO_CONTEXT)
    assert [(m.kind, m.data, m.anomalies) for m in got] == [
        ("text", data, ()) for data, _, _ in messages
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=6), st.booleans())
def test_garbage_is_never_an_error(payloads: list[bytes], keeps_context: bool) -> None:
    stream = b"".join(wire(2, payload, rsv=RSV1) for payload in payloads)
    got = told(stream, DEFLATE if keeps_context else NO_CONTEXT)
    assert len(got) == len(payloads)
