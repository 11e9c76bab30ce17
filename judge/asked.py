"""The sessions of a recording that are asked for by number: whether it holds them."""

from __future__ import annotations

from ..checks.scope import Scope
from ..report.groups import plural, ranges
from ..store.reader import Recording
from ..store.verify import require_intact

__all__ = ["UnknownSessionError", "require_sessions"]


class UnknownSessionError(ValueError):
    """A session was asked for that the recording does not hold; the message is one line."""


def require_sessions(recording: Recording, scope: Scope) -> None:
    """Go on if each of the scope's sessions, or ranges, finds one.

    Raises:
        UnknownSessionError: one does not.
        RecordingError: the recording cannot be read; or, where one does not, it is damaged:
            somebody may have removed that session.
    """
    ids = [session.id for session in recording.sessions()] if scope.sessions else []
    for asked in scope.sessions:
        if not any(each in asked for each in ids):
            require_intact(recording)
            there = f"{plural(len(ids), 'session')}, {ranges(ids)}" if ids else "no session at all"
            raise UnknownSessionError(f"{recording.path}: no session {asked}; it holds {there}")
