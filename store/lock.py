"""One recorder for a recording: a lock that the kernel takes back when its holder dies."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from .errors import RecordingBusyError, RecordingError

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows keeps a file open exclusively by itself
    fcntl = None  # type: ignore[assignment]

__all__ = ["RecordingLock", "is_locked"]


_TRIES, _PAUSE = 5, 0.01


def is_locked(recording: Path) -> bool:
    """Whether somebody, perhaps this process, holds the lock of a recording."""
    target = recording.resolve()
    try:
        fd = os.open(target.with_name(target.name + ".lock"), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if fcntl is not None:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False


class RecordingLock:
    """Holds `RECORDING.lock`; the file is gone again once the lock is released."""

    def __init__(self, recording: Path) -> None:
        """Take the lock.

        Raises:
            RecordingBusyError: another process holds it.
            RecordingError: there is no place for it beside the recording.
        """
        target = recording.resolve()  # one lock for all the links to a file, as with its -wal
        self._path = target.with_name(target.name + ".lock")
        tries = _TRIES
        while True:
            try:
                self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise RecordingError(f"{recording}: {error.strerror or error}") from error
            try:
                if fcntl is not None:
                    fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if tries := tries - 1:  # a reader that looks whether it is held holds it as well
                    os.close(self._fd)
                    time.sleep(_PAUSE)
                    continue
                holder = os.read(self._fd, 32).decode("ascii", "replace").strip() or "unknown"
                os.close(self._fd)
                raise RecordingBusyError(
                    f"{recording}: process {holder} is recording into this file; "
                    "give this one another file with -o"
                ) from None
            if self.is_held():
                break
            os.close(self._fd)  # its last holder removed it between our open and our lock
        try:
            os.truncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            self.release()
            raise RecordingError(f"{recording}: {error.strerror or error}") from error

    def release(self) -> None:
        """Remove the file, then let go of it."""
        with contextlib.suppress(OSError):  # gone, or on a disk that has become read-only
            self._path.unlink()
        os.close(self._fd)

    def is_held(self) -> bool:
        """Whether the file is still there: without it, another recorder would find the way free."""
        try:
            return os.path.samestat(os.fstat(self._fd), self._path.stat())
        except FileNotFoundError:
            return False

    def take_again(self) -> None:
        """Take the lock anew where its file was removed.

        Raises:
            RecordingBusyError: another process was faster.
            RecordingError: there is no place for it.
        """
        fresh = RecordingLock(self._path.with_name(self._path.name.removesuffix(".lock")))
        os.close(self._fd)
        self._fd = fresh._fd
