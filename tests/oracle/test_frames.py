"""Frames that any peer may send, and frames that none should: each arrives as it was sent."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from oracle.peers import SENDERS, Talk
from oracle.stage import Stage
from support.frames import KEY, wire
from wsrec.store.model import Sender

Spec = Callable[..., bytes]


def frame(opcode: int, payload: bytes = b"", **header: Any) -> Spec:
    """Return a frame that lacks only its sender's mask."""
    return partial(wire, opcode, payload, **header)


def fragments(*payloads: bytes, opcode: int = 1) -> list[Spec]:
    last = len(payloads) - 1
    return [frame(0 if i else opcode, payload, fin=i == last) for i, payload in enumerate(payloads)]


EURO = "€".encode()
PING, PONG = frame(9, b"beat"), frame(10, b"beat")

FRAMES: dict[str, list[Spec]] = {
    "text": [frame(1, b"hello")],
    "binary": [frame(2, bytes(range(256)))],
    "empty-text": [frame(1)],
    "every-length-form": [frame(2, bytes(size)) for size in (125, 126, 65535, 65536)],
    "fragments": fragments(b"Hel", b"lo, ", b"world"),
    "binary-fragments": fragments(b"\0\1", b"\2", opcode=2),
    "empty-fragments": fragments(b"", b"", b"x", b""),
    "one-byte-fragments": fragments(*(bytes([byte]) for byte in b"hello")),
    "utf8-split-in-a-character": fragments(EURO[:1], EURO[1:2], EURO[2:]),
    "utf8-never-completed": fragments(b"a", EURO[:2]),
    "utf8-invalid": [frame(1, b"\xff\xfe")],
    "continuation-of-nothing": [frame(0, b"lost")],
    "fragments-never-ended": [frame(1, b"He", fin=0)],
    "message-inside-a-message": [frame(1, b"He", fin=0), frame(2, b"\0"), frame(0, b"llo")],
    "ping-never-answered": [PING],
    "ping-empty": [frame(9)],
    "ping-of-125": [frame(9, bytes(125))],
    "pong-unsolicited": [PONG, frame(10), PONG],
    "control-inside-a-message": [frame(1, b"He", fin=0), PING, PONG, frame(0, b"llo")],
    "control-before-the-last-empty-fragment": [frame(1, b"a", fin=0), PING, frame(0)],
    "control-fragmented": [frame(9, b"a", fin=0), frame(0, b"b")],
    "control-of-126": [frame(9, bytes(126)), frame(10, bytes(70_000))],
    "length-not-minimal-16": [frame(1, b"hi", form=2), frame(9, b"hi", form=2)],
    "length-not-minimal-64": [frame(1, b"hi", form=8), frame(2, bytes(300), form=8)],
    "length-zero-in-64-bits": [frame(2, form=8), frame(1, b"next")],
    "large": [frame(2, bytes(range(256)) * 8192)],
    **{f"rsv-{bits:03b}": [frame(1, b"x", rsv=bits), frame(9, rsv=bits)] for bits in range(1, 8)},
    **{
        f"opcode-{opcode:X}": [frame(opcode, b"x"), frame(opcode, fin=0), frame(opcode, b"y")]
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
    },
}


def cut(frames: list[bytes]) -> dict[str, list[bytes]]:
    """Return ways to send frames: all at once, each alone, or in pieces that fit neither."""
    stream = b"".join(frames)
    return {
        "at-once": [stream],
        "each-alone": frames,
        "halves": [stream[: len(stream) // 2], stream[len(stream) // 2 :]],
        "bytes": [bytes([byte]) for byte in stream] if len(stream) < 60 else [stream],
    }


def conversation(sender: Sender, frames: list[bytes], talk: Talk) -> None:
    for pieces in cut(frames).values():
        talk.say(sender, *(piece for piece in pieces if piece))
    assert talk.wires(sender)[0].idle, "somebody answered"
    talk.part()


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_arrives_as_it_was_sent(stage: Stage, name: str, sender: Sender) -> None:
    key = KEY if sender == "client" else None
    frames = [spec(mask=key) for spec in FRAMES[name]]
    session = stage.same(partial(conversation, sender, frames))
    assert session.closed_by is None


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("name", [name for name in FRAMES if name.startswith(("rsv", "opcode"))])
def test_it_does_so_under_an_extension_that_nobody_knows(
    stage: Stage, name: str, sender: Sender
) -> None:
    key = KEY if sender == "client" else None
    frames = [spec(mask=key) for spec in FRAMES[name]]
    session = stage.same(partial(conversation, sender, frames), chosen="x-unheard-of; level=2")
    assert session.extensions == "x-unheard-of; level=2"


MASKS: dict[str, list[bytes | None]] = {
    "zero": [bytes(4), bytes(4)],
    "ones": [b"\xff" * 4],
    "the-same-again": [KEY, KEY, KEY],
    "each-its-own": [KEY, b"\0\0\0\1", b"\1\0\0\0"],
    "none": [None, None],
    "sometimes": [KEY, None, bytes(4), None],
}


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("name", MASKS)
def test_masks_are_kept_whoever_sets_them(stage: Stage, name: str, sender: Sender) -> None:
    frames = [wire(1, b"hello, world", mask=key) for key in MASKS[name]]
    frames += [wire(9, b"", mask=key) for key in MASKS[name]]
    stage.same(partial(conversation, sender, frames))
