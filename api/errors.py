"""What can go wrong with a live connection; each message is one line for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .received import Received

__all__ = ["ClosedError", "ConnectError", "NotReceivedError"]


class ConnectError(ConnectionError):
    """The server could not be reached, or did not answer the opening handshake with 101."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        """What it answered instead of 101; None: nothing that is HTTP, or not in time."""


class ClosedError(ConnectionError):
    """The connection has ended, and what was waited for did not come before."""

    def __init__(
        self,
        message: str,
        code: int | None = None,
        reason: str = "",
        instead: tuple[Received, ...] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        """Of the first Close frame; None: it had none, or there was no such frame."""
        self.reason = reason
        self.instead = instead
        """What came while it was waited for, in order."""


class NotReceivedError(TimeoutError):
    """What was waited for did not come in time; the connection goes on."""

    def __init__(self, message: str, instead: tuple[Received, ...] = ()) -> None:
        super().__init__(message)
        self.instead = instead
        """What came while it was waited for, in order."""
