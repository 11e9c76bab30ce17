"""The server's opening handshake."""

from __future__ import annotations

from aiohttp import web

from ..wire.handshake import accept_key
from .detach import Detached, detach_request
from .handshake import switching_protocols
from .headers import Pairs

__all__ = ["accept"]

_OWN = frozenset({"upgrade", "connection", "sec-websocket-accept"})


def accept(
    request: web.BaseRequest, headers: Pairs, key: str, reason: str | None = None
) -> Detached | None:
    """Answer 101 and return the connection; None when the client is gone.

    What handles the request has to return `net.detach.Hijacked` then.

    Args:
        request: an opening handshake that `net.handshake.check_request` has found proper.
        headers: to be sent, subprotocol and extensions among them: a recorded answer's may be
            given as they are, but for those two, which must be what this client has offered.
        key: the request's `Sec-WebSocket-Key`; what answers it is computed here.
        reason: behind the status; None for the usual one.
    """
    client = detach_request(request)
    if client is not None:
        client.transport.write(switching_protocols(reason, _with_accept(headers, key)))
    return client


def _with_accept(headers: Pairs, key: str) -> Pairs:
    """Return the fields of a 101, in their place where there were such fields before."""
    own = {
        "upgrade": ("Upgrade", "websocket"),
        "connection": ("Connection", "Upgrade"),
        "sec-websocket-accept": ("Sec-WebSocket-Accept", accept_key(key)),
    }
    out: Pairs = []
    for name, value in headers:
        if name.lower() in own:
            out.append((name, own.pop(name.lower())[1]))
        elif name.lower() not in _OWN:
            out.append((name, value))
    return [*own.values(), *out]
