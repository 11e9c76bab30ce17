"""One live WebSocket connection, spoken frame by frame."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from time import monotonic_ns

from ..match.line import Role
from ..net.detach import Detached
from ..net.sockets import reset
from ..net.unmask import unmask
from ..store.tap import SessionTap
from ..wire.close import close_body
from ..wire.deflate import Extensions
from ..wire.listening import Listener, MessageTooLongError
from ..wire.speaking import Speaker
from ..wire.utterance import Utterance
from .ear import Ear, Heard
from .lane import Lane, Reason

__all__ = ["Link"]

_ANSWERS = 64 << 10
"""Bytes of pongs that may wait for a peer that does not read, before it is not read either."""
_CONTROL = 125
"""Bytes that a control frame may have (RFC 6455 §5.5): a longer ping cannot be answered."""
_TOO_BIG = 1009


class Link(asyncio.Protocol):
    """A WebSocket connection behind its opening handshake, on a transport taken from aiohttp.

    Pings are answered here, and so is the peer's Close, when it is the first, with the same body
    or what `answer` says;
    behind both the server ends the connection, and a client that has waited for that in vain
    (RFC 6455 §7.1.1). At most `most` bytes of a message, and a bounded number of utterances, are
    held: beyond that the socket is not read until `hear` takes some. A longer message ends the
    connection with 1009.
    """

    def __init__(
        self,
        role: Role,
        extensions: Extensions,
        *,
        tap: SessionTap | None = None,
        most: int = 64 << 20,
        patience: float = 5.0,
        answer: Callable[[Utterance], Utterance] = lambda close: close,
    ) -> None:
        """Speak as one of two peers.

        Args:
            role: who we are.
            extensions: what was agreed to.
            tap: records both directions, `ended` included.
            most: bytes of a message.
            patience: seconds for the connection to end once it has to.
            answer: returns our Close in answer to the peer's.
        """
        peer: Role = "server" if role == "client" else "client"
        self._role: Role = role
        self._tap = tap
        self._patience = patience
        self._answer = answer
        self._listener = Listener(peer, extensions, most, unmask=unmask)
        self._speaker = Speaker(role, extensions)
        self._transport: asyncio.Transport | None = None
        self._unsent = 0  # bytes of pongs that the peer has not taken
        self._deaf = False  # nothing that comes matters any more
        self._how: str | None = None
        self._close_said_ns: int | None = None
        self._close_heard = False
        self._taken_ns = 0  # when the kernel had taken all that was said
        self._timer: asyncio.TimerHandle | None = None
        self._may_say = asyncio.Event()
        self._may_say.set()
        self._lost = asyncio.Event()
        self._hearing = Lane(tap, peer, self._pause, self._resume)
        self._ear = Ear(self._hearing)
        self._saying = Lane(tap, role, self._may_say.clear, self._may_say.set)

    def attach(self, connection: Detached) -> None:
        """Take the connection over, with what came behind the handshake."""
        self._transport = connection.transport
        # With no room in the buffer it tells at once when the peer does not take what we say,
        # and again when it has taken all; a TLS transport would pause at 0 for nothing.
        tls = self._transport.get_extra_info("sslcontext") is not None
        self._transport.set_write_buffer_limits(high=1 if tls else 0)
        if ahead := connection.attach(self):
            self.data_received(ahead)

    async def hear(self) -> Heard | None:
        """Return the next thing that the peer says; None: the connection has ended.

        However much there is to be heard, all else in the event loop has its turn in between.
        """
        return await self._ear.take()

    async def say(self, said: Utterance) -> int:
        """Say something; return `time.monotonic_ns()` of when it was handed to the kernel.

        Waits while the peer does not take what was said before, or this; `hear` has to go on
        meanwhile, or two peers that both say much wait for each other. A Close behind our own,
        which may have been the answer to the peer's, is not said again.

        Raises:
            ConnectionError: the connection has ended, or our Close has been said.
        """
        await self._may_say.wait()
        if self._close_said_ns is not None and said.kind == "close":
            return self._close_said_ns
        if self._how is not None or self._transport is None or self._transport.is_closing():
            raise ConnectionError("the connection has ended")
        if self._close_said_ns is not None:
            raise ConnectionError("our Close has been said")
        self._write(said)
        await self._may_say.wait()
        if self._saying.reasons & Reason.PEER:
            raise ConnectionError("the connection has ended before all of it was taken")
        return self._taken_ns

    @property
    def how(self) -> str | None:
        """How the connection ended; None: it has not.

        `closed`: behind the Close of the peer, or by us; `half-closed`: the peer ended its stream
        without one; `reset`: by the peer; or in words what we have ended it over.
        """
        return self._how

    def close(self) -> None:
        """End the connection when what was said is out."""
        self._over("closed")
        self._end_stream()

    def abort(self, how: str = "reset") -> None:
        """End the connection with a reset; `how` is what to call that, if it has not ended."""
        self._over(how)
        if self._transport is not None:
            reset(self._transport)

    async def ended(self, seconds: float) -> bool:
        """Wait until the connection has ended; False: it has not in so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._lost.wait()
        return self._lost.is_set()

    def data_received(self, data: bytes) -> None:
        """Hear what these bytes complete."""
        at_ns = monotonic_ns()
        self._hearing.record(at_ns, at_ns, data)
        if self._deaf:
            return
        fault = None
        try:
            said = self._listener.feed(data)
        except MessageTooLongError as error:
            said, fault = error.said, error
        for each in said:
            if not self._deaf:  # nothing is heard behind a Close
                self._take(each, at_ns)
        if fault is not None and not self._deaf:
            if self._close_said_ns is None:
                self._write(Utterance("close", close_body(_TOO_BIG)))
            self._deaf = True  # what there is of the message is not worth hearing
            self._over(f"closed over {fault}")
            self._end_stream()

    def eof_received(self) -> bool:
        """End the connection: no peer of a WebSocket says anything behind the other's end."""
        self._over("closed" if self._close_heard else "half-closed")
        self._arm()
        return False  # the transport closes itself once what was said is out

    def pause_writing(self) -> None:
        """Say nothing more: the peer does not take it."""
        self._saying.halt(Reason.PEER)

    def resume_writing(self) -> None:
        """Go on: the peer has taken all."""
        self._taken_ns = monotonic_ns()
        if self._tap is not None:
            self._tap.forwarded(self._role, self._taken_ns)
        self._unsent = 0
        self._hearing.go_on(Reason.PEER)
        self._saying.go_on(Reason.PEER)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everybody who waits."""
        both_closed = self._close_heard and self._close_said_ns is not None
        self._over("closed" if exc is None or both_closed else "reset")
        if self._timer is not None:
            self._timer.cancel()
        self._may_say.set()
        self._lost.set()
        if self._tap is not None:
            self._tap.ended()

    def _take(self, said: Utterance, at_ns: int) -> None:
        """Have something heard, and answer what RFC 6455 wants answered."""
        self._ear.put(said, at_ns)
        if said.kind == "ping" and self._close_said_ns is None and len(said.data) <= _CONTROL:
            self._unsent += self._write(Utterance("pong", said.data))
            if not self._saying.reasons & Reason.PEER:
                self._unsent = 0
            elif self._unsent > _ANSWERS:
                self._hearing.halt(Reason.PEER)
        elif said.kind == "close":
            self._close_heard = True
            if self._close_said_ns is None:
                self._write(self._answer(said))
            # Both have said it: the server ends the connection, the client waits for that.
            self._arm()
            if self._role == "server":
                self._end_stream()

    def _write(self, said: Utterance) -> int:
        """Say something now; return how many bytes that takes."""
        assert self._transport is not None
        data = self._speaker.encode(said)
        at_ns = monotonic_ns()
        self._transport.write(data)
        self._taken_ns = monotonic_ns()
        if said.kind == "close":
            self._close_said_ns = self._taken_ns
        taken = not self._saying.reasons & Reason.PEER
        self._saying.record(at_ns, self._taken_ns if taken else None, data)
        return len(data)

    def _over(self, how: str) -> None:
        """Note how it ended; what the peer had not said to the end is heard now."""
        if self._how is None:
            if not self._deaf:
                for said in self._listener.finish():
                    self._ear.put(said, monotonic_ns())
            self._deaf = True
            self._how = how
            self._ear.end()

    def _end_stream(self) -> None:
        """End what we say, and wait for the peer to do the same.

        To close at once, with bytes of the peer unread, would make the kernel reset the
        connection, and the peer might never see what was said last.
        """
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self._arm()
        if transport.can_write_eof():
            with contextlib.suppress(OSError):  # it is gone, and nobody has noticed yet
                transport.write_eof()
        else:
            transport.close()

    def _arm(self) -> None:
        """Hear nothing more, and give the connection a bounded time to end."""
        self._deaf = True
        self._hearing.go_on(Reason.UNHEARD | Reason.PEER)
        if self._timer is None and self._transport is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._patience, self._transport.abort)

    def _pause(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
