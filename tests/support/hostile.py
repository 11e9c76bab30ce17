"""A backend that logs every byte and answers by script, and its own strict reading of the log.

Nothing here knows how the proxy or aiohttp read HTTP: what the log holds is judged by the
grammar alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from wsrec.wire.handshake import accept_key

from .raw import Peer

__all__ = [
    "Log",
    "Request",
    "attack",
    "logging_backend",
    "read_requests",
    "read_responses",
    "switch",
]

_LINE = re.compile(rb"([A-Z]+) (/[\x21-\x7e]*) HTTP/1\.1")
_FIELD = re.compile(rb"([\w!#$%&'*+.^`|~-]+): ([^\x00-\x08\x0a-\x1f\x7f]*)", re.ASCII)
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
_GRACE = 0.3


@dataclass(frozen=True)
class Request:
    """One request as it stood on the wire."""

    line: bytes
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes

    @property
    def target(self) -> str:
        """What is asked for."""
        return self.line.split()[1].decode()

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of every field called `name`."""
        return [value for key, value in self.fields if key.lower() == name.lower()]

    @property
    def is_proper_upgrade(self) -> bool:
        """Whether every server takes it for the same opening handshake."""
        return (
            self.line.startswith(b"GET ")
            and [value.lower() for value in self.values(b"Upgrade")] == [b"websocket"]
            and self.values(b"Connection") == [b"Upgrade"]
            and self.values(b"Sec-WebSocket-Version") == [b"13"]
            and len(self.values(b"Sec-WebSocket-Key")) == 1
            and len(self.values(b"Sec-WebSocket-Key")[0]) == 24
            and self.values(b"Content-Length") in ([], [b"0"])
            and not self.values(b"Transfer-Encoding")
        )


class Log:
    """What a backend got: the bytes of each connection, in the order they were opened."""

    def __init__(self) -> None:
        self.port = 0
        self.connections: list[bytearray] = []

    @property
    def url(self) -> str:
        """The backend's address as an upstream."""
        return f"ws://127.0.0.1:{self.port}"


def switch(head: bytes) -> bytes:
    """Answer an opening handshake as it should be; anything else with 200."""
    found = re.search(rb"\r\nSec-WebSocket-Key: *([^\r]*)", head, re.IGNORECASE)
    if found is None or b"\r\nupgrade: websocket" not in head.lower():
        return b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain"
    accept = accept_key(found[1].decode("latin-1")).encode()
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


@contextlib.asynccontextmanager
async def logging_backend(
    answer: Callable[[bytes], bytes] = switch, *, then_close: bool = False
) -> AsyncIterator[Log]:
    """Listen; answer the first head of each connection, and log whatever comes."""
    log = Log()
    running: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.add(writer)
        got = bytearray()
        log.connections.append(got)
        answered = False
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                got += data
                if not answered and b"\r\n\r\n" in got:
                    answered = True
                    writer.write(answer(bytes(got[: got.index(b"\r\n\r\n") + 4])))
                    if then_close:
                        break
        writer.close()
        running.discard(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 20)
    log.port = server.sockets[0].getsockname()[1]
    try:
        yield log
    finally:
        server.close()
        for writer in tuple(running):
            writer.transport.abort()
        while running:
            await asyncio.sleep(0)
        await server.wait_closed()


async def attack(port: int, request: bytes, *, piece: int = 0, patience: float = 5.0) -> bytes:
    """Send bytes, at once or in pieces; return all that comes back until the connection ends.

    An answer that leaves the connection open is all when nothing follows it for a while.
    """
    client = await Peer.connect(port)
    got = bytearray()
    with contextlib.suppress(ConnectionError, RuntimeError):  # uvloop's word for a closed one
        for start in range(0, len(request), piece or len(request)):
            await client.send(request[start : start + (piece or len(request))])
            if piece:
                await asyncio.sleep(0.002)
    with contextlib.suppress(TimeoutError, ConnectionError):
        while data := await asyncio.wait_for(client.some(), _GRACE if got else patience):
            got += data
    await client.close()
    return bytes(got)


def read_responses(data: bytes) -> list[int]:
    """Return the status of each response in a stream of responses with lengths."""
    statuses = []
    while data:
        found = _STATUS.match(data)
        assert found, data
        statuses.append(int(found[1]))
        head, _, data = data.partition(b"\r\n\r\n")
        if statuses[-1] == 101:
            break
        length = re.search(rb"\r\nContent-Length: (\d+)", head, re.IGNORECASE)
        assert length, head
        data = data[int(length[1]) :]
    return statuses


def read_requests(data: bytes) -> tuple[Request, bytes]:
    """Read the one request that a connection holds, and what is behind it.

    Raises:
        AssertionError: it is not as the grammar has it, to the byte.
    """
    head, end, rest = data.partition(b"\r\n\r\n")
    assert end, data
    line, *lines = head.split(b"\r\n")
    assert _LINE.fullmatch(line), line
    fields = []
    for each in lines:
        found = _FIELD.fullmatch(each)
        assert found, each
        fields.append((found[1], found[2]))
    request = Request(line, tuple(fields), b"")
    assert len(request.values(b"Host")) == 1, head
    lengths, codings = request.values(b"Content-Length"), request.values(b"Transfer-Encoding")
    assert len(lengths) + len(codings) <= 1, head
    if codings:
        assert codings == [b"chunked"]
        body, rest = _chunks(rest)
    else:
        size = int(lengths[0]) if lengths else 0
        body, rest = rest[:size], rest[size:]
        assert len(body) == size, data
    return Request(line, request.fields, body), rest


def _chunks(data: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        size, end, data = data.partition(b"\r\n")
        assert end, "no end of the body"
        assert re.fullmatch(rb"[0-9a-f]+", size), size
        chunk, data = data[: int(size, 16)], data[int(size, 16) :]
        assert len(chunk) == int(size, 16), "no end of the body"
        assert data.startswith(b"\r\n")
        body, data = body + chunk, data[2:]
        if not chunk:
            return body, data
