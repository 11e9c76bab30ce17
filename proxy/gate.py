"""What becomes of a request: refused here, passed on as plain HTTP, or opened as a session."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus

import aiohttp
from aiohttp import ClientResponse, ClientSession, web

from ..net.answer import answer
from ..net.client import AUTO_HEADERS, http_client
from ..net.connection import HEAD_LIMIT, Connection
from ..net.detach import Detached, Hijacked, detach_request, detach_response
from ..net.fault import in_a_line
from ..net.handshake import (
    answer_fault,
    check_request,
    is_upgrade,
    switching_protocols,
    upgrade_headers,
)
from ..net.headers import Pairs, decode_pairs, get, head_size, outgoing
from ..net.refusal import RefusedError, check_target
from ..net.upstream import Upstream
from ..store.tap import SessionTap
from .http import forward_http, relay_fault, relay_response
from .options import Options
from .recordings import Recordings

__all__ = ["Gate"]

log = logging.getLogger("wsrec.proxy")

OpenTunnel = Callable[[SessionTap, Detached, Detached], None]


class Gate:
    """Lets requests through to one backend, and records every attempt to open a session.

    An async context manager: it holds the connections to the backend that plain HTTP uses.
    """

    def __init__(
        self,
        upstream: Upstream,
        options: Options,
        recordings: Recordings,
        *,
        sessions: Callable[[], int],
        most: int,
        open_tunnel: OpenTunnel,
    ) -> None:
        """Join what lies before a tunnel to what runs it.

        Args:
            upstream: the backend.
            options: what the operator chose.
            recordings: takes the attempts.
            sessions: how many tunnels are open now.
            most: how many tunnels and requests there may be.
            open_tunnel: takes both connections behind a 101.
        """
        self.closed = False
        """Set when nothing new may be let through: the proxy is ending."""
        self._upstream = upstream
        self._options = options
        self._recordings = recordings
        self._sessions = sessions
        self._most = most
        self._open_tunnel = open_tunnel
        self._requests = 0
        self._none_left = asyncio.Event()

    async def __aenter__(self) -> Gate:
        self._http: ClientSession = http_client(
            tls=self._options.upstream_tls,
            name=self._options.upstream_name,
            buffer=self._options.buffer,
        )
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._http.close()

    async def wait(self, seconds: float) -> None:
        """Wait until no request is under way, for so long at most."""
        if self._requests:
            self._none_left.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._none_left.wait(), seconds)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request, or hand its connection over to a tunnel."""
        connection = request.protocol
        assert isinstance(connection, Connection)
        connection.requested()
        self._requests += 1
        try:
            headers = decode_pairs(request.raw_headers)
            if is_upgrade(headers):
                return await self._upgrade(request, headers)
            try:
                passed = self._admit(request, headers)
                return await forward_http(self._http, self._upstream, request, passed)
            except _FAULTS as fault:
                return self._explain(fault)
        finally:
            self._requests -= 1
            if not self._requests:
                self._none_left.set()
            connection.answered()

    def malformed(
        self, connection: Connection, target: str, headers: Pairs, status: int, why: str
    ) -> None:
        """Record a request that is no HTTP if it was to be an upgrade; tell of it in any case."""
        log.warning("%s: %s", _peer(connection.peername) or "a client", why)
        if is_upgrade(headers) and self._recordings.is_open:
            tap = self._recordings.session(_peer(connection.peername), target, headers)
            tap.answered(status, [], None, None)
            tap.ended()

    def _admit(self, request: web.BaseRequest, headers: Pairs) -> Pairs:
        """Return the headers to pass on.

        Raises:
            RefusedError: the request is not let through.
        """
        if head_size(headers) + len(request.raw_path) > HEAD_LIMIT:
            raise RefusedError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the head is too large")
        check_target(request, headers)
        self._options.front.admit(headers)
        self._check_running()
        if self._sessions() + self._requests > self._most:
            raise _busy("too many sessions and requests at once")
        peer = request.transport.get_extra_info("peername") if request.transport else None
        address = peer[0] if isinstance(peer, tuple) else None
        if address is None and self._options.listen.path is None:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "the client has left")
        return self._options.front.pass_on(headers, address, request.scheme)

    async def _upgrade(self, request: web.BaseRequest, headers: Pairs) -> web.StreamResponse:
        """Record an opening handshake, whatever becomes of it."""
        if not self._recordings.is_open:  # there is no place to record it in
            return self._explain(_busy("the recording cannot be written now"))
        tap = self._recordings.session(_peer(request.protocol.peername), request.raw_path, headers)
        try:
            key = check_request(request, headers)
            passed = self._admit(request, headers)
            async with self._dial(request, passed) as response:
                return await self._answer(request, response, key, tap)
        except _FAULTS as fault:
            refusal = self._explain(fault)
            tap.answered(refusal.status, list(refusal.headers.items()), None, None)
            tap.ended()
            return refusal
        except BaseException:  # the client has left, the proxy is ending, or a fault in here
            tap.ended()
            raise

    @asynccontextmanager
    async def _dial(
        self, request: web.BaseRequest, headers: Pairs
    ) -> AsyncIterator[ClientResponse]:
        """Send an opening handshake to the backend; give its answer."""
        async with asyncio.timeout(self._options.handshake_timeout):
            response = await self._http.request(
                "GET",
                self._upstream.url(request.raw_path),
                headers=outgoing(upgrade_headers(headers)),
                skip_auto_headers=AUTO_HEADERS,
                allow_redirects=False,
            )
        try:
            yield response
        finally:
            response.close()

    async def _answer(
        self, request: web.BaseRequest, response: ClientResponse, key: str, tap: SessionTap
    ) -> web.StreamResponse:
        """Open a tunnel behind a verified 101; pass every other answer on as it is."""
        headers = decode_pairs(response.raw_headers)
        if head_size(headers) > HEAD_LIMIT:
            raise RefusedError(
                HTTPStatus.BAD_GATEWAY, f"{self._upstream}: the head of its answer is too large"
            )
        if response.status != HTTPStatus.SWITCHING_PROTOCOLS:
            if fault := relay_fault(response):
                raise RefusedError(HTTPStatus.BAD_GATEWAY, f"{self._upstream}: {fault}")
            tap.answered(response.status, headers, None, None)
            tap.ended()
            return await relay_response(request, response)
        if fault := answer_fault(headers, key):
            raise RefusedError(HTTPStatus.BAD_GATEWAY, f"{self._upstream}: {fault}")
        self._check_running()  # again: the backend may have taken its time
        client, server = detach_request(request), detach_response(response)
        if client is None or server is None:
            gone = "the client" if client is None else "the backend"
            raise RefusedError(HTTPStatus.BAD_GATEWAY, f"{gone} left during the handshake")
        tap.answered(
            response.status,
            headers,
            get(headers, "sec-websocket-protocol"),
            get(headers, "sec-websocket-extensions"),
        )
        client.transport.write(switching_protocols(response.reason, headers))
        self._open_tunnel(tap, client, server)
        return Hijacked()

    def _check_running(self) -> None:
        if self.closed or not self._recordings.is_open:
            raise _busy("no new sessions now")

    def _explain(self, fault: Exception) -> web.Response:
        """Return the answer to a request that did not get through."""
        if _out_of_files(fault):
            fault = _busy("too many open files")
            log.warning("%s", fault.reason)
        if isinstance(fault, RefusedError):
            return answer(fault.status, fault.reason, fault.headers)
        if isinstance(fault, UnicodeEncodeError):
            return answer(HTTPStatus.BAD_REQUEST, "a header is not UTF-8")
        text = f"{self._upstream}: {in_a_line(fault)}"
        log.warning("%s", text)
        late = isinstance(fault, TimeoutError)
        return answer(HTTPStatus.GATEWAY_TIMEOUT if late else HTTPStatus.BAD_GATEWAY, text)


# What a request may run into before the backend's answer is on its way to the client.
_FAULTS = (RefusedError, aiohttp.ClientError, TimeoutError, ValueError)


def _busy(why: str) -> RefusedError:
    return RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, why, [("Retry-After", "1")])


def _out_of_files(fault: Exception) -> bool:
    return (
        isinstance(fault, aiohttp.ClientConnectorError)
        and fault.os_error.errno in (errno.EMFILE, errno.ENFILE)
    )  # fmt: skip


def _peer(peer: object) -> str | None:
    return f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else None
