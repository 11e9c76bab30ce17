"""RFC 6455 §5.5.1 and §7.4: the body of a Close frame."""

from __future__ import annotations

from .anomalies import Anomaly

__all__ = ["close_body", "parse_close"]

# 1004, 1005, 1006 and 1015 must not be sent (§7.4.1); 1016-2999 are reserved (§7.4.2).
_SENDABLE = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)})


def parse_close(body: bytes | bytearray) -> tuple[int | None, str | None, int]:
    """Return code, reason and `Anomaly` bits; no code and no reason for an empty body.

    A reason that is not UTF-8 is shown with replacement characters; the frame keeps its bytes.
    """
    if len(body) < 2:
        return None, None, int(Anomaly.CLOSE_MALFORMED) if body else 0
    code = int.from_bytes(body[:2], "big")
    flags = 0 if code in _SENDABLE else int(Anomaly.CLOSE_MALFORMED)
    try:
        reason = body[2:].decode()
    except UnicodeDecodeError:
        reason = body[2:].decode(errors="replace")
        flags |= Anomaly.INVALID_UTF8
    return code, reason, int(flags)


def close_body(code: int, reason: str = "") -> bytes:
    """Return the body of a Close frame; the reason is cut to the 123 bytes that fit."""
    text = reason.encode()[:123].decode(errors="ignore").encode()
    return code.to_bytes(2, "big") + text
