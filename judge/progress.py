"""How far a long piece of work has come, and Ctrl-C in the middle of it."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from time import monotonic
from typing import TYPE_CHECKING, Self

from ..report.inert import inert
from ..store.reader import Recording

if TYPE_CHECKING:  # most work is done before a bar would be shown
    from rich.progress import Progress as Bar

__all__ = ["Progress", "Tick", "interruptible"]

Tick = Callable[[int], object]
"""Told how many more messages have been dealt with; may raise, to end it all."""

_LONG_SECONDS = 1.0


@contextlib.contextmanager
def interruptible() -> Iterator[Callable[[], None]]:
    """Keep Ctrl-C until it is asked for: SQLite would take it for damage inside its callbacks.

    Lends what raises KeyboardInterrupt when there was one.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})

    def check() -> None:
        if signal.SIGINT in signal.sigpending():
            signal.pthread_sigmask(signal.SIG_SETMASK, before)  # where it is raised

    try:
        yield check
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Progress:
    """A bar on the terminal for work that takes longer than a moment; called with what is done."""

    def __init__(
        self,
        recording: Recording,
        check: Callable[[], None],
        doing: str = "judging",
        *,
        show: bool = True,
    ) -> None:
        """Make ready to show it.

        Args:
            recording: of it, all messages are the whole.
            check: called each time; may raise.
            doing: what the bar says is done.
            show: False: there is no bar.
        """
        self._show = show
        self._recording = recording
        self._doing = doing
        self._check = check
        self._begun = monotonic()
        self._done = 0
        self._bar: Bar | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, messages: int) -> None:
        """Note that so many more messages were judged."""
        self._check()
        self._done += messages
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._done)
        elif self._show and sys.stderr.isatty() and monotonic() - self._begun > _LONG_SECONDS:
            self._bar = self._begin()

    def _begin(self) -> Bar:
        from rich.console import Console
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        sessions = self._recording.sessions()
        frames = sum(each.client_frames + each.server_frames for each in sessions)
        bar = Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        bar.add_task(f"{self._doing} {inert(self._recording.path.name)}", total=frames or None)
        bar.start()
        return bar
