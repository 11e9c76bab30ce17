"""What somebody who follows a recording is told."""

from __future__ import annotations

from dataclasses import dataclass

from .model import Frame, Message, Session

__all__ = ["Began", "Ended", "Item", "Missing", "RecordingEnded"]


@dataclass(frozen=True, slots=True)
class Began:
    """A session was opened or refused; or it is older, and the first that is told of it follows."""

    session: Session


@dataclass(frozen=True, slots=True)
class Ended:
    """A session's end record was written."""

    session: Session


@dataclass(frozen=True, slots=True)
class Missing:
    """Frames of a session are not in the file: told once for each session, before what follows."""

    session_id: int
    seq: int
    """The first of them."""


@dataclass(frozen=True, slots=True)
class RecordingEnded:
    """The recorder has closed the file itself; another may go on with it."""

    at: str
    """Wall clock, UTC, ISO 8601."""


Item = Began | Ended | Missing | RecordingEnded | Message | Frame
