"""What somebody else does to a recording, and what its verification says."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from support.frames import KEY, wire
from support.recordings import Conversation, recorder_at
from wsrec.store.reader import Recording
from wsrec.store.recorder import Recorder
from wsrec.store.verify import Fault, Verification

HELLO = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"
"""A message that permessage-deflate made of "Hello", from RFC 7692."""
NO_END = "session 7: ends without an end record"
"""What there is to say of `everything`."""


def change(path: Path, *statements: str) -> int:
    """What somebody else does to the file; how many rows that were."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        return sum(connection.execute(statement).rowcount for statement in statements)


def faults(path: Path) -> list[Fault]:
    with Recording.open(path) as recording:
        return list(Verification(recording).faults())


def said(path: Path) -> list[str]:
    return [str(fault) for fault in faults(path)]


def split(talk: Conversation) -> None:
    """Begin another extent: what was not forwarded yet is written before that can be noted."""
    talk.client(wire(10, mask=KEY), forwarded=False)
    talk.tap.forwarded("client", time.monotonic_ns())


def extents(path: Path, session: int) -> list[tuple[int, int]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(
            "SELECT first_seq, last_seq FROM extents WHERE session_id = ? ORDER BY 1", (session,)
        ).fetchall()


def everything(recorder: Recorder) -> None:
    """Frames of every kind, in seven sessions; the last one has no end."""
    talk = Conversation(recorder, extensions="permessage-deflate", subprotocol="chat")
    for n in range(5):
        talk.text("client", f'{{"n":{n}}}').text("server", "世" * n)
    split(talk)
    talk.server(wire(9) + wire(2, bytes(300)) + wire(1, b"a" * 99, fin=False) + wire(0, b"b"))
    talk.server(HELLO + b"\x83\x01x" + b"\x81\x01\xff" + HELLO)
    split(talk)
    talk.server(wire(8, b"\x03\xe8bye")).client(wire(8, b"\x03\xe8", mask=KEY)).end()
    talk = Conversation(recorder)
    talk.text("client", "draining").tap.synthetic("server", b"\x03\xe9")
    talk.tap.synthetic("client", b"\x03\xe9")
    talk.end()
    recorder.session(None, "/", []).ended()
    tap = recorder.session("a:1", "/\udcff", [("X-\udcff", "é")])
    tap.answered(403, [("Content-Type", "text/plain")], None, None)
    tap.ended()
    Conversation(recorder).server(wire(2, b"x" * 300, claim=400)).end()
    Conversation(recorder).server(wire(1, b"never", fin=False) + wire(1, b"whole")).end()
    talk = Conversation(recorder).text("client", "hi").text("server", "ho")
    split(talk)
    talk.text("client", "but")


def record_everything(path: Path) -> bytes:
    """Return the bytes of a recording made at `path`, with parts of 64 bytes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wsrec.wire.decoder.PART_SIZE", 64)
        patch.setattr("wsrec.wire.messages.PART_SIZE", 64)
        with recorder_at(path) as recorder:
            everything(recorder)
    return path.read_bytes()
