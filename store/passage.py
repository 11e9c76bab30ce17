"""A stretch of a session that was read once: to be verified, and then to be judged."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

from .extent import Extent
from .model import Message, Session
from .opening import damage
from .reader import Recording
from .values import messages_in, session_of

__all__ = ["Passage"]


class Passage(NamedTuple):
    """Some of a session's frames, in order, that fit its hash chain so far.

    They are what was recorded only when the rest of the session is, too.
    """

    recording: Recording
    row: tuple[Any, ...]
    """The session's, as it was together with these frames; its own link fits."""
    extents: list[Extent]
    gap: int | None
    """The first frame that was not recorded, or that is missing behind these; None: none yet."""

    @property
    def session(self) -> Session:
        """The session; raises RecordingError for a row that no recorder has written."""
        with damage(self.recording.path):
            return session_of(self.row)

    def messages(self) -> Iterator[Message]:
        """Yield the messages that these frames complete; those in parts are read for it.

        Raises:
            RecordingError: one is not what a recorder writes.
        """
        recording, number = self.recording, self.row[0]
        blob = partial(recording.blob, what="messages", session_id=number)
        with damage(recording.path):
            for extent in self.extents:
                yield from messages_in(extent.rows, blob)
