"""The client's opening handshake."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp
from aiohttp import ClientResponse
from yarl import URL

from .client import AUTO_HEADERS, http_client
from .detach import Detached, Held, detach_response
from .fault import in_a_line
from .handshake import answer_fault
from .headers import Pairs, decode_pairs, get, outgoing
from .upstream import Upstream, UpstreamError

__all__ = ["Answer", "DialError", "Dialled", "dial"]

_URL = re.compile(r"(wss?://[^/?#]*)([^#]*)", re.IGNORECASE | re.DOTALL)


class DialError(Exception):
    """No opening handshake came about; the message is one line that names the URL."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered to an opening handshake."""

    status: int
    headers: Pairs
    subprotocol: str | None
    extensions: str | None


@dataclass(frozen=True, slots=True)
class Dialled:
    """An answer, and the connection behind a 101; None behind any other."""

    answer: Answer
    connection: Detached | None


async def dial(
    url: str,
    headers: Sequence[tuple[str, str]],
    *,
    tls: ssl.SSLContext | None = None,
    name: str | None = None,
    patience: float = 10.0,
    sent: Callable[[], None] | None = None,
) -> Dialled:
    """Open a WebSocket connection with these headers, `Sec-WebSocket-Key` and the like added.

    `url` is ws or wss with path and query, which are sent byte for byte; `patience` is in seconds,
    for the connection and the answer together. `tls`, `name` and `sent` are as in `http_client`.

    Raises:
        DialError: the server cannot be reached, speaks no HTTP, or its 101 opens nothing.
    """
    where = url.partition("?")[0]  # queries hold tokens
    target = _target(url)
    fields = _with_handshake(headers)
    try:
        async with asyncio.timeout(patience), http_client(tls=tls, name=name, sent=sent) as client:
            response = await client.request(
                "GET",
                target,
                headers=outgoing(fields),
                skip_auto_headers=AUTO_HEADERS,
                allow_redirects=False,
            )
            try:
                return _dialled(where, response, get(fields, "sec-websocket-key") or "")
            finally:
                response.close()
    except UnicodeEncodeError as fault:
        raise DialError(f"{where}: a header is not UTF-8") from fault
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as fault:
        raise DialError(f"{where}: {in_a_line(fault)}") from fault


def _dialled(where: str, response: ClientResponse, key: str) -> Dialled:
    headers = decode_pairs(response.raw_headers)
    if response.status != HTTPStatus.SWITCHING_PROTOCOLS:
        return Dialled(Answer(response.status, headers, None, None), None)
    if fault := answer_fault(headers, key):
        raise DialError(f"{where}: {fault}")
    detached = detach_response(response)
    if detached is None:
        raise DialError(f"{where}: it left during the handshake")
    subprotocol = get(headers, "sec-websocket-protocol")
    extensions = get(headers, "sec-websocket-extensions")
    return Dialled(Answer(response.status, headers, subprotocol, extensions), Held.of(detached))


def _with_handshake(headers: Sequence[tuple[str, str]]) -> Pairs:
    """Return the headers with those that a handshake needs; `Host` is added by aiohttp."""
    there = {name.lower() for name, _ in headers}
    key = base64.b64encode(os.urandom(16)).decode()
    needed = (
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", key),
    )
    return [*headers, *(field for field in needed if field[0].lower() not in there)]


def _target(url: str) -> URL:
    """Return the URL to ask for, its path and query as they are.

    Raises:
        DialError: it is none of a WebSocket.
    """
    found = _URL.match(url)
    if found is None:
        raise DialError(f"{url!r}: expected a ws or wss URL, such as ws://127.0.0.1:8000/ws")
    origin, target = found.groups()
    try:
        target.encode()
        return Upstream.parse(origin).url(target if target.startswith("/") else f"/{target}")
    except UpstreamError as error:
        raise DialError(str(error)) from error
    except UnicodeEncodeError as error:
        raise DialError(f"{origin}: its path is not UTF-8") from error
