"""A segment of a spool, byte by byte as docs/recording.md says: written by one, read after a crash.

A header, then records: head, data, and a CRC-32 over both, so that what a power cut tore is known.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple
from zlib import crc32

from .errors import RecordingError

__all__ = [
    "ANSWERED",
    "CLIENT",
    "ENDED",
    "MOST_SESSIONS",
    "OPENED",
    "SERVER",
    "SYNTHETIC_CLIENT",
    "SYNTHETIC_SERVER",
    "Record",
    "pack_header",
    "pack_record",
    "read_segment",
]

OPENED, ANSWERED, CLIENT, SERVER, SYNTHETIC_CLIENT, SYNTHETIC_SERVER, ENDED = range(1, 8)
"""Kinds of records: what happened to a session, in the order in which the recorder is told."""

MOST_SESSIONS = 1 << 31
"""More sessions than a recording has: their numbers fit into records."""

_MAGIC = b"wsrecspl"
_VERSION = 1
_HEADER = struct.Struct("<8sI16sQB")  # magic, version, recording's id, segment, is_continued
_HEAD = struct.Struct("<IIqB")  # bytes of data, session, at_ns, kind
_CRC_SIZE = 4
_MOST = 64 << 20
"""More bytes of data than a record has: what a socket gives at once, or the head of a request."""
_pack = _HEAD.pack


class Record(NamedTuple):
    """One thing that happened to a session."""

    kind: int
    session: int
    at_ns: int
    """The dead process's monotonic clock."""
    data: bytes


def pack_header(identity: bytes, number: int, *, is_continued: bool) -> bytes:
    """Return what segment `number` of the recording with this id, of 16 bytes, begins with.

    `is_continued`: no record is missing between the segment before and this one.
    """
    return _HEADER.pack(_MAGIC, _VERSION, identity, number, is_continued)


def pack_record(kind: int, session: int, at_ns: int, data: bytes) -> bytes:
    """Return a record's bytes."""
    head = _pack(len(data), session, at_ns, kind)
    return head + data + crc32(data, crc32(head)).to_bytes(_CRC_SIZE, "little")


def read_segment(path: Path, identity: bytes, *, resumed: bool = False) -> Iterator[Record | None]:
    """Yield the records of a segment, up to its end or to where it was torn.

    None stands where records are missing: between the segment before and this one, unless what
    came before it is known, `resumed`; and between where it was torn and the next one.

    Raises:
        RecordingError: it belongs to another recording, or to a newer wsrec.
        OSError: it cannot be read.
    """
    with open(_open(path), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size:
            yield None  # torn before its first record
            return
        magic, version, belongs_to, number, is_continued = _HEADER.unpack(header)
        if magic != _MAGIC or version != _VERSION or number != int(path.name):
            raise RecordingError(f"{path}: not a spool that this wsrec reads")
        if not (is_continued or resumed):
            yield None
        if size == len(header):
            return  # nothing is in it, whoever began it: perhaps before the recording had an id
        if belongs_to != identity:
            raise RecordingError(
                f"{path}: belongs to another recording, which was here under this name; "
                "move the folder away, or back beside its recording"
            )
        while file.tell() < size:
            record = _read(file, size)
            yield record
            if record is None:
                return


def _open(path: Path) -> int:
    """Open a segment, without waiting for a pipe or following a link."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise RecordingError(f"{path}: not a spool, which is made of files; move it away")
    return fd


def _read(file: BinaryIO, size: int) -> Record | None:
    """Return the next record of a file of this size; None: it is not whole."""
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    length, session, at_ns, kind = _HEAD.unpack(head)
    if length > min(_MOST, size - file.tell() - _CRC_SIZE):
        return None
    data = file.read(length)
    crc = int.from_bytes(file.read(_CRC_SIZE), "little")
    return Record(kind, session, at_ns, data) if crc == crc32(data, crc32(head)) else None
