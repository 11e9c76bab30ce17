"""Plain HTTP on the same origin, streamed through: clients log in, poll and load pages there."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import ClientError, ClientResponse, ClientSession, web

from .client import AUTO_HEADERS
from .headers import Pairs, decode_pairs, end_to_end, get, outgoing
from .upstream import Upstream

__all__ = ["answer", "forward_http", "relay_response"]

# aiohttp would add these to a response that the backend sent without them.
_ADDED = ("content-type", "date", "server")
_CHUNK = 1 << 16


async def forward_http(
    http: ClientSession, upstream: Upstream, request: web.BaseRequest, headers: Pairs
) -> web.StreamResponse:
    """Send the request to the backend and its response back, both as streams.

    Raises:
        aiohttp.ClientError: the backend cannot be reached, or does not speak HTTP.
    """
    passed = end_to_end(headers)
    expects = "100-continue" in (get(headers, "expect") or "").lower()
    if expects:
        passed = [(name, value) for name, value in passed if name.lower() != "expect"]
        if request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    async with http.request(
        request.method,
        upstream.url(request.raw_path),
        headers=outgoing(passed),
        data=_body(request) if request.can_read_body else None,
        skip_auto_headers=AUTO_HEADERS,
        allow_redirects=False,
    ) as response:
        return await relay_response(request, response)


async def relay_response(request: web.BaseRequest, response: ClientResponse) -> web.StreamResponse:
    """Send the backend's response to the client as it is, body and all."""
    relayed = _Relayed(status=response.status, reason=response.reason)
    for name, value in end_to_end(decode_pairs(response.raw_headers)):
        relayed.headers.add(name, value)
    await relayed.prepare(request)
    try:
        if request.method != "HEAD":
            async for chunk in response.content.iter_any():
                await relayed.write(chunk)
        await relayed.write_eof()
    except (ClientError, ConnectionError):
        # The head is out: the only way left to say that the body is not whole.
        if request.transport is not None:
            request.transport.abort()
    return relayed


class _Relayed(web.StreamResponse):
    """A response that gets nothing but what its connection needs: the rest is the backend's."""

    async def _prepare_headers(self) -> None:
        own = {name.lower() for name in self.headers}
        await super()._prepare_headers()
        for name in _ADDED:
            if name not in own:
                self.headers.pop(name, None)


def answer(status: int, text: str, headers: Pairs | None = None) -> web.Response:
    """Return a response of the proxy's own, one line of text; the connection ends with it."""
    response = web.Response(status=status, text=f"wsrec: {text}\n")
    for name, value in headers or []:
        response.headers.add(name, value)
    response.force_close()
    return response


async def _body(request: web.BaseRequest) -> AsyncIterator[bytes]:
    async for chunk in request.content.iter_chunked(_CHUNK):
        yield chunk
