"""An agent that says all words back in capitals, and recordings of talks with it."""

from __future__ import annotations

from pathlib import Path

from support.frames import KEY, wire
from support.recordings import Conversation, eventually
from websockets.asyncio.server import ServerConnection
from wsrec.store.reader import Recording

__all__ = ["ask", "close", "upper", "written"]

BYE = b"\x03\xe8"


async def upper(socket: ServerConnection) -> None:
    async for message in socket:
        await socket.send(message.upper())


def ask(talk: Conversation, *words: str) -> Conversation:
    """Say words, and have them answered by `upper`."""
    for word in words:
        talk.text("client", word).text("server", word.upper())
    return talk


def close(talk: Conversation) -> None:
    talk.client(wire(8, BYE, mask=KEY)).server(wire(8, BYE)).end()


def written(path: Path, session: int, frames: int) -> None:
    """Wait until a session has so many frames in the file."""

    def there() -> bool:
        with Recording.open(path) as recording:
            return len(list(recording.frames(session))) == frames

    eventually(there)
