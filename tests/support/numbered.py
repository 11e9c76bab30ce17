"""Peers that stream numbered messages at each other, and note what arrived, and when.

What counts is what a peer has received through the proxy: that was forwarded.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from wsrec.store.model import Sender

from .frames import KEY as MASK
from .frames import split, wire
from .raw import ACCEPT, Backend, Peer, upgrade

__all__ = ["SENDERS", "Arrival", "Line", "RefusedError", "Stream", "Talk", "Traffic", "traffic"]

SENDERS: tuple[Sender, Sender] = ("client", "server")

_SWITCH_DEFLATE = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Accept: {ACCEPT}\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
).encode()
_SWITCH = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
).encode()

_CLOSE = 8


class Arrival(NamedTuple):
    """One whole frame that a peer has received, and when its last byte came."""

    fin: int
    rsv: int
    opcode: int
    payload: bytes
    at_ns: int

    @property
    def frame(self) -> tuple[int, int, int, bytes]:
        """What the recording must have of it."""
        return self[:4]


class Stream:
    """The messages of one peer: each begins with its number."""

    def __init__(self, noise: random.Random, *, mask: bytes | None, deflate: bool) -> None:
        self.sent = 0
        self._noise = noise
        self._mask = mask
        self._squeeze = zlib.compressobj(wbits=-15) if deflate else None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        """Return the next message as it goes over the wire."""
        self.sent += 1
        number = f"{self.sent:08d} "
        kind = self._noise.random()
        if self._squeeze is not None:
            return self._deflated(number, int(kind * 3000))
        if kind < 0.6:
            return self._frame(1, (number + "ä" * int(kind * 100)).encode())
        if kind < 0.9:
            return self._frame(2, self._data(number, self._noise.randrange(126, 4000)))
        if kind < 0.995:
            data = self._data(number, self._noise.randrange(30, 9000))
            a, b = sorted(self._noise.randrange(len(data)) for _ in range(2))
            return (
                self._frame(2, data[:a], fin=False)
                + self._frame(0, data[a:b], fin=False)
                + self._frame(9, number.encode())
                + self._frame(0, data[b:])
            )
        return self._frame(2, self._data(number, self._noise.choice([70_000, 300_000, 1_500_000])))

    def _data(self, number: str, size: int) -> bytes:
        return number.encode() + self._noise.randbytes(size)

    def _deflated(self, number: str, size: int) -> bytes:
        """Compress with what came before as the dictionary."""
        assert self._squeeze is not None
        words = (number + "the agent has thought again ") * (1 + size // 30)
        data = self._squeeze.compress(words.encode()) + self._squeeze.flush(zlib.Z_SYNC_FLUSH)
        return self._frame(1, data[:-4], rsv=4)

    def _frame(self, opcode: int, payload: bytes, *, fin: bool = True, rsv: int = 0) -> bytes:
        return wire(opcode, payload, fin=fin, rsv=rsv, mask=self._mask)


@dataclass
class Line:
    """One direction of a session: what its sender sends, and what came out at the far end."""

    sender: Sender
    stream: Stream
    received: bytearray = field(default_factory=bytearray)
    marks: list[tuple[int, int]] = field(default_factory=list)
    """Bytes received so far, and when the last of them came."""
    reset: bool = False
    sent: int = 0
    """Bytes that the sender's kernel, or its own buffer, has taken."""

    def arrivals(self) -> list[Arrival]:
        """Return the whole frames that have arrived; not the proxy's own Close frame."""
        found = []
        end = mark = 0
        for cut in split(bytes(self.received)):
            end += len(cut.header) + len(cut.payload)
            if not cut.whole:
                break
            while self.marks[mark][0] < end:
                mark += 1
            first = cut.header[0]
            if first & 15 != _CLOSE:  # no peer of ours sends one
                at_ns = self.marks[mark][1]
                found.append(Arrival(first >> 7, first >> 4 & 7, first & 15, cut.payload, at_ns))
        return found

    @property
    def end(self) -> int | None:
        """Return the code of the proxy's Close frame; 0: the last frame was cut off."""
        cuts = split(bytes(self.received))
        if not cuts:
            return None
        last = cuts[-1]
        if not last.whole:
            return 0
        closed = last.header[0] == 0x80 | _CLOSE
        return int.from_bytes(last.payload[:2], "big") if closed else None


@dataclass
class Talk:
    """A session: two peers, and the lines between them."""

    target: str
    lines: dict[Sender, Line]
    over: asyncio.Future[list[None]]
    """Done when both peers have nothing more to receive."""
    limited: bool
    """Its peers end by themselves."""


class RefusedError(Exception):
    """The proxy has answered 503 by itself."""


