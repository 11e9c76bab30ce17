"""Sessions, messages and frames as lines for people and as JSON for machines."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any

from rich.table import Table
from rich.text import Text

from ..store.model import Frame, Message, Session
from .inert import inert

__all__ = [
    "frame_json",
    "frame_line",
    "message_json",
    "message_line",
    "recording_ended",
    "recording_ended_json",
    "session_began",
    "session_ended",
    "session_json",
    "session_table",
    "session_title",
]

_OPCODES = {0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}


def session_table(sessions: Iterable[Session]) -> Table:
    """Return a table, a row for each session."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("session", "frames", "bytes"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("started (UTC)", "lasted", "answer", "ended by", "target"):
        table.add_column(name, no_wrap=name != "target", overflow="fold")
    for session in sessions:
        table.add_row(
            str(session.id),
            # Counted when a session ends; until then nobody knows without reading its frames.
            str(session.client_frames + session.server_frames) if session.clean else "-",
            str(session.client_bytes + session.server_bytes) if session.clean else "-",
            Text(inert(str(session.started_at)[:23].replace("T", " "))),
            _lasted(session),
            "-" if session.status is None else Text(inert(str(session.status))),
            Text(inert(_ended_by(session))),
            Text(inert(session.target)),
        )
    return table


def session_title(session: Session) -> str:
    """Return one line that says which session this is, and how it ended."""
    return inert(f"{session_began(session)}  {_ended_by(session)}")


def session_began(session: Session) -> str:
    """Return one line that says which session this is."""
    said = [f"session {session.id}", inert(session.target), session.started_at]
    if session.client:
        said.append(f"client {inert(session.client)}")
    if session.subprotocol:
        said.append(f"subprotocol {inert(session.subprotocol)}")
    if session.extensions:
        said.append(inert(session.extensions))
    return inert("  ".join([*said, f"answered {session.status}"]))


def session_ended(session: Session) -> str:
    """Return one line that says how long a session lasted, and who ended it."""
    return inert(f"session {session.id} ended after {_lasted(session)}: {_ended_by(session)}")


def recording_ended(at: str) -> str:
    """Return one line that says when a recorder closed the recording."""
    return inert(f"recording ended {at}")


def recording_ended_json(at: str) -> str:
    """Return the same as one line of JSON."""
    return _json({"event": "recording_ended", "ended_at": at})


def message_line(message: Message, limit: int | None) -> str:
    """Return a message in one line; `limit` cuts its data to so many characters."""
    data = message.data
    shown = inert(data, limit=limit) if isinstance(data, str) else _bytes(data, limit)
    return _line(message.at_ns, message.seq, message.sender, message.kind, shown, message.anomalies)


def frame_line(frame: Frame, limit: int | None) -> str:
    """Return a frame in one line: its header bits, then its payload."""
    name = _OPCODES.get(frame.opcode, f"opcode {frame.opcode:#x}")
    bits = ("" if frame.fin else " -fin") + (f" rsv={frame.rsv}" if frame.rsv else "")
    payload = frame.payload
    if frame.opcode == 8 and len(payload) >= 2:
        reason = payload[2:].decode(errors="backslashreplace")
        shown = f"{int.from_bytes(payload[:2], 'big')} {inert(reason, limit=limit)}".rstrip()
    elif frame.opcode == 1 and not frame.rsv:
        shown = inert(payload.decode(errors="backslashreplace"), limit=limit)
    else:
        shown = _bytes(payload, limit)
    return _line(frame.at_ns, frame.seq, frame.sender, name + bits, shown, frame.anomalies)


def session_json(session: Session, event: str | None = None) -> str:
    """Return the columns of the `sessions` table as one line of JSON, behind an `event`."""
    said = {} if event is None else {"event": event}
    return _json({**said, **{name: getattr(session, name) for name in Session.__slots__}})


def message_json(message: Message) -> str:
    """Return one line of JSON; `data` is text, `data_base64` what is none."""
    fields = {name: getattr(message, name) for name in Message.__slots__}
    data = fields.pop("data")
    if isinstance(data, bytes):
        return _json({**fields, "data_base64": base64.b64encode(data).decode()})
    return _json({**fields, "data": data})


def frame_json(frame: Frame) -> str:
    """Return one line of JSON, the payload in base64."""
    fields = {name: getattr(frame, name) for name in Frame.__slots__}
    payload = base64.b64encode(fields.pop("payload")).decode()
    return _json({**fields, "payload_base64": payload})


def _json(fields: dict[str, Any]) -> str:
    return json.dumps(fields)  # ASCII only: nothing in it can move a cursor


def _line(
    at_ns: int, seq: int, sender: str, what: str, shown: str, anomalies: tuple[str, ...]
) -> str:
    mark = f"  [{', '.join(anomalies)}]" if anomalies else ""
    arrow = "→" if sender == "client" else "←"
    return inert(f"{at_ns / 1e9:12.6f} {seq:6d} {arrow} {sender} {what}  {shown}{mark}")


def _bytes(data: bytes, limit: int | None) -> str:
    shown = data if limit is None else data[: limit // 2]
    more = "…" if len(shown) < len(data) else ""
    return f"{len(data)} bytes {shown.hex()}{more}".rstrip()


def _lasted(session: Session) -> str:
    return "-" if session.ended_ns is None else f"{session.ended_ns / 1e9:.3f} s"


def _ended_by(session: Session) -> str:
    if not session.clean:
        return "no end recorded"
    if session.closed_by is None:
        return "connection" if session.status == 101 else "refused"
    code = "no code" if session.close_code is None else str(session.close_code)
    reason = f" {inert(session.close_reason)}" if session.close_reason else ""
    return f"{session.closed_by}, {code}{reason}"
