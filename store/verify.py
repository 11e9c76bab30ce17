"""Is a recording what was recorded? The hash chain of each session, gone through again."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from .chain import EXTENT_BYTES, EXTENT_FRAMES, NOT_YET, START, Chain, Details
from .lookup import MANY, last_link, next_session, session_row, some_extents
from .opening import WRONG_VALUES, small_rows
from .parts import parts
from .pruned import Pruned
from .reader import Recording
from .strays import strays
from .tables import PART_BITS, TABLES, schema, schema_of_this_format
from .values import SESSION_COLUMNS, read_meta

__all__ = ["Fault", "Verification"]

_CLEAN = SESSION_COLUMNS.split(", ").index("clean")
_CLIENT_FRAMES = SESSION_COLUMNS.split(", ").index("client_frames")
_SERVER_FRAMES = SESSION_COLUMNS.split(", ").index("server_frames")
_CLOSED_BY = SESSION_COLUMNS.split(", ").index("closed_by")

_ERRORS = (sqlite3.Error, *WRONG_VALUES)
_NO_NUMBER = "there are frames of a session that has no number"


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
        self._pruned = Pruned.stated(recording.meta)
        self._chain = Chain()

    def faults(self) -> Generator[Fault, None, None]:
        """Yield the first fault of each session, and what belongs to none of them.

        Never raises over what the file holds: what cannot be read is a fault. Memory is bounded
        by what a recorder writes at once. Close the generator before the recording.
        """
        damaged: set[int | None] = set()
        try:
            for fault in self._all():
                if fault.session not in damaged or fault.session is None:
                    yield fault
                if fault.damage:
                    damaged.add(fault.session)
        except _ERRORS as error:
            yield Fault(None, _unreadable(error))

    def _all(self) -> Iterator[Fault]:
        with self._recording.snapshot() as connection:
            found = schema(connection)
        usual = schema_of_this_format()
        if found != usual:
            yield Fault(None, "its tables, or its view, are not those of this format")
            if any(found.get(table) != usual[table] for table in TABLES):
                return  # nothing can be said of what lies in them
        expected = 1
        number: int | float | None = -(1 << 63)
        while number is not None:
            with self._recording.snapshot() as connection, small_rows(connection):
                number = next_session(connection, number)
                if number is None:
                    # The end, in the state of the file that has no session more than these.
                    yield from self._rest(connection, expected)
            if number is None:
                return
            if not isinstance(number, int):
                yield Fault(None, _NO_NUMBER)
                continue
            for first, last in self._pruned.unstated(expected, number - 1):
                yield _missing_sessions(first, last)
            if self._pruned.states(number):
                yield Fault(number, "is there, though it is said to have been removed")
            expected = number + 1
            try:
                fault = self._session(number)
            except _Broken as broken:
                fault = Fault(number, broken.what, broken.first, broken.last)
            except _ERRORS as error:
                fault = Fault(number, _unreadable(error))
            if fault is not None:
                yield fault

    def _rest(self, connection: sqlite3.Connection, expected: int) -> Iterator[Fault]:
        """Yield what belongs to no session from 1 to before `expected`."""
        odd = connection.execute(
            "SELECT 1 FROM extents WHERE session_id IS NULL OR session_id >= '' LIMIT 1"
        )
        if odd.fetchone():
            yield Fault(None, _NO_NUMBER)
        # Not the recording's `meta`: that was read earlier, perhaps before a recorder went on.
        meta = read_meta(connection)
        if "ended_at" in meta and meta.get("sessions") != str(expected - 1):
            said = _number(meta.get("sessions"))
            for first, last in self._pruned.unstated(expected, said):
                yield _missing_sessions(first, last)
            if said < expected:
                yield Fault(None, "its number of sessions is not what was recorded")
        self._recording.work.begin(self._recording.budget.size())
        for session, what in strays(connection):
            yield Fault(session, what)

    def _session(self, number: int) -> Fault | None:
        self._recording.budget.begin("verified", number)
        link: bytes | None = None
        seq = own = 0
        begun: int | None = None
        more = True
        while more:
            with self._recording.snapshot() as connection, small_rows(connection):
                # The row again: it may have got its end since.
                found = session_row(connection, number)
                if found is None:
                    raise _Broken("its row in sessions is missing")
                row, said = found
                first_link = self._chain.row(START, (*row[:6], *NOT_YET))
                if link is None:
                    self.sessions += 1
                    link = first_link
                before = START
                if row[_CLEAN]:
                    before = last_link(connection, number) or first_link
                fits = self._chain.row(before, row) == said
                extents = some_extents(connection, number, begun)
                more = len(extents) == MANY
                for first, last, first_id, stored in extents:
                    if not first.__class__ is last.__class__ is first_id.__class__ is int:
                        raise _Broken("where its frames lie is not what was recorded", seq + 1)
                    if first > seq + 1:
                        raise _missing(seq + 1, first - 1)
                    place = number, first, last
                    if first <= seq or not 0 <= last - first < EXTENT_FRAMES:
                        raise _changed(first, max(first, last))
                    try:
                        columns = self._frames(connection, place, first_id)
                        link = self._chain.extent(link, place, *columns)
                    except _ERRORS as error:
                        what = _unreadable(error, "frame", first, last)
                        raise _Broken(what, first, last) from error
                    if link != stored:
                        # The first link covers how the session began, the row's link does as
                        # well. A row that fits what the frames give fits: then it is the extent's
                        # own link.
                        if seq == 0 and not fits and self._chain.row(link, row) != said:
                            what = f"its row in sessions, or {_range('frame', first, last)}, is"
                            raise _Broken(f"{what} not what was recorded", first, last)
                        raise _changed(first, last)
                    self.frames += last - first + 1
                    seq, begun = last, first
                    own += sum("synthetic" in (names or "") for _, names, *_ in columns[3])
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
        self._recording.work.begin()
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
            blob,
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
            if not names is message_seq is message is blob is None:
                digest = self._digest(connection, message, number, seq)
                same = message == blob
                own = digest if same else self._digest(connection, blob, number, seq)
                details.append((seq, names, message_seq, digest, own))
            seq += 1
        if seq <= last:
            raise _missing(seq, last)
        return heads, times, payloads, details

    def _digest(
        self, connection: sqlite3.Connection, blob: int | None, session: int, seq: int
    ) -> bytes | None:
        """Return the digest of a blob that a frame refers to."""
        if blob is None:
            return None
        digest = sha256()
        first = expected = blob << PART_BITS
        self._recording.work.begin()
        with parts(connection, blob) as rows:
            for part, data in rows:
                if part != expected:
                    break
                if data.__class__ is not bytes:
                    raise _Broken(f"parts of frame {seq} are not what was recorded", seq, seq)
                self._recording.budget.spend("verified", session, len(data))
                digest.update(data)
                expected += 1
            else:
                if expected > first:
                    self._recording.work.begin()
                    return digest.digest()
        raise _Broken(f"parts of frame {seq} are missing", seq, seq)


def _more(row: list[Any], seq: int, own: int) -> bool:
    """Say whether a session had more than `seq` frames, `own` of them the proxy's, by its row."""
    counts = row[_CLIENT_FRAMES], row[_SERVER_FRAMES]
    said = sum(count for count in counts if isinstance(count, int))
    return said + own > seq or (row[_CLOSED_BY] == "proxy" and not own)


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
