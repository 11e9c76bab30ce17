"""A stream that another process goes on with, from the plain values that the first one left."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import msgpack  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.frames import KEY, Seen, Told, chop, listen, wire
from wsrec.wire.anomalies import anomaly_names
from wsrec.wire.decoder import FrameDecoder
from wsrec.wire.deflate import Extensions, Inflater
from wsrec.wire.frames import Frame, Part
from wsrec.wire.messages import MessageTracker

SMALL_PART = 16
TAKEOVER = "permessage-deflate"
NO_TAKEOVER = "permessage-deflate; client_no_context_takeover; server_no_context_takeover"
WORDS = b"again and again, these words; "


def carried(state: object) -> list[object]:
    """What another process reads of it."""
    values: list[object] = msgpack.unpackb(msgpack.packb(state))
    return values


def listen_in_turns(
    chunks: Iterable[bytes], *, client: bool, extensions: str | None
) -> tuple[list[Seen], list[Told]]:
    """Do what `listen` does, in a new decoder and a new tracker for each chunk."""
    agreed = Extensions.parse(extensions)
    seen: list[Seen] = []
    told: list[Told] = []
    parts: list[bytes] = []
    pieces: dict[int, bytes] = {}

    def take(piece: bytes) -> None:
        pieces[tracker.messages_begun] = pieces.get(tracker.messages_begun, b"") + piece

    def fresh() -> tuple[FrameDecoder, MessageTracker]:
        inflater = agreed.inflater("client" if client else "server")
        return FrameDecoder(masked=client), MessageTracker(take, inflater, agreed.rsv_bits)

    def note(items: Iterable[Frame | Part]) -> None:
        for item in items:
            if isinstance(item, Part):
                parts.append(bytes(item.data))
                tracker.part(item)
                continue
            payload = b"".join(parts) if item.payload is None else bytes(item.payload)
            parts.clear()
            placed = tracker.frame(item, len(seen) + 1)
            names = anomaly_names(item.anomalies | placed.anomalies)
            seen.append(Seen(item.opcode, payload, names))
            if placed.first_seq is not None:
                assert placed.kind is not None
                data = pieces[tracker.messages_begun] if placed.data_apart else payload
                told.append(Told(placed.first_seq, len(seen), placed.kind, data, names))

    decoder, tracker = fresh()
    for chunk in chunks:
        note(decoder.feed(chunk))
        states = carried(decoder.state()), carried(tracker.state())
        decoder, tracker = fresh()
        decoder.resume(states[0])
        tracker.resume(states[1])
    note(decoder.finish())
    return seen, told


@st.composite
def messages(draw: st.DrawFn, extensions: str | None, *, halfway: bool) -> bytes:
    """One sender's stream; `halfway`: compressed messages may be in more than one piece."""
    mask = draw(st.sampled_from([None, KEY]))
    zipped = zlib.compressobj(wbits=-15)
    out = b""
    for _ in range(draw(st.integers(0, 6))):
        if extensions == NO_TAKEOVER:
            zipped = zlib.compressobj(wbits=-15)
        opcode = draw(st.sampled_from([1, 2]))
        data = draw(st.one_of(st.binary(max_size=50), st.just(WORDS), st.just("é".encode() * 30)))
        rsv = 4 if extensions and draw(st.booleans()) else 0
        if rsv:
            data = zipped.compress(data) + zipped.flush(zlib.Z_SYNC_FLUSH)
            data = data.removesuffix(b"\x00\x00\xff\xff")
            if len(data) > SMALL_PART and not halfway:
                zipped, rsv = zlib.compressobj(wbits=-15), 0  # as it is: no context is missing
        pieces = [data]
        if not rsv or halfway:
            pieces = chop(data, draw(st.lists(st.integers(0, 60), max_size=3)))
        for n, piece in enumerate(pieces or [b""]):
            end = n == max(len(pieces), 1) - 1
            out += wire(0 if n else opcode, piece, fin=end, rsv=0 if n else rsv, mask=mask)
            if draw(st.integers(0, 4)) == 0:
                out += wire(draw(st.sampled_from([9, 10, 0, 5, 1])), b"?", mask=mask)
    if draw(st.integers(0, 4)) == 0:
        out += wire(8, b"\x03\xe8", mask=mask) + wire(1, b"after", mask=mask)
    out += draw(st.binary(max_size=30))
    return out[: len(out) - draw(st.integers(0, 3))]


cuts = st.lists(st.integers(0, 600), max_size=12)
ways = st.sampled_from([None, TAKEOVER, NO_TAKEOVER])
few = settings(max_examples=150, deadline=None)


@few
@given(st.data(), ways, cuts, st.booleans(), st.sampled_from([SMALL_PART, 1 << 20]))
def test_tells_the_same_as_one_that_was_not_cut(
    data: st.DataObject, extensions: str | None, places: list[int], client: bool, size: int
) -> None:
    stream = data.draw(messages(extensions, halfway=False))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wsrec.wire.decoder.PART_SIZE", size)
        patch.setattr("wsrec.wire.messages.PART_SIZE", size)
        expected = listen(stream, client=client, extensions=extensions)
        chunks = chop(stream, places)
        assert listen_in_turns(chunks, client=client, extensions=extensions) == expected


@few
@given(st.data(), ways, cuts, st.booleans())
def test_a_compressed_message_halfway_is_the_only_one_that_tells_less(
    data: st.DataObject, extensions: str | None, places: list[int], client: bool
) -> None:
    stream = data.draw(messages(extensions, halfway=True))
    seen, told = listen(stream, client=client, extensions=extensions)
    chunks = chop(stream, places)
    again, retold = listen_in_turns(chunks, client=client, extensions=extensions)
    assert [each[:2] for each in again] == [each[:2] for each in seen]
    assert [each[:3] for each in retold] == [each[:3] for each in told]
    for one, other in zip(retold, told, strict=True):
        lost = {"inflate_failed", "not_inflated"} & {*one.anomalies}
        assert lost or one == other


@few
@given(st.lists(st.binary(max_size=200), min_size=1, max_size=6), st.integers(0, 5))
def test_a_context_is_carried_between_messages(datas: list[bytes], cut: int) -> None:
    zipped = zlib.compressobj(wbits=-15)
    inflater = Inflater(keeps_context=True)
    for n, data in enumerate([*datas, WORDS * 3000, *datas, WORDS]):
        packed = zipped.compress(data) + zipped.flush(zlib.Z_SYNC_FLUSH)
        if n % (cut + 1) == 0:
            context = inflater.context
            inflater = Inflater(keeps_context=True)
            inflater.resume(context)
        inflater.begin()
        out = b"".join(inflater.feed(packed.removesuffix(b"\x00\x00\xff\xff")))
        assert out + b"".join(inflater.end()) == data


def test_a_context_that_was_lost_stays_lost() -> None:
    inflater = Inflater(keeps_context=True)
    inflater.resume(None)
    inflater.begin()
    assert not inflater.usable
    assert inflater.context is None


@pytest.mark.parametrize(
    "state",
    [
        (b"x" * (1 << 21), 2, None, 0),
        (b"x" * (1 << 20), 2, (0x82, 0, b"", 0), 5),
        (b"", 2, (0x82, 0, b"", 0), 0),
        (b"", 2, (0x82, 0, b"", 0), 1 << 64),
        (b"", 2, (0x82, 1, b"abc", 0), 5),
        (b"", 2, (0x82, 0, b"abcd", 0), 5),
    ],
)  # fmt: skip
def test_what_no_decoder_was_in_is_refused(state: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match="can be none"):
        FrameDecoder(masked=True).resume(state)
