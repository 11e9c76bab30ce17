"""Peers that are plain sockets: they know TCP, and nothing of what they say over it."""

from __future__ import annotations

import select
import socket
import struct
import time
from typing import Literal

from wsrec.store.model import Sender

__all__ = ["PATIENCE", "SENDERS", "Talk", "Wire"]

SENDERS: tuple[Sender, Sender] = ("client", "server")
PATIENCE = 10.0
"""Seconds that anything may take before the test fails."""


class Wire:
    """One end of a TCP connection; remembers what it was told and how the other side ended."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self.heard = bytearray()
        self.ended: Literal["fin", "rst"] | None = None

    def send(self, data: bytes) -> None:
        """Send bytes, in one segment when they are few."""
        self._sock.sendall(data)

    def head(self) -> bytes:
        """Take an HTTP head, to the empty line and not a byte more."""
        taken = b""
        while not taken.endswith(b"\r\n\r\n"):
            byte = self._sock.recv(1)
            assert byte, f"the stream ended inside a head: {taken!r}"
            taken += byte
        return taken

    def take(self, size: int) -> bytes:
        """Take the next bytes, as many as asked for."""
        taken = bytearray()
        while len(taken) < size:
            data = self._sock.recv(min(size - len(taken), 1 << 20))
            assert data, f"the stream ended, {size - len(taken)} bytes short"
            taken += data
        self.heard += taken
        return bytes(taken)

    def rest(self) -> bytes:
        """Take all that comes until the other side ends the stream, and note how it did."""
        taken = bytearray()
        try:
            while data := self._sock.recv(1 << 20):
                taken += data
            self.ended = "fin"
        except ConnectionResetError:
            self.ended = "rst"
        self.heard += taken
        return bytes(taken)

    def holds(self, size: int) -> None:
        """Wait until so many bytes lie here, and leave them unread."""
        end = time.monotonic() + PATIENCE
        while len(self._sock.recv(size, socket.MSG_PEEK)) < size:
            assert time.monotonic() < end, "the bytes did not come"

    @property
    def ports(self) -> tuple[int, int]:
        """This end's port and the other end's."""
        return self._sock.getsockname()[1], self._sock.getpeername()[1]

    @property
    def idle(self) -> bool:
        """Whether neither bytes nor an end lie here."""
        return not select.select([self._sock], [], [], 0)[0]

    def breaks(self) -> None:
        """Wait until the kernel says that the connection is gone, without reading or writing."""
        poll = select.poll()
        poll.register(self._sock, 0)
        assert poll.poll(PATIENCE * 1000), "the connection still stands"

    def half_close(self) -> None:
        """Send FIN and go on reading."""
        self._sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Send RST."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()

    def close(self) -> None:
        """Close the connection: the kernel sends FIN, or RST when bytes lie here unread."""
        self._sock.close()


class Talk:
    """The two peers of one session behind its handshake, and what they said in which order."""

    def __init__(self, client: Wire, server: Wire) -> None:
        self.client = client
        self.server = server
        self.said: list[tuple[Sender, bytes]] = []

    def wires(self, sender: Sender) -> tuple[Wire, Wire]:
        """Return the peer that speaks and the one that listens."""
        pair = self.client, self.server
        return pair if sender == "client" else pair[::-1]

    def send(self, sender: Sender, data: bytes) -> None:
        """Send bytes without waiting for them to arrive."""
        self.said.append((sender, data))
        self.wires(sender)[0].send(data)

    def say(self, sender: Sender, *pieces: bytes) -> None:
        """Send each piece when the one before has arrived; it must arrive as it is."""
        for piece in pieces:
            self.send(sender, piece)
            assert self.wires(sender)[1].take(len(piece)) == piece

    def part(self) -> None:
        """End the session in peace: the client first, and nothing was left in either stream."""
        self.client.half_close()
        assert self.server.rest() == b""
        assert self.client.idle
        self.server.close()
        assert self.client.rest() == b""
        self.client.close()
        assert (self.client.ended, self.server.ended) == ("fin", "fin")
