"""What the event loop holds of a session that is being recorded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from enum import IntEnum
from functools import partial
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from ..wire.deflate import Extensions
from .model import Sender
from .segment import ANSWERED, CLIENT, ENDED, OPENED, SERVER, SYNTHETIC_CLIENT, SYNTHETIC_SERVER
from .session import Headers, SessionWriter
from .shape import pack
from .share import HIGH, ITEM, SHARE

if TYPE_CHECKING:
    from .recorder import Recorder
    from .stream import StreamWriter
    from .syncer import Syncer

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


def _nothing() -> None:
    """Be called."""


class SessionTap:
    """Hands one session's bytes to the recorder; every call returns at once.

    Times are `time.monotonic_ns()` of this process.
    """

    __slots__ = ("_offered", "_over", "_put", "_recorder", "_writer", "on_ended")

    def __init__(self, recorder: Recorder, writer: SessionWriter) -> None:
        self._recorder = recorder
        self._put = recorder.backlog.put
        self._writer = writer
        self._offered: frozenset[str] = frozenset()  # secrets among the client's subprotocols
        self._over = False
        self.on_ended: Callable[[], object] = _nothing
        """Called by `ended`, once: nothing more comes of this session."""

    @property
    def id(self) -> int:
        """The session's number in the recording."""
        return self._writer.id

    def opened(self, since_ns: int, client: str | None, target: str, headers: Headers) -> None:
        """Note the opening handshake's request, `since_ns` after the recording's start."""
        recorder, writer = self._recorder, self._writer
        if recorder.redactor is not None:
            redact = recorder.redactor.handshake
            target = redact.target(target)
            headers, self._offered = redact.headers(headers)
        started_at = datetime.now(UTC).isoformat(timespec="microseconds")
        what = started_at, since_ns, client, target, headers
        self._keep(OPENED, writer.started_ns, what)
        self._later(recorder.unfinished.begun, 0, writer)
        self._later(writer.opened, len(target) + _size(headers), *what)

    def answered(
        self, status: int, headers: Headers, subprotocol: str | None, extensions: str | None
    ) -> None:
        """Note the response to the opening handshake."""
        agreed = Extensions.parse(extensions)
        if self._recorder.redactor is not None:
            redact, offered = self._recorder.redactor.handshake, self._offered
            headers, _ = redact.headers(headers, offered)
            subprotocol = redact.chosen("sec-websocket-protocol", subprotocol, offered)
            extensions = redact.chosen("sec-websocket-extensions", extensions, offered)
            self._offered = frozenset()
        what = status, headers, subprotocol, extensions
        keeps = agreed.server_keeps_context, agreed.client_keeps_context
        self._keep(ANSWERED, monotonic_ns(), (*what, (agreed.deflate, *keeps, agreed.others)))
        self._later(self._writer.answered, _size(headers), *what, agreed)

    def keeper(self, sender: Sender) -> Callable[[int, bytes], bool] | None:
        """Return what bytes of one peer have to go through first: `keep(at_ns, data)`.

        Its answer is whether they may be forwarded. None: nothing is kept.
        """
        keeper, number = self._recorder.keeper, self._writer.id
        if keeper is None:
            return None
        kind, keep = (CLIENT if sender == "client" else SERVER), keeper.keep
        if self._recorder.goes_on:
            return lambda at_ns, data: keep(kind, number, at_ns, data) or True
        return partial(keep, kind, number)

    @property
    def syncer(self) -> Syncer | None:
        """What holds bytes that may be forwarded once they are on the disk; None: they may now."""
        return None if self._recorder.keeper is None else self._recorder.keeper.syncer

    def stream(self, sender: Sender, on_room: Callable[[], object] | None = None) -> Record:
        """Return what takes the bytes of one peer: `record(at_ns, forwarded_ns, data)`.

        `forwarded_ns` is None when the other peer has not taken all of it yet: `forwarded` says
        so later. The answer is whether to read on. After `Room.NONE_FOR_ONE`, `on_room` is
        called on the recorder's thread when this peer may be read again.
        """
        put, is_full = self._put, self._recorder.backlog.is_full
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

    def is_full(self) -> bool:
        """Whether sockets must not be read now; if so, the recorder says when they may."""
        return self._recorder.backlog.is_full()

    def forwarded(self, sender: Sender, now_ns: int) -> None:
        """Note that the other peer has taken all that `sender` sent until now."""
        self._put(self._stream(sender).forwarded, 0, now_ns)

    def in_order(self, call: Callable[..., object], *args: Any) -> None:
        """Call it behind all bytes that may not be forwarded yet."""
        keeper = self._recorder.keeper
        if keeper is None:
            call(*args)
        else:
            keeper.in_order(call, *args)

    def when_recorded(self, answer: Callable[[bool, bool], object]) -> None:
        """Ask, behind all bytes handed over so far, whether both streams are between frames.

        `answer(client, server)` is called on the recorder's thread.
        """
        client, server = self._writer.client.decoder, self._writer.server.decoder
        self._later(lambda: answer(client.at_boundary, server.at_boundary), 0)

    def synthetic(self, sender: Sender, payload: bytes) -> None:
        """Note a Close frame with this body that the proxy has sent in the name of `sender`."""
        at_ns = monotonic_ns()
        kind = SYNTHETIC_CLIENT if sender == "client" else SYNTHETIC_SERVER
        self._keep(kind, at_ns, payload)
        self._later(self._writer.synthetic, 0, sender, at_ns, payload)

    def ended(self) -> None:
        """Note that both connections are gone: the end record is written, once."""
        if not self._over:
            self._over = True
            at_ns = monotonic_ns()
            self._keep(ENDED, at_ns, b"")
            self._later(self._writer.ended, 0, at_ns)
            self._later(self._recorder.unfinished.over, 0, self._writer)
            self.in_order(self.on_ended)

    def _keep(self, kind: int, at_ns: int, what: object) -> None:
        keeper = self._recorder.keeper
        if keeper is not None:
            keeper.keep(
                kind, self._writer.id, at_ns, what if isinstance(what, bytes) else pack(what)
            )

    def _later(self, work: Callable[..., object], size: int, *args: Any) -> None:
        """Have it done on the recorder's thread, in the order of the spool."""
        self.in_order(self._put, work, size, *args)

    def _stream(self, sender: Sender) -> StreamWriter:
        return self._writer.client if sender == "client" else self._writer.server


def _size(headers: Headers) -> int:
    return sum(len(name) + len(value) for name, value in headers)
