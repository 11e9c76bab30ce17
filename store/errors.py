"""What can be wrong with a recording."""

from __future__ import annotations

__all__ = ["NoSessionError", "RecordingBusyError", "RecordingError", "RecordingReplacedError"]


class RecordingError(Exception):
    """A file that cannot be read or written as a recording; the message is one line for people."""


class RecordingBusyError(RecordingError):
    """Another recorder is writing this recording."""


class RecordingReplacedError(RecordingError):
    """Another recording lies where one was that is being followed."""


class NoSessionError(RecordingError):
    """A recording has no session of the number that was asked for."""
