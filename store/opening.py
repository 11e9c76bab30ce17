"""Opening a file that anybody may have made: nothing in it is run, nothing is written."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from .errors import RecordingError
from .parts import PART_BYTES
from .tables import APPLICATION_ID, FORMAT_VERSION, schema, schema_of_this_format
from .work import Work

__all__ = [
    "WRONG_VALUES",
    "check_format",
    "damage",
    "damaged",
    "open_read_only",
    "restrict",
    "small_rows",
]

WRONG_VALUES = (
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
    MemoryError,
)
"""What our own code raises over values of types, sizes and depths that no recorder writes."""

_ROW_BYTES = 4 << 20
"""More than any row of a recorder, but of `parts`: a frame's payload has at most PART_SIZE."""

_SQLITE_HEADER = b"SQLite format 3\x00"
_WAL_MODE = b"\x02\x02"
_ALONE = "mode=ro&immutable=1"
_BUSY_SECONDS = 2.0
_COMPANIONS = ("-wal", "-shm", "-journal")
_LIMITS = (
    (sqlite3.SQLITE_LIMIT_LENGTH, PART_BYTES),
    (sqlite3.SQLITE_LIMIT_SQL_LENGTH, 100_000),
    (sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 100),
    (sqlite3.SQLITE_LIMIT_COMPOUND_SELECT, 20),
    (sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 100),
    (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
    (sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 1),
    (sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0),
)


def open_read_only(path: Path, work: Work) -> tuple[sqlite3.Connection, bool]:
    """Return a connection for reading alone, and whether it sees no log that comes later.

    Raises:
        RecordingError: SQLite must not be let near this file.
        sqlite3.Error: it cannot be read.
    """
    how = _how(path)
    connection = sqlite3.connect(
        f"file:{quote(os.fsencode(path.absolute()))}?{how}",
        uri=True,
        isolation_level=None,
        timeout=_BUSY_SECONDS,
    )
    try:
        for limit, most in _LIMITS:
            connection.setlimit(limit, most)
        connection.set_progress_handler(work.step, work.EVERY)
        for pragma in (
            "trusted_schema = OFF",  # views and columns may not call what has side effects
            "query_only = ON",
            "cell_size_check = ON",
            "mmap_size = 0",  # a file that is cut while it is mapped kills the process
        ):
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection, how == _ALONE


def check_format(path: Path, connection: sqlite3.Connection) -> None:
    """Do nothing for a recording in a format that is known here.

    Raises:
        RecordingError: another program's file, or a newer format.
        ValueError: no recorder has written this.
    """
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application_id != APPLICATION_ID:
        raise RecordingError(f"{path}: not a wsrec recording (another SQLite file)")
    if version > FORMAT_VERSION:
        raise RecordingError(
            f"{path}: recording format {version} is newer than this wsrec reads "
            f"({FORMAT_VERSION}); upgrade wsrec"
        )
    if version < 1:
        raise ValueError(f"there is no recording format {version}")


def restrict(connection: sqlite3.Connection) -> None:
    """Let only the tables, and the view, that are just as this format defines them be read.

    A view, a virtual table or a column with an expression of its own in a table's place would
    run what somebody wrote into the file.
    """
    readable = {"sqlite_master"}

    def allow(
        action: int, first: str | None, second: str | None, base: str | None, inside: str | None
    ) -> int:
        # `inside` is the view or the trigger that asks.
        allowed = (inside is None or inside in readable) and (
            action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_TRANSACTION)
            or (action == sqlite3.SQLITE_READ and first in readable)
        )
        return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY

    connection.set_authorizer(allow)
    expected = schema_of_this_format()
    for name, sql in schema(connection).items():
        if sql == expected[name]:
            readable.add(name)


@contextlib.contextmanager
def small_rows(connection: sqlite3.Connection) -> Iterator[None]:
    """Refuse values larger than those of any table but `parts`, before they take memory."""
    before = connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _ROW_BYTES)
    try:
        yield
    finally:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, before)


