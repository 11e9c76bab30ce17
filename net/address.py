"""Where the proxy listens: a host and a port, or the path of a Unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import ssl
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from .errors import SettingError
from .sockets import size_buffers

__all__ = ["Address", "Listener", "parse_address"]


@dataclass(frozen=True, slots=True)
class Address:
    """One of the two: `path` is None for TCP, and `host` and `port` mean nothing otherwise."""

    host: str = "127.0.0.1"
    port: int = 0
    path: Path | None = None

    def url(self, *, tls: bool) -> str:
        """Return what a client connects to; `ws+unix:` is how the `ws` package spells a path."""
        scheme = "wss" if tls else "ws"
        if self.path is not None:
            return f"{scheme}+unix:{self.path.absolute()}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"

    def fields(self) -> dict[str, str | int]:
        """Return it as lines for machines have it: `host` and `port`, or an absolute `path`."""
        if self.path is not None:
            return {"path": str(self.path.absolute())}
        return {"host": self.host, "port": self.port}

    def __str__(self) -> str:
        return f"{self.host}:{self.port}" if self.path is None else f"unix:{self.path}"


def parse_address(text: str) -> Address:
    """Read `HOST:PORT`, `[HOST]:PORT`, `:PORT` or `unix:PATH`.

    Raises:
        SettingError: it is none.
    """
    scheme, _, path = text.partition(":")
    if scheme == "unix" and not path.isdecimal():
        if not path:
            raise SettingError(f"{text!r}: expected a path, such as unix:/run/wsrec.sock")
        return Address(path=Path(path))
    host, colon, port = text.rpartition(":")
    if host == "*":
        raise SettingError(f"{text!r}: give 0.0.0.0:{port} or [::]:{port} to listen everywhere")
    if not colon or not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise SettingError(f"{text!r}: expected HOST:PORT, such as 127.0.0.1:8080, or unix:PATH")
    return Address(host.strip("[]") or "127.0.0.1", int(port))


class Listener:
    """A server that is bound to its address, and listens once it is told to."""

    def __init__(self, server: asyncio.Server, address: Address) -> None:
        self.address = address
        """Where it is, with the port that was taken for 0."""
        self._server = server
        self._file = None if address.path is None else _identity(address.path)

    @classmethod
    async def bound(
        cls,
        address: Address,
        factory: Callable[[], asyncio.BaseProtocol],
        *,
        tls: ssl.SSLContext | None,
        handshake: float,
        buffer: int | None,
    ) -> Self:
        """Take the address.

        Args:
            address: a socket file that nobody answers on is replaced.
            factory: makes the protocol of each connection.
            tls: speaks TLS if given, and a client has `handshake` seconds for it.
            handshake: see `tls`.
            buffer: bytes of each connection's kernel buffers; None for the system's choice.

        Raises:
            OSError: it cannot be had.
            SettingError: it names no host.
        """
        loop = asyncio.get_running_loop()
        options: Any = {
            "ssl": tls,
            "ssl_handshake_timeout": None if tls is None else handshake,
            "backlog": _BACKLOG,
            "start_serving": False,
        }
        if address.path is not None:
            with _unix_socket(address.path) as sock:
                server = await loop.create_unix_server(factory, sock=sock.dup(), **options)
            return cls(server, address)
        try:
            server = await loop.create_server(factory, address.host, address.port, **options)
        except UnicodeError:
            raise SettingError(f"cannot listen on {address}: not a host name") from None
        for each in server.sockets:
            size_buffers(each, buffer)  # connections take over what their listener has
        port: int = server.sockets[0].getsockname()[1]
        return cls(server, Address(address.host, port))

    async def serve(self) -> None:
        """Listen."""
        await self._server.start_serving()

    def close(self) -> None:
        """Listen no more, and take the socket file away unless it is another's by now."""
        self._server.close()
        path = self.address.path
        if path is not None and self._file is not None and _identity(path) == self._file:
            self._file = None
            with contextlib.suppress(OSError):
                path.unlink()


_BACKLOG = 1024


def _unix_socket(path: Path) -> socket.socket:
    """Bind a socket file that only its owner may use."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISSOCK(path.stat().st_mode) and _is_dead(path):
                path.unlink()
        before = os.umask(0o177)
        try:
            sock.bind(str(path))
        finally:
            os.umask(before)
    except BaseException:
        sock.close()
        raise
    return sock


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_dead(path: Path) -> bool:
    """Whether nobody listens there: a process that was killed leaves its socket file behind."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)  # a process that is stopped has a queue that may be full
        try:
            probe.connect(str(path))
        except OSError as error:
            return error.errno == errno.ECONNREFUSED
    return False
