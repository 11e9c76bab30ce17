"""Rules about a session's end and its silences, one generator each."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ..schemas.durations import show_duration
from .finding import Finding, finding
from .inputs import MessageLike, SessionLike

__all__ = ["close_code", "closed_by", "idle", "too_many"]


def idle(limit: int | None, last_at: int, message: MessageLike) -> Iterator[Finding]:
    """Yield a silence of more than `limit` nanoseconds before `message`."""
    silence = message.at_ns - last_at
    if limit is not None and silence > limit:
        yield finding(
            "session.idle",
            f"{show_duration(silence)} without a message; expected at most {show_duration(limit)}",
            seq=message.seq,
            expected=f"at most {show_duration(limit)}",
            seen=show_duration(silence),
        )


def too_many(limit: int | None, count: int, message: MessageLike) -> Iterator[Finding]:
    """Yield the message that is the first beyond `limit`."""
    if limit is not None and count == limit + 1:
        yield finding(
            "session.max_messages",
            f"this is message {count} of the session; expected at most {limit}",
            seq=message.seq,
            expected=f"at most {limit}",
            seen=str(count),
        )


def close_code(
    session: SessionLike, allowed: Collection[int], seq: int | None
) -> Iterator[Finding]:
    """Yield an ending with a code that is not among `allowed`; none given: all are."""
    code, seen = session.close_code, f"close code {session.close_code}"
    if code is None:
        # RFC 6455 7.4.1 reserves these two for saying what no Close frame can say.
        code = 1006 if session.closed_by is None else 1005
        seen = "no Close at all (1006)" if code == 1006 else "a Close without a code (1005)"
    if allowed and code not in allowed:
        wanted = ", ".join(map(str, allowed))
        by = f" from the {session.closed_by}" if session.closed_by else ""
        yield finding(
            "session.close_code",
            f"the session ended with {seen}{by}; expected {wanted}",
            seq=seq,
            expected=wanted,
            seen=str(code),
        )


def closed_by(session: SessionLike, allowed: Collection[str], seq: int | None) -> Iterator[Finding]:
    """Yield an ending by a peer that is not among `allowed`; none given: all are."""
    if allowed and session.closed_by not in allowed:
        wanted, seen = " or ".join(allowed), session.closed_by or "nobody"
        yield finding(
            "session.closed_by",
            f"the session was closed by {seen}; expected {wanted}",
            seq=seq,
            expected=wanted,
            seen=seen,
        )
