"""A recorder that keeps a spool, stopped at an instant, and what a kill leaves of it."""

from __future__ import annotations

import shutil
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.recordings import Contents, contents
from wsrec.store.durability import Durability
from wsrec.store.model import Frame, Sender
from wsrec.store.reader import Recording
from wsrec.store.recorder import Recorder
from wsrec.store.tap import SessionTap
from wsrec.store.verify import Verification

PART = 64
"""What a part is in here."""


@contextmanager
def small(segment: int) -> Iterator[None]:
    """Turn the spool after so many bytes, and hold payloads of `PART` bytes for large ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wsrec.store.spool.SEGMENT_BYTES", segment)
        patch.setattr("wsrec.wire.decoder.PART_SIZE", PART)
        patch.setattr("wsrec.wire.messages.PART_SIZE", PART)
        yield


class Deflate:
    """Compresses one peer's messages with one context."""

    def __init__(self) -> None:
        self._zlib = zlib.compressobj(wbits=-15)

    def __call__(self, data: bytes) -> bytes:
        out = self._zlib.compress(data) + self._zlib.flush(zlib.Z_SYNC_FLUSH)
        return out.removesuffix(b"\x00\x00\xff\xff")


class Talk:
    """One session, its bytes kept before they are recorded, as a tunnel does it."""

    def __init__(self, recorder: Recorder, extensions: str | None = None) -> None:
        self.tap: SessionTap = recorder.session("192.0.2.1:4711", "/ws", [("Host", "é\udcff")])
        self._extensions = extensions
        self._senders: dict[Sender, Any] = {}

    def answer(self) -> None:
        self.tap.answered(101, [("Upgrade", "websocket")], "chat", self._extensions)

    def send(self, sender: Sender, data: bytes) -> None:
        if sender not in self._senders:
            self._senders[sender] = self.tap.keeper(sender), self.tap.stream(sender)
        keep, record = self._senders[sender]
        at_ns = time.monotonic_ns()
        assert keep(at_ns, data)
        record(at_ns, at_ns + 1, data)

    def end(self) -> None:
        self.tap.ended()


class Life:
    """A recorder whose thread can be stopped between two things that it is told."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.recorder = Recorder(path, durability=Durability.PROCESS)
        self._go = threading.Event()
        self._stopped = threading.Event()

    def settle(self) -> None:
        """Have all that was said committed."""
        done = threading.Event()
        self.recorder.backlog.put(lambda: self.recorder._writer.after_commit(done.set), 0)
        assert done.wait(20)

    def stop_here(self) -> None:
        """Have the thread stop behind what it has been told, in the middle of a transaction."""
        self.recorder.backlog.put(self._stand, 0)

    def _stand(self) -> None:
        self._stopped.set()
        self._go.wait(20)

    def copy(self, to: Path) -> Path:
        """Return what is left when the process is killed now; call `stop_here` before.

        Nothing is being written meanwhile: the thread stands, and it is us who keep.
        """
        assert self._stopped.wait(20)
        shutil.copytree(self.path.parent, to)
        return to / self.path.name

    def go_on(self) -> None:
        self._go.set()

    def close(self) -> None:
        self._go.set()
        self.recorder.close()
        assert self.recorder.failure is None


class Found(NamedTuple):
    """What is found in a recording by all that reads it."""

    contents: Contents
    frames: int
    """That the chain covers."""
    damage: list[str]


def find(path: Path) -> Found:
    with Recording.open(path) as recording:
        verification = Verification(recording)
        with closing(verification.faults()) as faults:
            damage = [str(fault) for fault in faults if fault.damage]
    return Found(contents(path), verification.frames, damage)


def comparable(found: Found, *, cut: frozenset[int] = frozenset()) -> Found:
    """What must be the same: not when frames were forwarded, nor the end of sessions in `cut`.

    The last frame of a stream that was cut off is dated by the last that was heard of its session.
    """
    sessions, frames, messages = found.contents
    end = dict.fromkeys(("ended_ns", "close_code", "close_reason", "closed_by"))
    counts = dict.fromkeys(("client_frames", "client_bytes", "server_frames", "server_bytes"), 0)
    same = Contents(
        [
            replace(each, clean=False, **end, **counts) if each.id in cut else each  # type: ignore[arg-type]
            for each in sessions
        ],
        [[_comparable(frame) for frame in of_one] for of_one in frames],
        [[replace(each, forwarded_ns=None) for each in of_one] for of_one in messages],
    )
    return found._replace(contents=same)


def _comparable(frame: Frame) -> Frame:
    cut_off = {"truncated", "truncated_header"} & {*frame.anomalies}
    return replace(frame, forwarded_ns=None, at_ns=0 if cut_off else frame.at_ns)
