"""Which sessions a contract is about."""

from __future__ import annotations

from fnmatch import fnmatchcase

from ..schemas.model import AppliesTo
from .finding import brief
from .inputs import SessionLike

__all__ = ["misfit"]


def misfit(applies: AppliesTo, session: SessionLike) -> str | None:
    """Return why a contract is not about `session`; None: it is."""
    path = session.target.partition("?")[0]
    if applies.path and not any(fnmatchcase(path, glob) for glob in applies.path):
        return f"the contract does not apply to path {brief(path)}"
    chosen = session.subprotocol
    if applies.subprotocol and chosen not in applies.subprotocol:
        seen = "no subprotocol" if chosen is None else f"subprotocol {brief(chosen)}"
        return f"the contract does not apply to {seen}"
    host = _name(session.host or "")
    if applies.host and not any(fnmatchcase(host, glob.lower()) for glob in applies.host):
        return f"the contract does not apply to host {brief(host)}"
    return None


def _name(host: str) -> str:
    """Return a Host header without its port, in lower case."""
    if host.startswith("["):
        return host.partition("]")[0].lower() + "]"
    return host.partition(":")[0].lower()
