"""Noticing, while a recording is followed, that frames of a session are not in it."""

from __future__ import annotations

from .model import Session

__all__ = ["Tally"]


class Tally:
    """How far the frames of each session that is not over have been seen, from its first on.

    They are numbered without a gap, and the end record says how many there were. It says the same
    as `Recording.first_gap`, and says it once for each session.
    """

    def __init__(self, seen: dict[int, tuple[int, int] | None] | None = None) -> None:
        # Number of the last frame, and how many were the proxy's own; None: it was told.
        self._seen = {} if seen is None else seen

    def copy(self) -> Tally:
        """Return one that can be thrown away when a look comes to nothing."""
        return Tally(dict(self._seen))

    def frame(self, session_id: int, seq: int, *, own: bool) -> int | None:
        """Take the next frame, the proxy's `own` or a peer's; return the first one missing."""
        seen = self._seen.get(session_id, (0, 0))
        if seen is None:
            return None
        last, owned = seen
        if seq == last + 1:
            self._seen[session_id] = seq, owned + own
            return None
        self._seen[session_id] = None
        return last + 1

    def end(self, session: Session) -> int | None:
        """Take a session's end record; return the first frame missing behind the last one."""
        seen = self._seen.pop(session.id, (0, 0))
        if seen is None:
            return None
        last, owned = seen
        said = session.client_frames + session.server_frames + owned
        return last + 1 if last != said else None
