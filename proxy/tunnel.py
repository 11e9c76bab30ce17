"""Two transports joined by raw bytes; a copy of each chunk goes to the recorder."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from time import monotonic_ns

from ..net.sockets import is_broken, keep_alive, reset, waiting
from ..store.model import Sender
from ..store.tap import Room, SessionTap
from ..wire.close import close_body
from ..wire.decoder import FrameDecoder
from ..wire.frames import CLOSE, Frame, encode_frame
from .throttle import Throttle

__all__ = ["RECORD", "Pipe", "Pulse", "Tunnel"]

Pulse = tuple[tuple[int, int, int], ...]
"""See `Tunnel.pulse`."""

_LAST_WORDS = 256 << 10
"""Bytes that are recorded of a peer behind the proxy's own Close frame, which it should answer."""

_WRITE, RECORD, _DRAIN, _SHARE = 1, 2, 4, 8
"""Reasons not to read: the other peer is slow, the recorder is, the session is being ended, too
much of what waits for the recorder is this peer's."""


class Pipe(asyncio.Protocol):
    """One direction: reads one peer and writes what it sends, as it is, to the other."""

    __slots__ = (
        "_blocked",
        "_closing",
        "_holds",
        "_keep",
        "_last_words",
        "_record",
        "_syncer",
        "_told",
        "_waiting",
        "active_ns",
        "ended",
        "gone",
        "lost",
        "other",
        "sender",
        "transport",
        "tunnel",
        "write",
    )

    other: Pipe
    write: Callable[[bytes], None]

    def __init__(self, tunnel: Tunnel, sender: Sender, transport: asyncio.Transport) -> None:
        self.tunnel = tunnel
        self.sender: Sender = sender
        self.transport = transport
        loop = asyncio.get_running_loop()
        self._record = tunnel.tap.stream(
            sender, lambda: loop.call_soon_threadsafe(self.release, _SHARE)
        )
        self._keep = tunnel.tap.keeper(sender)
        self._syncer = tunnel.tap.syncer
        self._waiting = tunnel.throttle.waiting
        self._blocked = False  # the other transport holds bytes that its peer has not taken
        self._holds = 0
        self._closing: FrameDecoder | None = None
        self._last_words = 0
        self.active_ns = monotonic_ns()  # when bytes last came
        self.ended = False  # the peer will send nothing more
        self._told = False  # and the other one knows
        self.lost = False
        self.gone = False  # lost, and all that came before has been passed on, or never will be
        # With no room in it, the buffer tells at once when a peer does not take what we write,
        # and again when it has taken all: that is when it counts as forwarded. A TLS transport
        # pauses at the mark instead of above it: at 0 it would pause with nothing to wait for.
        tls = transport.get_extra_info("sslcontext") is not None
        transport.set_write_buffer_limits(high=1 if tls else 0)

    def data_received(self, data: bytes) -> None:
        """Keep, forward, then record: the peer waits for no more than durability asks for."""
        self.active_ns = at_ns = monotonic_ns()
        if self._closing is not None:
            self._answered(data, at_ns)
            return
        keep = self._keep
        if keep is not None:
            if not keep(at_ns, data):
                return  # the session is being ended: what is not recorded is not forwarded
            if self._syncer is not None:
                self._syncer.hold(len(data), self._let_go, at_ns, data)
                if self.tunnel.tap.is_full():
                    self._pause(Room.NONE)
                return
        self._forward(at_ns, data)

    def _forward(self, at_ns: int, data: bytes) -> None:
        self.write(data)
        full = self._record(at_ns, None if self._blocked else monotonic_ns(), data)
        if full or self._waiting:
            self._pause(full)

    def _let_go(self, at_ns: int, data: bytes) -> None:
        """Forward what is on the disk now, if there still is somebody to take it."""
        if self.other.lost:
            self._record(at_ns, None, data)
        else:
            self._forward(at_ns, data)

    def pause_writing(self) -> None:
        """This transport's peer does not take what we write: stop reading the other one."""
        self.other._blocked = True
        self.other.hold(_WRITE)

    def resume_writing(self) -> None:
        """This transport's peer has taken everything."""
        other = self.other
        other._blocked = False
        self.tunnel.tap.forwarded(other.sender, monotonic_ns())
        other.release(_WRITE)

    def eof_received(self) -> bool:
        """Pass the end of the stream on; the other direction may go on."""
        self.ended = True
        if self.transport.get_extra_info("sslcontext") is not None:
            return False  # TLS knows no half-close
        self.tunnel.tap.in_order(self._end_other)
        return True

    def _end_other(self) -> None:
        """Pass the end of the stream on, behind all that both peers have sent before."""
        other = self.other
        self._told = True
        if other.lost or other._told or self._closing or not other.transport.can_write_eof():
            self.transport.close()  # nothing left to wait for, or the other one speaks TLS
        elif not other.transport.is_closing():
            with contextlib.suppress(OSError):  # it is gone, and nobody has noticed yet
                other.transport.write_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the other connection end the way this one did."""
        self.lost = True
        self.tunnel.tap.in_order(self._lose_other, exc)

    def _lose_other(self, exc: Exception | None) -> None:
        other = self.other
        self.gone = True
        if not other.lost:
            if exc is not None:
                reset(other.transport)
            elif self._closing is None:
                other.transport.close()
        self.tunnel.lost()

    def hold(self, reason: int) -> None:
        """Stop reading, for one reason more."""
        if not self._holds and not self.lost:
            self.transport.pause_reading()
        self._holds |= reason

    def release(self, reason: int) -> None:
        """Read on, unless another reason is left."""
        if self._holds == reason and not self.lost:
            self.transport.resume_reading()
        self._holds &= ~reason

    @property
    def held(self) -> bool:
        """Whether the peer is not read now."""
        return self._holds != 0

    def finish(self, body: bytes, at_boundary: bool, other_at_boundary: bool) -> None:
        """Send this peer a Close frame in the other's name, then wait for its answer.

        A frame in the middle of another would be garbage: without `other_at_boundary`, where
        the stream towards this peer stands between two frames, only the connection is closed.
        """
        self._closing = FrameDecoder(masked=self.sender == "client")
        if self.lost:
            return
        if other_at_boundary and not self.other.ended:
            mask = os.urandom(4) if self.sender == "server" else None
            self.tunnel.tap.synthetic(self.other.sender, body)
            self.transport.write(encode_frame(CLOSE, body, mask=mask))
        if not (other_at_boundary and at_boundary) or self.ended:
            self.transport.close()
        self._holds = _DRAIN
        self.release(_DRAIN)

    def _pause(self, full: Room) -> None:
        if full is Room.NONE_FOR_ONE:
            self.hold(_SHARE)
        else:
            self.tunnel.throttle.wait(self)

    def _answered(self, data: bytes, at_ns: int) -> None:
        """Record what arrives behind our Close frame; the peer's own one ends the connection."""
        assert self._closing is not None
        self._last_words += len(data)
        if self._last_words > _LAST_WORDS:
            self.transport.close()
            return
        if self._keep is not None:
            self._keep(at_ns, data)
        self.tunnel.tap.in_order(self._record, at_ns, None, data)
        if self._waiting or self.tunnel.tap.is_full():
            self._pause(Room.NONE)
        for frame in self._closing.feed(data):
            if isinstance(frame, Frame) and frame.opcode == CLOSE:
                self.transport.close()


