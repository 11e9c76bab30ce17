"""The answer to an opening handshake, held against the recorded one."""

from __future__ import annotations

from ..net.dial import Answer
from ..redaction.marks import holds_mark
from ..report.inert import inert
from ..store.model import Session

__all__ = ["other_answer", "other_extensions"]


def other_answer(session: Session, answer: Answer) -> str | None:
    """Return in what the answer to a session's opening handshake is another; None: in nothing."""
    if answer.status != session.status:
        return (
            f"the opening handshake was answered with {answer.status}, recorded was"
            f" {session.status}"
        )
    if answer.subprotocol == session.subprotocol or holds_mark(session.subprotocol or ""):
        return None
    return _agreed("subprotocol", answer.subprotocol, session.subprotocol)


def other_extensions(session: Session, answer: Answer) -> str | None:
    """Return on what other extensions was agreed, which is no difference; None: on no others."""
    if answer.status != session.status or answer.extensions == session.extensions:
        return None
    return _agreed("extension", answer.extensions, session.extensions)


def _agreed(what: str, live: str | None, recorded: str | None) -> str:
    return f"agreed on {_named(what, live)}, recorded was {_named(what, recorded)}"


def _named(what: str, name: str | None) -> str:
    return f"no {what}" if name is None else f"{what} {inert(name, 100)}"
