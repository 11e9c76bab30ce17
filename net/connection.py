"""A client's connection while HTTP is spoken on it: its deadlines, and what is no HTTP at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.http import HttpProcessingError
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from .answer import answer
from .client import HEADER_SIZE
from .handshake import is_upgrade
from .headers import Pairs

__all__ = ["HEAD_LIMIT", "Connection", "Connections", "Malformed"]

Malformed = Callable[["Connection", str, Pairs, int, str], object]
"""Is told of a request that could not be parsed: target, headers as far as they can be told,
status of the answer, what is wrong."""

HEAD_LIMIT = 64 << 10
"""Bytes of a head: aiohttp bounds each of its fields, which makes megabytes."""

_OPTIONS: Mapping[str, Any] = {
    "access_log": None,
    "auto_decompress": False,
    "keepalive_timeout": 75.0,  # seconds that a connection may wait for its next request
    "max_line_size": HEADER_SIZE,
    "max_field_size": HEADER_SIZE,
}
_OVERFLOW = 32  # connections beyond the sessions: they get as far as being told why not

_TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)
_CROWDED = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)


class Connection(RequestHandler):
    """aiohttp's protocol of a client, with a deadline for the head of each request.

    Without one, a client that sends its head byte by byte holds a connection for ever.
    """

    __slots__ = ("_answers", "_deadline", "_head", "_header_timeout", "_malformed")

    def __init__(self, manager: Connections, header_timeout: float, malformed: Malformed) -> None:
        super().__init__(manager, loop=asyncio.get_running_loop(), **_OPTIONS)
        self._header_timeout = header_timeout
        self._malformed = malformed
        self._deadline: asyncio.TimerHandle | None = None
        self._answers = 0
        self._head = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock of the first request, unless there are too many connections."""
        super().connection_made(transport)
        assert isinstance(self._manager, Connections)
        if self._manager.crowded:
            self._end_with(_CROWDED)
        else:
            self._arm()

    def data_received(self, data: bytes) -> None:
        """Keep a copy of a head until it is complete; start the clock of a further request."""
        heads = self._request_count
        listening = heads == self._answers
        if listening or self._behind_a_request():
            self._head += data[: HEAD_LIMIT + 1 - len(self._head)]
        if listening and self._deadline is None:
            self._arm()
        super().data_received(data)
        if self._request_count > heads:
            self._disarm()
        elif listening and len(self._head) > HEAD_LIMIT:
            self._end_with(_TOO_LARGE)
        self._tell_of_a_broken_body()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop the clock."""
        self._disarm()
        super().connection_lost(exc)

    def requested(self) -> None:
        """Note that a request is being answered: its head was in order."""
        self._head.clear()

    def answered(self) -> None:
        """Note that its answer is on the way: what comes next is another request's head."""
        self._answers += 1

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP in one line; leave faults in here to aiohttp."""
        if not isinstance(exc, HttpProcessingError):
            return super().handle_error(request, status, exc, message)
        if isinstance(exc, LineTooLong):
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
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
        # Behind an earlier answer a client would take it for that of its next request.
        first = self._head and not self._answers
        self._end_with(_TIMED_OUT if first else b"")

    def _end_with(self, answer: bytes) -> None:
        if answer and self.transport is not None:
            self.transport.write(answer)
        self.force_close()

    def _behind_a_request(self) -> bool:
        """Whether what comes now is the head of a request behind the one that is being answered."""
        request = self._current_request
        return request is not None and request.content.is_eof()


class Connections(web.Server):
    """Makes and counts the clients' connections."""

    def __init__(
        self,
        handler: Callable[[web.BaseRequest], Any],
        *,
        most: int,
        sessions: Callable[[], int],
        header_timeout: float,
        malformed: Malformed,
    ) -> None:
        """Serve `handler`.

        Args:
            handler: answers requests.
            most: how many sessions there may be. So many connections, with those of `sessions`,
                and a few more are heard; those beyond are told to come again without a look at
                their request.
            sessions: how many connections are sessions by now, and not aiohttp's any more.
            header_timeout: seconds for the head of a request.
            malformed: see `Malformed`.
        """
        super().__init__(handler, handler_cancellation=True)  # who leaves takes the request along
        self._most = most + _OVERFLOW
        self._sessions = sessions
        self._header_timeout = header_timeout
        self._malformed = malformed

    @property
    def crowded(self) -> bool:
        """Whether one connection more than may be heard is open."""
        return len(self._connections) + self._sessions() > self._most

    def __call__(self) -> RequestHandler:
        """Return the protocol of a new connection."""
        return Connection(self, self._header_timeout, self._malformed)


def _as_far_as_it_goes(heads: bytes) -> tuple[str, Pairs]:
    """Read what can be read of malformed heads, for the record only: target and headers.

    Several may have come at once, and the parser does not say which one it could not read.
    """
    found = [_target_and_headers(head) for head in heads.split(b"\r\n\r\n")]
    return next((each for each in found if is_upgrade(each[1])), found[0])


def _target_and_headers(head: bytes) -> tuple[str, Pairs]:
    lines = head.decode("latin-1").split("\n")
    words = lines[0].split()
    headers: Pairs = []
    for line in lines[1:]:
        name, _, value = line.rstrip("\r").partition(":")
        headers.append((name, value.strip()))
    return words[1] if len(words) > 1 else "", headers
