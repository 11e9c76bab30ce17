"""Which payloads a rule can be applied to, and what is stored of the others: nothing."""

from __future__ import annotations

from ..wire.anomalies import Anomaly
from ..wire.deflate import Extensions
from ..wire.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT
from .payload import Held, PayloadRedactor, Stored

__all__ = ["FrameRedactor"]

_CUT_OFF = int(Anomaly.TRUNCATED | Anomaly.CONTROL_FRAGMENTED)
_HEADER_ONLY = int(Anomaly.TRUNCATED_HEADER)
_NOT_WHAT_WAS_MEANT = int(Anomaly.NOT_INFLATED | Anomaly.INFLATE_FAILED)
_INFLATE_LIMIT = int(Anomaly.INFLATE_LIMIT)


class FrameRedactor:
    """Follows the frames of one sender in one session.

    A rule cannot be applied to a piece of a message, to compressed bytes, or to what an unknown
    extension may have changed: of such frames no payload is stored, but of a message that could
    be put together its data, redacted.
    """

    __slots__ = ("_inflates", "_opaque", "_payloads", "_strange")

    def __init__(self, payloads: PayloadRedactor, extensions: Extensions) -> None:
        """`extensions`: what the opening handshake agreed on."""
        self._payloads = payloads
        self._strange = bool(extensions.others)
        self._inflates = extensions.deflate and not self._strange
        self._opaque = False  # the message at hand is not what was meant

    def payload(
        self,
        fin: int,
        rsv: int,
        opcode: int,
        payload: bytes | bytearray | Held,
        flags: int,
        *,
        whole: bool,
    ) -> Stored:
        """Return what is stored of the next frame's payload.

        Args:
            fin: as in `wire.frames.Frame`, like the two that follow.
            rsv: the three bits as a number.
            opcode: the frame's.
            payload: unmasked; `Held` when it came in parts.
            flags: its `Anomaly` bits.
            whole: it is the data of a whole message.
        """
        if opcode in (TEXT, BINARY):
            self._opaque = self._strange or bool(rsv & (3 if self._inflates else 7))
        elif opcode == CONTINUATION:
            self._opaque |= rsv != 0
        if isinstance(payload, Held):
            return self._payloads.withhold_held(payload)
        if flags & _HEADER_ONLY:
            return Stored(payload, None)  # no byte of a payload came
        if opcode in (CONTINUATION, TEXT, BINARY):
            alone = whole and fin == 1 and opcode != CONTINUATION
        else:
            alone = opcode in (CLOSE, PING, PONG) and not self._strange
        if not alone or rsv or flags & _CUT_OFF or (opcode < CLOSE and self._opaque):
            return self._payloads.withhold(payload, keep=2 if opcode == CLOSE else 0)
        if opcode == CLOSE:
            return self._payloads.redact_close(payload)
        return self._payloads.redact(payload)

    def message(self, message: Held, flags: int) -> Stored:
        """Return what is stored of a message that was put together.

        Args:
            message: its data.
            flags: `Anomaly` bits of the frame that completes it, which `payload` has had.
        """
        if flags & _INFLATE_LIMIT:
            message.drop()
        opaque = self._opaque or bool(flags & _NOT_WHAT_WAS_MEANT)
        return self._payloads.redact_held(message, opaque=opaque)
