"""The proxy: listens, lets handshakes through, keeps the tunnels that they open."""

from __future__ import annotations

import asyncio
import logging
import secrets
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Self

from .. import __version__
from ..net.address import Listener
from ..net.connection import Connections
from ..net.detach import Detached
from ..net.unmask import unmask
from ..net.upstream import Upstream
from ..store.recorder import Recorder
from ..store.series import Series
from ..store.tap import SessionTap
from .caretaker import Caretaker, Tell, warn
from .failure import Failure
from .files import connections_that_fit
from .gate import Gate
from .options import Options
from .recordings import Recordings
from .throttle import Throttle
from .tunnel import RECORD, Tunnel
from .tunnels import INTERNAL_ERROR, Tunnels

__all__ = ["Proxy"]

log = logging.getLogger("wsrec.proxy")


class Proxy:
    """A transparent WebSocket proxy that records what crosses it.

    An async context manager: listening when entered; left, every session is closed with 1001,
    the recording is flushed and marked as cleanly ended.
    """

    def __init__(
        self,
        upstream: Upstream,
        output: Path,
        options: Options | None = None,
        tell: Tell = warn,
    ) -> None:
        """Join a backend to a recording.

        Args:
            upstream: the backend.
            output: the recording, or the pattern of its name.
            options: what the operator chose.
            tell: called, in another thread, with what the operator ought to know.

        Raises:
            ValueError: `output` is a pattern that is not known.
        """
        self.upstream = upstream
        self.options = options or Options()
        self.address = self.options.listen
        """Where it listens; once it does, with the port that was taken for 0."""
        self.failed = asyncio.Event()
        """Set when nothing can be recorded any more until the proxy is started again."""
        # One for the whole run: digests compare between its recordings.
        self._redaction_key = self.options.redaction_key or secrets.token_bytes(32)
        self._tunnels = Tunnels(self.options.close_timeout)
        series = Series(output)
        self._recordings = Recordings(series, self.options.keep, self._record)
        self._caretaker = Caretaker(self._recordings, series, self.options.keep, tell)
        self._throttle = Throttle(RECORD, self._recordings.has_room)

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            RecordingError: the recording cannot be opened.
            OSError: the address cannot be listened on.
            SettingError: it names no host.
        """
        options = self.options
        async with AsyncExitStack() as stack:
            # Before the recording is touched: the address may be taken.
            self._listener = await Listener.bound(
                options.listen,
                lambda: self._connections(),
                tls=options.tls,
                handshake=options.header_timeout,
                buffer=options.buffer,
            )
            stack.callback(self._listener.close)
            self.address = self._listener.address
            self._loop = asyncio.get_running_loop()
            await self._recordings.open()
            stack.push_async_callback(self._recordings.close)
            most = min(options.max_sessions, connections_that_fit())
            self._gate = await stack.enter_async_context(
                Gate(
                    self.upstream,
                    options,
                    self._recordings,
                    sessions=self._tunnels.__len__,
                    most=most,
                    open_tunnel=self._open,
                )
            )
            self._connections = Connections(
                self._gate.handle,
                most=most,
                sessions=self._tunnels.__len__,
                header_timeout=options.header_timeout,
                malformed=self._gate.malformed,
            )
            stack.push_async_callback(self._connections.shutdown, 1.0)
            await self._listener.serve()
            for watch in (self._tunnels.watch(options.idle_timeout), self._recordings.watch()):
                stack.callback(asyncio.ensure_future(watch).cancel)
            # Last, without an await behind it: what it tells comes after the address.
            self._caretaker.start()
            stack.push_async_callback(self._caretaker.stop)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """End in order: nothing new, sessions, requests, connections to the backend, recording."""
        self._gate.closed = True
        self._listener.close()
        try:
            if self._recordings.is_open:
                drain = self.options.drain
                await asyncio.gather(self._tunnels.wait(drain), self._gate.wait(drain))
                await self._tunnels.close("proxy is shutting down")
            else:
                self._tunnels.abort()
                await self._tunnels.wait(1.0)
        finally:  # whoever is cancelled here waits for the disk, and for nobody else
            self._tunnels.abort()
            self._connections.pre_shutdown()
            await self._stack.aclose()

    @property
    def url(self) -> str:
        """Where clients connect to instead of the backend."""
        return self.address.url(tls=self.options.tls is not None)

    @property
    def port(self) -> int:
        """The port that is listened on; 0 on a Unix socket."""
        return self.address.port

    @property
    def failure(self) -> Failure | None:
        """Which recording could not be written, at some time, or could not be finished."""
        return self._recordings.fault

    @property
    def recording(self) -> Path:
        """The recording that new sessions go to; after a failure, the one that has failed."""
        return self._recordings.path

    @property
    def sessions(self) -> int:
        """How many sessions are open now."""
        return len(self._tunnels)

    def _open(self, tap: SessionTap, client: Detached, server: Detached) -> None:
        """Join two connections behind a 101, and pass on what had come with it."""
        tunnel = Tunnel(tap, client.transport, server.transport, self._throttle, self._tunnels.gone)
        self._tunnels.add(tunnel)
        ahead = client.attach(tunnel.client), server.attach(tunnel.server)
        for pipe, data in zip((tunnel.client, tunnel.server), ahead, strict=True):
            if data:
                pipe.data_received(data)

    def _record(self, path: Path) -> Recorder:
        """Open a recording; in any thread."""
        tell, options = self._loop.call_soon_threadsafe, self.options
        return Recorder(
            path,
            meta={
                "wsrec_version": __version__,
                "upstream": str(self.upstream),
                "output": self._recordings.output,
                **({} if options.contract is None else {"contract": options.contract}),
            },
            unmask=unmask,
            redaction=options.redaction,
            redaction_key=self._redaction_key,
            durability=options.promised,
            goes_on=options.goes_on,
            on_loop=tell,
            signer=options.signer,
            on_room=lambda: tell(self._throttle.release),
            on_failure=partial(self._failed, path),
            on_resumed=partial(self._resumed, path),
        )

    def _failed(self, path: Path, error: Exception) -> None:
        """Let nothing cross that is not recorded, unless that is what was asked for."""
        if self._recordings.is_broken:
            log.error("%s: recording failed for good: %s", path, error)
            self._tunnels.abort()
            self.failed.set()
        elif self._recordings.is_open:
            log.error("%s: not recorded from now on: %s", path, error)
        else:
            log.error(
                "%s: recording failed: %s; sessions are ended with 1011, new ones get 503, until "
                "it can be written again", path, error,
            )  # fmt: skip
            self._tunnels.end("the recording failed", INTERNAL_ERROR)
        self._throttle.release()

    def _resumed(self, path: Path) -> None:
        log.warning("%s: recording again", path)
