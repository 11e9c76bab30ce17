"""Seeing that somebody has written to a recording, without opening it."""

from __future__ import annotations

from pathlib import Path

__all__ = ["Changes"]

_State = tuple[tuple[int, int, int] | None, ...]

_AGAIN = 2
_ANYHOW = 20
_STILL = 5
"""Looks in a row that find an unreadable file as it was: a recorder on a busy machine may take as
long between two of its first steps."""


class Changes:
    """Looks at a recording's file and at its log from outside; for who looks every 100 ms.

    `PRAGMA data_version` would need a connection that stays open, and while there is one the
    recorder cannot make one file of its two at its end.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: _State = ()
        self._quiet = 0
        self._refused: _State = ()
        self._refusals = 0
        self._still = 0

    def due(self) -> bool:
        """Say whether the recording is worth opening.

        A clock of a file ticks every few milliseconds: what was written in the tick of the last
        look shows in no time stamp. So it is worth a second time, and now and then anyhow.
        """
        state = self._state()
        self._quiet = 0 if state != self._seen else self._quiet + 1
        self._seen = state
        return self._quiet < _AGAIN or self._quiet % _ANYHOW == 0

    def there(self) -> bool:
        """Say whether there is a file, and something in it."""
        (file, _) = self._state()
        return file is not None and file[1] > 0

    def read(self) -> None:
        """Note that it could be read."""
        self._refused = ()
        self._refusals = 0

    def settling(self) -> bool:
        """Say whether a file that could not be read may be one that a recorder is at work on.

        It makes the tables, takes the log in and removes it; only what stays as it is, and cannot
        be read the next few times either, is damaged.
        """
        state = self._state()
        before, self._refused = self._refused, state
        self._refusals += 1
        self._still = self._still + 1 if state == before else 0
        self._quiet = -1  # the next look is due in any case
        return self._still < _STILL and self._refusals < _ANYHOW

    def _state(self) -> _State:
        target = self._path.resolve()
        return tuple(map(_of, (target, target.with_name(target.name + "-wal"))))


def _of(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
