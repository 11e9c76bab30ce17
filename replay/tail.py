"""`wsrec tail`: what is recorded, as it is recorded."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TextIO

from ..report.listing import (
    frame_json,
    frame_line,
    message_json,
    message_line,
    recording_ended,
    recording_ended_json,
    session_began,
    session_ended,
    session_json,
)
from ..store.changes import Changes
from ..store.errors import NoSessionError, RecordingError, RecordingReplacedError
from ..store.follower import Follower
from ..store.model import Frame, Message
from ..store.news import Began, Item, RecordingEnded
from .inspect import memory_for

__all__ = ["Tail"]

_INTERVAL = 0.1
"""Seconds between two looks."""


class Tail:
    """Writes what is new in a recording. Whoever is slow to take it waits for nobody but itself."""

    def __init__(
        self,
        path: Path,
        out: TextIO,
        format: Literal["text", "json"],  # noqa: A002
        *,
        session_id: int | None = None,
        last: int = 10,
        frames: bool = False,
        width: int | None = None,
        retry: bool = False,
        until_end: bool = False,
    ) -> None:
        """Say what to follow, and for how long.

        Args:
            path: the recording.
            out: where to write.
            format: lines for people, or a line of JSON for each.
            session_id: only this session.
            last: how many of the messages, or frames, that are there to begin with.
            frames: frames as they crossed the wire instead of messages.
            width: cut a line's data to so many characters; None for all of it.
            retry: wait for what is not there yet, and go on with what replaces it.
            until_end: end when the recorder has closed the file itself.
        """
        self._path = path
        self._out = out
        self._json = format == "json"
        self._session_id = session_id
        self._frames = frames
        self._width = width
        self._retry = retry
        self._until_end = until_end
        self._changes = Changes(path)
        self._follower = self._new(last)
        self._follower.behind = True

    def run(self) -> None:
        """Follow the recording; return when nothing more is to come, or at Ctrl-C.

        Raises:
            RecordingError: the file cannot be read as a recording, has no such session, or another
                one is in its place.
            BrokenPipeError: nobody reads what is written.
        """
        try:
            while not self._is_over():
                if not self._follower.behind:
                    self._wait()
                with memory_for(self._path):
                    for item in self._look():
                        print(self._line(item), file=self._out)
                self._out.flush()
        except KeyboardInterrupt:
            _drop(self._out)

    def _is_over(self) -> bool:
        return self._follower.finished or (self._until_end and self._follower.ended)

    def _look(self) -> list[Item]:
        if not self._follower.behind and not self._changes.due():
            return []
        if self._retry and not self._changes.there():
            self._follower = self._new(None)  # nothing of what comes may be left out
            return []
        try:
            with _uninterrupted():
                items = self._follower.look()
        except RecordingReplacedError:
            if not self._retry:
                raise
            print(f"wsrec: {self._path}: following another recording in its place", file=sys.stderr)
            self._follower = self._new(None)
            self._follower.behind = True
            return []
        except NoSessionError:
            if not self._retry:
                raise
            self._follower = self._new(None)
            return []
        except RecordingError:
            if not self._changes.settling():
                raise
            self._follower.behind = False
            return []
        self._changes.read()
        return items

    def _new(self, last: int | None) -> Follower:
        return Follower(self._path, session_id=self._session_id, frames=self._frames, last=last)

    def _line(self, item: Item) -> str:
        if isinstance(item, Message):
            line = message_json(item) if self._json else message_line(item, self._width)
        elif isinstance(item, Frame):
            line = frame_json(item) if self._json else frame_line(item, self._width)
        elif isinstance(item, RecordingEnded):
            return recording_ended_json(item.at) if self._json else recording_ended(item.at)
        elif self._json:
            return session_json(item.session, "began" if isinstance(item, Began) else "ended")
        else:
            write = session_began if isinstance(item, Began) else session_ended
            return write(item.session)
        if self._json or self._session_id is not None:
            return line
        return f"{item.session_id:5d} {line}"

    def _wait(self) -> None:
        """Wait for the next look; raise BrokenPipeError once nobody can read what is written."""
        try:
            watch = select.poll()
            watch.register(self._out.fileno(), 0)
        except OSError:  # not a file of the system's
            time.sleep(_INTERVAL)
            return
        for _, event in watch.poll(_INTERVAL * 1000):
            if event & select.POLLERR:
                raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
            time.sleep(_INTERVAL)


def _drop(out: TextIO) -> None:
    """Let what was not written yet go nowhere: at its exit, Python would wait for a stuck pipe."""
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, out.fileno())
        os.close(nowhere)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let Ctrl-C wait: SQLite would take the exception from its own callbacks for damage."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
