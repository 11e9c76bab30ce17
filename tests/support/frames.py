"""Frames spelled out by hand: an encoder and a reader that share nothing with `wsrec.wire`."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from wsrec.wire.anomalies import anomaly_names
from wsrec.wire.decoder import FrameDecoder
from wsrec.wire.deflate import Extensions
from wsrec.wire.frames import Frame, Part
from wsrec.wire.mask import Unmask, xor_mask
from wsrec.wire.messages import MessageTracker

KEY = b"\x37\xfa\x21\x3d"
"""The masking key of RFC 6455's examples."""


def masked(key: bytes, payload: bytes) -> bytes:
    size = len(payload)
    pad = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")).to_bytes(size, "big")


def wire(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = None,
    form: int = 0,
    claim: int | None = None,
) -> bytes:
    """One frame as bytes; `form` forces 2 or 8 length bytes, `claim` a length that is a lie."""
    size = len(payload) if claim is None else claim
    form = form or (0 if size < 126 else 2 if size < 65536 else 8)
    bit = 0 if mask is None else 0x80
    head = bytes([fin << 7 | rsv << 4 | opcode, bit | {0: size, 2: 126, 8: 127}[form]])
    head += struct.pack({0: "", 2: ">H", 8: ">Q"}[form], *([size] if form else []))
    return head + payload if mask is None else head + mask + masked(mask, payload)


class Cut(NamedTuple):
    """One frame of a stream that was split in one go."""

    header: bytes
    payload: bytes
    whole: bool


def split(stream: bytes) -> list[Cut]:
    """Split a complete stream into frames, the plain way; an unfinished one is the last."""
    cuts = []
    at = 0
    while at < len(stream):
        end = at + 2
        size = 0
        if len(stream) >= end:
            size = stream[at + 1] & 127
            width = {126: 2, 127: 8}.get(size, 0)
            if width:
                size = int.from_bytes(stream[end : end + width], "big")
            end += width + (4 if stream[at + 1] & 128 else 0)
        header = stream[at:end]
        body = stream[end : end + size] if len(stream) >= end else b""
        whole = len(stream) >= end + size
        if len(header) > 1 and header[1] & 128:
            cuts.append(Cut(header, masked(header[-4:], body), whole))
        else:
            cuts.append(Cut(header, body, whole))
        at += len(header) + len(body)
    return cuts


def chop(stream: bytes, at: Iterable[int]) -> list[bytes]:
    """Cut `stream` at the given places."""
    places = sorted({0, len(stream), *(place % (len(stream) + 1) for place in at)})
    return [stream[a:b] for a, b in itertools.pairwise(places)]


def decode(
    chunks: Iterable[bytes], *, client: bool = False, unmask: Unmask = xor_mask, plain: bool = False
) -> list[Frame]:
    """Feed the chunks to a decoder, by way of `take_plain` or not; parts are put together again."""
    decoder = FrameDecoder(masked=client, unmask=unmask)
    items: list[Frame | Part] = []
    for chunk in chunks:
        if plain:
            taken, chunk = decoder.take_plain(chunk)
            items += [Frame(1, 0, first & 15, int(client), data, 0) for first, data in taken]
        items += decoder.feed(chunk)
    items += decoder.finish()
    frames = []
    parts: list[bytes] = []
    for item in items:
        if isinstance(item, Part):
            parts.append(bytes(item.data))
            continue
        if item.payload is None:
            item = item._replace(payload=b"".join(parts))
            parts.clear()
        frames.append(item._replace(payload=bytes(item.payload or b"")))
    assert not parts, "parts without the frame they belong to"
    return frames


class Seen(NamedTuple):
    """A frame and what its place among the others says about it."""

    opcode: int
    payload: bytes
    anomalies: tuple[str, ...]


class Told(NamedTuple):
    """A message that was completed."""

    first: int
    last: int
    kind: str
    data: bytes
    anomalies: tuple[str, ...]


def listen(
    stream: bytes | Sequence[bytes], *, client: bool = False, extensions: str | None = None
) -> tuple[list[Seen], list[Told]]:
    """Read one peer's stream the way the recorder does: frames, and the messages they make."""
    agreed = Extensions.parse(extensions)
    decoder = FrameDecoder(masked=client)
    seen: list[Seen] = []
    told: list[Told] = []
    parts: list[bytes] = []
    pieces: dict[int, bytes] = {}  # by message

    def take(piece: bytes) -> None:
        pieces[tracker.messages_begun] = pieces.get(tracker.messages_begun, b"") + piece

    inflater = agreed.inflater("client" if client else "server")
    tracker = MessageTracker(take, inflater, agreed.rsv_bits)
    items: list[Frame | Part] = []
    for chunk in [stream] if isinstance(stream, bytes) else stream:
        items += decoder.feed(chunk)
    for item in items + decoder.finish():
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
    return seen, told
