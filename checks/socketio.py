"""Engine.IO 4 packets, and the Socket.IO 5 packets inside its messages.

An Engine.IO packet in a text message is a digit and what belongs to it; a
binary message is always an attachment of the Socket.IO packet before it. A
Socket.IO packet is `TYPE[ATTACHMENTS-][/NAMESPACE,][ID][JSON]`.
"""

from __future__ import annotations

import re
from typing import Final

from .undecodable import JsonReader, Undecodable

__all__ = ["ENGINE", "PACKETS", "from_socketio"]

ENGINE: Final = ("open", "close", "ping", "pong", "message", "upgrade", "noop")
"""Engine.IO's packet types, by number."""

PACKETS: Final = (
    "connect", "disconnect", "event", "ack", "connect_error", "binary_event", "binary_ack",
)  # fmt: skip
"""Socket.IO's packet types, by number."""

_ATTACHMENTS: Final = re.compile(r"([0-9]{1,6})-")
_NAMESPACE: Final = re.compile(r"(/[^,]*)(?:,|\Z)")
_ID: Final = re.compile(r"[0-9]*")
_MAX_ID_DIGITS: Final = 15
"""A JavaScript number holds as many exactly."""


class _MalformedError(Exception):
    """Why a packet is none, in the words of `Undecodable`."""


def from_socketio(data: str | bytes, read: JsonReader) -> object:
    """Return the packet in one message as an object, or `Undecodable`; never raises.

    `engine` is the Engine.IO type, `data` what stands behind it; a message has `packet`,
    `namespace`, `id` when there is one, `data`, for events `event` and `args`, and for packets
    with binary parts `attachments`, how many messages with such parts follow.
    """
    if isinstance(data, bytes):
        return {"engine": "message", "packet": "attachment", "bytes": len(data)}
    try:
        return _engine(data, read)
    except _MalformedError as error:
        return Undecodable(str(error))


def _engine(text: str, read: JsonReader) -> dict[str, object]:
    if not text:
        raise _MalformedError("not Engine.IO: an empty message")
    number = "0123456".find(text[0])
    if number < 0:
        raise _MalformedError(f"not Engine.IO: {text[0]!r} is not a packet type from 0 to 6")
    kind, rest = ENGINE[number], text[1:]
    if kind == "message":
        return {"engine": kind, **_packet(rest, read)}
    if kind == "open":
        handshake = _json(rest, read, "the handshake of Engine.IO's open")
        if not isinstance(handshake, dict):
            raise _MalformedError("not Engine.IO: the handshake in open is not an object")
        return {"engine": kind, "data": handshake}
    return {"engine": kind, "data": rest} if rest else {"engine": kind}


def _packet(text: str, read: JsonReader) -> dict[str, object]:
    number = "0123456".find(text[0]) if text else -1
    if number < 0:
        seen = repr(text[0]) if text else "nothing"
        raise _MalformedError(f"not Socket.IO: {seen} where a packet type from 0 to 6 is expected")
    kind, place = PACKETS[number], 1
    found: dict[str, object] = {"packet": kind, "namespace": "/"}
    if kind.startswith("binary_"):
        attachments = _ATTACHMENTS.match(text, place)
        if attachments is None:
            raise _MalformedError(f"not Socket.IO: {kind} without the number of its attachments")
        found["attachments"] = int(attachments[1])
        place = attachments.end()
    namespace = _NAMESPACE.match(text, place)
    if namespace is not None:
        found["namespace"] = namespace[1]
        place = namespace.end()
    digits = _ID.match(text, place)
    assert digits is not None  # it matches nothing, too
    if digits[0]:
        if len(digits[0]) > _MAX_ID_DIGITS:
            raise _MalformedError(f"not Socket.IO: an id of {len(digits[0])} digits")
        found["id"] = int(digits[0])
        place = digits.end()
    if place < len(text):
        found["data"] = _json(text[place:], read, f"the payload of Socket.IO's {kind}")
    _check(kind, found)
    if kind in ("event", "binary_event"):
        items = found["data"]
        assert isinstance(items, list)  # as just checked
        found |= {"event": items[0]} if isinstance(items[0], str) else {}
        found["args"] = items[1:]
    return found


def _check(kind: str, packet: dict[str, object]) -> None:
    """Raise unless the payload is one this type of packet may have."""
    data = packet.get("data")
    match kind:
        case "connect" if "data" in packet and not isinstance(data, dict):
            wanted = "an object or nothing"
        case "disconnect" if "data" in packet:
            wanted = "nothing"
        case "connect_error" if not isinstance(data, dict | str):
            wanted = "an object or a string"
        case "event" | "binary_event" if not (isinstance(data, list) and data):
            wanted = "an array with the event's name"
        case "ack" | "binary_ack" if not isinstance(data, list):
            wanted = "an array"
        case "ack" | "binary_ack" if "id" not in packet:
            raise _MalformedError(f"not Socket.IO: {kind} without the id it answers")
        case _:
            return
    raise _MalformedError(f"not Socket.IO: {kind} has {wanted} as its payload")


def _json(text: str, read: JsonReader, what: str) -> object:
    value = read(text)
    if isinstance(value, Undecodable):
        raise _MalformedError(f"{what}: {value.reason}")
    return value