class Tunnel:
    """The two directions of one session, from its 101 to the end of both connections."""

    def __init__(
        self,
        tap: SessionTap,
        client: asyncio.Transport,
        server: asyncio.Transport,
        throttle: Throttle,
        on_closed: Callable[[Tunnel], None],
    ) -> None:
        self.tap = tap
        self.throttle = throttle
        self._on_closed = on_closed
        self._is_over = False
        self.client = Pipe(self, "client", client)
        self.server = Pipe(self, "server", server)
        self.client.other, self.server.other = self.server, self.client
        self.client.write, self.server.write = server.write, client.write
        keep_alive(client)
        keep_alive(server)

    def lost(self) -> None:
        """One connection is gone; with the second the session has ended."""
        if self.client.gone and self.server.gone and not self._is_over:
            self._is_over = True
            self.tap.ended()
            self._on_closed(self)
            for pipe in (self.client, self.server):
                # No cycle is left behind: the collector hardly runs, see command.py.
                del pipe.tunnel, pipe.other, pipe.write, pipe._record

    def look(self) -> None:
        """Notice a peer that is gone while nobody reads it: no event loop tells of that.

        One that has ended its stream may listen for as long as it likes, and one that is held
        may wait: only the kernel can say that they do not any more.
        """
        for pipe in (self.client, self.server):
            unread = (pipe.ended or pipe.held) and not pipe.lost
            if unread and not pipe.transport.is_closing() and is_broken(pipe.transport):
                reset(pipe.other.transport)
                pipe.transport.abort()
                return

    def pulse(self) -> Pulse:
        """Return what is another thing whenever a byte has crossed, into or out of the proxy."""
        pipes = self.client, self.server
        return tuple((pipe.active_ns, *waiting(pipe.transport)) for pipe in pipes)

    def close(self, code: int, reason: str) -> None:
        """End the session from here: a Close frame to both peers, where one fits in."""
        loop = asyncio.get_running_loop()
        self.client.hold(_DRAIN)
        self.server.hold(_DRAIN)
        body = close_body(code, reason)

        def inject(client: bool, server: bool) -> None:
            self.client.finish(body, client, server)
            self.server.finish(body, server, client)

        # Only the recorder knows where frames begin, and only once it has read all we have.
        self.tap.when_recorded(
            lambda client, server: loop.call_soon_threadsafe(inject, client, server)
        )

    def abort(self) -> None:
        """Drop what is left of both connections."""
        for pipe in (self.client, self.server):
            if not pipe.lost:
                pipe.transport.abort()
