"""Does the recorder get on? A disk that does not answer raises nothing."""

from __future__ import annotations

import time

from .backlog import Backlog

__all__ = ["STUCK", "Progress"]

STUCK = 15.0
"""Seconds without progress after which the disk is taken to be stuck."""


class Progress:
    """Looks at a backlog, about once a second."""

    def __init__(self, backlog: Backlog) -> None:
        self._backlog = backlog
        self._done = 0
        self._since = time.monotonic()

    def is_stuck(self) -> bool:
        """Whether something has waited for `STUCK` seconds, and nothing has been written."""
        backlog, now = self._backlog, time.monotonic()
        stuck = now - self._since > STUCK
        if stuck or backlog.done != self._done or not backlog.size + backlog.held:
            waits = backlog.done == self._done and backlog.size + backlog.held > 0
            self._done, self._since = backlog.done, now
            return stuck and waits
        return False
