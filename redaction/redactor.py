"""The rules of one run of a recorder, under its key: what its sessions are redacted with."""

from __future__ import annotations

from .handshake import HandshakeRedactor
from .marks import Marker
from .payload import PayloadRedactor
from .rules import Rules

__all__ = ["Redactor"]


class Redactor:
    """Rules ready to be applied."""

    __slots__ = ("handshake", "mark", "payloads")

    def __init__(self, rules: Rules, key: bytes | None = None) -> None:
        """`key`: 32 bytes or more; None takes a random one that nobody can ask for."""
        self.mark = Marker(key)
        self.handshake = HandshakeRedactor(rules, self.mark)
        self.payloads = PayloadRedactor(rules, self.mark) if rules.about_payloads else None
        """None: no rule is about payloads."""
