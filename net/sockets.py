"""What only the kernel can tell of a connection, or do with it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys

__all__ = ["is_broken", "keep_alive", "reset", "size_buffers", "waiting"]

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def reset(transport: asyncio.Transport) -> None:
    """Close with a reset; what was not sent yet is gone."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):  # it may be gone already
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()


def is_broken(transport: asyncio.Transport) -> bool:
    """Whether the peer has reset the connection, or is not there any more."""
    sock = transport.get_extra_info("socket")
    return sock is not None and sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0


def waiting(transport: asyncio.Transport) -> tuple[int, int]:
    """Return how many bytes wait for a peer to take them: here, and in the kernel if it tells."""
    sock = transport.get_extra_info("socket")
    left = bytearray(4)
    if sock is not None and not transport.is_closing() and sys.platform != "win32":
        from fcntl import ioctl
        from termios import TIOCOUTQ

        with contextlib.suppress(OSError):
            ioctl(sock.fileno(), TIOCOUTQ, left)
    return transport.get_write_buffer_size(), int.from_bytes(left, sys.byteorder)


def keep_alive(transport: asyncio.Transport) -> None:
    """Have the kernel ask a silent peer's kernel, after hours, whether it is still there."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):  # it may be gone already
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def size_buffers(sock: socket.socket, size: int | None) -> None:
    """Bound what the kernel holds for a connection: bytes each way, None leaves it as it is."""
    if size is not None:
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, size)
