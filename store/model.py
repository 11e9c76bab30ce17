"""What a recording holds, as values: sessions, frames, messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Frame", "Message", "Sender", "Session"]

Sender = Literal["client", "server"]
"""Who sent a frame: the WebSocket client, or the backend behind the proxy."""


@dataclass(frozen=True, slots=True)
class Session:
    """One WebSocket connection, from opening handshake to close."""

    id: int
    """1.. in order of arrival."""
    started_at: str
    """Wall clock, UTC, ISO 8601 with microseconds: for people; never used to measure."""
    started_ns: int
    """Monotonic nanoseconds since the recording began."""
    client: str | None
    """The client's address, `host:port`."""
    target: str
    """The request target, byte for byte (latin-1), such as `/ws?room=1`."""
    request_headers: tuple[tuple[str, str], ...]
    """Name and value pairs in order of arrival, duplicates kept."""
    status: int | None
    """The HTTP status that answered the opening handshake; 101 when the tunnel opened."""
    response_headers: tuple[tuple[str, str], ...]
    subprotocol: str | None
    extensions: str | None
    """The negotiated `Sec-WebSocket-Extensions` value of the 101."""
    ended_ns: int | None
    """Monotonic nanoseconds since the session's start; None while it runs or after a crash."""
    close_code: int | None
    """The code of the first Close frame; None when it had no body or there was none."""
    close_reason: str | None
    closed_by: str | None
    """Who sent the first Close frame: `client`, `server` or `proxy`; None when nobody did."""
    clean: bool
    """The end record was written: every frame of the session is in the file."""
    client_frames: int
    client_bytes: int
    """Payload bytes of the frames this peer sent."""
    server_frames: int
    server_bytes: int

    @property
    def host(self) -> str | None:
        """The Host header of the request; None: there was none."""
        hosts = (value for name, value in self.request_headers if name.lower() == "host")
        return next(hosts, None)


@dataclass(frozen=True, slots=True)
class Frame:
    """One RFC 6455 frame as it crossed the wire, unmasked."""

    session_id: int
    seq: int
    """1.. in order of arrival, both senders counted together."""
    sender: Sender
    at_ns: int
    """When its last byte arrived: monotonic nanoseconds since the session's start."""
    forwarded_ns: int | None
    """When the kernel had taken all of it for the other peer; None: not known to be forwarded."""
    fin: bool
    rsv: int
    """RSV1-3 as the three bits of a number: 4 is RSV1."""
    opcode: int
    masked: bool
    payload: bytes
    anomalies: tuple[str, ...]
    """What the frame did that RFC 6455 forbids, by name; see `wire.anomalies`."""

    @property
    def at(self) -> float:
        """`at_ns` in seconds."""
        return self.at_ns / 1e9


@dataclass(slots=True)  # not frozen: to make one would take four times as long
class Message:
    """One message: its data frames reassembled and, where negotiated, inflated."""

    session_id: int
    first_seq: int
    seq: int
    """The seq of its last frame: the one that completed it."""
    sender: Sender
    at_ns: int
    """When its last frame arrived: monotonic nanoseconds since the session's start."""
    forwarded_ns: int | None
    kind: Literal["text", "binary"]
    data: str | bytes
    """`str` for text; `bytes` for binary, and for text that is not valid UTF-8."""
    anomalies: tuple[str, ...]
