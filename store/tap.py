"""What the event loop holds of a session that is being recorded."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING

from .model import Sender
from .session import Headers, SessionWriter
from .share import HIGH, ITEM, SHARE

if TYPE_CHECKING:
    from .recorder import Recorder
    from .stream import StreamWriter

__all__ = ["Record", "Room", "SessionTap"]


class Room(IntEnum):
    """Whether a peer may be read on; anything but `SOME` is true."""

    SOME = 0
    NONE = 1
    """The backlog is full."""
    NONE_FOR_ONE = 2
    """Too much of the backlog is this peer's."""


_ROOM = Room.SOME

Record = Callable[[int, int | None, bytes], Room]
"""Takes the bytes of one peer; see `SessionTap.stream`."""


class SessionTap:
    """Hands one session's bytes to the recorder; every call returns at once.

    Times are `time.monotonic_ns()` of this process.
    """

    __slots__ = ("_is_full", "_over", "_put", "_writer")

    def __init__(self, recorder: Recorder, writer: SessionWriter) -> None:
        self._put = recorder.put
        self._is_full = recorder.is_full
        self._writer = writer
        self._over = False

    @property
    def id(self) -> int:
        """The session's number in the recording."""
        return self._writer.id

    def answered(
        self, status: int, headers: Headers, subprotocol: str | None, extensions: str | None
    ) -> None:
        """Note the response to the opening handshake."""
        size = sum(len(name) + len(value) for name, value in headers)
        self._put(self._writer.answered, size, status, headers, subprotocol, extensions)

    def stream(self, sender: Sender, on_room: Callable[[], object] | None = None) -> Record:
        """Return what takes the bytes of one peer: `record(at_ns, forwarded_ns, data)`.

        `forwarded_ns` is None when the other peer has not taken all of it yet: `forwarded` says
        so later. The answer is whether to read on. After `Room.NONE_FOR_ONE`, `on_room` is
        called on the recorder's thread when this peer may be read again.
        """
        put, is_full = self._put, self._is_full
        stream = self._stream(sender)
        feed, share = stream.feed, stream.share
        if on_room is not None:
            share.on_room = on_room

        def record(at_ns: int, forwarded_ns: int | None, data: bytes) -> Room:
            size = len(data)
            share.handed += size + ITEM
            backlog = put(feed, size, at_ns, forwarded_ns, data)
            if backlog <= SHARE:
                return _ROOM
            if share.handed - share.taken > SHARE and share.is_full():
                return Room.NONE_FOR_ONE
            return Room.NONE if backlog > HIGH and is_full() else _ROOM

        return record

    def forwarded(self, sender: Sender, now_ns: int) -> None:
        """Note that the other peer has taken all that `sender` sent until now."""
        self._put(self._stream(sender).forwarded, 0, now_ns)

    def when_recorded(self, answer: Callable[[bool, bool], object]) -> None:
        """Ask, behind all bytes handed over so far, whether both streams are between frames.

        `answer(client, server)` is called on the recorder's thread.
        """
        client, server = self._writer.client.decoder, self._writer.server.decoder
        self._put(lambda: answer(client.at_boundary, server.at_boundary), 0)

    def synthetic(self, sender: Sender, payload: bytes) -> None:
        """Note a Close frame with this body that the proxy has sent in the name of `sender`."""
        self._put(self._writer.synthetic, 0, sender, time.monotonic_ns(), payload)

    def ended(self) -> None:
        """Note that both connections are gone: the end record is written, once."""
        if not self._over:
            self._over = True
            self._put(self._writer.ended, 0, time.monotonic_ns())

    def _stream(self, sender: Sender) -> StreamWriter:
        return self._writer.client if sender == "client" else self._writer.server
