"""After a crash: what the spool holds and the recording does not is written into the recording.

A spool is what the dead recorder was told, in order. Told again, from where it had noted the
state of its sessions, it makes the same rows: those that are there already are left out.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import NamedTuple

import msgpack  # type: ignore[import-untyped]  # it ships no types

from ..wire.deflate import Extensions
from ..wire.mask import Unmask, xor_mask
from .batch import MANY, Batch, stored_of
from .errors import RecordingError
from .model import Sender
from .opening import WRONG_VALUES
from .segment import (
    ANSWERED,
    CLIENT,
    ENDED,
    MOST_SESSIONS,
    OPENED,
    SERVER,
    SYNTHETIC_CLIENT,
    SYNTHETIC_SERVER,
    Record,
    read_segment,
)
from .session import SessionWriter
from .shape import Maybe, Size, unpack
from .spool import segments, spool_folder
from .unfinished import AGREED, unfinished_in

__all__ = ["Recovered", "recover_into"]

_DAMAGE = (*WRONG_VALUES, LookupError, AssertionError, msgpack.UnpackException)
"""What is raised over a spool, or states, that no recorder wrote."""

_MOST_OPEN = 1 << 16
"""More sessions than a process has sockets for."""

_HEADERS = [(str, str)]
_OPENED = str, Size, Maybe(str), str, _HEADERS
_ANSWERED = Size, _HEADERS, Maybe(str), Maybe(str), AGREED


class Recovered(NamedTuple):
    """What was found in a spool."""

    frames: int
    """That were not in the recording."""
    sessions: int
    """That got some of them, or their beginning or end."""
    passed_over: int
    """Records about sessions whose beginning is lost, as after a power cut."""


def recover_into(
    connection: sqlite3.Connection, path: Path, unmask: Unmask = xor_mask
) -> Recovered | None:
    """Write what is in the spool of the recording at `path` into it, in one transaction.

    The spool itself is left alone: what has been recovered is passed over the next time.

    Returns:
        None if there is no spool, or nothing in it that the recording has not been through.

    Raises:
        RecordingError: the spool is another recording's, damaged, or none.
        sqlite3.Error: it cannot be written.
        OSError: the spool cannot be read.
    """
    there = segments(spool_folder(path))
    if not there:
        return None
    try:
        return _recover(connection, there, unmask)
    except _DAMAGE as error:
        what = repr(str(error))[1:-1]
        raise RecordingError(
            f"{path}: its spool, or what it says of sessions that had not ended, is damaged: {what}"
        ) from error


def _recover(
    connection: sqlite3.Connection, there: list[tuple[int, Path]], unmask: Unmask
) -> Recovered | None:
    if connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'trigger'").fetchone():
        raise ValueError("there is a trigger in it, which would be run")
    meta = dict(connection.execute("SELECT key, value FROM meta"))
    identity = bytes.fromhex(meta.get("id", ""))
    first = int(meta.get("spool", "0"))
    for _, file in there:  # before any is passed over: whoever called may delete them
        next(read_segment(file, identity, resumed=True), None)
    files = [each for each in there if each[0] >= first]
    connection.execute("BEGIN IMMEDIATE")
    try:
        batch = Batch(connection, most_kept=0)
        replay = _Replay(connection, batch, unmask)
        expected = first
        for number, file in files:
            if number == first:
                replay.resume()
            elif number != expected:
                replay.cut()
            expected = number + 1
            for record in read_segment(file, identity, resumed=number == first):
                if record is None:
                    replay.cut()
                else:
                    replay.do(record)
        result = replay.end()
        connection.execute("DELETE FROM unfinished")
        following = max(there[-1][0] + 1, first)
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('spool', ?)", (str(following),))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result if files else None


class _Replay:
    """Does to the recording what the records of a spool say."""

    def __init__(self, connection: sqlite3.Connection, batch: Batch, unmask: Unmask) -> None:
        self._connection = connection
        self._batch = batch
        self._unmask = unmask
        self._sessions: dict[int, SessionWriter] = {}
        self._last_ns: dict[int, int] = {}
        self._changed: set[int] = set()
        self._frames = 0
        self._passed_over = 0

    def resume(self) -> None:
        """Take up the sessions that were open when the spool's first segment began."""
        for number, started_ns, state in unfinished_in(self._connection):
            session = self._session(number, started_ns)
            session.resume(state)
            self._know(session)
            self._last_ns[number] = started_ns

    def do(self, record: Record) -> None:
        """Do what one record says."""
        kind, number, at_ns, data = record
        session = self._sessions.get(number)
        if kind == OPENED:
            session = self._session(number, at_ns)
            session.opened(*unpack(data, _OPENED))
            self._know(session)
        elif session is None:
            self._passed_over += 1
            return
        elif kind == CLIENT:
            session.client.feed(at_ns, None, data)
        elif kind == SERVER:
            session.server.feed(at_ns, None, data)
        elif kind == ANSWERED:
            status, headers, subprotocol, extensions, agreed = unpack(data, _ANSWERED)
            deflate, server_keeps, client_keeps, others = agreed
            known = Extensions(deflate, server_keeps, client_keeps, tuple(others))
            session.answered(status, headers, subprotocol, extensions, known)
        elif kind in (SYNTHETIC_CLIENT, SYNTHETIC_SERVER):
            sender: Sender = "client" if kind == SYNTHETIC_CLIENT else "server"
            session.synthetic(sender, at_ns, data)
        elif kind == ENDED:
            session.ended(at_ns)
            self._count(self._sessions.pop(number))
        else:
            raise ValueError(f"there are no records of kind {kind}")
        self._last_ns[number] = at_ns
        if self._batch.rows > MANY:
            self._batch.flush()
        if self._batch.error is not None:
            raise self._batch.error

    def cut(self) -> None:
        """Write what there is of frames that were not complete: nothing more is known of them."""
        for number, session in self._sessions.items():
            session.cut_off(self._last_ns[number])
            self._count(session)
        self._sessions.clear()

    def end(self) -> Recovered:
        """Say what has been done, when all of it has been."""
        self.cut()
        self._batch.flush()
        if self._batch.error is not None:
            raise self._batch.error
        return Recovered(self._frames, len(self._changed), self._passed_over)

    def _session(self, number: int, started_ns: int) -> SessionWriter:
        if not 0 < number <= MOST_SESSIONS:
            raise ValueError(f"there is no session {number:,}")
        if len(self._sessions) > _MOST_OPEN:
            raise ValueError(f"more than {_MOST_OPEN:,} sessions were open at once")
        session = SessionWriter(self._batch, number, started_ns, self._unmask)
        self._sessions[number] = session
        return session

    def _know(self, session: SessionWriter) -> None:
        session.stored, link = stored_of(self._connection, session.id)
        session.link = link or session.link

    def _count(self, session: SessionWriter) -> None:
        new = session.seq - session.stored
        if new > 0:
            self._frames += new
            self._changed.add(session.id)
