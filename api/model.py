"""What a recording holds, as frozen values. Times are integers, in nanoseconds, named `_ns`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..store.model import Frame, Sender

if TYPE_CHECKING:  # its room loads what checks JSON Schemas
    from ..schemas.model import Scalar

__all__ = ["Event", "Frame", "Message"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its data frames reassembled and, where negotiated, inflated."""

    session_id: int
    first_seq: int
    """The number of its first frame in the session."""
    seq: int
    """The number of its last frame, which completed it."""
    sender: Sender
    """`client`, or `server`: the backend behind the proxy."""
    at_ns: int
    """When its last frame had arrived: monotonic nanoseconds since the session's start."""
    forwarded_ns: int | None
    """When the kernel had taken all of it for the other peer; None: not known to be forwarded."""
    kind: Literal["text", "binary"]
    data: str | bytes
    """`str` for text; `bytes` for binary, and for text that is not valid UTF-8."""
    anomalies: tuple[str, ...]
    """What its frames did that RFC 6455 forbids, by name."""

    @property
    def at(self) -> float:
        """`at_ns` in seconds."""
        return self.at_ns / 1e9


@dataclass(frozen=True, slots=True)
class Event:
    """One application object that a contract finds a name for. A message may hold several."""

    name: str
    """With the contract's aliases applied."""
    value: object
    """The object as it was decoded: of JSON, dicts, lists, texts and numbers."""
    fields: Mapping[str, Scalar]
    """What the contract reads from it under names of its own, such as `run` and `tool`.

    Only where there is a single value. Texts of more than 200 characters are cut, with a digest
    of the whole behind; `value` has all of them.
    """
    message: Message
    """The message that it came in."""

    def __hash__(self) -> int:
        """Hash where it was found: what it holds need not have a hash."""
        return hash((self.name, self.message.session_id, self.message.seq))

    @property
    def sender(self) -> Sender:
        """Who sent it: `client` or `server`."""
        return self.message.sender

    @property
    def seq(self) -> int:
        """The number of the frame that completed its message: `wsrec show` finds it by that."""
        return self.message.seq

    @property
    def at_ns(self) -> int:
        """When it had arrived: monotonic nanoseconds since the session's start."""
        return self.message.at_ns

    @property
    def at(self) -> float:
        """`at_ns` in seconds."""
        return self.message.at
