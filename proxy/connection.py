"""A client's connection while HTTP is spoken on it: its deadlines, and what is no HTTP at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from .headers import Pairs
from .http import answer

__all__ = ["Connection", "Connections", "Malformed"]

Malformed = Callable[["Connection", str, Pairs, int, str], object]
"""Is told of a request that could not be parsed: target, headers as far as they can be told,
status of the answer, what is wrong."""

_HEAD_KEPT = 64 << 10  # bytes of a request's head that are kept in case it turns out malformed

_TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_CROWDED = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)


class Connection(RequestHandler):
    """aiohttp's protocol of a client, with a deadline for the head of each request.

    Without one, a client that sends its head byte by byte holds a connection for ever.
    """

    __slots__ = ("_deadline", "_head", "_header_timeout", "_listening", "_malformed")

    def __init__(
        self, manager: Connections, header_timeout: float, malformed: Malformed, **options: Any
    ) -> None:
        super().__init__(manager, loop=asyncio.get_running_loop(), **options)
        self._header_timeout = header_timeout
        self._malformed = malformed
        self._deadline: asyncio.TimerHandle | None = None
        self._listening = True  # for the head of a request
        self._head = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock of the first request, unless there are too many connections."""
        super().connection_made(transport)
        assert isinstance(self._manager, Connections)
        if self._manager.crowded:
            assert isinstance(transport, asyncio.Transport)
            transport.write(_CROWDED)
            self.force_close()
        else:
            self._arm()

    def data_received(self, data: bytes) -> None:
        """Keep a copy of a head until it is complete; start the clock of a further request."""
        if self._listening:
            if len(self._head) < _HEAD_KEPT:
                self._head += data
            if self._deadline is None:
                self._arm()
        super().data_received(data)
        self._tell_of_a_broken_body()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop the clock."""
        self._disarm()
        super().connection_lost(exc)

    def requested(self) -> None:
        """Note that the head of a request is complete."""
        self._disarm()
        self._listening = False
        self._head.clear()

    def answered(self) -> None:
        """Note that its answer is on the way: what comes next is another request's head."""
        self._listening = True

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP in one line; leave faults in here to aiohttp."""
        if exc is None or status != HTTPStatus.BAD_REQUEST or not self._listening:
            return super().handle_error(request, status, exc, message)
        text = " ".join((message or str(exc)).split(":")[0].split()) or "not an HTTP request"
        target, headers = _as_far_as_it_goes(bytes(self._head))
        self.requested()
        self._malformed(self, target, headers, status, text)
        return answer(status, text)

    def _tell_of_a_broken_body(self) -> None:
        """End a body that the parser has given up: aiohttp leaves whoever reads it waiting."""
        request = self._current_request
        if request is None or not self._messages or request.content.is_eof():
            return
        fault = self._messages[-1][0]
        if isinstance(fault, _ErrInfo):
            request.content.set_exception(web.RequestPayloadError(fault.message))
            request.content.feed_eof()

    def _arm(self) -> None:
        self._deadline = asyncio.get_running_loop().call_later(self._header_timeout, self._late)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _late(self) -> None:
        if self._head and self.transport is not None:
            self.transport.write(_TIMED_OUT)
        self.force_close()


class Connections(web.Server):
    """Makes and counts the clients' connections."""

    def __init__(
        self,
        handler: Callable[[web.BaseRequest], Any],
        *,
        most: int,
        header_timeout: float,
        malformed: Malformed,
        **options: Any,
    ) -> None:
        """`most`: connections beyond it are told to come again, without a look at their request."""
        super().__init__(handler, handler_cancellation=True)  # who leaves takes the request along
        self._most = most
        self._header_timeout = header_timeout
        self._malformed = malformed
        self._options = options

    @property
    def crowded(self) -> bool:
        """Whether one connection more than `most` is open."""
        return len(self._connections) > self._most

    def __call__(self) -> RequestHandler:
        """Return the protocol of a new connection."""
        return Connection(self, self._header_timeout, self._malformed, **self._options)


def _as_far_as_it_goes(head: bytes) -> tuple[str, Pairs]:
    """Read what can be read of a malformed head, for the record only: target and headers."""
    lines = head.partition(b"\r\n\r\n")[0].decode("latin-1").split("\n")
    words = lines[0].split()
    headers: Pairs = []
    for line in lines[1:]:
        name, _, value = line.rstrip("\r").partition(":")
        headers.append((name, value.strip()))
    return words[1] if len(words) > 1 else "", headers
