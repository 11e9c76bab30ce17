"""Taking a connection out of aiohttp's hands, on either side, with what it had read ahead.

aiohttp has no call for this. What is used here: `BaseRequest.transport` and `ClientResponse
.connection`, which are documented; `set_parser`, `connection_lost` and `transport` of both
protocols, which are public but not documented. tests/proxy/test_detach.py fails if they change.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import ClientResponse, web

__all__ = ["Detached", "Held", "Hijacked", "detach_request", "detach_response"]


class _Catcher:
    """Stands in for a parser and keeps what arrived right behind the handshake."""

    def __init__(self) -> None:
        self.data = bytearray()

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.data += data
        return False, b""

    def feed_eof(self) -> None:
        """Nothing: the transport tells its new protocol."""


class Detached:
    """A transport that is nobody's yet: `attach` gives it its new protocol."""

    def __init__(self, protocol: Any, catcher: _Catcher | Held) -> None:
        self._protocol = protocol
        self._catcher = catcher
        self.transport: asyncio.Transport = protocol.transport

    def attach(self, protocol: asyncio.Protocol) -> bytes:
        """Hand the transport over; return what had arrived before."""
        self.transport.set_protocol(protocol)
        # aiohttp must believe the connection gone, or its registries grow, and must not close
        # what is no longer its own.
        self._protocol.transport = None
        self._protocol.connection_lost(None)
        self.transport.resume_reading()
        return bytes(self._catcher.data)


class Hijacked(web.StreamResponse):
    """What a handler returns when the connection is not aiohttp's any more."""

    async def prepare(self, request: web.BaseRequest) -> None:
        """Send nothing."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Send nothing."""


def detach_request(request: web.BaseRequest) -> Detached | None:
    """Detach the client's connection; None when the client is gone."""
    protocol = request.protocol
    if protocol.transport is None or protocol.transport.is_closing():
        return None
    catcher = _Catcher()
    protocol.set_parser(catcher)  # type: ignore[arg-type]
    return Detached(protocol, catcher)


def detach_response(response: ClientResponse) -> Detached | None:
    """Detach the backend's connection behind its 101; None when the backend is gone."""
    connection = response.connection
    if connection is None or connection.transport is None or connection.transport.is_closing():
        return None
    protocol = connection.protocol
    assert protocol is not None
    catcher = _Catcher()
    protocol.set_parser(catcher, None)
    return Detached(protocol, catcher)


class Held(asyncio.Protocol):
    """Holds a detached connection, and reads nothing of it, until somebody attaches.

    What detached it may be closed meanwhile: it is aiohttp's no more.
    """

    def __init__(self, detached: Detached) -> None:
        self.transport: asyncio.Transport | None = detached.transport
        self.data = bytearray(detached.attach(self))
        detached.transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        """Keep what a transport had in its hands when it was paused."""
        self.data += data

    @classmethod
    def of(cls, detached: Detached) -> Detached:
        """Return the connection in the hands of nobody but us."""
        held = cls(detached)
        return Detached(held, held)
