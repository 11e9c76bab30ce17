"""What a recording's cells may hold: whoever made the file, nothing else gets past here."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from .model import Frame, Message, Sender, Session
from .tables import BINARY_MESSAGE, SERVER, TEXT_MESSAGE

__all__ = [
    "FRAME_COLUMNS",
    "MESSAGE_COLUMNS",
    "PLACE_COLUMNS",
    "ROW_COLUMNS",
    "SESSION_COLUMNS",
    "Row",
    "frame_of",
    "is_place",
    "message_of",
    "messages_in",
    "read_meta",
    "session_of",
]

SESSION_COLUMNS = (
    "id, started_at, started_ns, client, target, request_headers, status, response_headers,"
    " subprotocol, extensions, ended_ns, close_code, close_reason, closed_by, clean,"
    " client_frames, client_bytes, server_frames, server_bytes"
)
PLACE_COLUMNS = "f.session_id, f.seq, f.sender, f.at_ns, f.forwarded_ns, f.anomalies"
"""What every reader of frames asks for first, for `is_place` to look at."""
MESSAGE_COLUMNS = "f.kind, f.message_seq, f.message_parts"
FRAME_COLUMNS = "f.fin, f.rsv, f.opcode, f.masked, f.payload_parts"
ROW_COLUMNS = (
    "session_id, seq, head, at_ns, forwarded_ns, payload, anomalies, message_seq, message_parts"
)
"""What is stored of a frame: the rest is computed of it, here quicker than in SQLite."""

Row = tuple[Any, ...]
"""A frame: its id, `ROW_COLUMNS`, and `payload_parts`."""

_KINDS: Final[Mapping[int, Literal["text", "binary"]]] = {
    TEXT_MESSAGE: "text",
    BINARY_MESSAGE: "binary",
}
_KIND_BITS: Final = TEXT_MESSAGE | BINARY_MESSAGE

_NAMES = 1000
"""Characters: more than the names of all anomalies."""
_TEXT_OR_NONE = (str, type(None))
_INT_OR_NONE = (int, type(None))
_SESSION_TYPES = (
    *((int,), (str,), (int,), _TEXT_OR_NONE, (str,), (str,), _INT_OR_NONE, _TEXT_OR_NONE),
    *(_TEXT_OR_NONE, _TEXT_OR_NONE, _INT_OR_NONE, _INT_OR_NONE, _TEXT_OR_NONE, _TEXT_OR_NONE),
    *((int,),) * 5,
)

_META_ROWS = 1000
_META_CHARACTERS = 4 << 20


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


def is_place(row: Sequence[Any]) -> bool:
    """Say whether a recorder could have written a row that begins with `PLACE_COLUMNS`."""
    number, seq, _, at_ns, forwarded_ns, names = row[:6]
    return (
        number.__class__ is seq.__class__ is at_ns.__class__ is int
        and (forwarded_ns is None or forwarded_ns.__class__ is int)
        and (names is None or (names.__class__ is str and len(names) < _NAMES))
    )


def message_of(row: Sequence[Any], blob: Callable[[int], bytes]) -> Message:
    """Return the message that a frame completes.

    Args:
        row: `PLACE_COLUMNS` that are a place, `MESSAGE_COLUMNS`, and the payload.
        blob: returns a blob of `parts`.
    """
    session_id, seq, sender, at_ns, forwarded_ns, names, kind, message_seq, number, data = row
    first_seq = seq if message_seq is None else message_seq
    if number is not None:
        data = blob(number)
    if first_seq.__class__ is not int or data.__class__ is not bytes:
        raise TypeError(f"message {seq} of session {session_id} is none")
    # A text that was not decodable stays bytes.
    if kind == "text" and not (names and ("utf8" in names or "inflate" in names)):
        data = data.decode()
    anomalies = _anomalies(names) if names else ()
    return Message(session_id, first_seq, seq, sender, at_ns, forwarded_ns, kind, data, anomalies)


def messages_in(rows: Iterable[Row], blob: Callable[[int], bytes]) -> Iterator[Message]:
    """Yield the messages that stored frames complete, see `message_of`.

    Their places are known to be some.
    """
    for _, session_id, seq, head, at_ns, forwarded_ns, data, names, first, number, _ in rows:
        kind = _KINDS.get(head & _KIND_BITS)
        if kind is None:
            continue
        sender: Sender = "server" if head & SERVER else "client"
        if names is first is number is None and kind == "text" and data.__class__ is bytes:
            # Nearly all are so; to find that out again takes as long as all the rest.
            yield Message(
                session_id, seq, seq, sender, at_ns, forwarded_ns, kind, data.decode(), ()
            )
        else:
            place = session_id, seq, sender, at_ns, forwarded_ns
            yield message_of((*place, names, kind, first, number, data), blob)


def frame_of(row: Sequence[Any], blob: Callable[[int], bytes]) -> Frame:
    """Return a frame, from `PLACE_COLUMNS` that are a place, `FRAME_COLUMNS` and the payload."""
    session_id, seq, sender, at_ns, forwarded_ns, names, *head, number, payload = row
    fin, rsv, opcode, masked = head
    if number is not None:
        payload = blob(number)
    if payload.__class__ is not bytes:
        raise TypeError(f"frame {seq} of session {session_id} has no payload")
    flags = bool(fin), rsv, opcode, bool(masked)
    place = session_id, seq, sender, at_ns, forwarded_ns
    return Frame(*place, *flags, payload, _anomalies(names))


def _anomalies(names: str | None) -> tuple[str, ...]:
    return tuple(names.split(",")) if names else ()


def _pairs(text: str | None) -> tuple[tuple[str, str], ...]:
    pairs = tuple((name, value) for name, value in json.loads(text or "[]"))
    if not all(name.__class__ is value.__class__ is str for name, value in pairs):
        raise TypeError("headers of its sessions are not what was recorded")
    return pairs
