"""Old sessions taken out of a recording: whole ones, and nothing of them stays in the file.

The recording is written anew and takes the old one's place in one step. Rows deleted in place
would be neither atomic nor gone: SQLite keeps what they held in free pages, in the log and in
slack space, until a VACUUM, which needs as much room as a new file, and which a crash or a reader
leaves half done. A new file never held what was removed, and until it has its name the old one
is whole.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..store.errors import RecordingBusyError, RecordingError
from ..store.lock import RecordingLock
from ..store.pruned import Pruned, Ranges, ranges_of
from ..store.seal import END, Sealer, Signer
from ..store.spool import segments, spool_folder
from ..store.verify import require_intact
from .copy import Copy, Take
from .fresh import Fresh
from .rule import EMPTY, Ended, Rule
from .source import Source, reading
from .walltime import epoch_ns

if TYPE_CHECKING:
    from ..store.keys import SigningKey

__all__ = ["Pruning", "prune"]


@dataclass(frozen=True, slots=True)
class Pruning:
    """What was removed from a recording, or would be."""

    removed: Ranges
    """First and last number of each stretch of sessions."""
    count: int
    """How many sessions those are."""
    left: int
    """How many stay."""
    bytes_before: int
    """With the log beside the file, where a recorder was killed."""
    bytes_after: int
    """An estimate where nothing was written."""
    unsealed: bool = False
    """The seal of the recording's end is not in it any more, or would not be."""


def prune(
    path: Path, rule: Rule, *, dry_run: bool = False, signer: SigningKey | None = None
) -> Pruning:
    """Remove the sessions that `rule` names, if any, and state their numbers in `meta`.

    Args:
        path: the recording; sessions that stay keep their seals.
        rule: which ones go.
        dry_run: only say which ones.
        signer: seals the end of what is left, if the recording is all sealed by the same key.

    Raises:
        RecordingError: not a recording, damaged, being recorded into or read from, or there is
            no room for a second file beside it. The file is what it was.
        OSError: no second file can be made beside it.
    """
    if path.is_symlink():  # which stays one
        path = path.resolve()
    try:
        lock = RecordingLock(path)
    except RecordingBusyError:
        raise RecordingError(f"{path}: is being recorded into; prune it afterwards") from None
    try:
        if segments(spool_folder(path)):
            raise RecordingError(f"{path}: its spool is still there; run `wsrec recover` first")
        with Source.open(path) as source:
            require_intact(source, signer.trusted() if signer else None)
            return _prune(source, rule, dry_run, signer)
    finally:
        lock.release()


def _prune(source: Source, rule: Rule, dry_run: bool, signer: Signer | None) -> Pruning:
    ((sealed,),) = source.rows("SELECT count(*) FROM seals WHERE session_id = ?", END)
    before = size = source.size
    left = _sessions(source)
    total = len(left)
    removed: list[int] = []
    while more := rule.removed(left, size):
        removed += (session.number for session in more)
        gone = set(more)
        left = [session for session in left if session not in gone]
        if dry_run:
            size = EMPTY + sum(session.bytes for session in left)
            break
        size = _rewrite(source, rule, left, removed, signer)
    unsealed = bool(sealed and removed and signer is None)
    ranges = ranges_of(removed)
    return Pruning(ranges, len(removed), total - len(removed), before, size, unsealed)


def _rewrite(
    source: Source,
    rule: Rule,
    left: Sequence[Ended],
    removed: Sequence[int],
    signer: Signer | None,
) -> int:
    """Write what is left; return its size. It takes the old one's place if `rule` is met."""
    with Fresh(source.path, source.path.stat()) as fresh:
        with fresh.writing():
            copy = Copy(fresh.connection)
            for number in sorted(session.number for session in left):
                copy.session(Take(source, number, number, sealed=True))
        pruned = Pruned.stated(source.meta).with_more(removed)
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        meta = {**source.meta, "pruned": pruned.statement(now)}
        if signer is None:
            size = fresh.finish(meta)
        else:
            size = fresh.finish(meta, lambda made: Sealer(made, signer).end(made))
        if not rule.removed(left, size):
            with Source.open(fresh.path) as written:  # soon there is no other
                require_intact(written)
            source.require_still()
            source.close()
            _take_log_in(source.path)
            fresh.take_place()
    return size


def _take_log_in(path: Path) -> None:
    """Leave no log beside the file that is to be replaced: it would be read with the new one."""
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            connection.execute("PRAGMA busy_timeout = 1000")
            connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise RecordingError(f"{path}: cannot be replaced while it is read: {error}") from error


def _sessions(source: Source) -> list[Ended]:
    """Return the sessions in order of their end."""
    found = []
    rows = source.rows(
        "SELECT id, started_at, started_ns, ended_ns,"
        " client_frames + server_frames, client_bytes + server_bytes FROM sessions"
    )
    for number, started_at, started_ns, ended_ns, frames, size in rows:
        if ended_ns is None:  # interrupted: nothing was counted
            frames, ended_ns = _interrupted(source, number)
            size = 0
        with reading(source.path):
            wall = epoch_ns(started_at) + ended_ns
            found.append((started_ns + ended_ns, number, wall, _ROW + frames * _FRAME + size))
    # Not by the wall clock: that may have been set back meanwhile.
    found.sort()
    weights = sum(weight for *_, weight in found)
    each = max(source.size - EMPTY, 0) / (weights or 1)  # with what SQLite adds, spread evenly
    return [Ended(number, wall, int(weight * each)) for _, number, wall, weight in found]


def _interrupted(source: Source, number: int) -> tuple[int, int]:
    """Return how many frames a session has, and when the last one arrived, since its start."""
    last = source.rows(
        "SELECT last_seq, at_ns FROM extents e"
        " LEFT JOIN frames f ON f.id = e.first_id + e.last_seq - e.first_seq"
        " WHERE e.session_id = ? ORDER BY e.first_seq DESC LIMIT 1",
        number,
    )
    return next(last, (0, 0))


_ROW = 1000
_FRAME = 30
"""Bytes that a session's row takes, and a frame's without its payload, in about."""
