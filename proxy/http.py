"""Plain HTTP on the same origin, streamed through: clients log in, poll and load pages there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from http import HTTPStatus

from aiohttp import ClientError, ClientPayloadError, ClientResponse, ClientSession, web
from aiohttp.http_writer import StreamWriter

from ..net.answer import answer
from ..net.client import AUTO_HEADERS
from ..net.headers import Pairs, decode_pairs, end_to_end, get, has_control, head, outgoing, values
from ..net.refusal import RefusedError
from ..net.upstream import Upstream

__all__ = ["forward_http", "relay_fault", "relay_response"]

# aiohttp would add these to a response that the backend sent without them.
_ADDED = ("content-type", "date", "server")
_CHUNK = 1 << 16


async def forward_http(
    http: ClientSession, upstream: Upstream, request: web.BaseRequest, headers: Pairs
) -> web.StreamResponse:
    """Send the request to the backend and its response back, both as streams.

    Raises:
        RefusedError: the request's body is broken, or its answer would open a tunnel.
        aiohttp.ClientError: the backend cannot be reached, or does not speak HTTP.
    """
    passed = end_to_end(headers)
    if "100-continue" in (get(headers, "expect") or "").lower():
        passed = [(name, value) for name, value in passed if name.lower() != "expect"]
        if request.transport is not None and request.version >= (1, 1):
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        async with http.request(
            request.method,
            upstream.url(request.raw_path),
            headers=outgoing(passed),
            data=_body(request) if request.can_read_body else None,
            skip_auto_headers=AUTO_HEADERS,
            allow_redirects=False,
        ) as response:
            if response.status == HTTPStatus.SWITCHING_PROTOCOLS:
                raise RefusedError(
                    HTTPStatus.BAD_GATEWAY, f"{upstream}: a 101 that nobody asked for"
                )
            return await relay_response(request, response)
    except ClientError:
        if isinstance(request.content.exception(), web.RequestPayloadError):
            raise RefusedError(HTTPStatus.BAD_REQUEST, "the request's body is broken") from None
        raise


async def relay_response(request: web.BaseRequest, response: ClientResponse) -> web.StreamResponse:
    """Send the backend's response to the client as it is, body and all; never raise its faults."""
    if fault := relay_fault(response):
        return answer(HTTPStatus.BAD_GATEWAY, f"{response.url.origin()}: {fault}")
    relayed = _Relayed(status=response.status, reason=response.reason)
    for name, value in _passed_back(decode_pairs(response.raw_headers)):
        relayed.headers.add(name, value)
    _break_with_its_connection(response)
    try:
        await relayed.prepare(request)
        if request.method != "HEAD":
            async for chunk in response.content.iter_any():
                await relayed.write(chunk)
        await relayed.write_eof()
    except (ClientError, ConnectionError):
        # The head is out: the only way left to say that the body is not whole.
        if request.transport is not None:
            request.transport.abort()
    return relayed


def _break_with_its_connection(response: ClientResponse) -> None:
    """Have a body that cannot be parsed any more raise: aiohttp leaves its reader waiting.

    It closes the connection at such a fault, and forgets the body.
    """
    protocol = None if response.connection is None else response.connection.protocol
    closed = None if protocol is None else protocol.closed
    content = response.content

    def over(_: object) -> None:
        if not content.is_eof() and content.exception() is None:
            content.set_exception(ClientPayloadError("the body is not whole"))

    if closed is not None:
        closed.add_done_callback(over)


def relay_fault(response: ClientResponse) -> str | None:
    """Say why a response cannot be passed on with the meaning that it had, or None."""
    headers = decode_pairs(response.raw_headers)
    if has_control(response.reason or "") or any(has_control(n + value) for n, value in headers):
        return "its answer has control characters in its header"
    if any(value.lower() != "chunked" for value in values(headers, "transfer-encoding")):
        return "its answer has a Transfer-Encoding that it was not asked for"
    return None


def _passed_back(headers: Pairs) -> Pairs:
    """Return the fields of a response that the client gets.

    A length beside a Transfer-Encoding is not the body's (RFC 9112 §6.3).
    """
    passed = end_to_end(headers)
    if values(headers, "transfer-encoding"):
        return [(name, value) for name, value in passed if name.lower() != "content-length"]
    return passed


class _Relayed(web.StreamResponse):
    """A response that gets nothing but what its connection needs: the rest is the backend's."""

    async def _prepare_headers(self) -> None:
        own = {name.lower() for name in self.headers}
        await super()._prepare_headers()
        for name in _ADDED:
            if name not in own:
                self.headers.pop(name, None)

    async def _write_headers(self) -> None:
        """Write the head; aiohttp would leave out what is not UTF-8."""
        request, writer = self._req, self._payload_writer
        assert request is not None
        assert isinstance(writer, StreamWriter)
        line = f"HTTP/{request.version.major}.{request.version.minor} {self.status} {self.reason}"
        await writer.write_headers(line, self.headers)
        writer._headers_buf = head(line, list(self.headers.items()))
        writer.send_headers()


async def _body(request: web.BaseRequest) -> AsyncIterator[bytes]:
    async for chunk in request.content.iter_chunked(_CHUNK):
        yield chunk
