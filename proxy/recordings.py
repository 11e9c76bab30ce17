"""The recording that new sessions go to, and former ones that are not finished yet."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from ..store.errors import RecordingBusyError, RecordingError
from ..store.reader import Recording
from ..store.recorder import Recorder
from ..store.series import Series
from ..store.session import Headers
from ..store.tap import SessionTap
from ..upkeep.walltime import epoch_ns
from .failure import Failure
from .keep import Keep

__all__ = ["Recordings", "log_size"]

log = logging.getLogger("wsrec.proxy")

_LOOK = 1.0
"""Seconds between looks whether recorders get on."""
_MOST_FORMER = 8
"""Recordings that are kept open for sessions that go on. Each has a thread, and files."""
_TRIES = 100
"""Names that others take at the very moment at which we want them."""


class _Open:
    """A recorder, and what decides when it may go."""

    __slots__ = ("began", "recorder", "sessions", "used")

    def __init__(self, recorder: Recorder, age: float = 0.0, *, used: bool = False) -> None:
        self.recorder = recorder
        self.began = time.monotonic() - age
        self.sessions = 0  # that have not ended
        self.used = used  # whether there is any session in it


class Recordings:
    """All recordings that this proxy has open; a session ends in the one in which it began.

    Sessions are begun on the event loop, which never waits: recordings are opened and closed by
    other threads.
    """

    def __init__(self, series: Series, keep: Keep, record: Callable[[Path], Recorder]) -> None:
        """`record` opens a recording, in any thread; it raises what `Recorder` does."""
        self._series = series
        self._keep = keep
        self._record = record
        self._current: _Open | None = None
        self._former: dict[_Open, asyncio.Future[None] | None] = {}
        self._fault: Failure | None = None
        self.finished = 0
        """How many have been closed since the first one was opened."""

    async def open(self) -> None:
        """Begin, or go on with, the first recording.

        Raises:
            RecordingError: it cannot be recorded into.
        """
        opening = asyncio.ensure_future(asyncio.to_thread(self._first))
        try:
            self._current = await asyncio.shield(opening)
        except asyncio.CancelledError:  # the thread goes on, and what it opens has to be closed
            await asyncio.wait([opening])
            if opening.exception() is None:
                self._current = opening.result()
                await self.close()
            raise

    async def close(self) -> None:
        """Finish all of them, whether their sessions have ended or not; waits for the disk."""
        if self._current is not None:
            self._former.setdefault(self._current)
        await asyncio.gather(*map(self._finished, tuple(self._former)))

    @property
    def output(self) -> str:
        """The name, or pattern, of all of them; their `meta` has it."""
        return self._series.pattern

    @property
    def path(self) -> Path:
        """The recording that new sessions go to; after a failure, the one that has failed."""
        if self.fault is not None:
            return self.fault.path
        if self._current is None:
            return self._series.folder / self._series.pattern
        return self._current.recorder.path

    @property
    def paths(self) -> Sequence[Path]:
        """All recordings that are open; first the one that new sessions go to."""
        return [each.recorder.path for each in self._all()]

    @property
    def failure(self) -> Exception | None:
        """Why one that is open cannot be written any more: no session may go on then."""
        failures = (each.recorder.failure for each in self._all())
        return next((failure for failure in failures if failure is not None), None)

    @property
    def is_open(self) -> bool:
        """Whether sessions may begin, and go on: they are recorded, or asked to go on without."""
        return all(each.recorder.is_open for each in self._all())

    @property
    def is_broken(self) -> bool:
        """Whether nothing can be recorded any more in one of them, whatever happens."""
        return any(each.recorder.fault is not None for each in self._all())

    @property
    def fault(self) -> Failure | None:
        """The recording that could not be written, or finished, and why; None if all could."""
        return next(filter(None, (_failure(each.recorder) for each in self._all())), self._fault)

    def session(self, client: str | None, target: str, headers: Headers) -> SessionTap:
        """Begin a session: its opening handshake has arrived now."""
        current = self._current
        assert current is not None
        tap = current.recorder.session(client, target, headers)
        tap.on_ended = partial(self._ended, current)
        current.sessions += 1
        current.used = True
        return tap

    def has_room(self) -> bool:
        """Whether sockets may be read; if not, the recorder's `on_room` is called when they may."""
        return all(each.recorder.backlog.has_room() for each in self._all())

    async def watch(self) -> None:
        """For ever: notice a disk that does not answer. Waits for no disk itself."""
        while True:
            await asyncio.sleep(_LOOK)
            for each in self._all():
                each.recorder.look()

    def is_due(self, size: int) -> bool:
        """Say whether it is time for another recording; this one has `size` bytes.

        Never while there is no session in it: an idle proxy makes no empty recordings.
        """
        current = self._current
        if current is None or not current.used or len(self._former) >= _MOST_FORMER:
            return False
        age = time.monotonic() - current.began
        return self.failure is None and self._keep.is_over(size, age)

    async def rotate(self) -> None:
        """Let new sessions go to a new recording.

        Raises:
            RecordingError, OSError: there can be none now; all goes on as it was.
        """
        following = await asyncio.to_thread(self._following, datetime.now(UTC))
        former, self._current = self._current, following
        if former is not None:
            self._former[former] = None
            self._finish_if_over(former)

    def _all(self) -> Sequence[_Open]:
        return (*(() if self._current is None else (self._current,)), *self._former)

    def _ended(self, recording: _Open) -> None:
        recording.sessions -= 1
        self._finish_if_over(recording)

    def _finish_if_over(self, recording: _Open) -> None:
        if recording in self._former and not recording.sessions:
            self._finished(recording)

    def _finished(self, recording: _Open) -> asyncio.Future[None]:
        """Close a recording, once; return what is done when it is closed."""
        closing = self._former.get(recording)
        if closing is None:
            closing = self._former[recording] = asyncio.ensure_future(self._close(recording))
        return closing

    async def _close(self, recording: _Open) -> None:
        recorder = recording.recorder
        try:
            await asyncio.to_thread(recorder.close)
        finally:
            self._fault = self._fault or _failure(recorder)
            if recording is not self._current:  # otherwise the proxy ends, and says so then
                del self._former[recording]
                self.finished += 1
                if recorder.failure is not None:
                    log.error("%s", _failure(recorder))

    def _names(self) -> list[str]:
        return [path.name for path in self._series.folder.iterdir()]

    def _first(self) -> _Open:
        """Open the recording that this run begins with: a new one, or the last one of the series.

        Raises:
            RecordingError: it cannot be recorded into.
        """
        now = datetime.now(UTC)
        path = self._series.first(now)
        if not self._keep.rotates:
            return _Open(self._record(path))
        try:
            last = self._series.last(now, self._names())
            if last is None:
                return _Open(self._record(path))
            try:
                age, used, output = _state(last, now)
            except RecordingError:
                # A recorder says more clearly what is wrong, and takes one that was cut off early.
                if last == path:
                    return _Open(self._record(path))
            else:
                ours = last == path or output == self._series.pattern
                size = last.stat().st_size + log_size(last)
                if ours and not self._keep.is_over(size, age):
                    return _Open(self._record(last), age, used=used)
            return self._following(now)
        except OSError as error:
            raise RecordingError(f"{path}: {error.strerror or error}") from error

    def _following(self, now: datetime) -> _Open:
        """Open a recording under a name that nobody has.

        Raises:
            RecordingError, OSError: there can be none now.
        """
        for _ in range(_TRIES):
            path = self._series.following(now, self._names())
            try:
                # Ours from here on: a recorder would go on with what somebody else puts there.
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
                return _Open(self._record(path))
            except (FileExistsError, RecordingBusyError):
                continue
            except RecordingError:
                for name in ("", "-wal", "-shm", "-journal"):
                    with contextlib.suppress(OSError):
                        path.with_name(path.name + name).unlink()
                raise
        raise RecordingError(f"{path}: others take each name that comes after it")


def _failure(recorder: Recorder) -> Failure | None:
    error = recorder.first_failure
    if error is None:
        return None
    return Failure(recorder.path, error, is_over=recorder.failure is None)


def log_size(path: Path) -> int:
    """Return the bytes of the log beside a recording."""
    target = path.resolve()  # SQLite puts it beside the file, not beside a link to it
    try:
        return target.with_name(target.name + "-wal").stat().st_size
    except OSError:
        return 0


def _state(path: Path, now: datetime) -> tuple[float, bool, str | None]:
    """Return a recording's age in seconds, whether it has sessions, and its output.

    Raises:
        RecordingError: it is none.
    """
    with Recording.open(path) as opened:
        used = next(opened.sessions(), None) is not None
        output = opened.meta.get("output")
        try:
            began_ns = epoch_ns(opened.meta["started_at"])
        except (KeyError, ValueError, TypeError, OverflowError) as error:
            raise RecordingError(f"{path}: does not say when it was begun") from error
    return max(epoch_ns(now.isoformat()) - began_ns, 0) / 1e9, used, output
