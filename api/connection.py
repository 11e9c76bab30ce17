"""`wsrec.connect`: a client's connection to an agent backend, for tests of the backend."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from os import PathLike
from time import monotonic_ns
from typing import Final, Self

import aiohttp

from ..schemas.model import Contract
from .contracts import as_contract, default_contract
from .dialing import Dialer
from .errors import ClosedError
from .identity import Identify, addressed
from .inbox import End, Inbox
from .naming import Namer
from .received import Received
from .socket import Outgoing, Socket, ending

__all__ = ["Connection", "connect"]

_MAX_REASON: Final = 123  # bytes, RFC 6455 §5.5


def connect(
    url: str,
    *,
    user_id: str | None = None,
    thread_id: str | None = None,
    identify: Identify = "query",
    headers: Mapping[str, str] | None = None,
    subprotocols: Sequence[str] = (),
    contract: str | PathLike[str] | Contract | None = None,
    keep: int | None = None,
    timeout: float = 10.0,
    close_timeout: float = 5.0,
    compression: bool = False,
    max_message: int = 64 << 20,
    tls: ssl.SSLContext | None = None,
) -> Connection:
    """Return a connection to `url`, which is opened by `async with`.

    Args:
        url: a ws or wss URL; path and query are sent as they are written.
        user_id: whose connection it is; None: it does not say.
        thread_id: the thread, or conversation, that it goes on with.
        identify: how these two are sent: as query parameters of these names (`query`), as
            `X-User-ID` and `X-Thread-ID` (`headers`), or by a function that is called with both
            and returns the query parameters and the headers to add, as two mappings.
        headers: further headers of the opening handshake.
        subprotocols: what to offer, the first one preferred.
        contract: what gives events their names; None: the pack `agent-events`.
        keep: how many of the received are kept, at most, and how many may wait to be taken before
            no more is read from the server; None: all.
        timeout: seconds for the opening handshake.
        close_timeout: seconds for the server's answer to a Close frame.
        compression: offer permessage-deflate.
        max_message: bytes of a message; a longer one ends the connection with 1009.
        tls: what to trust, for wss; None: the system's authorities.

    Raises:
        ValueError: an argument that cannot be used.
        ContractError: the contract cannot be used.
    """
    if keep is not None and keep < 1:
        raise ValueError(f"keep={keep}: expected 1 or more, or None for all")
    where, own = addressed(url, identify, user_id, thread_id)
    dialer = Dialer(
        where,
        {**(headers or {}), **own},
        tuple(subprotocols),
        seconds=timeout,
        close_seconds=close_timeout,
        compression=compression,
        max_message=max_message,
        tls=tls,
    )
    namer = Namer(default_contract() if contract is None else as_contract(contract))
    return Connection(dialer, Inbox(namer, keep), user_id, thread_id)


class Connection:
    """A client's WebSocket connection that keeps what it received, with when; from `connect`.

    An async context manager. What comes is read and stamped as it comes, whether anybody waits
    for it or not. Every wait has an end: `timeout` is in seconds.
    """

    def __init__(
        self, dialer: Dialer, inbox: Inbox, user_id: str | None, thread_id: str | None
    ) -> None:
        self._dialer = dialer
        self._inbox = inbox
        self._socket: Socket | None = None
        self._reading: asyncio.Future[None] | None = None
        self._turning = asyncio.Lock()  # who opens it, or ends it
        self.user_id = user_id
        """Whose connection it is."""
        self.thread_id = thread_id
        """The thread that it goes on with."""
        self.reconnects = 0
        """How often it was opened again."""

    async def __aenter__(self) -> Self:
        """Open it.

        Raises:
            ConnectError: the server cannot be reached, or does not answer with 101.
            RuntimeError: it is open.
        """
        async with self._turning:
            if self._reading is not None:
                raise RuntimeError("the connection is open already")
            begun_ns = monotonic_ns()
            self._start(await self._dialer.dial(), begun_ns)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    @property
    def url(self) -> str:
        """What was asked for, with the ids where they are sent as query parameters."""
        return str(self._dialer.url)

    @property
    def subprotocol(self) -> str | None:
        """The one that the server chose."""
        return self._open.ws.protocol

    @property
    def received(self) -> tuple[Received, ...]:
        """Everything that was received, of all connections, in order; the last `keep` of it."""
        return self._inbox.received

    @property
    def latencies(self) -> tuple[float, ...]:
        """Seconds to the first answer: from each `send` to what came next, in order.

        Of several sends with nothing between them only the last one counts.
        """
        return tuple(each / 1e9 for each in self._inbox.answers)

    @property
    def closed(self) -> bool:
        """Whether the connection has ended, by whomever."""
        return self._inbox.end is not None

    @property
    def close_code(self) -> int | None:
        """Of the first Close frame, whoever sent it; None: it had none, or there was none yet."""
        return None if self._inbox.end is None else self._inbox.end.code

    @property
    def close_reason(self) -> str | None:
        """Of the same frame; empty where it had none, None where there is no end yet."""
        return None if self._inbox.end is None else self._inbox.end.reason

    def events_of(self, name: str) -> list[Received]:
        """Return what is kept of the events of this name, in order."""
        return [each for each in self._inbox.received if each.event == name]

    async def send(self, value: object, timeout: float = 10.0) -> None:
        """Send a message: a `str` as text, bytes as binary, all else as JSON.

        Raises:
            ClosedError: the connection has ended.
            TimeoutError: the server has not taken it in time.
            TypeError: it is no JSON value; ValueError: it is, but for a number such as NaN.
            RuntimeError: it was never opened.
        """
        message, socket = Outgoing.of(value), self._open
        if self._inbox.end is not None:
            code, reason, how = self._inbox.end
            raise ClosedError(f"cannot send: {how}", code, reason)
        self._inbox.sending(monotonic_ns())
        await socket.send(message, timeout)

    async def receive(self, timeout: float = 10.0) -> Received:
        """Return what came next.

        Raises:
            NotReceivedError: nothing did in time.
            ClosedError: the connection has ended, and all that came before was taken.
            RuntimeError: it was never opened.
        """
        self._open  # noqa: B018 - it has been
        (received,) = await self._inbox.take((), timeout)
        return received

    async def until(self, *events: str, timeout: float = 10.0) -> list[Received]:
        """Return what came up to the first event of one of these names, which is the last of it.

        Raises:
            NotReceivedError: there was none in time; the message says what came instead.
            ClosedError: the connection ended before.
            ValueError: no name is given.
            RuntimeError: it was never opened.
        """
        if not events:
            raise ValueError("until() needs the name of an event to wait for")
        self._open  # noqa: B018 - it has been
        return await self._inbox.take(events, timeout)

    async def reconnect(self, timeout: float = 10.0) -> float:
        """Close it, open it again for the same user and thread; return the seconds to the 101.

        What was received, and not taken yet, stays. While the server is not there (refused, or
        502 to 504) it is tried again, and the seconds count from the first attempt.

        Raises:
            ConnectError: the server refuses, or was not there in time.
        """
        self._open  # noqa: B018 - it has been
        async with self._turning:
            await self._end(aiohttp.WSCloseCode.OK, "")
            begun_ns = monotonic_ns()
            socket = await self._dialer.again(timeout)
            took_ns = monotonic_ns() - begun_ns
            self._start(socket, begun_ns)
        self.reconnects += 1
        return took_ns / 1e9

    async def drop(self) -> None:
        """End the connection without a Close frame, as when a network fails."""
        async with self._turning:
            if self._reading is not None:
                await self._inbox.finish(End(None, "", "the connection was dropped"))
                await self._release(self._reading)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection; does nothing where it has ended already.

        What the server sends before it answers the Close frame is not received any more.

        Raises:
            ValueError: the reason is longer than the 123 bytes that a Close frame has for it.
        """
        if len(reason.encode()) > _MAX_REASON:
            raise ValueError(f"the reason has more than {_MAX_REASON} bytes: {reason!r}")
        async with self._turning:
            await self._end(code, reason)

    @property
    def _open(self) -> Socket:
        if self._socket is None:
            raise RuntimeError("the connection is not open: enter it with `async with`")
        return self._socket

    def _start(self, socket: Socket, begun_ns: int) -> None:
        self._socket = socket
        self._inbox.begin(begun_ns)
        self._reading = asyncio.ensure_future(self._read(socket))

    async def _end(self, code: int, reason: str) -> None:
        if self._reading is None:
            return
        try:
            await self._inbox.finish(End(code, reason, f"the connection was closed with {code}"))
            await self._open.hang_up(code, reason)
        finally:  # whoever is cancelled here wants no answer to the Close frame
            await self._release(self._reading)

    async def _release(self, reading: asyncio.Future[None]) -> None:
        """Let go of the connection, and of its reader: it may wait for room that nobody makes."""
        self._reading = None
        try:
            await self._open.http.close()
        finally:
            reading.cancel()
            await asyncio.wait([reading])

    async def _read(self, socket: Socket) -> None:
        """Stamp and keep what comes, until nothing more does."""
        while True:
            message = await socket.ws.receive()
            now_ns = monotonic_ns()
            match message.type:
                case aiohttp.WSMsgType.TEXT:
                    await self._inbox.put("text", message.data, now_ns)
                case aiohttp.WSMsgType.BINARY:
                    await self._inbox.put("binary", message.data, now_ns)
                case _:
                    end = ending(message.type, message.data, message.extra)
                    await self._inbox.finish(end)
                    if message.type is aiohttp.WSMsgType.CLOSE:
                        await socket.hang_up(end.code or aiohttp.WSCloseCode.OK)
                    return