class Traffic:
    """Sessions through one proxy that stream until they are told to stop, or are cut off."""

    def __init__(self, port: int, behind: Backend, seed: int, pause: float = 0.002) -> None:
        self.talks: list[Talk] = []
        self._port = port
        self._behind = behind
        self._noise = random.Random(seed)
        self._pause = pause
        self._more = asyncio.Event()  # whoever waits is told of each arrival
        self._going = True
        self._sending: list[asyncio.Future[None]] = []
        self._receiving: list[asyncio.Future[None]] = []

    async def open(self, *, deflate: bool = False, limit: int | None = None) -> Talk:
        """Open a session and let both peers stream.

        With `limit`, both send without a pause, and stop after as many bytes.

        Raises:
            RefusedError: the proxy did not let it through.
        """
        target = f"/{len(self.talks) + 1}-{self._noise.randrange(1 << 30)}"
        extension = ("Sec-WebSocket-Extensions: permessage-deflate",) if deflate else ()
        client = await Peer.connect(self._port)
        await client.send(upgrade(*extension, target=target))
        server = await self._accepted(client)
        await server.head()
        switch = _SWITCH_DEFLATE if deflate else _SWITCH
        await server.send(switch)
        assert (await client.head()).encode() == switch
        masks: dict[Sender, bytes | None] = {"client": MASK, "server": None}
        lines = {
            sender: Line(
                sender,
                Stream(
                    random.Random(self._noise.random()),
                    mask=masks[sender],
                    deflate=deflate,
                ),
            )
            for sender in SENDERS
        }
        sending = (
            self._send(client, lines["client"], limit),
            self._send(server, lines["server"], limit),
        )
        reading = (
            self._receive(client, lines["server"]),
            self._receive(server, lines["client"]),
        )
        self._sending += map(asyncio.ensure_future, sending)
        ends = [asyncio.ensure_future(each) for each in reading]
        self._receiving += ends
        talk = Talk(target, lines, asyncio.gather(*ends), limit is not None)
        self.talks.append(talk)
        return talk

    async def arrived(self, count: int, talks: Sequence[Talk] = ()) -> None:
        """Wait until every far end has received as many bytes more than it has now.

        Unless told of which: of the sessions that stream without an end.
        """
        endless = [talk for talk in self.talks if not talk.limited]
        lines = [line for talk in talks or endless for line in talk.lines.values()]
        wanted = [len(line.received) + count for line in lines]
        while any(len(line.received) < want for line, want in zip(lines, wanted, strict=True)):
            self._more.clear()
            await self._more.wait()

    async def ended(self) -> None:
        """Wait until nobody receives anything any more."""
        self._going = False
        await asyncio.gather(*self._sending, *self._receiving)

    def bytes_received(self) -> int:
        """Return how much has arrived at all the far ends."""
        return sum(len(line.received) for talk in self.talks for line in talk.lines.values())

    async def quiet(self) -> None:
        """Let every peer end the message that it is at; wait until all that was sent has come.

        To sessions that have ended, nothing comes any more.
        """
        self._going = False
        await asyncio.gather(*self._sending)
        lines = [line for t in self.talks if not t.over.done() for line in t.lines.values()]
        while any(len(line.received) < line.sent for line in lines):
            self._more.clear()
            await self._more.wait()

    async def _accepted(self, client: Peer) -> Peer:
        """Return the server's end of the session that a client has asked for."""
        accepting = asyncio.ensure_future(self._behind.accept())
        answering = asyncio.ensure_future(client.head())
        await asyncio.wait((accepting, answering), return_when=asyncio.FIRST_COMPLETED)
        if accepting.done():
            answering.cancel()
            await asyncio.wait([answering])
            return accepting.result()
        accepting.cancel()
        assert answering.result().startswith("HTTP/1.1 503 "), answering.result()
        raise RefusedError

    async def _send(self, peer: Peer, line: Line, limit: int | None) -> None:
        with contextlib.suppress(ConnectionError):
            for message in line.stream:
                if not self._going or (limit is not None and line.sent >= limit):
                    return
                await peer.send(message)
                line.sent += len(message)
                # A rate that a Python test can judge afterwards; nothing waits for this.
                await asyncio.sleep(0 if limit is not None else self._noise.random() * self._pause)

    async def _receive(self, peer: Peer, line: Line) -> None:
        try:
            while data := await peer.some():
                line.received += data
                line.marks.append((len(line.received), time.monotonic_ns()))
                self._more.set()
        except ConnectionError:
            line.reset = True
        # As every client does; else a proxy that closed one side would wait for the other.
        await peer.close()


@contextlib.asynccontextmanager
async def traffic(
    port: int, behind: Backend, *, seed: int, sessions: int = 5
) -> AsyncIterator[Traffic]:
    """Let sessions of every kind stream through the proxy: one compressed, one without a pause."""
    flow = Traffic(port, behind, seed)
    try:
        await flow.open(deflate=True)
        await flow.open(limit=4 << 20)
        for _ in range(sessions - 2):
            await flow.open()
        yield flow
    finally:
        tasks = (*flow._sending, *flow._receiving)
        for task in tasks:
            task.cancel()
        overs = (talk.over for talk in flow.talks)
        await asyncio.gather(*tasks, *overs, return_exceptions=True)
