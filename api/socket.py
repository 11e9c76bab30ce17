"""An open connection of a client's: what is sent on it, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

import aiohttp

from ..net.fault import in_a_line
from ..report.inert import inert
from .errors import ClosedError
from .inbox import End

__all__ = ["Outgoing", "Socket", "ending"]

_SHOWN: Final = 200


class Outgoing(NamedTuple):
    """A message that is to be sent."""

    kind: aiohttp.WSMsgType
    data: bytes

    @classmethod
    def of(cls, value: object) -> Self:
        """Return a `str` as text, bytes as binary, all else as JSON.

        Raises:
            TypeError: it is no JSON value.
            ValueError: it is, but for a number such as NaN; or a `str` that has no UTF-8.
        """
        if isinstance(value, bytes | bytearray | memoryview):
            return cls(aiohttp.WSMsgType.BINARY, bytes(value))
        text = value if isinstance(value, str) else json.dumps(value, allow_nan=False)
        return cls(aiohttp.WSMsgType.TEXT, text.encode())


@dataclass(frozen=True, slots=True)
class Socket:
    """An open connection, in an HTTP client of its own."""

    http: aiohttp.ClientSession
    ws: aiohttp.ClientWebSocketResponse[bool]
    seconds: float
    """For a Close frame to go out, and the server's to come."""

    async def send(self, message: Outgoing, seconds: float) -> None:
        """Send a message.

        Raises:
            ClosedError: the connection has ended.
            TimeoutError: the server has not taken it in as many seconds.
        """
        try:
            async with asyncio.timeout(seconds):
                await self.ws.send_frame(message.data, message.kind)
        except TimeoutError:
            raise TimeoutError(f"the server did not take the message in {seconds:g} s") from None
        except (aiohttp.ClientError, ConnectionError) as error:
            raise ClosedError(f"cannot send: {in_a_line(error)}") from error

    async def hang_up(self, code: int, reason: str = "") -> None:
        """Send a Close frame, for which there may be no room, and wait for the server's."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.seconds):
                await self.ws.close(code=code, message=reason.encode())


def ending(kind: aiohttp.WSMsgType, data: object, extra: object) -> End:
    """Return how a connection ended, by what aiohttp gave instead of a message."""
    if kind is aiohttp.WSMsgType.CLOSE:
        code, reason = data if isinstance(data, int) and data else None, str(extra or "")
        how = f"the server closed the connection with{f' {code}' if code else 'out a code'}"
        return End(code, reason, how + (f" ({inert(reason, _SHOWN)})" if reason else ""))
    if kind is aiohttp.WSMsgType.ERROR:
        return End(None, "", f"the server broke the protocol: {inert(str(data), _SHOWN)}")
    return End(None, "", "the connection ended without a Close frame")
