"""What is looked at from time to time: is a recording full, is one too old, is there room."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ..schemas.sizes import show_size
from ..store.errors import RecordingError
from ..store.series import Series
from ..upkeep.retention import Finished
from ..upkeep.shelf import Shelf
from ..upkeep.walltime import epoch_ns, iso
from .headroom import Headroom, Notice
from .keep import Keep
from .recordings import Recordings, log_size

__all__ = ["Caretaker", "Tell", "warn"]

log = logging.getLogger("wsrec.proxy")

Tell = Callable[[Notice], object]

_LOOK = 1.0
"""Seconds between looks at the recordings that are open."""
_TIDY = 60.0
"""Seconds between looks at those that are finished, and between tries to begin another one."""


def warn(notice: Notice) -> None:
    """Write a notice to the log."""
    log.warning("%s", notice.text)


class Caretaker:
    """Begins another recording when it is time, deletes finished ones, says when room is short.

    All that asks the disk is done in other threads.
    """

    def __init__(self, recordings: Recordings, series: Series, keep: Keep, tell: Tell) -> None:
        """`tell` is called in another thread."""
        self._recordings = recordings
        self._keep = keep
        self._tell = tell
        self._shelf = Shelf(series)
        self._folder = series.folder
        self._headroom = Headroom(keep.min_free)
        self._tidy_at = self._rotate_at = 0.0
        self._tidied = 0  # how many had been finished then
        self._troubles: set[tuple[str, str]] = set()
        self._ending = asyncio.Event()
        self._rounds: asyncio.Future[None] | None = None

    def start(self) -> None:
        """Look once a second from now on."""
        self._rounds = asyncio.ensure_future(self._run())

    async def stop(self) -> None:
        """Look no more; what is being done is done first."""
        self._ending.set()
        if self._rounds is not None:
            await self._rounds

    async def _run(self) -> None:
        while not self._ending.is_set():
            try:
                await self._look()
            except Exception as error:  # a fault in here, to be seen at once and not at the end
                asyncio.get_running_loop().call_exception_handler(
                    {"message": "looking after the recordings failed", "exception": error}
                )
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), _LOOK)

    async def _look(self) -> None:
        current, *_ = paths = self._recordings.paths
        sizes, logs, free = await asyncio.to_thread(_measure, paths)
        if self._recordings.is_due(sizes[current]) and time.monotonic() >= self._rotate_at:
            await self._rotate()
        finished = self._recordings.finished
        if self._keep.retention and (time.monotonic() >= self._tidy_at or finished > self._tidied):
            self._tidy_at, self._tidied = time.monotonic() + _TIDY, finished
            await asyncio.to_thread(self._tidy)
        for notice in self._headroom.look(logs, self._folder, free):
            await asyncio.to_thread(self._tell, notice)

    async def _rotate(self) -> None:
        try:
            await self._recordings.rotate()
        except (RecordingError, OSError) as error:
            self._rotate_at = time.monotonic() + _TIDY
            what = f"no other recording can be begun, {self._recordings.path} goes on: {error}"
            await asyncio.to_thread(self._trouble, "rotate_failed", what)
        else:
            self._troubles = {each for each in self._troubles if each[0] != "rotate_failed"}

    def _tidy(self) -> None:
        """Delete the finished recordings that are not to be kept."""
        try:
            finished = self._shelf.finished()
        except OSError as error:
            self._trouble("delete_failed", f"{self._folder}: {error.strerror or error}")
            return
        now_ns = epoch_ns(datetime.now(UTC).isoformat())
        for recording in self._keep.retention.removed(finished, now_ns):
            try:
                if self._shelf.delete(recording):
                    self._tell(_deleted(recording))
            except OSError as error:
                what = f"{recording.path}: cannot be deleted: {error.strerror or error}"
                self._trouble("delete_failed", what)

    def _trouble(self, event: str, text: str) -> None:
        """Tell of something that is tried again and again, once."""
        if (event, text) not in self._troubles:
            self._troubles.add((event, text))
            self._tell(Notice(event, text))


def _deleted(recording: Finished) -> Notice:
    ended_at = iso(recording.ended_ns)
    return Notice(
        "deleted",
        f"{recording.path}: deleted, {show_size(recording.size)}, ended {ended_at}",
        {"recording": str(recording.path), "size": recording.size, "ended_at": ended_at},
    )


def _measure(paths: Sequence[Path]) -> tuple[dict[Path, int], dict[Path, int], int | None]:
    """Return the sizes of recordings, those of their logs, and what is left of the disk."""
    logs = {path: log_size(path) for path in paths}
    sizes = {path: size + _size(path) for path, size in logs.items()}
    free = None
    with contextlib.suppress(OSError):
        free = shutil.disk_usage(paths[0]).free
    return sizes, logs, free


def _size(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.stat().st_size
    return 0
