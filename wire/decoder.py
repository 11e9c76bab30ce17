"""RFC 6455 §5.2: bytes of one direction in, frames out, however the bytes are cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .anomalies import Anomaly
from .frames import Frame, Part
from .mask import Unmask, xor_mask

__all__ = ["PART_SIZE", "FrameDecoder"]

PART_SIZE = 1 << 20
"""Payloads beyond this many bytes leave the decoder in `Part`s of this size."""

# What the first byte alone says, for each of its 256 values.
_FIRST_BYTE_ANOMALIES = tuple(
    int(
        (Anomaly.RESERVED_OPCODE if byte & 0xF in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15) else 0)
        | (Anomaly.CONTROL_FRAGMENTED if byte & 0x88 == 0x08 else 0)
    )
    for byte in range(256)
)

# A frame costs half as much when its tuple is made without the constructor's argument handling.
_frame = tuple.__new__


class FrameDecoder:
    """Splits what one peer sends into frames; anything can be fed, nothing is refused.

    An observer has no say in what the peers do: violations become `Anomaly` bits on the frame.
    Memory is bounded by `PART_SIZE` whatever a length field claims, and time is linear in the
    bytes fed even when they come one by one.
    """

    __slots__ = ("_buffer", "_expected", "_large", "_left", "_need", "_unmask")

    def __init__(self, *, masked: bool, unmask: Unmask = xor_mask) -> None:
        """`masked`: whether this sender has to mask, as a client has to."""
        self._expected = 0x80 if masked else 0
        self._unmask = unmask
        self._buffer = bytearray()  # an unfinished header or frame, or a part of a large payload
        self._need = 2  # how long the buffer must get before it is worth another look
        self._large: tuple[int, int, bytes, int] | None = None  # first byte, mask bit, key, flags
        self._left = 0  # bytes still to come of the large payload

    @property
    def at_boundary(self) -> bool:
        """Whether the last byte fed was the last of a frame."""
        return not self._buffer and self._large is None

    def state(self) -> tuple[Any, ...]:
        """Return all that was fed and not handed out, as plain values, for `resume`."""
        return bytes(self._buffer), self._need, self._large, self._left

    def resume(self, state: Sequence[Any]) -> None:
        """Go on where another decoder of the same sender stood when it was asked for `state`.

        Raises:
            ValueError: no decoder was in such a state.
        """
        buffer, self._need, large, self._left = state
        most = PART_SIZE + 14  # a whole frame, with the longest header
        if large is not None:
            most = PART_SIZE
            if len(large[2]) != 4 * large[1] or not 0 < self._left < 1 << 64:
                raise ValueError("the payload that was not complete can be none")
        if len(buffer) >= most:
            raise ValueError("the frame that was not complete can be none")
        self._buffer = bytearray(buffer)
        self._large = large and tuple(large)

    def feed(self, data: bytes) -> list[Frame | Part]:
        """Return the frames that `data` completes, and parts of a payload too large to hold."""
        out: list[Frame | Part] = []
        while self._large is not None and data:
            data = self._feed_large(data, out)
        if not data:
            return out
        buffer = self._buffer
        if buffer:
            buffer += data
            if len(buffer) < self._need:
                return out
            data = bytes(buffer)
            buffer.clear()
        expected = self._expected
        append = out.append
        pos = 0
        end = len(data)
        while end - pos > 1:
            first = data[pos]
            second = data[pos + 1]
            size = second & 0x7F
            flags = _FIRST_BYTE_ANOMALIES[first]
            body = pos + 2
            if size > 125:
                body += 2 if size == 126 else 8
                if body > end:
                    self._need = body - pos
                    break
                if size == 126:
                    size = data[pos + 2] << 8 | data[pos + 3]
                    if size < 126 or first & 0x08:
                        flags |= _length_anomalies(first, size, 125)
                else:
                    size = int.from_bytes(data[pos + 2 : body], "big")
                    flags |= _length_anomalies(first, size, 0xFFFF)
            if second & 0x80 != expected:
                flags |= _MASKED if second & 0x80 else _NOT_MASKED
            if second & 0x80:
                body += 4
            stop = body + size
            if stop > end or size > PART_SIZE:
                if size > PART_SIZE and body <= end:
                    key = data[body - 4 : body] if second & 0x80 else b""
                    self._large = first, second >> 7, key, flags
                    self._left = size
                    return out + self.feed(data[body:])
                self._need = (stop if body <= end else body) - pos
                break
            if second & 0x80:
                payload = bytearray(data[body:stop])
                self._unmask(data[body - 4 : body], payload)
                append(_frame(Frame, (first >> 7, first >> 4 & 7, first & 15, 1, payload, flags)))
            else:
                append(
                    _frame(
                        Frame, (first >> 7, first >> 4 & 7, first & 15, 0, data[body:stop], flags)
                    )
                )
            pos = stop
        if pos < end:
            buffer += data[pos:] if pos else data
            if end - pos == 1:
                self._need = 2
        return out

    def take_plain(self, data: bytes) -> tuple[list[tuple[int, bytearray]], bytes]:
        """Split off the plain messages that `data` begins with; give the rest to `feed`.

        Returns (first byte, payload) of each leading frame that is a whole text or binary
        message of less than 64 KiB and faultless but for what its text may be, and what follows
        them. That is all that most streams consist of, at half the cost of `feed`.
        """
        plain: list[tuple[int, bytearray]] = []
        buffer = self._buffer
        if self._large is not None:
            return plain, data
        if buffer:
            if len(buffer) + len(data) < self._need:
                return plain, data
            data = bytes(buffer + data)
            buffer.clear()
        append = plain.append
        masked = self._expected
        unmask = self._unmask
        pos = 0
        end = len(data) - 9  # room for the longest header here and one byte more
        while pos < end:
            first = data[pos]
            if first != 0x81 and first != 0x82:
                break
            size = data[pos + 1] - masked
            body = pos + 2
            if size > 125:
                if size != 126:
                    break
                size = data[body] << 8 | data[body + 1]
                if size < 126:
                    break
                body += 2
            elif size < 0:
                break
            if masked:
                body += 4
            stop = body + size
            payload = bytearray(data[body:stop])
            if len(payload) < size:
                break
            if masked:
                unmask(data[body - 4 : body], payload)
            append((first, payload))
            pos = stop
        return plain, data[pos:] if pos else data

    def finish(self) -> list[Frame | Part]:
        """Return what is left when the connection has ended: at most one truncated frame."""
        buffer, self._buffer = self._buffer, bytearray()
        if self._large is not None:
            first, masked, key, flags = self._large
            self._large = None
            out: list[Frame | Part] = []
            if buffer:
                out.append(self._part(first, key, buffer))
            flags |= Anomaly.TRUNCATED
            out.append(Frame(first >> 7, first >> 4 & 7, first & 15, masked, None, int(flags)))
            return out
        if not buffer:
            return []
        first = buffer[0]
        flags = _FIRST_BYTE_ANOMALIES[first]
        second = buffer[1] if len(buffer) > 1 else 0
        masked = second >> 7
        size = second & 0x7F
        if len(buffer) > 1 and second & 0x80 != self._expected:
            flags |= _MASKED if masked else _NOT_MASKED
        wide = 2 if size == 126 else 8 if size == 127 else 0
        body = 2 + wide + (4 if masked else 0)
        if len(buffer) < body:
            flags |= Anomaly.TRUNCATED_HEADER
        else:
            if wide:
                size = int.from_bytes(buffer[2 : 2 + wide], "big")
                flags |= _length_anomalies(first, size, 125 if wide == 2 else 0xFFFF)
            key = bytes(buffer[body - 4 : body])
            del buffer[:body]
            if masked:
                self._unmask(key, buffer)
            flags |= Anomaly.TRUNCATED
        return [Frame(first >> 7, first >> 4 & 7, first & 15, masked, bytes(buffer), int(flags))]

    def _feed_large(self, data: bytes, out: list[Frame | Part]) -> bytes:
        """Take what belongs to the large payload, hand out full parts; return the rest."""
        assert self._large is not None
        first, masked, key, flags = self._large
        buffer = self._buffer
        room = min(PART_SIZE - len(buffer), self._left)
        taken = data[:room]
        buffer += taken
        self._left -= len(taken)
        if self._left == 0 or len(buffer) == PART_SIZE:
            out.append(self._part(first, key, buffer))
            self._buffer = bytearray()
        if self._left == 0:
            out.append(Frame(first >> 7, first >> 4 & 7, first & 15, masked, None, flags))
            self._large = None
            self._need = 2
        return data[room:]

    def _part(self, first: int, key: bytes, data: bytearray) -> Part:
        # PART_SIZE is a multiple of four: every part starts at the key's first byte.
        if key:
            self._unmask(key, data)
        return Part(first >> 7, first >> 4 & 7, first & 15, data)


_MASKED = int(Anomaly.MASKED)
_NOT_MASKED = int(Anomaly.NOT_MASKED)


def _length_anomalies(first: int, size: int, shorter_form: int) -> int:
    flags = 0
    if size <= shorter_form:
        flags |= Anomaly.LENGTH_NOT_MINIMAL
    if size >> 63:
        flags |= Anomaly.LENGTH_OVERFLOW
    if first & 0x08 and size > 125:
        flags |= Anomaly.CONTROL_TOO_LONG
    return int(flags)
