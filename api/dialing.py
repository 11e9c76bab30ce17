"""Opening a client's connection, the first time and again."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import aiohttp
from yarl import URL

from ..net.fault import in_a_line
from ..report.inert import inert
from .errors import ConnectError
from .socket import Socket

__all__ = ["Dialer"]

_STARTING: Final = frozenset((502, 503, 504))
"""What is answered for a backend that is not there yet."""
_SHOWN: Final = 200
_PAUSE: Final = 0.05  # seconds between two attempts


@dataclass(slots=True)
class Dialer:
    """Where to, and with what. Cookies that the server sets are sent when it is dialled again."""

    url: URL
    headers: Mapping[str, str]
    subprotocols: Sequence[str]
    seconds: float
    """For the whole opening handshake."""
    close_seconds: float
    """For the server's answer to a Close frame."""
    compression: bool
    max_message: int
    tls: ssl.SSLContext | None
    _jar: aiohttp.CookieJar | None = None

    async def dial(self) -> Socket:
        """Open a connection.

        Raises:
            ConnectError: the server cannot be reached, or refuses.
        """
        if self._jar is None:  # it belongs to an event loop
            self._jar = aiohttp.CookieJar(unsafe=True)  # from numeric addresses too
        http = aiohttp.ClientSession(cookie_jar=self._jar)
        try:
            async with asyncio.timeout(self.seconds):
                ws = await http.ws_connect(
                    self.url,
                    headers=self.headers,
                    protocols=self.subprotocols,
                    timeout=aiohttp.ClientWSTimeout(ws_close=self.close_seconds),
                    autoclose=False,
                    compress=15 if self.compression else 0,
                    max_msg_size=self.max_message,
                    ssl=self.tls or True,
                )
        except BaseException as error:
            await http.close()
            if isinstance(error, aiohttp.ClientError | OSError):  # a TimeoutError is one too
                raise self._refused(error) from error
            raise
        return Socket(http, ws, self.close_seconds)

    async def again(self, seconds: float) -> Socket:
        """Open a connection, and try again while the server is not there.

        Raises:
            ConnectError: the server refuses, or was not there in as many seconds.
        """
        clock = asyncio.get_running_loop().time
        end = clock() + seconds
        while True:
            try:
                return await self.dial()
            except ConnectError as error:
                gone = error.status is None or error.status in _STARTING
                if not gone or clock() + _PAUSE > end:
                    raise
            await asyncio.sleep(_PAUSE)

    def _refused(self, error: Exception) -> ConnectError:
        where = inert(
            str(self.url.with_user(None).with_query(None)), _SHOWN
        )  # which may be secrets
        if isinstance(error, aiohttp.WSServerHandshakeError):
            if error.status == 101:
                return ConnectError(f"{where}: its 101 opens no WebSocket: {error.message}", 101)
            return ConnectError(f"{where}: answered with {error.status}, not 101", error.status)
        if isinstance(error, TimeoutError):
            return ConnectError(f"{where}: no answer in {self.seconds:g} s")
        return ConnectError(f"{where}: {inert(in_a_line(error), _SHOWN)}")
