"""Is a recording what was recorded? The hash chain of each session, gone through again."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from .chain import EXTENT_BYTES, EXTENT_FRAMES, NOT_YET, START, Chain, Details
from .reader import SESSION_COLUMNS, WRONG_VALUES, Recording
from .strays import strays
from .tables import PART_BITS, schema, schema_of_this_format

__all__ = ["Fault", "Verification"]

_CLEAN = SESSION_COLUMNS.split(", ").index("clean")
_CLIENT_FRAMES = SESSION_COLUMNS.split(", ").index("client_frames")
_SERVER_FRAMES = SESSION_COLUMNS.split(", ").index("server_frames")
_CLOSED_BY = SESSION_COLUMNS.split(", ").index("closed_by")

_ERRORS = (sqlite3.Error, *WRONG_VALUES)

# Values larger than a recorder writes are refused before they take memory. A frame's payload has
# at most PART_SIZE bytes; a part is that and what one piece of a message inflates to.
_ROW_BYTES = 4 << 20
_PART_BYTES = 80 << 20


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a session, or with a recording; `str` of it is one line for people."""

    session: int | None
    """None: with the recording."""
    what: str
    """Never holds recorded text raw."""
    first_seq: int | None = None
    """The frames it is about, with `last_seq`; None there: and all that follow."""
    last_seq: int | None = None
    damage: bool = True
    """False: the recording of this session was interrupted, or still goes on; all else fits."""

    def __str__(self) -> str:
        """Return `session 3: frames 12-19 are not what was recorded`."""
        return self.what if self.session is None else f"session {self.session}: {self.what}"


class _Broken(Exception):  # noqa: N818 - it never leaves this file
    """Where a session's chain breaks."""

    def __init__(self, what: str, first: int | None = None, last: int | None = None) -> None:
        self.what, self.first, self.last = what, first, last


class Verification:
    """Goes through a recording once, by `faults`, and counts what it goes through."""

    def __init__(self, recording: Recording) -> None:
        self.sessions = 0
        """Rows of `sessions` seen so far."""
        self.frames = 0
        """Frames that have been seen to be what was recorded."""
        self._recording = recording
        self._chain = Chain()

    def faults(self) -> Generator[Fault, None, None]:
        """Yield the first fault of each session, and what belongs to none of them.

        Never raises over what the file holds: what cannot be read is a fault. Memory is bounded
        by what a recorder writes at once. Close the generator before the recording.
        """
        damaged: set[int | None] = set()
        try:
            with self._recording.snapshot() as connection:
                before = connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _ROW_BYTES)
                try:
                    for fault in self._all(connection):
                        if fault.session not in damaged or fault.session is None:
                            yield fault
                        if fault.damage:
                            damaged.add(fault.session)
                finally:
                    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, before)
        except _ERRORS as error:
            yield Fault(None, _unreadable(error))

    def _all(self, connection: sqlite3.Connection) -> Iterator[Fault]:
        if schema(connection) != schema_of_this_format():
            yield Fault(None, "its tables, or its view, are not those of this format")
        expected = 1
        ids = connection.execute(
            "SELECT id FROM sessions UNION SELECT session_id FROM extents ORDER BY 1"
        )
        for (number,) in ids:
            if number.__class__ is not int:
                yield Fault(None, "there are frames of a session that has no number")
                continue
            if number > expected:
                yield _missing_sessions(expected, number - 1)
            expected = number + 1
            try:
                fault = self._session(connection, number)
            except _Broken as broken:
                fault = Fault(number, broken.what, broken.first, broken.last)
            except _ERRORS as error:
                fault = Fault(number, _unreadable(error))
            if fault is not None:
                yield fault
        # Not the recording's `meta`: that was read earlier, perhaps before a recorder went on.
        meta = dict(connection.execute("SELECT key, value FROM meta"))
        if "ended_at" in meta and meta.get("sessions") != str(expected - 1):
            said = _number(meta.get("sessions"))
            if said >= expected:
                yield _missing_sessions(expected, said)
            else:
                yield Fault(None, "its number of sessions is not what was recorded")
        for session, what in strays(connection):
            yield Fault(session, what)

    def _session(self, connection: sqlite3.Connection, number: int) -> Fault | None:
        row = connection.execute(
            f"SELECT {SESSION_COLUMNS}, link FROM sessions WHERE id = ?", (number,)
        ).fetchone()
        if row is None:
            raise _Broken("its row in sessions is missing")
        self.sessions += 1
        *row, said = row
        link = self._chain.row(START, (*row[:6], *NOT_YET))
        last_link = START
        if row[_CLEAN]:
            last_link = _last_link(connection, number) or link
        fits = self._chain.row(last_link, row) == said
        seq = own = 0
        extents = connection.execute(
            "SELECT first_seq, last_seq, e.first_id, link FROM extents e"
            " LEFT JOIN links l ON l.first_id = e.first_id WHERE session_id = ? ORDER BY first_seq",
            (number,),
        )
        for first, last, first_id, stored in extents:
            if not first.__class__ is last.__class__ is first_id.__class__ is int:
                raise _Broken("where its frames lie is not what was recorded", seq + 1)
            if first > seq + 1:
                raise _missing(seq + 1, first - 1)
            place = number, first, last
            if first <= seq or not 0 <= last - first < EXTENT_FRAMES:
                raise _changed(first, max(first, last))
            try:
                heads, times, payloads, details = self._frames(connection, place, first_id)
                link = self._chain.extent(link, place, heads, times, payloads, details)
            except _ERRORS as error:
                raise _Broken(_unreadable(error, "frame", first, last), first, last) from error
            if link != stored:
                # The first link covers how the session began, the row's link does as well. A row
                # that fits what the frames give fits: then it is the extent's own link.
                if seq == 0 and not fits and self._chain.row(link, row) != said:
                    what = f"its row in sessions, or {_range('frame', first, last)}, is"
                    raise _Broken(f"{what} not what was recorded", first, last)
                raise _changed(first, last)
            self.frames += last - first + 1
            seq = last
            own += sum("synthetic" in (names or "") for _, names, *_ in details)
        if not fits:
            if row[_CLEAN] and _more(row, seq, own):
                raise _Broken(f"frames from {seq + 1} on are missing", seq + 1)
            its = "its end record, the row in sessions," if row[_CLEAN] else "its row in sessions"
            raise _Broken(f"{its} is not what was recorded")
        if not row[_CLEAN]:
            return Fault(number, "ends without an end record", damage=False)
        return None

    def _frames(
        self, connection: sqlite3.Connection, place: tuple[int, int, int], first_id: int
    ) -> tuple[list[int], list[int], list[Any], list[Details]]:
        """Return what the link of an extent is made of."""
        number, first, last = place
        seq, size = first, 0
        heads, times, payloads = [], [], []
        details: list[Details] = []
        rows = connection.execute(
            "SELECT id, session_id, seq, head, at_ns, forwarded_ns, payload,"
            " anomalies, message_seq, message_parts, payload_parts"
            " FROM frames WHERE id BETWEEN ? AND ? ORDER BY id",
            (first_id, first_id + last - first),
        )
        for (
            row_id,
            *its_place,
            head,
            at_ns,
            forwarded_ns,
            payload,
            names,
            message_seq,
            message,
            parts,
        ) in rows:
            if row_id - first_id != seq - first:
                raise _missing(seq, first + row_id - first_id - 1)
            size += len(payload or b"") + len(names or "")
            wrong = not head.__class__ is at_ns.__class__ is int or (
                forwarded_ns is not None and forwarded_ns.__class__ is not int
            )
            if its_place != [number, seq] or wrong or size > EXTENT_BYTES:
                raise _changed(seq, last)
            heads.append(head)
            times.append(at_ns)
            payloads.append(payload)
            if not names is message_seq is message is parts is None:
                digest = _parts(connection, message, seq)
                same = message == parts
                own = digest if same else _parts(connection, parts, seq)
                details.append((seq, names, message_seq, digest, own))
            seq += 1
        if seq <= last:
            raise _missing(seq, last)
        return heads, times, payloads, details


