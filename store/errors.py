"""What can be wrong with a recording."""

from __future__ import annotations

__all__ = ["RecordingBusyError", "RecordingError"]


class RecordingError(Exception):
    """A file that cannot be read or written as a recording; the message is one line for people."""


class RecordingBusyError(RecordingError):
    """Another recorder is writing this recording."""
