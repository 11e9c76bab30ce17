"""aiohttp's client as the proxy needs it: nothing is added, decoded, followed or sent twice."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from http import HTTPStatus

import aiohttp
from aiohttp import (
    AddrInfoType,
    ClientHandlerType,
    ClientRequest,
    ClientResponse,
    ClientSession,
    HttpVersion11,
)

from .sockets import size_buffers

__all__ = ["AUTO_HEADERS", "HEADER_SIZE", "http_client"]

AUTO_HEADERS = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")
"""aiohttp would add these to a request that came without them."""
HEADER_SIZE = 32 << 10
"""Bytes of one header field: tokens in cookies and subprotocols are long."""

_CONNECT_TIMEOUT = 10.0  # seconds to reach the backend


def http_client(
    *,
    tls: ssl.SSLContext | None = None,
    name: str | None = None,
    buffer: int | None = None,
    sent: Callable[[], None] | None = None,
) -> ClientSession:
    """Return a client for which every request is a new connection, and is sent once.

    `tls` is for https, None trusts the system's authorities; `name` is asked for (SNI) and looked
    for in the certificate, None takes the host's; `buffer` bounds the kernel's, in bytes;
    `sent` is called for each request as its head is written.

    A connection kept for the next request would save its set-up, and would cost three things.
    The backend may close it while that request is on its way, and then nobody knows whether it
    was carried out: sending it again may do it twice, giving up fails what was in order. What a
    backend takes for the end of a body would become the beginning of another client's request.
    And what one client's connection is allowed to do, where a backend ties that to the
    connection, the next client's request would be allowed too.
    """
    return ClientSession(
        connector=aiohttp.TCPConnector(
            limit=0,
            force_close=True,
            ssl=True if tls is None else tls,
            socket_factory=None if buffer is None else lambda found: _socket(found, buffer),
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_TIMEOUT),
        max_line_size=HEADER_SIZE,
        max_field_size=HEADER_SIZE,
        trace_configs=None if sent is None else [_tracing(sent)],
        middlewares=(_send_once,) if name is None else (_Named(name), _send_once),
    )


class _Named:
    """Has the backend's certificate asked for, and checked, under another name than its host's."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def __call__(self, request: ClientRequest, send: ClientHandlerType) -> ClientResponse:
        request.server_hostname = self._name
        return await send(request)


def _tracing(sent: Callable[[], None]) -> aiohttp.TraceConfig:
    """Return what has aiohttp call `sent`.

    It does so just before it writes the head, and nobody else has a turn in between.
    """

    async def tell(*_: object) -> None:
        sent()

    tracing = aiohttp.TraceConfig()
    tracing.on_request_headers_sent.append(tell)
    return tracing


def _socket(found: AddrInfoType, buffer: int) -> socket.socket:
    family, kind, protocol, *_ = found
    sock = socket.socket(family, kind, protocol)
    size_buffers(sock, buffer)
    return sock


async def _send_once(request: ClientRequest, send: ClientHandlerType) -> ClientResponse:
    """Hide from aiohttp what it would take as a reason to send a GET or a DELETE again."""
    try:
        response = await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientConnectionError(str(error)) from error
    if response.status == HTTPStatus.SWITCHING_PROTOCOLS and response.version != HttpVersion11:
        response.close()
        raise aiohttp.ClientConnectionError("its 101 is not HTTP/1.1")
    return response
