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
from typing import TYPE_CHECKING, TextIO

from ..net.streams import drop
from ..store.changes import Changes
from ..store.errors import NoSessionError, RecordingError, RecordingReplacedError
from ..store.follower import Follower
from ..store.model import Frame, Message
from ..store.news import Began, Ended, Item, Missing, RecordingEnded
from ..store.reader import Recording
from .inspect import memory_for
from .lines import Lines, View

if TYPE_CHECKING:  # whoever only looks on need not wait for the libraries of the engine
    from .choice import Choice
    from .live import Live

__all__ = ["Tail"]

_INTERVAL = 0.1
"""Seconds between two looks."""


class Tail:
    """Writes what is new in a recording. Whoever is slow to take it waits for nobody but itself."""

    def __init__(
        self,
        path: Path,
        out: TextIO,
        view: View,
        *,
        last: int = 10,
        retry: bool = False,
        until_end: bool = False,
        choice: Choice | None = None,
        findings_only: bool = False,
    ) -> None:
        """Say what to follow, and for how long.

        Args:
            path: the recording.
            out: where to write.
            view: what of it is shown, and how.
            last: how many of the messages, or frames, that are there to begin with.
            retry: wait for what is not there yet, and go on with what replaces it.
            until_end: end when the recorder has closed the file itself.
            choice: of the contract to judge by, from the first session on; None: do not judge.
            findings_only: write nothing but what the contract says.
        """
        self._path = path
        self._out = out
        self._view = view
        self._lines = Lines(out, view, numbered=view.session_id is None)
        self._retry = retry
        self._until_end = until_end
        self._choice = choice
        self._findings_only = findings_only
        self._live: Live | None = None
        self._headless: set[int] = set()
        """Sessions whose beginning stands before what is shown, and which have not been shown."""
        self._changes = Changes(path)
        self._follower = self._new(last)
        self._follower.behind = True

    def run(self) -> int:
        """Follow the recording; return the exit code when nothing more is to come, or at Ctrl-C.

        That is 0; of a recording, or session, judged to its end that of `wsrec validate`.

        Raises:
            ContractError: the contract cannot be used.
            RecordingError: the file cannot be read as a recording, has no such session, or another
                one is in its place.
            BrokenPipeError: nobody reads what is written.
        """
        try:
            while not self._is_over():
                if not self._follower.behind:
                    self._wait()
                with memory_for(self._path):
                    for number, item in enumerate(self._look()):
                        self._take(item, old=number < self._follower.old)
                self._out.flush()
            return 0 if self._live is None else self._finish(self._live)
        except KeyboardInterrupt:
            drop(self._out)
            return 0

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
        if self._choice is not None and self._live is None:
            from .live import Live

            self._live = Live(self._path, self._choice.of(self._path, self._follower.meta))
            self._lines.contract(self._live.chosen)
        return items

    def _new(self, last: int | None) -> Follower:
        self._live = None
        self._headless.clear()
        return Follower(
            self._path,
            session_id=self._view.session_id,
            frames=self._view.frames,
            last=last,
            whole=self._choice is not None,
        )

    def _take(self, item: Item, *, old: bool) -> None:
        """Show an item, unless it is older than what is to be shown, and what comes of it."""
        if isinstance(item, Began) and old:
            self._headless.add(item.session.id)
        elif isinstance(item, Ended) and old:
            self._headless.discard(item.session.id)
        if not (old or self._findings_only or isinstance(item, Missing)):
            self._show(item)
        if self._live is not None:
            self._lines.said(self._live.take(item))

    def _show(self, item: Began | Ended | RecordingEnded | Message | Frame) -> None:
        if self._live is not None and isinstance(item, Ended | Message | Frame):
            number = item.session.id if isinstance(item, Ended) else item.session_id
            if number in self._headless:
                self._headless.remove(number)
                self._lines.item(Began(self._live.sessions[number]))
        self._lines.item(item)

    def _finish(self, live: Live) -> int:
        """Say what can be said only at the end; return the exit code."""
        from ..report.model import Report
        from .validate import exit_code

        with _uninterrupted(), Recording.open(self._path) as recording:
            self._lines.said(live.interrupted(recording))
            judged = live.finish(recording)
        self._lines.said(judged.outcome.findings)
        self._lines.verdict(judged.outcome)
        self._out.flush()
        return exit_code(Report((judged,)))

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


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let Ctrl-C wait: SQLite would take the exception from its own callbacks for damage."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