def _more(row: list[Any], seq: int, own: int) -> bool:
    """Say whether a session had more than `seq` frames, `own` of them the proxy's, by its row."""
    counts = row[_CLIENT_FRAMES], row[_SERVER_FRAMES]
    said = sum(count for count in counts if isinstance(count, int))
    return said + own > seq or (row[_CLOSED_BY] == "proxy" and not own)


def _parts(connection: sqlite3.Connection, blob: int | None, seq: int) -> bytes | None:
    """Return the digest of a blob that frame `seq` refers to."""
    if blob is None:
        return None
    digest = sha256()
    first = expected = blob << PART_BITS
    before = connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _PART_BYTES)
    try:
        rows = connection.execute(
            "SELECT id, data FROM parts WHERE id BETWEEN ? AND ? ORDER BY id",
            (first, first + (1 << PART_BITS) - 1),
        )
        for part, data in rows:
            if part != expected:
                break
            if data.__class__ is not bytes:
                raise _Broken(f"parts of frame {seq} are not what was recorded", seq, seq)
            digest.update(data)
            expected += 1
        else:
            if expected > first:
                return digest.digest()
    finally:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, before)
    raise _Broken(f"parts of frame {seq} are missing", seq, seq)


def _last_link(connection: sqlite3.Connection, number: int) -> bytes | None:
    row = connection.execute(
        "SELECT link FROM extents e LEFT JOIN links l ON l.first_id = e.first_id"
        " WHERE session_id = ? ORDER BY first_seq DESC LIMIT 1",
        (number,),
    ).fetchone()
    # Something that cannot be a link must not fit by chance, and not raise.
    return None if row is None else row[0] if row[0].__class__ is bytes else b"none"


def _changed(first: int, last: int) -> _Broken:
    return _Broken(f"{_span('frame', first, last)} not what was recorded", first, last)


def _missing(first: int, last: int) -> _Broken:
    return _Broken(f"{_span('frame', first, last)} missing", first, last)


def _missing_sessions(first: int, last: int) -> Fault:
    return Fault(first if first == last else None, f"{_span('session', first, last)} missing")


def _span(what: str, first: int, last: int) -> str:
    return f"{_range(what, first, last)} {'is' if first == last else 'are'}"


def _range(what: str, first: int, last: int) -> str:
    return f"{what} {first}" if first == last else f"{what}s {first}-{last}"


def _number(text: object) -> int:
    return int(text) if isinstance(text, str) and text.isdecimal() and len(text) < 19 else 0


def _unreadable(error: Exception, what: str = "", first: int = 0, last: int = 0) -> str:
    # SQLite quotes what it cannot decode: no recorded text reaches a terminal raw.
    why = f"cannot be read: {repr(str(error))[1:-1]}"
    return f"{_range(what, first, last)} {why}" if what else why
