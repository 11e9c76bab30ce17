"""Is a recording what was recorded? The hash chain of each session, gone through again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

from .chain import EXTENT_FRAMES, NOT_YET, START, Chain
from .errors import RecordingError
from .extent import ERRORS, Extent, Extents
from .fault import Broken, Fault, changed, frames_between, missing, span, unreadable
from .lookup import MANY, last_link, next_session, session_row, some_extents
from .opening import small_rows
from .passage import Passage
from .pruned import UNRECORDED, Pruned
from .reader import Recording
from .seals import Seals
from .strays import strays
from .tables import TABLES, schema, schema_of_this_format
from .values import SESSION_COLUMNS, read_meta

if TYPE_CHECKING:
    from .keys import PublicKeys

__all__ = ["Fault", "Verification", "require_intact"]

_CLEAN = SESSION_COLUMNS.split(", ").index("clean")
_CLIENT_FRAMES = SESSION_COLUMNS.split(", ").index("client_frames")
_SERVER_FRAMES = SESSION_COLUMNS.split(", ").index("server_frames")
_CLOSED_BY = SESSION_COLUMNS.split(", ").index("closed_by")

# Read at once, and held while somebody looks at it; the last extent may go beyond.
_PASSAGE_FRAMES = 1000
_PASSAGE_BYTES = 4 << 20

_NO_NUMBER = "there are frames of a session that has no number"


class Verification:
    """Goes through a recording once, by `faults`, and counts what it goes through."""

    def __init__(self, recording: Recording, keys: PublicKeys | None = None) -> None:
        """`keys`: without them no seal is asked for; with them, of whatever has ended."""
        self.sessions = 0
        """Rows of `sessions` seen so far."""
        self.frames = 0
        """Frames that have been seen to be what was recorded."""
        self._recording = recording
        self._pruned = Pruned.stated(recording.meta)
        self._unrecorded = Pruned.stated(recording.meta, UNRECORDED)
        self._chain = Chain()
        self._extents = Extents(recording)
        self.seals = Seals(recording, keys)
        """What there was of them."""

    def faults(
        self, session: Callable[[int], Fault | None] | None = None
    ) -> Generator[Fault, None, None]:
        """Yield the first fault of each session, and what belongs to none of them.

        `session` is asked instead of the method `session`: somebody may have looked already.

        Never raises over what the file holds: what cannot be read is a fault. Memory is bounded
        by what a recorder writes at once. Close the generator before the recording.
        """
        damaged: set[int | None] = set()
        try:
            for fault in self._all(session or self.session):
                if fault.session not in damaged or fault.session is None:
                    yield fault
                if fault.damage:
                    damaged.add(fault.session)
        except ERRORS as error:
            yield Fault(None, unreadable(error))

    def _all(self, session: Callable[[int], Fault | None]) -> Iterator[Fault]:
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
            yield from self._absent(expected, number - 1)
            if self._pruned.states(number):
                yield Fault(number, "is there, though it is said to have been removed")
            expected = number + 1
            fault = session(number)
            if fault is not None:
                yield fault

    def session(self, number: int) -> Fault | None:
        """Return the first fault of a session; None: it is what was recorded."""
        return next((each for each in self.read(number) if isinstance(each, Fault)), None)

    def read(self, number: int) -> Iterator[Passage | Fault]:
        """Yield what a session consists of, and at last its first fault, if it has one.

        A recorder's log can be written back while somebody looks at a passage. Behind it may come
        that the session is not what was recorded.
        """
        try:
            yield from self._session(number)
        except Broken as broken:
            yield Fault(number, broken.what, broken.first, broken.last)
        except ERRORS as error:
            yield Fault(number, unreadable(error))

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
            yield from self._absent(expected, said)
            if said < expected:
                yield Fault(None, "its number of sessions is not what was recorded")
        if count := self._unrecorded.count:
            what = f"{count:,} sessions were not recorded, or not to their end: too many at once"
            yield Fault(None, f"{what} while nothing could be written", damage=False)
        self._recording.work.begin(self._recording.budget.size())
        for session, what in strays(connection):
            yield Fault(session, what)
        yield from self.seals.rest(connection, meta)

    def _absent(self, first: int, last: int) -> Iterator[Fault]:
        """Yield which sessions of these numbers are missing, and nobody says why."""
        for begin, end in self._pruned.unstated(first, last):
            for stretch in self._unrecorded.unstated(begin, end):
                yield _missing_sessions(*stretch)

    def _session(self, number: int) -> Iterator[Passage | Fault]:
        for what in ("verified", "messages"):
            self._recording.budget.begin(what, number)
        link: bytes | None = None
        seq = own = missed = 0
        gap: tuple[int, int, object] | None = None
        begun: int | None = None
        more = True
        while more:
            passed: list[Extent] = []
            frames = size = 0
            with self._recording.snapshot() as connection, small_rows(connection):
                # The row again: it may have got its end since.
                found = session_row(connection, number)
                if found is None:
                    raise Broken("its row in sessions is missing")
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
                for first, last, first_id, stored, reason in extents:
                    if not first.__class__ is last.__class__ is first_id.__class__ is int:
                        raise Broken("where its frames lie is not what was recorded", seq + 1)
                    if first > seq + 1:
                        raise missing(seq + 1, first - 1)
                    place = number, first, last
                    if first <= seq or not 0 <= last - first < EXTENT_FRAMES:
                        raise changed(range(first, max(first, last) + 1))
                    if reason is not None:
                        link = self._chain.row(link, (*place, reason))
                        if link != stored:
                            what = f"that {frames_between(first, last)} were not recorded"
                            raise Broken(f"{what} is not what was recorded", first, last)
                        missed += last - first + 1
                        gap = gap or (first, last, reason)
                        seq, begun = last, first
                        continue
                    try:
                        extent = self._extents.read(connection, place, first_id, link)
                    except ERRORS as error:
                        what = unreadable(error, frames_between(first, last))
                        raise Broken(what, first, last) from error
                    link = extent.link
                    if extent.odd:
                        raise extent.changed(first, last)
                    if link != stored:
                        # The first link covers how the session began, the row's link does as
                        # well. A row that fits what the frames give fits: then it is the extent's
                        # own link.
                        if seq == 0 and not fits and self._chain.row(link, row) != said:
                            raise _row_or_frames(extent, first, last)
                        raise extent.changed(first, last)
                    if extent.differing != [] or extent.lost:
                        what = f"the check sums of {frames_between(first, last)} are"
                        raise Broken(f"{what} not what was recorded", first, last)
                    self.frames += last - first + 1
                    seq, begun = last, first
                    own += extent.synthetic
                    passed.append(extent)
                    frames += len(extent.rows)
                    size += extent.size
                    if frames > _PASSAGE_FRAMES or size > _PASSAGE_BYTES:
                        more = True
                        break
            if fits:
                absent = None if gap is None else gap[0]
                if absent is None and not more and row[_CLEAN] and _said(row) + own != seq:
                    absent = seq + 1
                yield Passage(self._recording, tuple(row), passed, absent)
        if not fits:
            if row[_CLEAN] and _more(row, seq, own):
                raise Broken(f"frames from {seq + 1} on are missing", seq + 1)
            its = "its end record, the row in sessions," if row[_CLEAN] else "its row in sessions"
            raise Broken(f"{its} is not what was recorded")
        if gap is not None:
            first, last, reason = gap
            rest = "" if missed == last - first + 1 else f", and more: {missed:,} in all"
            what = f"{frames_between(first, last)} were not recorded ({reason}){rest}"
            yield Fault(number, what, first, last, damage=False)
        elif not row[_CLEAN]:
            yield Fault(number, "ends without an end record", damage=False)
        else:
            with self._recording.snapshot() as connection, small_rows(connection):
                wrong = self.seals.session(connection, number, said)
            if wrong:
                yield Fault(number, wrong)


def require_intact(
    recording: Recording,
    keys: PublicKeys | None = None,
    session: Callable[[int], Fault | None] | None = None,
) -> None:
    """Do nothing for a recording that is what was recorded, interrupted or not.

    `session` is as in `Verification.faults`.

    Raises:
        RecordingError: it is not; the message is one line that names session and frames.
    """
    with closing(Verification(recording, keys).faults(session)) as faults:
        for fault in faults:
            if fault.damage:
                raise RecordingError(f"{recording.path}: damaged: {fault}")


def _row_or_frames(extent: Extent, first: int, last: int) -> Broken:
    """Return which of both is not what was recorded: the check sums do not cover the row."""
    if extent.differing or extent.lost:
        return extent.changed(first, last)
    if extent.differing is not None:
        return Broken("its row in sessions is not what was recorded")
    what = f"its row in sessions, or {frames_between(first, last)}, is not what was recorded"
    return Broken(what, first, last)


def _more(row: list[Any], seq: int, own: int) -> bool:
    """Say whether a session had more than `seq` frames, `own` of them the proxy's, by its row."""
    return _said(row) + own > seq or (row[_CLOSED_BY] == "proxy" and not own)


def _said(row: list[Any]) -> int:
    """Return how many frames both peers sent, by a session's row."""
    counts = row[_CLIENT_FRAMES], row[_SERVER_FRAMES]
    return sum(count for count in counts if isinstance(count, int))


def _missing_sessions(first: int, last: int) -> Fault:
    return Fault(first if first == last else None, f"{span('session', first, last)} missing")


def _number(text: object) -> int:
    return int(text) if isinstance(text, str) and text.isdecimal() and len(text) < 19 else 0