@contextlib.contextmanager
def damage(path: Path) -> Iterator[None]:
    """Turn what SQLite or a decoder says about a damaged file into a `RecordingError`."""
    try:
        yield
    except (sqlite3.Error, *WRONG_VALUES) as error:
        raise damaged(path, error) from error


def damaged(path: Path, error: Exception) -> RecordingError:
    """Return what to say of a file over which SQLite, or a decoder, has raised `error`."""
    code = getattr(error, "sqlite_errorcode", None)
    kind = None if code is None else code & 0xFF
    if kind in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return RecordingError(f"{path}: another program has locked it")
    if code == sqlite3.SQLITE_READONLY_ROLLBACK:
        return RecordingError(
            f"{path}: another program was interrupted while it changed this file, see the -journal "
            "beside it; any SQLite tool that may write it brings it back to what it was"
        )
    if kind in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
        return RecordingError(
            f"{path}: cannot be read here together with the -wal beside it: "
            "copy both to a folder that can be written"
        )
    if kind == sqlite3.SQLITE_AUTH:
        return RecordingError(f"{path}: damaged: its tables are not those of this format")
    if kind == sqlite3.SQLITE_INTERRUPT:
        return RecordingError(f"{path}: damaged: reading it comes to no end")
    if isinstance(error, MemoryError):
        return RecordingError(f"{path}: holds more than fits into memory")
    # SQLite quotes what it cannot decode: no recorded text reaches a terminal raw.
    return RecordingError(f"{path}: damaged: {repr(str(error))[1:-1]}")


def _how(path: Path) -> str:
    """Look at the file and at those beside it, and say how SQLite is to open it."""
    head, size = _beginning(path)
    if not head.startswith(_SQLITE_HEADER):
        raise RecordingError(f"{path}: not a wsrec recording (not an SQLite file)")
    target = path.resolve()  # SQLite looks beside the file, not beside a link to it
    there = {}
    for name in _COMPANIONS:
        try:
            there[name] = target.with_name(target.name + name).lstat()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise RecordingError(f"{path}: its {name}: {error.strerror or error}") from error
        # SQLite would wait at a pipe, and write through a link to who knows where.
        if not stat.S_ISREG(there[name].st_mode):
            raise RecordingError(f"{path}: the {name} beside it is {_kind(there[name].st_mode)}")
    page = int.from_bytes(head[16:18], "big")
    expected = (65536 if page == 1 else page) * int.from_bytes(head[28:32], "big")
    wal = "-wal" in there and there["-wal"].st_size > 0
    if size < expected and not wal:
        raise RecordingError(f"{path}: truncated: {size} of {expected} bytes are there")
    if "-shm" in there:
        # Without writing to it: a dead recorder's -shm is not believed, a live one's is.
        return "mode=ro&readonly_shm=1" if "-wal" in there else "mode=ro"
    if head[18:20] == _WAL_MODE and not wal and "-journal" not in there:
        # Nobody has it open, and there is no log to be missed. SQLite would leave two files
        # behind, or refuse where it cannot.
        return _ALONE
    return "mode=ro"


def _beginning(path: Path) -> tuple[bytes, int]:
    """Return the file's header and size, without waiting for a pipe or reading a device."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            # A pipe may have come in between: it is not waited for either.
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
            with open(fd, "rb") as file:  # noqa: PTH123 - not a path
                status = os.fstat(fd)
                mode = status.st_mode
                if stat.S_ISREG(mode):
                    return file.read(100), status.st_size
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from error
    except ValueError as error:  # a null character, or what no file name can be encoded from
        raise RecordingError(f"{str(path)!r}: no path: {error}") from error
    raise RecordingError(f"{path}: not a wsrec recording ({_kind(mode)})")


def _kind(mode: int) -> str:
    for what, is_that in (
        ("a folder", stat.S_ISDIR),
        ("a pipe", stat.S_ISFIFO),
        ("a socket", stat.S_ISSOCK),
        ("a link", stat.S_ISLNK),
    ):
        if is_that(mode):
            return what
    return "a device"
