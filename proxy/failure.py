"""That a recording could not be written, as it is told at the end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..store.spool import spool_folder

__all__ = ["Failure"]


@dataclass(frozen=True, slots=True)
class Failure:
    """A recording that could not be written; `str` of it is one line: what, where, what to do."""

    path: Path
    error: Exception
    """The first one."""
    is_over: bool
    """Whether it could be written again, and has its clean end or may still get it."""

    def __str__(self) -> str:
        """Return `session.db: recording failed: disk full; ...`."""
        why = (isinstance(self.error, OSError) and self.error.strerror) or self.error
        what = " ".join(str(why).split())
        if self.is_over:
            return (
                f"{self.path}: could not be written for a while: {what};"
                " wsrec verify says what is missing"
            )
        if spool_folder(self.path).exists():
            then = "when that is mended, wsrec recover brings in what was forwarded last"
        else:
            then = "it has no clean end, wsrec verify says what is missing"
        return f"{self.path}: recording failed: {what}; {then}"
