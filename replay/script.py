"""A recording as a script: what both peers said, session by session, read while it is played."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ..match.line import Line
from ..store.model import Session

__all__ = ["Pages", "Script"]


class Pages:
    """The lines of one session, a page at a time; what is held does not grow with the session."""

    async def page(self) -> tuple[Sequence[Line], bool]:
        """Return the next lines, and whether they are the last; raises RecordingError."""
        raise NotImplementedError

    def close(self) -> None:
        """Read no more."""
        raise NotImplementedError


class Script:
    """One recording, verified, and read in a thread of its own so that no event loop waits.

    An async context manager; opening it raises RecordingError when the recording is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sessions: Sequence[Session] = ()
        """All of them, once it is open."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        raise NotImplementedError

    async def __aexit__(self, *exc: object) -> None:
        raise NotImplementedError

    def pages(self, session: int) -> Pages:
        """Return what reads a session from its beginning."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Unplayable:
    """A session that cannot be played, and why: redacted handshake, frames missing."""

    session: int
    why: str
