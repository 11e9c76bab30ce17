"""One look into a recording that is being followed."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from typing import Any

from .errors import RecordingReplacedError
from .model import Frame, Message, Session
from .news import Began, Ended, Item, Missing, RecordingEnded
from .opening import small_rows
from .reader import Recording
from .roster import Roster
from .tally import Tally
from .values import FRAME_COLUMNS, MESSAGE_COLUMNS, PLACE_COLUMNS, frame_of, is_place, message_of

__all__ = ["Look", "Position"]

# What one look takes at most: all of it is in memory at once.
_ROWS = 1000
_BYTES = 4 << 20
"""Of messages, or frames, and headers: the last one may go beyond."""
_SESSIONS = 100
"""Of which the beginning or the end is told."""

_MESSAGES = "(f.kind IS NOT NULL OR f.opcode >= 8)"
_COLUMNS = (
    f"f.id, {PLACE_COLUMNS}, {FRAME_COLUMNS}, {MESSAGE_COLUMNS}, CASE WHEN :frames OR f.opcode >= 8"
    " OR (f.kind IS NOT NULL AND f.message_parts IS NULL) THEN f.payload END"
)
_PLACE, _HEAD, _MESSAGE, _PAYLOAD = slice(1, 7), slice(7, 12), slice(12, 15), 15
_NAMES, _OPCODE, _KIND = 6, 9, 12

_OF_ALL = f"SELECT {_COLUMNS} FROM frames f WHERE f.id > :frame ORDER BY f.id LIMIT {_ROWS}"
_OF_ONE = (
    f"SELECT {_COLUMNS} FROM extents e CROSS JOIN frames f WHERE e.session_id = :session"
    " AND e.first_seq >= (SELECT coalesce(max(first_seq), 0) FROM extents"
    " WHERE session_id = :session AND first_seq <= :seq)"
    " AND f.id BETWEEN max(e.first_id, :frame + 1) AND e.first_id + e.last_seq - e.first_seq"
    f" ORDER BY e.first_seq, f.id LIMIT {_ROWS}"
)
_LAST_OF_ALL = "SELECT f.id, f.seq FROM frames f WHERE {shown} ORDER BY f.id DESC LIMIT :last"
_LAST_OF_ONE = (
    "SELECT f.id, f.seq FROM extents e CROSS JOIN frames f WHERE e.session_id = :session"
    " AND f.id BETWEEN e.first_id AND e.first_id + e.last_seq - e.first_seq AND {shown}"
    " ORDER BY e.first_seq DESC, f.id DESC LIMIT :last"
)


@dataclass(frozen=True, slots=True)
class Position:
    """How far a recording was read."""

    roster: Roster
    started_at: str | None
    """Of the recording: what tells it from another one in its place."""
    frame: int = 0
    """The id of the last frame."""
    seq: int = 0
    ended_at: str | None = None
    """The end of the recording that was told."""
    old: int = 0
    """The id of the last frame before those that were asked for, where all are taken."""
    tally: Tally | None = None
    """Where all are taken: how to notice those that are missing."""


class Look:
    """Takes what has come since the last look; within one snapshot of the file."""

    def __init__(
        self,
        recording: Recording,
        connection: sqlite3.Connection,
        session_id: int | None,
        *,
        frames: bool,
    ) -> None:
        self.behind = False
        """There was more."""
        self.old = 0
        """How many of the items, the first ones, stand before what was asked for."""
        self._recording = recording
        self._connection = connection
        self._session_id = session_id
        self._frames = frames
        self._tally: Tally | None = None
        self._told = 0
        self._size = 0
        # Each with its place: a frame's id, and what comes first beside the same frame.
        self._items: list[tuple[tuple[int, int, int], Item]] = []

    def beginning(self, last: int | None) -> Position:
        """Return the position before the `last` messages or frames; None: before all."""
        one = self._session_id
        roster = Roster.of_one(one) if one is not None else Roster(0, {})
        position = Position(roster, self._recording.meta.get("started_at"))
        if last is None:
            return position
        if one is None:
            position = replace(position, roster=Roster.at_end(self._connection))
        statement = (_LAST_OF_ALL if one is None else _LAST_OF_ONE).format(
            shown="1" if self._frames else _MESSAGES
        )
        first = self._connection.execute(
            f"SELECT id, seq FROM ({statement}) ORDER BY id LIMIT 1", {"session": one, "last": last}
        ).fetchone()
        if first is not None:
            return replace(position, frame=first[0] - 1, seq=first[1] - 1)
        return replace(position, frame=self._last_frame())

    def whole(self, last: int | None) -> Position:
        """Return the position before all, from which what is before the `last` ones is old."""
        return replace(self.beginning(None), old=self.beginning(last).frame, tally=Tally())

    def items(self, position: Position) -> tuple[list[Item], Position]:
        """Return what has come since `position`, in order, and the position behind it."""
        if (
            self._recording.meta.get("started_at") != position.started_at
            or self._last_frame() < position.frame
        ):
            raise RecordingReplacedError(f"{self._recording.path}: another recording is there now")
        roster = position.roster.copy()
        self._tally = None if position.tally is None else position.tally.copy()
        with small_rows(self._connection):
            frame, seq = self._take_frames(roster, position)
            if not self.behind:
                self.behind = roster.scan(self._connection)
            self._take_sessions(roster, position.frame, frame)
        ended_at = self._recording.meta.get("ended_at")
        if self.behind:
            ended_at = position.ended_at
        self._items.sort(key=lambda placed: placed[0])
        self.old = sum(place[0] <= position.old for place, _ in self._items)
        items = [item for _, item in self._items]
        if ended_at is not None and ended_at != position.ended_at:
            items.append(RecordingEnded(ended_at))
        position = replace(position, roster=roster, frame=frame, seq=seq, ended_at=ended_at)
        return items, replace(position, tally=self._tally)

    def _take_frames(self, roster: Roster, position: Position) -> tuple[int, int]:
        """Take frames, each session's beginning before its first; return the last one's place."""
        values = {
            "session": self._session_id,
            "frames": self._frames,
            "frame": position.frame,
            "seq": position.seq,
        }
        frame, seq = position.frame, position.seq
        statement = _OF_ALL if self._session_id is None else _OF_ONE
        for count, row in enumerate(self._connection.execute(statement, values), 1):
            session_id = row[1]
            if (
                not is_place(row[_PLACE])
                or row[0] <= frame
                or self._session_id not in (None, session_id)
            ):
                raise ValueError(f"frame {row[0]} is not what it was")
            if session_id > roster.last:
                more = roster.scan(self._connection)
                if more and session_id > roster.last:
                    self.behind = True
                    break
            if not roster.is_told(session_id) and not self._begin(roster, session_id, (row[0], 0)):
                break
            frame, seq = row[0], row[2]
            if self._tally is not None:
                own = row[_NAMES] is not None and "synthetic" in row[_NAMES]
                self._miss(session_id, self._tally.frame(session_id, seq, own=own), (frame, 0))
            item = self._item(row)
            if item is not None:
                self._items.append(((frame, 1, 0), item))
                self._size += len(item.data if isinstance(item, Message) else item.payload)
            if self._size > _BYTES or count == _ROWS:
                self.behind = True
                break
        return frame, seq

    def _miss(self, session_id: int, seq: int | None, place: tuple[int, int]) -> None:
        if seq is not None:
            self._items.append(((*place, session_id), Missing(session_id, seq)))

    def _item(self, row: tuple[Any, ...]) -> Message | Frame | None:
        session_id = row[1]

        def blob(number: int) -> bytes:
            return self._recording.blob(number, "tail", session_id)

        payload = row[_PAYLOAD]
        if self._frames or row[_OPCODE] >= 8:
            return frame_of((*row[_PLACE], *row[_HEAD], payload), blob)
        if row[_KIND] is not None:
            return message_of((*row[_PLACE], *row[_MESSAGE], payload), blob)
        return None

    def _take_sessions(self, roster: Roster, before: int, frame: int) -> None:
        """Take beginnings and ends; an end comes behind the session's last frame."""
        answered = roster.look(self._connection)
        for session_id, last in roster.ended(frame):
            place = last if last > before else frame
            told = roster.is_told(session_id) or self._begin(roster, session_id, (place, 2))
            if not told or not self._tell(Ended, session_id, (place, 3)):
                return
            roster.strike(session_id)
        for session_id in answered:
            if self.behind or not self._begin(roster, session_id, (frame, 2)):
                return

    def _begin(self, roster: Roster, session_id: int, place: tuple[int, int]) -> bool:
        if not self._tell(Began, session_id, place):
            return False
        roster.tell(session_id)
        return True

    def _tell(
        self, what: type[Began] | type[Ended], session_id: int, place: tuple[int, int]
    ) -> bool:
        """Take a beginning or an end; return False when these are enough for one look."""
        if self._told == _SESSIONS or self._size > _BYTES:
            self.behind = True
            return False
        session: Session | None = self._recording.session(session_id)
        if session is None:
            raise ValueError(f"frames of session {session_id}, which is not there")
        if self._tally is not None and what is Ended:
            self._miss(session_id, self._tally.end(session), place)
        self._told += 1
        self._size += sum(
            len(name) + len(value)
            for name, value in (*session.request_headers, *session.response_headers)
        )
        self._items.append(((*place, session_id), what(session)))
        return True

    def _last_frame(self) -> int:
        last: int = self._connection.execute("SELECT coalesce(max(id), 0) FROM frames").fetchone()[
            0
        ]
        return last
