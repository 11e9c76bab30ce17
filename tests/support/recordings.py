"""Conversations handed to a recorder, and a recording read back."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

from support.frames import KEY, wire
from wsrec.store.model import Frame, Message, Sender, Session
from wsrec.store.reader import Recording
from wsrec.store.recorder import Recorder
from wsrec.store.tap import SessionTap


class Conversation:
    """One session as its two peers have it: `talk.client(b"...").server(b"...").end()`."""

    def __init__(
        self,
        recorder: Recorder,
        *,
        target: str = "/ws",
        headers: Sequence[tuple[str, str]] = (("Host", "example.test"),),
        extensions: str | None = None,
        subprotocol: str | None = None,
    ) -> None:
        self.tap: SessionTap = recorder.session("192.0.2.1:4711", target, headers)
        self.tap.answered(101, [("Upgrade", "websocket")], subprotocol, extensions)

    @property
    def id(self) -> int:
        return self.tap.id

    def send(self, sender: Sender, data: bytes, *, forwarded: bool = True) -> Self:
        now = time.monotonic_ns()
        self.tap.stream(sender)(now, now + 1 if forwarded else None, data)
        return self

    def client(self, data: bytes, *, forwarded: bool = True) -> Self:
        return self.send("client", data, forwarded=forwarded)

    def server(self, data: bytes, *, forwarded: bool = True) -> Self:
        return self.send("server", data, forwarded=forwarded)

    def text(self, sender: Sender, text: str) -> Self:
        return self.send(sender, wire(1, text.encode(), mask=KEY if sender == "client" else None))

    def end(self) -> None:
        self.tap.ended()


@contextmanager
def recorder_at(path: Path, **settings: Any) -> Iterator[Recorder]:
    """A recorder that is closed behind the block, and must not have failed."""
    recorder = Recorder(path, **settings)
    try:
        yield recorder
    finally:
        recorder.close()
    assert recorder.failure is None


class Contents(NamedTuple):
    """All that a reader finds in a recording."""

    sessions: list[Session]
    frames: list[list[Frame]]
    messages: list[list[Message]]


def contents(path: Path) -> Contents:
    with Recording.open(path) as recording:
        sessions = list(recording.sessions())
        return Contents(
            sessions,
            [list(recording.frames(session.id)) for session in sessions],
            [list(recording.messages(session.id)) for session in sessions],
        )


def record(path: Path, talk: Callable[[Conversation], object], **settings: Any) -> Contents:
    """Record one conversation and read it back."""
    with recorder_at(path) as recorder:
        conversation = Conversation(recorder, **settings)
        talk(conversation)
        conversation.end()
    return contents(path)


def eventually(what: Callable[[], bool], seconds: float = 5) -> None:
    """Wait until `what()` is true; fail when it never is."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)


@contextmanager
def elsewhere(script: str, *args: object) -> Iterator[subprocess.Popen[str]]:
    """Run a script in another process; it is killed behind the block."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *map(str, args)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()
