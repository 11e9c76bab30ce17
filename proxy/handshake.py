"""The opening handshake: what is let through to the backend, and which answer opens a tunnel."""

from __future__ import annotations

import base64
import binascii
from http import HTTPStatus

from aiohttp import web

from ..wire.handshake import accept_key
from .headers import Pairs, get, hop_by_hop, tokens

__all__ = [
    "RefusedError",
    "answer_fault",
    "check_request",
    "check_target",
    "is_upgrade",
    "switching_protocols",
    "upgrade_headers",
]


class RefusedError(Exception):
    """A request that is answered here and never reaches the backend."""

    def __init__(self, status: HTTPStatus, reason: str, headers: Pairs | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = headers or []


def is_upgrade(headers: Pairs) -> bool:
    """Whether the client asks for the WebSocket protocol."""
    return "websocket" in tokens(headers, "upgrade")


def check_target(request: web.BaseRequest, headers: Pairs) -> None:
    """Refuse what no request to this origin looks like.

    Raises:
        RefusedError: another origin's URL, CONNECT, `*`, or more than one Host.
    """
    if not request.raw_path.startswith("/"):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "the request target must begin with a slash")
    if "#" in request.raw_path:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "a request target has no fragment")
    if sum(name.lower() == "host" for name, _ in headers) > 1:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "more than one Host header")


def check_request(request: web.BaseRequest, headers: Pairs) -> str:
    """Return the `Sec-WebSocket-Key` of a proper opening handshake (RFC 6455 §4.2.1).

    Raises:
        RefusedError: anything that the two peers might read differently.
    """
    bad = HTTPStatus.BAD_REQUEST
    if request.method != "GET":
        raise RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, "an upgrade is a GET", [("Allow", "GET")])
    if request.version != (1, 1):
        raise RefusedError(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "an upgrade needs HTTP/1.1")
    if tokens(headers, "upgrade") != {"websocket"} or "upgrade" not in tokens(
        headers, "connection"
    ):
        raise RefusedError(bad, "expected 'Upgrade: websocket' and 'Connection: Upgrade'")
    named = tokens(headers, "connection") - {"upgrade", "keep-alive"}
    if named:
        raise RefusedError(bad, "Connection names a header that is not the proxy's to remove")
    if get(headers, "content-length") not in (None, "0") or get(headers, "transfer-encoding"):
        raise RefusedError(bad, "an upgrade has no body")
    if get(headers, "sec-websocket-version") != "13":
        raise RefusedError(
            HTTPStatus.UPGRADE_REQUIRED,
            "WebSocket version 13 is the only one spoken here",
            [("Sec-WebSocket-Version", "13")],
        )
    key = get(headers, "sec-websocket-key") or ""
    try:
        valid = len(base64.b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        valid = False
    if not valid:
        raise RefusedError(bad, "Sec-WebSocket-Key is not 16 bytes in base64")
    return key


def upgrade_headers(headers: Pairs) -> Pairs:
    """Return what is passed on with an upgrade, on either side, in the order it came in."""
    stays = hop_by_hop(headers)
    out: Pairs = []
    for name, value in headers:
        if name.lower() == "connection":
            out.append((name, "Upgrade"))
        elif name.lower() == "upgrade" or name.lower() not in stays:
            out.append((name, value))
    return out


def answer_fault(headers: Pairs, key: str) -> str | None:
    """Say what is wrong with a backend's 101, or None: only a verified one opens a tunnel."""
    if "websocket" not in tokens(headers, "upgrade"):
        return "its 101 does not say 'Upgrade: websocket'"
    if "upgrade" not in tokens(headers, "connection"):
        return "its 101 does not say 'Connection: Upgrade'"
    if get(headers, "sec-websocket-accept") != accept_key(key):
        return "its 101 has a wrong Sec-WebSocket-Accept"
    return None


def switching_protocols(reason: str | None, headers: Pairs) -> bytes:
    """Return the head of the 101 that the client gets: the backend's own."""
    lines = [f"HTTP/1.1 101 {reason or 'Switching Protocols'}"]
    lines += [f"{name}: {value}" for name, value in upgrade_headers(headers)]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")
