"""What a recording holds, counted by plain SQLite: none of wsrec's code takes part."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

__all__ = ["Totals", "differences", "recorded"]

PART_BITS = 20
"""A part's id is its blob's number shifted by this, plus its place in the blob."""


@dataclass(slots=True)
class Totals:
    """One direction's data frames, as native/load.c counts them."""

    frames: int = 0
    bytes: int = 0
    crc32_sum: int = 0


def recorded(path: Path) -> tuple[dict[str, Totals], int]:
    """Return the totals of each sender, and how many frames are marked with an anomaly."""
    totals = {"client": Totals(), "server": Totals()}
    database = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)
    try:
        rows = database.execute(
            "SELECT sender, payload, payload_parts FROM frames WHERE opcode IN (1, 2)"
        )
        for sender, payload, parts in rows:
            total = totals[sender]
            total.frames += 1
            crc32 = 0
            for piece in (payload,) if payload is not None else _pieces(database, parts):
                total.bytes += len(piece)
                crc32 = zlib.crc32(piece, crc32)
            total.crc32_sum += crc32
        marked = database.execute("SELECT count(*) FROM frames WHERE anomalies IS NOT NULL")
        return totals, marked.fetchone()[0]
    finally:
        database.close()


def _pieces(database: sqlite3.Connection, blob: int) -> Iterator[bytes]:
    first = blob << PART_BITS
    rows = database.execute(
        "SELECT data FROM parts WHERE id BETWEEN ? AND ? ORDER BY id",
        (first, first + (1 << PART_BITS) - 1),
    )
    for (data,) in rows:
        yield data


def differences(path: Path, expected: dict[str, Totals]) -> str | None:
    """Say how the recording differs from what passed, None when it does not."""
    try:
        totals, marked = recorded(path)
    except (sqlite3.Error, KeyError, TypeError) as error:
        return f"the recording cannot be read: {error}"
    for sender, want in expected.items():
        got = totals[sender]
        if got.frames != want.frames:
            return f"{got.frames} frames of the {sender} recorded, {want.frames} passed"
        if got != want:
            return f"the {sender}'s recorded payloads differ in bytes or checksum"
    return f"{marked} frames are marked with an anomaly" if marked else None
