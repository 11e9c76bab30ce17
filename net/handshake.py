"""The opening handshake: what is let through to the backend, and which answer opens a tunnel."""

from __future__ import annotations

import base64
import binascii
from http import HTTPStatus

from aiohttp import web

from ..wire.handshake import accept_key
from .headers import Pairs, get, has_control, head, hop_by_hop, tokens, values
from .refusal import Rule, refuse_by

__all__ = [
    "answer_fault",
    "check_request",
    "is_upgrade",
    "switching_protocols",
    "upgrade_headers",
]

_BAD = HTTPStatus.BAD_REQUEST


def is_upgrade(headers: Pairs) -> bool:
    """Whether the client asks for another protocol, however badly: this is never plain HTTP."""
    return bool(tokens(headers, "upgrade")) or any(
        name.lower().startswith("sec-websocket-") for name, _ in headers
    )


_RULES: tuple[Rule, ...] = (
    (
        lambda request, _: request.method != "GET",
        HTTPStatus.METHOD_NOT_ALLOWED,
        "an upgrade is a GET",
        [("Allow", "GET")],
    ),
    (
        lambda request, _: request.version < (1, 1),
        HTTPStatus.HTTP_VERSION_NOT_SUPPORTED,
        "an upgrade needs HTTP/1.1",
        [],
    ),
    (
        # One field, one protocol: aiohttp stops reading HTTP behind exactly this.
        lambda _, headers: [value.lower() for value in values(headers, "upgrade")] != ["websocket"],
        _BAD,
        "expected one 'Upgrade: websocket', the only protocol passed on",
        [],
    ),
    (
        lambda _, headers: "upgrade" not in tokens(headers, "connection"),
        _BAD,
        "expected 'Connection: Upgrade'",
        [],
    ),
    (
        lambda _, headers: "close" in tokens(headers, "connection"),
        _BAD,
        "'Connection: close' and an upgrade do not go together",
        [],
    ),
    (
        lambda _, headers: (
            get(headers, "content-length") not in (None, "0")
            or bool(values(headers, "transfer-encoding"))
        ),
        _BAD,
        "an upgrade has no body",
        [],
    ),
    (
        lambda _, headers: get(headers, "sec-websocket-version") != "13",
        HTTPStatus.UPGRADE_REQUIRED,
        "WebSocket version 13 is the only one spoken here",
        [("Sec-WebSocket-Version", "13")],
    ),
    (
        lambda _, headers: not _is_key(get(headers, "sec-websocket-key") or ""),
        _BAD,
        "Sec-WebSocket-Key is not 16 bytes in base64",
        [],
    ),
)


def check_request(request: web.BaseRequest, headers: Pairs) -> str:
    """Return the `Sec-WebSocket-Key` of a proper opening handshake (RFC 6455 §4.2.1).

    Raises:
        RefusedError: anything that the two peers might read differently.
    """
    refuse_by(_RULES, request, headers)
    return values(headers, "sec-websocket-key")[0]


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False


def upgrade_headers(headers: Pairs) -> Pairs:
    """Return what is passed on with an upgrade, on either side, in the order it came in."""
    stays = hop_by_hop(headers) - {"upgrade"}
    out: Pairs = []
    said = False
    for name, value in headers:
        if name.lower() == "connection" and not said:
            said = True
            out.append((name, "Upgrade"))
        elif name.lower() not in stays:
            out.append((name, value))
    return out


def answer_fault(headers: Pairs, key: str) -> str | None:
    """Say what is wrong with a backend's 101, or None: only a verified one opens a tunnel.

    A subprotocol or an extension that the client did not offer is no fault here: RFC 6455 §4.1
    has the client fail the connection, and whether it does is for the recording to show.
    """
    if [value.lower() for value in values(headers, "upgrade")] != ["websocket"]:
        return "its 101 does not say 'Upgrade: websocket'"
    if "upgrade" not in tokens(headers, "connection"):
        return "its 101 does not say 'Connection: Upgrade'"
    if any(name.startswith("sec-websocket-") for name in tokens(headers, "connection")):
        return "its 101 takes its own handshake back in 'Connection'"
    if get(headers, "sec-websocket-accept") != accept_key(key):
        return "its 101 has a wrong Sec-WebSocket-Accept"
    if get(headers, "content-length") not in (None, "0") or values(headers, "transfer-encoding"):
        return "its 101 has a body"
    if any(has_control(name + value) for name, value in headers):
        return "its 101 has control characters in its header"
    return None


def switching_protocols(reason: str | None, headers: Pairs) -> bytes:
    """Return the head of the 101 that the client gets: the backend's own."""
    if not reason or has_control(reason):
        reason = "Switching Protocols"
    return head(f"HTTP/1.1 101 {reason}", upgrade_headers(headers))
