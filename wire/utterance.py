"""What a peer says at once: a message, whole, or a control frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Kind", "Sender", "Utterance"]

Sender = Literal["client", "server"]
"""Who says it."""

Kind = Literal["text", "binary", "ping", "pong", "close", "frame"]
"""`frame` is one that belongs to no message: of a reserved opcode, a continuation of nothing, or
a piece of a message that was never completed."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """A message, whole and inflated, or a control frame, as one peer said it."""

    kind: Kind
    data: str | bytes
    """`str` for text; `bytes` for all else, and for text that is not valid UTF-8."""
    pieces: tuple[int, ...] = ()
    """Payload bytes of each of its frames, as they crossed the wire; empty: it is one frame."""
    compressed: bool = False
    """RSV1 was set on its first frame, and permessage-deflate was agreed to."""
    head: int = 0
    """The first byte of a `frame`: FIN, RSV1-3 and opcode (RFC 6455 §5.2)."""

    @property
    def is_message(self) -> bool:
        """Whether it carries what an application says to another."""
        return self.kind in ("text", "binary")
