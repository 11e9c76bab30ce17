"""RFC 6455 §4: the pieces of the opening handshake that need computing."""

from __future__ import annotations

import base64
import hashlib

__all__ = ["accept_key"]

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accept_key(key: str) -> str:
    """Return the `Sec-WebSocket-Accept` that answers `Sec-WebSocket-Key: key` (§4.2.2)."""
    digest = hashlib.sha1(key.strip().encode("latin-1") + _GUID, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()
