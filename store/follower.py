"""Following a recording while it is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .errors import NoSessionError
from .look import Look, Position
from .news import Ended, Item
from .opening import damage
from .reader import Recording

__all__ = ["Follower"]


class Follower:
    """Looks into a recording again and again; between two looks it does not have it open.

    A connection that stays open, even one that reads nothing, would keep a recorder from making
    one file of recording and log at its end. So each look opens the file, takes what is new, but
    no more than a piece of it, and closes the file: half a millisecond, where there is nothing.
    """

    def __init__(
        self,
        path: Path,
        *,
        session_id: int | None = None,
        frames: bool = False,
        last: int | None = None,
        whole: bool = False,
    ) -> None:
        """Follow one session, or all.

        Args:
            path: the recording.
            session_id: only this session.
            frames: each frame, not messages and control frames.
            last: how many of these to begin with; None: with the first of all.
            whole: begin with the first of all in any case, and tell of what is missing.
        """
        self.path = path
        self.meta: Mapping[str, str] = {}
        """The `meta` table, as of the last look."""
        self.old = 0
        """How many items of the last look, its first ones, are there because of `whole` only."""
        self.behind = False
        """There was more than one look takes: look again at once."""
        self.ended = False
        """The recorder has closed the file itself, and everything in it was told."""
        self.finished = False
        """Nothing more can come of the one session that is followed."""
        self._session_id = session_id
        self._frames = frames
        self._last = last
        self._whole = whole
        self._position: Position | None = None

    def look(self) -> list[Item]:
        """Return what is new, in order; that may be a part of it, see `behind`.

        After an error, the next look returns what this one should have.

        Raises:
            RecordingReplacedError: another recording is in its place.
            NoSessionError: it has no such session.
            RecordingError: the file cannot be read as a recording.
        """
        with Recording.open(self.path) as recording:
            if self._session_id is not None and recording.session(self._session_id) is None:
                raise NoSessionError(
                    f"{self.path}: no session {self._session_id}; see `wsrec sessions`"
                )
            with damage(self.path), recording.snapshot() as connection:
                look = Look(recording, connection, self._session_id, frames=self._frames)
                begin = look.whole if self._whole else look.beginning
                position = self._position or begin(self._last)
                items, position = look.items(position)
        # Only now: at the end of the block it may turn out that a recorder had come in between.
        self._position = position
        self.meta = recording.meta
        self.old = look.old
        self.behind = look.behind
        self.ended = not look.behind and position.ended_at is not None
        self.finished = self._session_id is not None and (
            self.ended or any(isinstance(item, Ended) for item in items)
        )
        return items
