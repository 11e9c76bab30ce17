"""Bytes of one peer in, what it says out, however the bytes are cut."""

from __future__ import annotations

from .anomalies import Anomaly
from .assembly import Assembly, Whole
from .decoder import FrameDecoder
from .deflate import Extensions
from .frames import CONTINUATION, Frame, Part
from .mask import Unmask, xor_mask
from .messages import MessageTracker, Placed
from .utterance import Sender, Utterance

__all__ = ["Listener", "MessageTooLongError"]

_CONTROL = 0x8  # and beyond: opcodes of control frames
_INFLATE_LIMIT = int(Anomaly.INFLATE_LIMIT)
_UNREADABLE = int(Anomaly.INFLATE_FAILED | Anomaly.NOT_INFLATED)


class MessageTooLongError(Exception):
    """A message, or a frame, is longer than what is held of one; or it has too many frames."""

    def __init__(self, most: int, of: str = "bytes") -> None:
        super().__init__(f"a message of more than {most:,} {of}")
        self.said: list[Utterance] = []
        """What was said before it, in the bytes that were fed last."""


class Listener:
    """Understands one peer. Violations of the protocol are heard, too: nothing is refused.

    At most `most` bytes of a message are held, as they crossed the wire and inflated, in at most
    `frames` frames: they may all be empty.
    """

    def __init__(
        self,
        sender: Sender,
        extensions: Extensions,
        most: int,
        *,
        frames: int = 1 << 18,
        unmask: Unmask = xor_mask,
    ) -> None:
        """`sender` is who speaks, `extensions` what both have agreed to."""
        self._decoder = FrameDecoder(masked=sender == "client", unmask=unmask)
        inflater = extensions.inflater(sender, most)
        self._tracker = MessageTracker(self._take, inflater, extensions.rsv_bits)
        self._assembly = Assembly[None](deflate=extensions.compresses)
        self._most = most
        self._frames = frames
        self._seq = 0
        self._parts: list[bytes | bytearray] = []  # of a payload that is not complete
        self._parts_size = 0
        self._pieces: list[bytes] = []  # of a message's data, from the tracker
        self._pieces_of = 0  # which of the tracker's messages that is

    def feed(self, data: bytes) -> list[Utterance]:
        """Return what these bytes complete.

        Raises:
            MessageTooLongError: a message is longer than `most`; nothing can be heard from now on.
        """
        said: list[Utterance] = []
        try:
            for item in self._decoder.feed(data):
                self._hear(item, said)
        except MessageTooLongError as error:
            error.said = said
            raise
        return said

    def finish(self) -> list[Utterance]:
        """Return what the end leaves incomplete; a frame that was cut off was never said."""
        return [said for _, said in self._assembly.end()]

    def _hear(self, item: Frame | Part, said: list[Utterance]) -> None:
        if isinstance(item, Part):
            self._hear_part(item)
            return
        self._seq += 1
        placed = self._tracker.frame(item, self._seq)
        payload = b"".join(self._parts) if item.payload is None else item.payload
        self._parts.clear()
        self._parts_size = 0
        if item.opcode < _CONTROL and self._assembly.held + len(payload) > self._most:
            raise MessageTooLongError(self._most)
        if item.opcode == CONTINUATION and self._assembly.frames >= self._frames:
            raise MessageTooLongError(self._frames, "frames")
        head = item.fin << 7 | item.rsv << 4 | item.opcode
        whole = self._whole(placed, payload)
        said += [each for _, each in self._assembly.frame(None, head, payload, whole)]

    def _hear_part(self, part: Part) -> None:
        self._parts_size += len(part.data)
        if self._assembly.held + self._parts_size > self._most:
            raise MessageTooLongError(self._most)
        self._parts.append(part.data)
        self._tracker.part(part)

    def _whole(self, placed: Placed, payload: bytes | bytearray) -> Whole | None:
        if placed.kind is None:
            return None
        if placed.anomalies & _INFLATE_LIMIT:
            raise MessageTooLongError(self._most)
        data = b"".join(self._pieces) if placed.data_apart else payload
        self._pieces.clear()
        return None if placed.anomalies & _UNREADABLE else Whole(placed.kind, data)

    def _take(self, piece: bytes) -> None:
        if self._pieces_of != self._tracker.messages_begun:
            self._pieces_of = self._tracker.messages_begun
            self._pieces.clear()  # those of a message that was interrupted
        self._pieces.append(piece)
