"""Whatever the bytes are and however they are cut, the decoder tells the same, and all of it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.frames import KEY, chop, decode, listen, masked, split, wire
from wsrec.wire.anomalies import Anomaly
from wsrec.wire.frames import encode_frame

SMALL_PART = 16

keys = st.one_of(st.none(), st.binary(min_size=4, max_size=4))
sizes = st.one_of(st.integers(0, 8), st.integers(0, 40), st.integers(120, 130))


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """One frame, legal or not."""
    size = draw(sizes)
    payload = (draw(st.binary(min_size=1, max_size=8)) * size)[:size]
    forms = [0, 2, 8] if size < 126 else [2, 8]
    return wire(
        draw(st.integers(0, 15)),
        payload,
        fin=draw(st.booleans()),
        rsv=draw(st.sampled_from([0, 0, 4, 7])),
        mask=draw(keys),
        form=draw(st.sampled_from(forms)),
    )


@st.composite
def plain(draw: st.DrawFn) -> bytes:
    """A message in one frame, as nearly all are."""
    size = draw(st.one_of(st.integers(0, 12), st.integers(120, 130)))
    mask = draw(st.sampled_from([None, KEY]))
    return wire(draw(st.sampled_from([1, 2])), bytes(range(65, 65 + size)), mask=mask)


streams = st.lists(
    st.one_of(plain(), plain(), frames(), frames(), st.binary(max_size=6)), max_size=8
).map(b"".join)
garbage = st.one_of(st.binary(max_size=300), streams)
cuts = st.lists(st.integers(0, 2000), max_size=12)
few = settings(max_examples=60, deadline=None)


@few
@given(garbage, cuts, st.booleans(), st.sampled_from([SMALL_PART, 1 << 20]))
def test_any_cut_tells_the_same_as_no_cut(
    stream: bytes, places: list[int], client: bool, part_size: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wsrec.wire.decoder.PART_SIZE", part_size)
        at_once = decode([stream], client=client)
        assert decode(chop(stream, places), client=client) == at_once
        assert decode([bytes([byte]) for byte in stream], client=client) == at_once


@settings(max_examples=150, deadline=None)
@given(garbage, cuts, st.booleans(), st.sampled_from([SMALL_PART, 1 << 20]))
def test_the_short_way_for_plain_messages_tells_the_same(
    stream: bytes, places: list[int], client: bool, part_size: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wsrec.wire.decoder.PART_SIZE", part_size)
        at_once = decode([stream], client=client)
        assert decode([stream], client=client, plain=True) == at_once
        assert decode(chop(stream, places), client=client, plain=True) == at_once
        one_by_one = [bytes([byte]) for byte in stream]
        assert decode(one_by_one, client=client, plain=True) == at_once


@few
@given(garbage, cuts, st.booleans(), st.sampled_from([SMALL_PART, 1 << 20]))
def test_no_byte_is_lost_and_none_invented(
    stream: bytes, places: list[int], client: bool, part_size: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wsrec.wire.decoder.PART_SIZE", part_size)
        told = decode(chop(stream, places), client=client)
    plain = split(stream)
    assert len(told) == len(plain)
    again = b""
    for frame, (header, payload, whole) in zip(told, plain, strict=True):
        if frame.anomalies & Anomaly.TRUNCATED_HEADER:
            assert frame.payload == header
            again += header
            continue
        assert frame.payload == payload
        assert bool(frame.anomalies & Anomaly.TRUNCATED) is not whole
        assert (frame.fin, frame.rsv, frame.opcode, frame.masked) == (
            header[0] >> 7,
            header[0] >> 4 & 7,
            header[0] & 15,
            header[1] >> 7,
        )
        again += header + (masked(header[-4:], payload) if frame.masked else payload)
    assert again == stream


def wrong(header: bytes, client: bool) -> Anomaly:
    """What is wrong with a whole frame of this header, said a second time and slowly."""
    names = Anomaly(0)
    first, second, opcode = header[0], header[1], header[0] & 15
    size, shortest = second & 127, 0
    if size > 125:
        shortest = 126 if size == 126 else 65536
        size = int.from_bytes(header[2 : 4 if size == 126 else 10], "big")
    if size < shortest:
        names |= Anomaly.LENGTH_NOT_MINIMAL
    if size >= 1 << 63:
        names |= Anomaly.LENGTH_OVERFLOW
    if opcode in {3, 4, 5, 6, 7, 11, 12, 13, 14, 15}:
        names |= Anomaly.RESERVED_OPCODE
    if opcode >= 8 and first < 128:
        names |= Anomaly.CONTROL_FRAGMENTED
    if opcode >= 8 and size > 125:
        names |= Anomaly.CONTROL_TOO_LONG
    if client and second < 128:
        names |= Anomaly.NOT_MASKED
    if not client and second >= 128:
        names |= Anomaly.MASKED
    return names


@few
@given(garbage, cuts, st.booleans())
def test_every_fault_of_a_header_is_named_and_no_other(
    stream: bytes, places: list[int], client: bool
) -> None:
    told = decode(chop(stream, places), client=client)
    ends = Anomaly.TRUNCATED | Anomaly.TRUNCATED_HEADER
    for frame, (header, _, _) in zip(told, split(stream), strict=True):
        if not frame.anomalies & Anomaly.TRUNCATED_HEADER:
            assert Anomaly(frame.anomalies) & ~ends == wrong(header, client)


@few
@given(
    garbage,
    cuts,
    st.sampled_from([None, "permessage-deflate", "permessage-deflate; server_no_context_takeover"]),
)
def test_messages_too_are_the_same_for_any_cut(
    stream: bytes, places: list[int], extensions: str | None
) -> None:
    at_once = listen(stream, extensions=extensions)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wsrec.wire.decoder.PART_SIZE", SMALL_PART)
        patch.setattr("wsrec.wire.messages.PART_SIZE", SMALL_PART)
        in_parts = listen(chop(stream, places), extensions=extensions)
    assert in_parts[1] == at_once[1]
    for one, other in zip(in_parts[0], at_once[0], strict=True):
        if one.opcode == 8 and len(one.payload) > SMALL_PART:
            continue  # no peer may send a Close of more than 125 bytes, or close with it
        assert one == other


@few
@given(
    st.integers(0, 15),
    st.one_of(st.integers(0, 200), st.sampled_from([65535, 65536])),
    st.booleans(),
    st.integers(0, 7),
    keys,
)
def test_what_is_encoded_is_what_another_encoder_writes_and_what_is_read(
    opcode: int, size: int, fin: bool, rsv: int, mask: bytes | None
) -> None:
    payload = bytes(range(251)) * (size // 251) + bytes(size % 251)
    data = encode_frame(opcode, payload, fin=fin, rsv=rsv, mask=mask)
    assert data == wire(opcode, payload, fin=fin, rsv=rsv, mask=mask)
    (frame,) = decode([data], client=mask is not None)
    assert frame[:5] == (int(fin), rsv, opcode, int(mask is not None), payload)


def test_the_helper_masks_as_the_standard_does() -> None:
    assert masked(KEY, b"\x7f\x9f\x4d\x51\x58") == b"Hello"
