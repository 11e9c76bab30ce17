"""What is said becomes bytes, and bytes what was said: both directions, and against each other."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.frames import KEY, chop, listen, wire
from wsrec.wire.decoder import PART_SIZE
from wsrec.wire.deflate import Extensions
from wsrec.wire.listening import Listener, MessageTooLongError
from wsrec.wire.speaking import Speaker
from wsrec.wire.utterance import Kind, Sender, Utterance

DEFLATE = "permessage-deflate"
HELLO = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"
"""RFC 7692's own example."""
MOST = 1 << 22


def heard(
    stream: bytes | Sequence[bytes],
    extensions: str | None = None,
    *,
    sender: Sender = "server",
    most: int = MOST,
) -> list[Utterance]:
    listener = Listener(sender, Extensions.parse(extensions), most)
    chunks = [stream] if isinstance(stream, bytes) else stream
    return [*itertools.chain.from_iterable(map(listener.feed, chunks)), *listener.finish()]


def spoken(*said: Utterance, extensions: str | None = None, sender: Sender = "server") -> bytes:
    speaker = Speaker(sender, Extensions.parse(extensions), keys=lambda size: KEY[:size])
    return b"".join(map(speaker.encode, said))


def text(data: str | bytes, *pieces: int, compressed: bool = False) -> Utterance:
    return Utterance("text", data, pieces, compressed)


def frame(head: int, data: bytes) -> Utterance:
    return Utterance("frame", data, head=head)


