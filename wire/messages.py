"""RFC 6455 §5.4-5.6: the frames of one direction become messages."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

from .anomalies import Anomaly
from .close import parse_close
from .decoder import PART_SIZE
from .deflate import InflateError, InflateLimitError, Inflater
from .frames import BINARY, CLOSE, CONTINUATION, TEXT, Frame, Part

__all__ = ["Kind", "MessageTracker", "Placed", "is_utf8"]

Kind = Literal["text", "binary"]
_KINDS: dict[int, Kind] = {TEXT: "text", BINARY: "binary"}
_Utf8 = codecs.getincrementaldecoder("utf-8")


class Placed(NamedTuple):
    """What a frame's place among the others of its sender says."""

    first_seq: int | None
    """The number of the first frame of the message that this frame completes, if it does."""
    kind: Kind | None
    """What that message is."""
    anomalies: int
    """`Anomaly` bits to add to the frame's own."""
    data_apart: bool
    """The message's data is not this frame's payload: it was handed out by `MessageTracker`."""


class MessageTracker:
    """Follows one sender's messages: where each begins and ends, and what it holds.

    A message in one uncompressed frame stands in that frame and is not kept. Of a fragmented or
    a compressed one, the data is handed to `take`, at least `PART_SIZE` bytes at a time but for
    the last: memory does not grow with the message.
    """

    __slots__ = (
        "_closed",
        "_collects",
        "_compressed",
        "_first_seq",
        "_flags",
        "_in_parts",
        "_inflater",
        "_kind",
        "_piece",
        "_rsv_bits",
        "_take",
        "_utf8",
        "idle",
        "messages_begun",
    )

    def __init__(
        self,
        take: Callable[[bytes], object],
        inflater: Inflater | None = None,
        rsv_bits: int = 0,
    ) -> None:
        """Begin between two messages.

        Args:
            take: is given the pieces of messages that do not stand in one frame's payload.
            inflater: set when permessage-deflate was negotiated.
            rsv_bits: bits in use, as in `Frame.rsv`.
        """
        self._take = take
        self._inflater = inflater
        self._rsv_bits = rsv_bits
        self._closed = False
        self._kind = 0  # TEXT or BINARY inside a message, else 0
        self._first_seq = 0  # the first frame of the message we are in, once it is complete
        self._in_parts = False  # inside a frame that comes in parts
        self._compressed = False
        self._collects = False
        self._flags = 0  # anomalies of the message so far
        self._utf8: codecs.IncrementalDecoder | None = None
        self._piece = bytearray()
        self.messages_begun = 0
        self.idle = True
        """No message is open, none is closed for good: a faultless message in one uncompressed
        frame needs no `frame` call, it changes nothing here."""

    def state(self) -> tuple[Any, ...]:
        """Return what is known of the message it is in, as plain values, for `resume`."""
        utf8 = None if self._utf8 is None else self._utf8.getstate()[0]
        message = self._kind, self._first_seq, self._in_parts, self._collects, self._flags, utf8
        context = None if self._inflater is None else self._inflater.context
        compressed = self._compressed, context
        return self._closed, *message, bytes(self._piece), *compressed, self.messages_begun

    def resume(self, state: Sequence[Any]) -> None:
        """Go on where another tracker, of the same extensions, stood when asked for `state`.

        A compressed message that it was in the middle of counts as one that cannot be inflated.
        """
        self._closed, self._kind, self._first_seq, self._in_parts, *state = state
        self._collects, self._flags, utf8, piece, self._compressed, context, *state = state
        (self.messages_begun,) = state
        self._piece = bytearray(piece)
        self.idle = not self._kind and not self._closed
        self._utf8 = None
        if self._kind and self._compressed:
            self._flags |= _INFLATE_FAILED
            context = None
        elif utf8 is not None and self._kind:
            self._utf8 = _Utf8()
            self._utf8.setstate((utf8, 0))
        if self._inflater is not None:
            self._inflater.resume(context)

    def part(self, part: Part) -> None:
        """Take a piece of a payload too large to hold; its `Frame` comes to `frame` later."""
        if not self._in_parts:
            self._in_parts = True
            if part.opcode in _KINDS:
                self._begin(part.fin, part.rsv, part.opcode)
        if self._kind and part.opcode in (CONTINUATION, TEXT, BINARY):
            self._consume(part.data)

    def frame(self, frame: Frame, seq: int) -> Placed:
        """Take the next frame; `seq` is its number in the session, 1 or higher."""
        fin, rsv, opcode, _, payload, anomalies = frame
        flags = _AFTER_CLOSE if self._closed else 0
        if rsv & ~self._rsv_bits or (rsv & 4 and self._inflater and opcode not in _KINDS):
            flags |= _RESERVED_BITS  # RSV1 marks a message's first frame only (RFC 7692 §6)
        if opcode not in (CONTINUATION, TEXT, BINARY):
            self._in_parts = False
            if opcode == CLOSE and not anomalies & _TRUNCATED:
                self._closed = True
                self.idle = False
                flags |= parse_close(payload or b"")[2]
            return Placed(None, None, flags, False)
        if opcode == CONTINUATION:
            if not self._kind:
                self._in_parts = False
                return Placed(None, None, flags | _UNEXPECTED_CONTINUATION, False)
        else:
            if self._first_seq:
                flags |= _INTERRUPTED_MESSAGE
            if not self._in_parts:
                self._begin(fin, rsv, opcode)
            self._first_seq = seq
        if payload is not None:
            self._consume(payload)
        self._in_parts = False
        if not fin or anomalies & _TRUNCATED:
            return Placed(None, None, flags, False)
        return self._end(flags)

    def _begin(self, fin: int, rsv: int, opcode: int) -> None:
        self.messages_begun += 1
        self.idle = False
        self._kind = opcode
        self._flags = 0
        self._compressed = False
        self._utf8 = _Utf8() if opcode == TEXT else None
        if rsv & 4 and self._inflater is not None:
            self._inflater.begin()
            self._compressed = self._inflater.usable
            if not self._compressed:  # it can only be kept as it came
                self._flags = _NOT_INFLATED
                self._utf8 = None
        self._collects = self._compressed or not fin
        self._piece.clear()

    def _consume(self, data: bytes | bytearray | None) -> None:
        """Take a piece of the message's payload, or with None what its end brings."""
        if not self._compressed:
            self._keep(data or b"")
            return
        inflater = self._inflater
        assert inflater is not None
        if not inflater.usable:
            return  # it failed earlier in this message
        try:
            for piece in inflater.end() if data is None else inflater.feed(data):
                self._keep(piece)
        except InflateLimitError:
            self._flags |= _INFLATE_LIMIT
        except InflateError:
            self._flags |= _INFLATE_FAILED

    def _keep(self, data: bytes | bytearray) -> None:
        if self._utf8 is not None:
            self._check_utf8(data)
        if self._collects:
            self._piece += data
            if len(self._piece) >= PART_SIZE:
                self._take(bytes(self._piece))
                self._piece.clear()

    def _check_utf8(self, data: bytes | bytearray, *, end: bool = False) -> None:
        if self._utf8 is not None:
            try:
                self._utf8.decode(data, end)
            except UnicodeDecodeError:
                self._flags |= _INVALID_UTF8
                self._utf8 = None

    def _end(self, flags: int) -> Placed:
        if self._compressed:
            self._consume(None)
        if not self._flags & (_INFLATE_FAILED | _INFLATE_LIMIT):
            self._check_utf8(b"", end=True)
        # What could not be inflated is best read as it came: in the frames.
        apart = self._collects and not self._flags & _INFLATE_FAILED
        if apart:
            self._take(bytes(self._piece))
        self._piece.clear()
        first, kind = self._first_seq, _KINDS[self._kind]
        self._first_seq = self._kind = 0
        self.idle = not self._closed
        return Placed(first, kind, flags | self._flags, apart)


def is_utf8(data: bytes | bytearray) -> bool:
    """Whether the bytes are UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


# Plain integers: an IntFlag operation costs more than the rest of a frame's bookkeeping.
_AFTER_CLOSE = int(Anomaly.AFTER_CLOSE)
_INFLATE_FAILED = int(Anomaly.INFLATE_FAILED)
_INFLATE_LIMIT = int(Anomaly.INFLATE_LIMIT)
_INTERRUPTED_MESSAGE = int(Anomaly.INTERRUPTED_MESSAGE)
_INVALID_UTF8 = int(Anomaly.INVALID_UTF8)
_NOT_INFLATED = int(Anomaly.NOT_INFLATED)
_RESERVED_BITS = int(Anomaly.RESERVED_BITS)
_TRUNCATED = int(Anomaly.TRUNCATED | Anomaly.TRUNCATED_HEADER)
_UNEXPECTED_CONTINUATION = int(Anomaly.UNEXPECTED_CONTINUATION)
