"""What may be chosen of a mock."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from ..checks.scope import EVERYTHING, Scope
from ..match.rules import CAUSAL, Matching, Pacing, Patience
from ..net.address import Address
from .casting import Order

__all__ = ["MockOptions"]

_ANY_PORT = Address()
_EXACT = Matching()
_CLIENTS = Patience(message_ns=30_000_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class MockOptions:
    """The defaults are those of the command line, but for the port."""

    listen: Address = _ANY_PORT
    tls: ssl.SSLContext | None = None
    """Clients speak TLS to the mock if given."""
    matching: Matching = _EXACT
    pacing: Pacing = CAUSAL
    patience: Patience = _CLIENTS
    order: Order = "any"
    """Which session is played where several fit."""
    loop: bool = False
    """Whether sessions are played more than once."""
    scope: Scope = EVERYTHING
    """Which sessions are played."""
    strict: bool = False
    """Whether a session ends at its first difference, with 1008."""
    allow_unplayed: bool = False
    """Whether it is no failure that nobody asks for a session."""
    fresh_ids: bool = False
    """Whether ids that the server made up are made up anew each time."""
    most: int = 1024
    """Clients at once; beyond it, 503."""
    header_timeout: float = 10.0
    """Seconds for a TLS handshake, and for the head of a request."""
