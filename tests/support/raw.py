"""Peers that speak bytes: a test decides what is sent, in which segment, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import socket
import ssl
import struct
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

__all__ = [
    "ACCEPT",
    "KEY",
    "LOOPS",
    "SWITCH",
    "Backend",
    "Peer",
    "backend",
    "conversation",
    "conversation_with_process",
    "open_session",
    "upgrade",
]

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
"""The key of RFC 6455 §1.3, and what answers it."""
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

SWITCH = (
    "HTTP/1.1 101 Switching Protocols\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    f"Sec-WebSocket-Accept: {ACCEPT}\r\n"
    "\r\n"
).encode()
"""The plainest head that opens a session."""

_PATIENCE = 20.0
_connected: list[Peer] = []


def upgrade(*lines: str, target: str = "/", without: str = "") -> bytes:
    """Return the head of an opening handshake, with `lines` and `without` the field named so."""
    fields = [
        "Host: backend.test",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {KEY}",
    ]
    kept = [field for field in fields if field.partition(":")[0] != without]
    return "\r\n".join([f"GET {target} HTTP/1.1", *kept, *lines, "", ""]).encode()


class Peer:
    """One TCP connection in the test's hands."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._pieces = 0
        self._sending: asyncio.Future[None] | None = None

    @classmethod
    async def connect(
        cls, port: int, *, tls: ssl.SSLContext | None = None, path: Path | None = None
    ) -> Peer:
        """Connect to a port of this machine, or to a Unix socket."""
        if path is not None:
            peer = cls(*await asyncio.open_unix_connection(path, limit=1 << 20))
        else:
            name = None if tls is None else "localhost"
            peer = cls(
                *await asyncio.open_connection(
                    "127.0.0.1", port, limit=1 << 20, ssl=tls, server_hostname=name
                )
            )
        _connected.append(peer)
        return peer

    async def send(self, data: bytes) -> None:
        """Send bytes, in one segment when they are few; wait while the other side does not read."""
        self._writer.write(data)
        await self._writer.drain()

    async def head(self) -> str:
        """Return an HTTP head, from its first line to the empty one."""
        return (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")

    async def line(self) -> bytes:
        """Return the next line with its end."""
        return await self._reader.readline()

    async def exactly(self, size: int) -> bytes:
        """Return the next bytes, as many as asked for."""
        return await self._reader.readexactly(size)

    async def some(self) -> bytes:
        """Return what has come, at least one byte; nothing when the other side has ended."""
        return await self._reader.read(1 << 16)

    async def rest(self) -> bytes:
        """Return all that comes until the other side ends the stream.

        Raises:
            ConnectionResetError: it ended with a reset instead.
        """
        return await self._reader.read()

    async def stalls(self, data: bytes) -> None:
        """Send more than the other side takes; return once it takes nothing more.

        The rest is sent when it does.
        """
        sending = asyncio.ensure_future(self._send_in_pieces(data))
        sending.add_done_callback(lambda task: task.cancelled() or task.exception())
        before = -1
        while before != self._pieces:
            before = self._pieces
            await asyncio.sleep(0.2)
        assert not sending.done(), "all of it was taken"
        self._sending = sending

    async def _send_in_pieces(self, data: bytes) -> None:
        for start in range(0, len(data), 1 << 16):
            await self.send(data[start : start + (1 << 16)])
            self._pieces += 1

    def half_close(self) -> None:
        """Send FIN and go on reading."""
        self._writer.write_eof()

    def reset(self) -> None:
        """Send RST."""
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def close(self) -> None:
        """Close the connection."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


async def open_session(port: int, behind: Backend) -> tuple[Peer, Peer]:
    """Open a session through the proxy at `port`; return its client and its server."""
    client = await Peer.connect(port)
    await client.send(upgrade())
    server = await behind.accept()
    await server.head()
    await server.send(SWITCH)
    assert (await client.head()).encode() == SWITCH
    return client, server


async def _drop(peers: list[Peer]) -> None:
    """End connections that a test has left, whatever it had not sent."""
    while peers:
        peer = peers.pop()
        peer._writer.transport.abort()
        await peer.close()


class Backend:
    """A TCP server; the test takes its connections one by one."""

    def __init__(self) -> None:
        self.accepted = 0
        self.port = 0
        self._peers: list[Peer] = []
        self._waiting: asyncio.Queue[Peer] = asyncio.Queue()

    @property
    def url(self) -> str:
        """Its address as an upstream."""
        return f"ws://127.0.0.1:{self.port}"

    async def accept(self) -> Peer:
        """Return the next connection."""
        return await self._waiting.get()

    def arrived(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a connection that came in."""
        self.accepted += 1
        peer = Peer(reader, writer)
        self._peers.append(peer)
        self._waiting.put_nowait(peer)

    async def close(self) -> None:
        """Close every connection that came in."""
        await _drop(self._peers)


@contextlib.asynccontextmanager
async def backend(tls: ssl.SSLContext | None = None) -> AsyncIterator[Backend]:
    """Listen on a free port of this machine."""
    opened = Backend()
    server = await asyncio.start_server(
        opened.arrived, "127.0.0.1", 0, ssl=tls, limit=1 << 20, backlog=1024
    )
    opened.port = server.sockets[0].getsockname()[1]
    try:
        yield opened
    finally:
        server.close()
        await opened.close()
        await server.wait_closed()


def conversation(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Make an asynchronous test one that pytest runs, on each event loop that wsrec runs on."""
    run = _synchronous(test)
    parameters = inspect.signature(test).parameters.values()
    loop = inspect.Parameter("loop", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    run.__signature__ = inspect.Signature([loop, *parameters])  # type: ignore[attr-defined]
    pytest.mark.parametrize("loop", list(LOOPS))(run)
    return run


def conversation_with_process(
    test: Callable[..., Coroutine[Any, Any, None]],
) -> Callable[..., None]:
    """Make an asynchronous test one that pytest runs; the proxy has a process of its own."""
    return _synchronous(test)


def _synchronous(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(loop: str = "asyncio", **fixtures: object) -> None:
        with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
            try:
                runner.run(asyncio.wait_for(test(**fixtures), _PATIENCE))
            finally:
                runner.run(_drop(_connected))

    return run


LOOPS: dict[str, type[asyncio.AbstractEventLoop] | None] = {"asyncio": None}
if sys.platform != "win32":
    import uvloop

    LOOPS["uvloop"] = uvloop.Loop
