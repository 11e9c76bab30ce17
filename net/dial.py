"""The client's opening handshake."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from .detach import Detached
from .headers import Pairs

__all__ = ["Answer", "Dialled", "dial"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered to an opening handshake."""

    status: int
    headers: Pairs
    subprotocol: str | None
    extensions: str | None


@dataclass(frozen=True, slots=True)
class Dialled:
    """An answer, and the connection behind a 101; None behind any other."""

    answer: Answer
    connection: Detached | None


async def dial(
    url: str,
    headers: Sequence[tuple[str, str]],
    *,
    tls: ssl.SSLContext | None = None,
    name: str | None = None,
    patience: float = 10.0,
) -> Dialled:
    """Open a WebSocket connection with these headers, `Sec-WebSocket-Key` and the like added.

    `url` is ws or wss with path and query, which are sent byte for byte; `patience` is in seconds,
    for the connection and the answer together.

    Raises:
        DialError: the server cannot be reached, speaks no HTTP, or its 101 opens nothing.
    """
    raise NotImplementedError
