"""aiohttp's client as the proxy needs it: nothing is added, decoded, followed or sent twice."""

from __future__ import annotations

import aiohttp
from aiohttp import (
    ClientHandlerType,
    ClientMiddlewareType,
    ClientRequest,
    ClientResponse,
    ClientSession,
)

__all__ = ["AUTO_HEADERS", "HEADER_SIZE", "handshake_client", "http_client"]

AUTO_HEADERS = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")
"""aiohttp would add these to a request that came without them."""
HEADER_SIZE = 32 << 10
"""Bytes of one header field: tokens in cookies and subprotocols are long."""

_CONNECT_TIMEOUT = 10.0  # seconds to reach the backend


def http_client() -> ClientSession:
    """Return a client for plain HTTP, which keeps connections for the next request."""
    return _client(aiohttp.TCPConnector(limit=0))


def handshake_client() -> ClientSession:
    """Return a client for opening handshakes: each has a new connection and is sent once."""
    return _client(aiohttp.TCPConnector(limit=0, force_close=True), _send_once)


def _client(connector: aiohttp.TCPConnector, *middlewares: ClientMiddlewareType) -> ClientSession:
    return ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_TIMEOUT),
        max_line_size=HEADER_SIZE,
        max_field_size=HEADER_SIZE,
        middlewares=middlewares,
    )


async def _send_once(request: ClientRequest, send: ClientHandlerType) -> ClientResponse:
    """Hide from aiohttp what it would take as a reason to send a GET again."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientConnectionError(str(error)) from error
