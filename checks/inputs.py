"""What the engine needs of a session and of a message: the recording's values fit as they are."""

from __future__ import annotations

from typing import Literal, Protocol

__all__ = ["MessageLike", "SessionLike"]


class SessionLike(Protocol):
    """One WebSocket connection; times are monotonic nanoseconds."""

    @property
    def id(self) -> int:
        """Which session."""

    @property
    def started_ns(self) -> int:
        """Since the recording began."""

    @property
    def started_at(self) -> str:
        """For people."""

    @property
    def client(self) -> str | None:
        """The client's address."""

    @property
    def target(self) -> str:
        """The request target."""

    @property
    def subprotocol(self) -> str | None:
        """The one that the server chose."""

    @property
    def host(self) -> str | None:
        """The request's Host header."""

    @property
    def status(self) -> int | None:
        """101 when the tunnel opened."""

    @property
    def ended_ns(self) -> int | None:
        """Since the session's start; None while it runs or after a crash."""

    @property
    def close_code(self) -> int | None:
        """Of the first Close frame."""

    @property
    def closed_by(self) -> str | None:
        """Who sent the first Close frame."""

    @property
    def clean(self) -> bool:
        """Whether the recording holds the session to its end."""


class MessageLike(Protocol):
    """One reassembled message; times are monotonic nanoseconds since the session's start."""

    @property
    def seq(self) -> int:
        """The number of its last frame."""

    @property
    def sender(self) -> Literal["client", "server"]:
        """Who sent it."""

    @property
    def at_ns(self) -> int:
        """When its last frame had arrived."""

    @property
    def forwarded_ns(self) -> int | None:
        """When it had been passed on; None: not known."""

    @property
    def kind(self) -> Literal["text", "binary"]:
        """As the first frame's opcode says."""

    @property
    def data(self) -> str | bytes:
        """Bytes also for text that is not valid UTF-8."""
