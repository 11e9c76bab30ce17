"""What a recording's cells may hold: whoever made the file, nothing else gets past here."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from .model import Session

__all__ = ["SESSION_COLUMNS", "read_meta", "session_of"]

SESSION_COLUMNS = (
    "id, started_at, started_ns, client, target, request_headers, status, response_headers,"
    " subprotocol, extensions, ended_ns, close_code, close_reason, closed_by, clean,"
    " client_frames, client_bytes, server_frames, server_bytes"
)
_TEXT_OR_NONE = (str, type(None))
_INT_OR_NONE = (int, type(None))
_SESSION_TYPES = (
    *((int,), (str,), (int,), _TEXT_OR_NONE, (str,), (str,), _INT_OR_NONE, _TEXT_OR_NONE),
    *(_TEXT_OR_NONE, _TEXT_OR_NONE, _INT_OR_NONE, _INT_OR_NONE, _TEXT_OR_NONE, _TEXT_OR_NONE),
    *((int,),) * 5,
)

_META_ROWS = 1000
_META_CHARACTERS = 1 << 20


def read_meta(connection: sqlite3.Connection) -> dict[str, str]:
    """Return what the `meta` table says; raises ValueError for what a recorder never says."""
    meta: dict[str, str] = {}
    size = 0
    for key, value in connection.execute(f"SELECT key, value FROM meta LIMIT {_META_ROWS + 1}"):
        if not key.__class__ is value.__class__ is str:
            raise ValueError("its meta is not what was recorded")
        size += len(key) + len(value)
        if len(meta) == _META_ROWS or size > _META_CHARACTERS:
            raise ValueError("its meta is larger than any")
        meta[key] = value
    return meta


def session_of(row: tuple[Any, ...]) -> Session:
    """Return a row of `SESSION_COLUMNS`; raises ValueError or TypeError if it cannot be one."""
    for value, types in zip(row, _SESSION_TYPES, strict=True):
        if value.__class__ not in types:
            raise TypeError("a row of its sessions is not what was recorded")
    values = list(row)
    values[5] = _pairs(row[5])
    values[7] = _pairs(row[7])
    values[14] = bool(row[14])
    return Session(*values)


def _pairs(text: str | None) -> tuple[tuple[str, str], ...]:
    pairs = tuple((name, value) for name, value in json.loads(text or "[]"))
    if not all(name.__class__ is value.__class__ is str for name, value in pairs):
        raise TypeError("headers of its sessions are not what was recorded")
    return pairs