class TestSaying:
    """Byte vectors, those of RFC 6455 §5.7 among them."""

    def test_a_message_of_a_server_and_of_a_client(self) -> None:
        assert spoken(text("Hello")) == b"\x81\x05Hello"
        client = spoken(text("Hello"), sender="client")
        assert client == b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"

    def test_a_message_in_the_recorded_pieces(self) -> None:
        assert spoken(text("Hello", 3, 2)) == b"\x01\x03Hel\x80\x02lo"
        assert spoken(Utterance("binary", b"", (0, 0, 0))) == b"\x02\x00\x00\x00\x80\x00"

    def test_the_last_piece_takes_what_a_longer_id_adds(self) -> None:
        assert spoken(text("Hello you", 3, 2)) == b"\x01\x03Hel\x80\x06lo you"

    def test_pieces_that_nothing_is_left_for_are_empty(self) -> None:
        assert spoken(text("Hell", 3, 2, 2)) == b"\x01\x03Hel\x00\x01l\x80\x00"

    def test_control_frames(self) -> None:
        assert spoken(Utterance("ping", b"Hello")) == b"\x89\x05Hello"
        assert spoken(Utterance("pong", b"")) == b"\x8a\x00"
        assert spoken(Utterance("close", b"\x03\xe8")) == b"\x88\x02\x03\xe8"

    def test_a_frame_that_belongs_to_no_message(self) -> None:
        assert spoken(frame(0xB3, b"?"), frame(0x00, b"x")) == b"\xb3\x01?\x00\x01x"

    def test_text_that_is_not_utf_8(self) -> None:
        assert spoken(text(b"\xff")) == b"\x81\x01\xff"

    @pytest.mark.parametrize("size", [125, 126, 0xFFFF, 0x10000])
    def test_every_form_of_length(self, size: int) -> None:
        said = Utterance("binary", bytes(size))
        assert spoken(said) == wire(2, bytes(size))
        assert spoken(said, sender="client") == wire(2, bytes(size), mask=KEY)

    def test_every_frame_of_a_client_has_a_key_of_its_own(self) -> None:
        speaker = Speaker("client", Extensions())
        keys = {speaker.encode(text("", 0, 0))[2:6] for _ in range(50)}
        assert len(keys) == 50

    def test_compressed_only_where_that_is_agreed_to(self) -> None:
        assert spoken(text("Hello", compressed=True), extensions=DEFLATE) == HELLO
        assert spoken(text("Hello", compressed=True)) == b"\x81\x05Hello"
        assert spoken(text("Hello"), extensions=DEFLATE) == b"\x81\x05Hello"
        assert spoken(text("Hello", compressed=True), extensions=f"{DEFLATE}, x")[0] == 0x81

    def test_what_was_said_before_is_referred_to_where_that_is_agreed_to(self) -> None:
        twice = [text("Hello", compressed=True)] * 2
        assert spoken(*twice, extensions=DEFLATE) == HELLO + b"\xc1\x05\xf2\x00\x11\x00\x00"
        for sender in ("server", "client"):
            agreed = f"{DEFLATE}; {sender}_no_context_takeover"
            said = spoken(*twice, extensions=agreed, sender=sender)
            assert said[: len(said) // 2] == said[len(said) // 2 :]

    def test_a_compressed_message_in_pieces_like_the_recorded_ones(self) -> None:
        said = spoken(text("Hello", 3, 4, compressed=True), extensions=DEFLATE)
        assert said == b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00"
        said = spoken(text("Hello", 300, 100, compressed=True), extensions=DEFLATE)
        assert said == b"\x41\x05\xf2\x48\xcd\xc9\xc9\x80\x02\x07\x00"

    def test_an_empty_compressed_message(self) -> None:
        said = [text(each, compressed=True) for each in ("", "", "Hello", "", "Hello")]
        assert heard(spoken(*said, extensions=DEFLATE), DEFLATE) == said

    @pytest.mark.parametrize("bits", range(8, 16))
    def test_no_farther_back_than_the_window_that_is_agreed_to(self, bits: int) -> None:
        noise = bytes((n * n >> 3) & 255 for n in range(1 << bits))
        said = Utterance("binary", noise + b"abcdefgh" * 9 + noise, compressed=True)
        stream = spoken(said, said, extensions=f"{DEFLATE}; server_max_window_bits={bits}")
        # zlib cannot be asked for a window of 2**8: there, nothing is referred to at all.
        window = zlib.decompressobj(wbits=-max(bits, 9))
        for seen in listen(stream)[0]:
            assert window.decompress(seen.payload + b"\x00\x00\xff\xff") == said.data
        assert heard(stream, DEFLATE) == [said, said]

    def test_nothing_is_referred_to_behind_a_frame_that_may_have_confused_the_peer(self) -> None:
        hello = text("Hello", compressed=True)
        said = spoken(hello, frame(0x41, b"\xf2"), hello, extensions=DEFLATE)
        assert said == HELLO + b"\x41\x01\xf2" + HELLO


class TestHearing:
    def test_messages_and_control_frames_in_their_place(self) -> None:
        assert heard(b"\x01\x03Hel\x89\x01?\x8a\x00\x80\x02lo\x88\x02\x03\xe8") == [
            Utterance("ping", b"?"),
            Utterance("pong", b""),
            text("Hello", 3, 2),
            Utterance("close", b"\x03\xe8"),
        ]

    def test_text_that_is_not_utf_8(self) -> None:
        assert heard(b"\x81\x01\xff\x81\x01a") == [text(b"\xff"), text("a")]

    def test_a_compressed_message(self) -> None:
        assert heard(HELLO, DEFLATE) == [text("Hello", compressed=True)]
        pieces = b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00"
        assert heard(pieces, DEFLATE) == [text("Hello", 3, 4, compressed=True)]

    def test_frames_that_belong_to_no_message(self) -> None:
        assert heard(b"\x80\x01a\xb3\x01b\x0b\x00") == [
            frame(0x80, b"a"),
            frame(0xB3, b"b"),
            frame(0x0B, b""),
        ]

    def test_a_message_that_another_one_interrupts(self) -> None:
        stream = b"\x01\x01a\x00\x01b\x89\x00\x82\x01c"
        never = [frame(0x01, b"a"), frame(0x00, b"b")]
        assert heard(stream) == [Utterance("ping", b""), *never, Utterance("binary", b"c")]

    def test_a_compressed_one_that_another_one_interrupts(self) -> None:
        stream = b"\x41\x03\xf2\x48\xcd" + b"\x01\x01a\x80\x01b"
        assert heard(stream, DEFLATE) == [frame(0x41, b"\xf2\x48\xcd"), text("ab", 1, 1)]

    def test_a_message_that_is_never_completed_comes_before_the_close(self) -> None:
        assert heard(b"\x01\x01a\x88\x00") == [frame(0x01, b"a"), Utterance("close", b"")]
        assert heard(b"\x01\x01a\x88\x00\x80\x01b")[2:] == [frame(0x80, b"b")]
        assert heard(b"\x01\x01a") == [frame(0x01, b"a")]

    def test_what_was_cut_off_was_not_said(self) -> None:
        for stream in (b"\x81", b"\x81\x05Hell", wire(2, bytes(PART_SIZE + 1))[:-1]):
            assert heard(stream) == []

    def test_bits_without_a_meaning_make_no_message(self) -> None:
        assert heard(b"\xc1\x01a\xa1\x01b\x99\x00") == [
            frame(0xC1, b"a"),
            frame(0xA1, b"b"),
            frame(0x99, b""),
        ]

    def test_what_cannot_be_inflated_is_kept_as_it_came(self) -> None:
        broken = wire(1, b"\xff\xff", rsv=4)
        assert heard(broken + HELLO, DEFLATE) == [frame(0xC1, b"\xff\xff"), frame(0xC1, HELLO[2:])]

    def test_a_message_larger_than_what_the_decoder_holds(self) -> None:
        big = bytes(range(256)) * (PART_SIZE // 256 + 1)
        said = [Utterance("binary", big), Utterance("binary", big + big, (len(big), len(big)))]
        stream = wire(2, big) + wire(2, big, fin=False) + wire(0, big)
        assert heard(stream) == said
        assert heard(chop(stream, range(0, len(stream), 70_001))) == said

    @pytest.mark.parametrize(
        "stream",
        [
            wire(2, bytes(101)),
            wire(2, bytes(60), fin=False) + wire(0, bytes(41)),
            wire(2, bytes(60), fin=False) + wire(0, bytes(41), fin=False),
            wire(2, bytes(2 << 20))[: PART_SIZE + 99],
            wire(1, zlib.compress(bytes(101), wbits=-15), rsv=4),
        ],
    )
    def test_no_message_longer_than_what_is_wanted(self, stream: bytes) -> None:
        hello = b"\x81\x05Hello"
        for chunks in ([hello + stream], [hello, stream]):
            listener = Listener("server", Extensions.parse(DEFLATE), 100)
            said = [each for chunk in chunks[:-1] for each in listener.feed(chunk)]
            with pytest.raises(MessageTooLongError, match="more than 100 bytes") as caught:
                listener.feed(chunks[-1])
            assert [*said, *caught.value.said] == [text("Hello")]

    def test_no_message_in_more_frames_than_are_wanted(self) -> None:
        begin, go_on, end = wire(1, fin=False), wire(0, fin=False), wire(0)
        listener = Listener("server", Extensions(), 100, frames=3)
        whole = begin + go_on + wire(9, b"?") + end
        assert [each.kind for each in listener.feed(2 * whole)] == ["ping", "text"] * 2
        with pytest.raises(MessageTooLongError, match="more than 3 frames"):
            listener.feed(begin + 3 * go_on)

    def test_one_that_is_just_short_enough(self) -> None:
        pieces = wire(2, bytes(60), fin=False) + wire(9, b"?" * 125) + wire(0, bytes(40))
        small = wire(1, zlib.compress(b"a" * 100, wbits=-15), rsv=4)
        stream = wire(2, bytes(100)) + pieces + small
        said = heard(stream, DEFLATE, most=100)
        assert [len(each.data) for each in said] == [100, 125, 100, 100]


def _sizes(size: int) -> st.SearchStrategy[tuple[int, ...]]:
    """Return how many bytes may be in each fragment of a message."""
    cuts = st.lists(st.integers(0, size), min_size=1, max_size=4).map(sorted)
    several = cuts.map(lambda at: tuple(b - a for a, b in itertools.pairwise([0, *at, size])))
    return st.just(()) | several


_PAYLOADS = (
    st.sampled_from([b"", b"a", b"Hello", "世界".encode(), b"\xff\xfe", bytes(3000), b"ab" * 200])
    | st.binary(max_size=200)
)  # fmt: skip
_KINDS: list[Kind] = ["text", "binary"]


@st.composite
def _messages(draw: st.DrawFn) -> Utterance:
    kind = draw(st.sampled_from(_KINDS))
    data = draw(_PAYLOADS)
    pieces = draw(_sizes(len(data)))
    compressed = draw(st.booleans())
    try:
        return Utterance(kind, data.decode() if kind == "text" else data, pieces, compressed)
    except UnicodeDecodeError:
        return Utterance(kind, data, pieces, compressed)


_SHORT = st.binary(max_size=125)
_CONTROLS = st.sampled_from(["ping", "pong", "close"])
_ALONE = st.sampled_from([0x00, 0x80, 0x83, 0x0B, 0xF7, 0x09, 0xA2, 0x90, 0xC8])
_SAID = st.lists(
    _messages()
    | st.builds(lambda kind, data: Utterance(kind, data), _CONTROLS, _SHORT)
    | st.builds(frame, _ALONE, _SHORT),
    max_size=8,
)
_AGREED = st.sampled_from(
    [
        None,
        DEFLATE,
        "x-unknown",
        *(
            f"{DEFLATE}{server}{client}{parameters}"
            for server in ("", "; server_no_context_takeover")
            for client in ("", "; client_no_context_takeover")
            for parameters in (
                "; server_max_window_bits=8",
                "; client_max_window_bits=9; server_max_window_bits=9",
                "; client_max_window_bits=15",
            )
        ),
    ]
)


@settings(max_examples=250, deadline=None)
@given(_SAID, _AGREED, st.sampled_from(["server", "client"]), st.lists(st.integers(0), max_size=6))
def test_what_is_said_is_heard(
    said: list[Utterance], agreed: str | None, sender: Sender, cuts: list[int]
) -> None:
    stream = spoken(*said, extensions=agreed, sender=sender)
    expected = [_as_it_crosses(each, agreed) for each in said]
    got = heard(chop(stream, cuts), agreed, sender=sender)
    assert [_without_sizes(each) for each in got] == [_without_sizes(each) for each in expected]
    assert [each.pieces for each in got if not each.compressed] == [
        each.pieces for each in expected if not each.compressed
    ]
    assert heard([stream[at : at + 1] for at in range(len(stream))], agreed, sender=sender) == got
    # What was heard is said again in the very same bytes: the recorded pieces fit.
    assert spoken(*got, extensions=agreed, sender=sender) == stream


def _as_it_crosses(said: Utterance, agreed: str | None) -> Utterance:
    squeezes = said.compressed and agreed is not None and agreed.startswith(DEFLATE)
    return Utterance(said.kind, said.data, said.pieces, squeezes, said.head)


def _without_sizes(said: Utterance) -> tuple[object, ...]:
    return said.kind, said.data, len(said.pieces), said.compressed, said.head
