"""What has to outlive the process before it is forwarded: an append-only log beside the recording.

`RECORDING-spool/` holds numbered segments. Nobody reads them while the recorder lives: what they
hold is on its way into the recording anyhow.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

from .errors import RecordingError
from .segment import pack_header, pack_record

__all__ = ["SEGMENT_BYTES", "Spool", "remove_spool", "segments", "spool_folder"]

SEGMENT_BYTES = 64 << 20
"""Bytes after which the next segment is begun."""

_DIGITS = 18


def spool_folder(recording: Path) -> Path:
    """Return where the spool of a recording is, if it has one."""
    target = recording.resolve()  # beside the file, not beside a link to it, as with its -wal
    return target.with_name(target.name + "-spool")


def segments(folder: Path) -> list[tuple[int, Path]]:
    """Return the segments in a folder and their numbers, in order; [] where there is none.

    Raises:
        RecordingError: something else is in its place.
        OSError: the folder cannot be read.
    """
    try:
        mode = folder.lstat().st_mode
    except FileNotFoundError:
        return []
    if not stat.S_ISDIR(mode):  # nor a link to one: what is deleted in it would be somebody's
        raise RecordingError(f"{folder}: not a spool, which is a folder; move it away")
    return sorted((int(path.name), path) for path in folder.iterdir() if _is_number(path.name))


def _is_number(name: str) -> bool:
    return len(name) <= _DIGITS and name.isdecimal() and name == str(int(name))


class Spool:
    """Written on the event loop; `sync` may be called on another thread meanwhile."""

    def __init__(self, folder: Path, identity: bytes, number: int, *, durable: bool) -> None:
        """Begin segment `number` of the recording with this id, of 16 bytes.

        `durable`: whether `sync` is going to be called.

        Raises:
            OSError: there is no place for it.
        """
        self._folder = folder
        self._identity = identity
        folder.mkdir(mode=0o700, exist_ok=True)
        self._durable = durable
        self._new = True  # the folder has a name that may not be on the disk
        self._dead: list[int] = []
        self._unsynced: list[int] = []  # former segments that `sync` still has to see to
        self.number = number
        self.written = 0
        """Bytes of all segments so far."""
        self.turn_at = 0
        """How many these are when it is time for `turn`."""
        self._fd = self._begin(is_continued=False)

    def write(self, kind: int, session: int, at_ns: int, data: bytes) -> None:
        """Append a record; when this returns, it outlives the process.

        Raises:
            OSError: it could not be written, or not all of it. The segment must not be used then.
        """
        record = pack_record(kind, session, at_ns, data)
        done = os.write(self._fd, record)
        while done < len(record):  # a write of very many bytes, or one that was interrupted
            done += os.write(self._fd, record[done:])
        self.written += done

    def turn(self) -> int:
        """Begin the next segment; return its number.

        Raises:
            OSError: there is no place for it.
        """
        return self._next(is_continued=True)

    def restart(self) -> int:
        """Begin the next segment after a failure: what happened meanwhile is in none.

        Raises:
            OSError: there is no place for it.
        """
        return self._next(is_continued=False)

    def _next(self, *, is_continued: bool) -> int:
        former = self._fd
        self.number += 1
        try:
            self._fd = self._begin(is_continued=is_continued)
        except OSError:
            self.number -= 1
            raise
        if not is_continued:
            # What of it is on the disk is not known, and never will be: it is not synced again.
            # Another thread may be at it: closed, its number could be another file's at once.
            self._dead += (*self._unsynced, former)
            self._unsynced = []
            if not self._durable:
                self._close_dead()
        elif self._durable:
            self._unsynced.append(former)
        else:
            os.close(former)
        return self.number

    def sync(self) -> None:
        """Wait until all that was written before is on the disk.

        Raises:
            OSError: it is not known whether it is: nothing of it may be forwarded.
        """
        self._close_dead()  # this is the thread that may have been at them
        new, current = self._new, self._fd  # before the others: these may come to be one of them
        for former in tuple(self._unsynced):
            _sync(former)
            with contextlib.suppress(ValueError):  # a failure was noticed meanwhile
                self._unsynced.remove(former)
                os.close(former)
        _sync(current)
        if new:
            sync_folder(self._folder)
            sync_folder(self._folder.parent)
            if current == self._fd:
                self._new = False

    def _close_dead(self) -> None:
        while self._dead:
            os.close(self._dead.pop())

    def drop_before(self, number: int) -> None:
        """Remove the segments before this one: the recording holds all that is in them."""
        for each, path in segments(self._folder):
            if each < number:
                path.unlink(missing_ok=True)

    def close(self, *, remove: bool) -> None:
        """Let go of the files; with `remove`, because the recording holds all of it, delete it."""
        for fd in (*self._dead, *self._unsynced, self._fd):
            os.close(fd)
        self._unsynced.clear()
        if remove:
            remove_spool(self._folder)

    def _begin(self, *, is_continued: bool) -> int:
        path = self._folder / str(self.number)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            header = pack_header(self._identity, self.number, is_continued=is_continued)
            if os.write(fd, header) < len(header):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        except OSError:
            os.close(fd)
            path.unlink(missing_ok=True)
            raise
        self._new = True
        self.written += len(header)
        self.turn_at = self.written + SEGMENT_BYTES
        return fd


def remove_spool(folder: Path) -> None:
    """Delete a spool: the recording holds all that is in it.

    Raises:
        RecordingError: it is none.
        OSError: something is in the way.
    """
    for _, path in segments(folder):
        path.unlink(missing_ok=True)
    folder.rmdir()


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


_sync = getattr(os, "fdatasync", os.fsync)
