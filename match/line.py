"""One line of a script: what somebody said in a recorded session, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..wire.utterance import Utterance

__all__ = ["Line", "Role"]

Role = Literal["client", "server"]
"""Which half of a session somebody plays."""


@dataclass(frozen=True, slots=True)
class Line:
    """What one peer said in a recorded session."""

    seq: int
    """The number of its last frame: who looks for it finds it with `wsrec show`."""
    sender: Role
    at_ns: int
    """When its last byte had arrived: monotonic nanoseconds since the session's start."""
    said: Utterance
