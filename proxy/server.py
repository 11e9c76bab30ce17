"""The proxy: listens, lets handshakes through, keeps the tunnels that they open."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import ssl
from http import HTTPStatus
from pathlib import Path
from typing import Self

import aiohttp
from aiohttp import ClientResponse, web

from .. import __version__
from ..store.recorder import Recorder
from ..store.tap import SessionTap
from .client import AUTO_HEADERS, HEADER_SIZE, handshake_client, http_client
from .detach import Hijacked, detach_request, detach_response
from .handshake import (
    RefusedError,
    answer_fault,
    check_request,
    check_target,
    is_upgrade,
    switching_protocols,
    upgrade_headers,
)
from .headers import Pairs, decode_pairs, get, outgoing
from .http import answer, forward_http, relay_response
from .throttle import Throttle
from .tunnel import RECORD, Tunnel
from .unmask import unmask
from .upstream import Upstream

__all__ = ["Proxy", "reason"]

log = logging.getLogger("wsrec.proxy")

_HANDSHAKE_TIMEOUT = 30.0  # seconds for its answer to an upgrade
_IDLE_TIMEOUT = 75.0  # seconds that a connection may wait before its (next) request is complete


class Proxy:
    """A transparent WebSocket proxy that records what crosses it.

    An async context manager: listening when entered; left, every session is closed with 1001,
    the recording is flushed and marked as cleanly ended.
    """

    def __init__(
        self,
        upstream: Upstream,
        recording: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        drain: float = 5.0,
    ) -> None:
        """`drain`: seconds that peers have to answer the Close frames of a shutdown."""
        self.upstream = upstream
        self.recording = recording
        self.host = host
        self.port = port
        """The port that is listened on; the one asked for until then, 0 for any."""
        self.failed = asyncio.Event()
        """Set when the recording cannot be written any more: every session is ended then."""
        self._drain = drain
        self._tunnels: set[Tunnel] = set()
        self._throttle = Throttle(RECORD, lambda: self._recorder.has_room())
        self._last_gone = asyncio.Event()
        self._stopping = False

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            RecordingError: the recording cannot be opened.
            OSError: the address cannot be listened on.
        """
        loop = asyncio.get_running_loop()
        self._recorder = await asyncio.to_thread(
            Recorder,
            self.recording,
            meta={"wsrec_version": __version__, "upstream": str(self.upstream)},
            unmask=unmask,
            on_room=lambda: loop.call_soon_threadsafe(self._throttle.release),
            on_failure=lambda error: loop.call_soon_threadsafe(self._fail, error),
        )
        self._http = http_client()
        self._handshakes = handshake_client()
        server = web.Server(
            self._handle,
            handler_cancellation=True,  # a client that leaves takes its request along
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=_IDLE_TIMEOUT,
            max_line_size=HEADER_SIZE,
            max_field_size=HEADER_SIZE,
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=1.0)
        try:
            await self._runner.setup()
            site = web.TCPSite(self._runner, self.host, self.port, backlog=1024)
            await site.start()
        except BaseException:
            await self._shut()
            raise
        self._site = site
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._stopping = True
        await self._site.stop()
        for tunnel in tuple(self._tunnels):
            if self._recorder.failure is None:
                tunnel.close(1001, "proxy is shutting down")
            else:
                tunnel.abort()
        await self._tunnels_gone(self._drain)
        for tunnel in tuple(self._tunnels):
            tunnel.abort()
        await self._tunnels_gone(1.0)
        await self._shut()

    @property
    def url(self) -> str:
        """Where clients connect to instead of the backend."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"ws://{host}:{self.port}"

    @property
    def failure(self) -> Exception | None:
        """Why the recording cannot be written any more."""
        return self._recorder.failure

    @property
    def sessions(self) -> int:
        """How many sessions are open now."""
        return len(self._tunnels)

    async def _shut(self) -> None:
        await self._runner.cleanup()
        await self._http.close()
        await self._handshakes.close()
        await asyncio.to_thread(self._recorder.close)

    async def _tunnels_gone(self, seconds: float) -> None:
        if self._tunnels:
            self._last_gone.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._last_gone.wait(), seconds)

    def _gone(self, tunnel: Tunnel) -> None:
        self._tunnels.discard(tunnel)
        if not self._tunnels:
            self._last_gone.set()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        headers = decode_pairs(request.raw_headers)
        if is_upgrade(headers):
            return await self._upgrade(request, headers)
        try:
            check_target(request, headers)
            return await forward_http(self._http, self.upstream, request, headers)
        except _FAULTS as fault:
            return self._explain(fault)

    async def _upgrade(self, request: web.BaseRequest, headers: Pairs) -> web.StreamResponse:
        """Record an opening handshake, whatever becomes of it."""
        tap = self._recorder.session(_peer(request), request.raw_path, headers)
        try:
            check_target(request, headers)
            key = check_request(request, headers)
            self._check_running()
            response = await self._dial(request, headers, tap)
            try:
                return await self._answer(request, response, key, tap)
            finally:
                response.close()
        except _FAULTS as fault:
            refusal = self._explain(fault)
            tap.answered(refusal.status, list(refusal.headers.items()), None, None)
            tap.ended()
            return refusal

    async def _dial(
        self, request: web.BaseRequest, headers: Pairs, tap: SessionTap
    ) -> ClientResponse:
        """Send an opening handshake to the backend; return its answer."""
        try:
            async with asyncio.timeout(_HANDSHAKE_TIMEOUT):
                return await self._handshakes.request(
                    "GET",
                    self.upstream.url(request.raw_path),
                    headers=outgoing(upgrade_headers(headers)),
                    skip_auto_headers=AUTO_HEADERS,
                    allow_redirects=False,
                )
        except asyncio.CancelledError:  # the client has left, or the proxy is ending
            tap.ended()
            raise

    async def _answer(
        self, request: web.BaseRequest, response: ClientResponse, key: str, tap: SessionTap
    ) -> web.StreamResponse:
        """Open a tunnel behind a verified 101; pass every other answer on as it is."""
        headers = decode_pairs(response.raw_headers)
        if response.status != HTTPStatus.SWITCHING_PROTOCOLS:
            tap.answered(response.status, headers, None, None)
            tap.ended()
            return await relay_response(request, response)
        if fault := answer_fault(headers, key):
            raise RefusedError(HTTPStatus.BAD_GATEWAY, f"{self.upstream}: {fault}")
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
        tunnel = Tunnel(tap, client.transport, server.transport, self._throttle, self._gone)
        self._tunnels.add(tunnel)
        ahead = server.attach(tunnel.server), client.attach(tunnel.client)
        for pipe, data in zip((tunnel.server, tunnel.client), ahead, strict=True):
            if data:
                pipe.data_received(data)
        return Hijacked()

    def _check_running(self) -> None:
        if self._stopping or self.failure is not None:
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "no new sessions now")

    def _explain(self, fault: Exception) -> web.Response:
        """Return the answer to a request that did not get through."""
        if isinstance(fault, RefusedError):
            return answer(fault.status, fault.reason, fault.headers)
        if isinstance(fault, UnicodeEncodeError):
            return answer(HTTPStatus.BAD_REQUEST, "a header is not UTF-8")
        text = f"{self.upstream}: {_in_a_line(fault)}"
        log.warning("%s", text)
        late = isinstance(fault, TimeoutError)
        return answer(HTTPStatus.GATEWAY_TIMEOUT if late else HTTPStatus.BAD_GATEWAY, text)

    def _fail(self, error: Exception) -> None:
        """End what runs, take nothing new: what is forwarded from now on would not be recorded."""
        log.error("%s: recording failed: %s", self.recording, error)
        for tunnel in tuple(self._tunnels):
            tunnel.abort()
        self.failed.set()


# What a request may run into before the backend's answer is on its way to the client.
_FAULTS = (RefusedError, aiohttp.ClientError, TimeoutError, ValueError)


def _peer(request: web.BaseRequest) -> str | None:
    peer = request.transport.get_extra_info("peername") if request.transport else None
    return f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else None


def reason(error: OSError) -> str:
    """Say what went wrong without the address, which event loops put into `strerror`."""
    if isinstance(error, ssl.SSLError | socket.gaierror):  # their numbers are not errno's
        return error.strerror or str(error) or "the TLS handshake failed"
    return os.strerror(error.errno) if error.errno else str(error) or type(error).__name__


def _in_a_line(fault: Exception) -> str:
    if isinstance(fault, TimeoutError):
        return "no answer in time"
    if isinstance(fault, aiohttp.ClientConnectorError):
        return f"cannot be reached: {reason(fault.os_error)}"
    return " ".join(str(fault).split()) or type(fault).__name__
