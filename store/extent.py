"""One extent of a session, held against its link; and which of its frames it was that changed."""

from __future__ import annotations

import contextlib
import sqlite3
from hashlib import sha256
from typing import Any, NamedTuple

from .chain import EXTENT_BYTES, SUM_BYTES, Chain, Details
from .fault import Broken, changed, frames_between, missing, unreadable
from .opening import WRONG_VALUES
from .parts import parts
from .reader import Recording
from .tables import PART_BITS
from .values import ROW_COLUMNS, Row

__all__ = ["ERRORS", "Extent", "Extents"]

ERRORS = (sqlite3.Error, *WRONG_VALUES)
"""What is raised over a file that holds something else than a recorder wrote."""

_FRAMES = f"SELECT id, {ROW_COLUMNS}, payload_parts FROM frames"
_INT_OR_NONE = (int, type(None))
_TEXT_OR_NONE = (str, type(None))


class Extent(NamedTuple):
    """What an extent holds, whether or not it is what was recorded."""

    link: bytes
    """Computed of what it holds."""
    odd: list[int]
    """Frames that no recorder writes there; whatever the link is, they are wrong."""
    differing: list[int] | None
    """Frames whose check sums are other ones, or that have none; None: there are no sums."""
    lost: int
    """Frames behind the last one that have a check sum."""
    synthetic: int
    """Frames of the proxy's own."""
    size: int
    """Bytes of payload."""
    rows: list[Row]
    """What was read, for `values.messages_in`."""

    def changed(self, first: int, last: int) -> Broken:
        """Return that the extent is not what was recorded, by the frames that tell so."""
        seqs = sorted({*self.odd, *(self.differing or ())})
        if self.lost and not seqs:
            return missing(last + 1, last + self.lost)
        return changed(seqs or range(first, last + 1))


class Extents:
    """Reads extents; memory is bounded by what a recorder writes as one of them."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._chain = Chain()

    def read(
        self,
        connection: sqlite3.Connection,
        place: tuple[int, int, int],
        first_id: int,
        before: bytes,
    ) -> Extent:
        """Return what lies in the extent of session, first and last frame; `before` is the link.

        Raises:
            Broken: frames are missing from it, or cannot be read.
            sqlite3.Error: and what else is in `ERRORS`.
        """
        number, first, last = place
        seq, size = first, 0
        kept: list[Row] = []
        heads: list[int] = []
        times: list[int] = []
        payloads: list[Any] = []
        details: list[Details] = []
        odd: list[int] = []
        self._recording.work.begin()
        bounds = first_id, first_id + last - first
        rows = connection.execute(f"{_FRAMES} WHERE id BETWEEN ? AND ? ORDER BY id", bounds)
        try:
            for row in rows:
                (
                    row_id,
                    its_session,
                    its_seq,
                    head,
                    at_ns,
                    forwarded_ns,
                    payload,
                    names,
                    message_seq,
                    message,
                    blob,
                ) = row
                if row_id - first_id != seq - first:
                    raise missing(seq, first + row_id - first_id - 1)
                plain = names is message_seq is message is blob is None
                if (
                    its_seq != seq
                    or its_session != number
                    or not head.__class__ is at_ns.__class__ is int
                    or (forwarded_ns.__class__ is not int and forwarded_ns is not None)
                    or (payload.__class__ is not bytes and (plain or payload is not None))
                    or not (plain or _are_details(payload, names, message_seq, message, blob))
                ):
                    odd.append(seq)  # whatever the rest is: the extent is not what was recorded
                    head = at_ns = 0
                    payload, plain = b"", True
                size += len(payload or b"")
                heads.append(head)
                times.append(at_ns)
                payloads.append(payload)
                kept.append(row)
                if not plain:
                    size += len(names or "")
                    digest = self._digest(connection, message, number, seq)
                    same = message == blob
                    own = digest if same else self._digest(connection, blob, number, seq)
                    details.append((seq, names, message_seq, digest, own))
                if size > EXTENT_BYTES:
                    raise changed(range(seq, last + 1))
                seq += 1
        except ERRORS as error:
            raise self._unreadable(connection, error, place, first_id, seq) from error
        if seq <= last:
            raise missing(seq, last)
        link = self._chain.extent(before, place, heads, times, payloads, details)
        sums = self._chain.sums(first, heads, times, payloads, details)
        differing, lost = _differing(first, sums, _stored(connection, first_id))
        synthetic = sum("synthetic" in (names or "") for _, names, *_ in details)
        return Extent(link, odd, differing, lost, synthetic, size, kept)

    def _unreadable(
        self,
        connection: sqlite3.Connection,
        error: Exception,
        place: tuple[int, int, int],
        first_id: int,
        seq: int,
    ) -> Broken:
        """Return that frames cannot be read: the one, if it can be told."""
        _, first, last = place
        # The driver reads a row ahead: it is this frame, or the next one.
        for each in range(seq, min(seq + 2, last + 1)):
            self._recording.work.begin()
            try:
                connection.execute(f"{_FRAMES} WHERE id = ?", (first_id + each - first,)).fetchall()
            except ERRORS as its_own:
                what = unreadable(its_own, frames_between(each, each))
                return Broken(what, each, each)
        return Broken(unreadable(error, frames_between(seq, last)), seq, last)

    def _digest(
        self, connection: sqlite3.Connection, blob: int | None, session: int, seq: int
    ) -> bytes | None:
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
                    raise Broken(f"parts of frame {seq} are not what was recorded", seq, seq)
                self._recording.budget.spend("verified", session, len(data))
                digest.update(data)
                expected += 1
            else:
                if expected > first:
                    self._recording.work.begin()
                    return digest.digest()
        raise Broken(f"parts of frame {seq} are missing", seq, seq)


def _are_details(payload: object, names: object, *numbers: object) -> bool:
    """Say whether the columns of a frame that has details are of types that a recorder writes."""
    return (
        names.__class__ in _TEXT_OR_NONE
        and all(number.__class__ in _INT_OR_NONE for number in numbers)
        and (payload is not None or numbers[-1] is not None)
    )


def _stored(connection: sqlite3.Connection, first_id: int) -> object:
    # Not with the extents: it is as large as a tenth of the frames.
    with contextlib.suppress(*ERRORS):
        row = connection.execute("SELECT sums FROM links WHERE first_id = ?", (first_id,))
        return next(row, (None,))[0]
    return None


def _differing(first: int, computed: bytes, stored: object) -> tuple[list[int] | None, int]:
    """Return which frames have another check sum than the stored one, and how many more there are.

    None: what is stored can be no check sums.
    """
    if computed == stored:
        return [], 0
    if not isinstance(stored, bytes) or not stored or len(stored) % SUM_BYTES:
        return None, 0
    places = range(0, len(computed), SUM_BYTES)
    differing = [
        first + place // SUM_BYTES
        for place in places
        if computed[place : place + SUM_BYTES] != stored[place : place + SUM_BYTES]
    ]
    return differing, max(len(stored) - len(computed), 0) // SUM_BYTES
