"""What peers do that RFC 6455 or RFC 7692 forbid, as flags: recorded, never raised."""

from __future__ import annotations

from enum import IntFlag

__all__ = ["Anomaly", "anomaly_names"]


class Anomaly(IntFlag):
    """One bit for each way a frame, or the message it completes, can be wrong."""

    RESERVED_OPCODE = 1 << 0
    """Opcode 3-7 or 11-15 (RFC 6455 §5.2)."""
    RESERVED_BITS = 1 << 1
    """An RSV bit that no negotiated extension gives a meaning (§5.2)."""
    LENGTH_NOT_MINIMAL = 1 << 2
    """The length was written in more bytes than it needs (§5.2)."""
    LENGTH_OVERFLOW = 1 << 3
    """A 64-bit length with its highest bit set (§5.2)."""
    CONTROL_TOO_LONG = 1 << 4
    """A control frame of more than 125 bytes (§5.5)."""
    CONTROL_FRAGMENTED = 1 << 5
    """A control frame without FIN (§5.5)."""
    NOT_MASKED = 1 << 6
    """A client's frame that is not masked (§5.1)."""
    MASKED = 1 << 7
    """A server's frame that is masked (§5.1)."""
    UNEXPECTED_CONTINUATION = 1 << 8
    """A continuation frame with no message to continue (§5.4)."""
    INTERRUPTED_MESSAGE = 1 << 9
    """A new data frame before the fragmented message in front of it had ended (§5.4)."""
    INVALID_UTF8 = 1 << 10
    """A text message, or a close reason, that is not UTF-8 (§5.6, §5.5.1)."""
    CLOSE_MALFORMED = 1 << 11
    """A Close body of one byte, or a code that must not be sent (§5.5.1, §7.4.1)."""
    AFTER_CLOSE = 1 << 12
    """A frame behind the same sender's Close frame (§5.5.1)."""
    INFLATE_FAILED = 1 << 13
    """A compressed message that is no DEFLATE data (RFC 7692 §7.2.2)."""
    INFLATE_LIMIT = 1 << 14
    """A compressed message that grows beyond the limit: what lies beyond it is not stored."""
    NOT_INFLATED = 1 << 15
    """A compressed message behind one that failed: its context is lost, it is stored as it came."""
    TRUNCATED = 1 << 16
    """The connection ended inside this frame; the payload is what had arrived."""
    TRUNCATED_HEADER = 1 << 17
    """The connection ended inside this frame's header; the payload holds the header's raw bytes."""
    SYNTHETIC = 1 << 18
    """Sent by the proxy itself, not by the peer it speaks for."""


_NAMES = tuple((flag.value, flag.name.lower()) for flag in Anomaly if flag.name)


def anomaly_names(flags: int) -> tuple[str, ...]:
    """Return the names of the bits set in `flags`, lower case, lowest bit first."""
    return tuple(name for bit, name in _NAMES if flags & bit)
