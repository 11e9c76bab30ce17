"""What the operator of a proxy may choose."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from ..net.address import Address
from ..redaction.rules import Rules
from ..store.durability import Durability
from ..store.seal import Signer
from .front import Front
from .keep import Keep

__all__ = ["Options"]

_ANY_PORT = Address()
_OPEN = Front()
_DEFAULT = Rules()
_ONE = Keep()


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The defaults are those of the command line, but for the port. Times are in seconds."""

    listen: Address = _ANY_PORT
    tls: ssl.SSLContext | None = None
    """Clients speak TLS to the proxy if given."""
    upstream_tls: ssl.SSLContext | None = None
    """How a wss or https backend is connected to; None trusts the system's authorities."""
    upstream_name: str | None = None
    """The name asked for (SNI) and looked for in the backend's certificate; None: its host."""
    front: Front = _OPEN
    max_sessions: int = 4096
    """Sessions and requests at once; beyond it, 503."""
    header_timeout: float = 10.0
    """A client's time for a TLS handshake, and for the head of a request."""
    handshake_timeout: float = 30.0
    """The backend's time to answer an opening handshake."""
    idle_timeout: float | None = None
    """A session in which no byte crosses for as long is closed with 1001."""
    buffer: int | None = None
    """Bytes of the kernel's buffers of each connection, each way; None: the system's choice."""
    drain: float = 0.0
    """How long sessions may go on when the proxy is told to end."""
    close_timeout: float = 5.0
    """The peers' time to answer the proxy's own Close frame."""
    durability: Durability | None = None
    """What a frame must have outlived before it is forwarded; None: the process, or nothing where
    rules are about payloads, which are applied to whole messages before the disk sees any."""
    goes_on: bool | None = None
    """Whether to forward what cannot be recorded; None: only where durability is async."""
    redaction: Rules = _DEFAULT
    """What the recording must not hold; the peers' own bytes are never changed."""
    redaction_key: bytes | None = None
    """Of the digests in its place; None: a random one for each run."""
    signer: Signer | None = None
    """Seals what is recorded; None: nobody does."""
    contract: str | None = None
    """What the recording stores of the contract that it is to be judged by; None: nothing."""
    keep: Keep = _ONE
    """When another recording is begun, and how long former ones are kept."""

    @property
    def promised(self) -> Durability:
        """The durability that is in force."""
        if self.durability is not None:
            return self.durability
        return Durability.ASYNC if self.redaction.about_payloads else Durability.PROCESS
