"""How a recorded opening handshake is answered again: pure."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from ..net.headers import Pairs, end_to_end, has_control, head
from ..redaction.marks import holds_mark
from ..store.model import Session

__all__ = ["accepted", "is_answer", "refused"]

_BODY: Final = frozenset({"content-length", "content-encoding", "content-range"})
_PROTOCOL: Final = "Sec-WebSocket-Protocol"
_EXTENSIONS: Final = "Sec-WebSocket-Extensions"
_BODILESS: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


def is_answer(status: int | None) -> bool:
    """Whether a session's status ends an opening handshake, one way or the other."""
    return status == HTTPStatus.SWITCHING_PROTOCOLS or (status is not None and status >= 200)


def accepted(session: Session, subprotocol: str | None, extensions: str | None) -> Pairs:
    """Return the fields of the 101 that a session began with, with what is agreed to now."""
    agreed = {_PROTOCOL: subprotocol, _EXTENSIONS: extensions}
    lower = {name.lower() for name in agreed}
    kept = [pair for pair in _again(session) if pair[0].lower() not in lower]
    return kept + [(name, value) for name, value in agreed.items() if value is not None]


def refused(session: Session) -> bytes:
    """Return the answer that a session was refused with; what was in its body is not recorded."""
    assert session.status is not None
    pairs = [pair for pair in _again(session) if not pair[0].lower().startswith("sec-websocket-")]
    if session.status not in _BODILESS:
        pairs.append(("Content-Length", "0"))
    pairs.append(("Connection", "close"))
    return head(f"HTTP/1.1 {session.status} {_PHRASES.get(session.status, '')}", pairs)


def _again(session: Session) -> Pairs:
    """Return the recorded fields that hold for another connection, and can be sent."""
    return [
        (name, value)
        for name, value in end_to_end(list(session.response_headers))
        if name.lower() not in _BODY and not holds_mark(value) and _is_field(name, value)
    ]


def _is_field(name: str, value: str) -> bool:
    try:
        (name + value).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return bool(name) and ":" not in name and " " not in name and not has_control(name + value)


_PHRASES: Final[Mapping[int, str]] = {each.value: each.phrase for each in HTTPStatus}
