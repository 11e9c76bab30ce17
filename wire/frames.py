"""RFC 6455 §5.2: frames as values, and the header that precedes a payload."""

from __future__ import annotations

from typing import NamedTuple

from .mask import xor_mask

__all__ = [
    "BINARY",
    "CLOSE",
    "CONTINUATION",
    "PING",
    "PONG",
    "TEXT",
    "Frame",
    "Part",
    "encode_frame",
]

CONTINUATION, TEXT, BINARY = 0x0, 0x1, 0x2
CLOSE, PING, PONG = 0x8, 0x9, 0xA


class Frame(NamedTuple):
    """One frame as it crossed the wire, its payload unmasked."""

    fin: int
    """1 on the last frame of a message."""
    rsv: int
    """RSV1-3 as a number of three bits: RSV1 is 4."""
    opcode: int
    masked: int
    payload: bytes | bytearray | None
    """None when the payload was handed out before, in `Part`s."""
    anomalies: int
    """`Anomaly` bits; 0 when the frame is in order."""


class Part(NamedTuple):
    """A piece of a payload too large to hold at once; its `Frame` follows, without payload."""

    fin: int
    rsv: int
    opcode: int
    data: bytes | bytearray


def encode_frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = None,
) -> bytes:
    """Return the wire form of one frame; `mask` is the 4-byte key of a client's frame."""
    size = len(payload)
    flag = 0x80 if mask is not None else 0
    head = bytearray([(0x80 if fin else 0) | rsv << 4 | opcode])
    if size < 126:
        head.append(flag | size)
    elif size < 1 << 16:
        head.append(flag | 126)
        head += size.to_bytes(2, "big")
    else:
        head.append(flag | 127)
        head += size.to_bytes(8, "big")
    if mask is None:
        return bytes(head) + payload
    body = bytearray(payload)
    xor_mask(mask, body)
    return bytes(head) + mask + bytes(body)
