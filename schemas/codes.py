"""Every finding code: an id that never changes, how grave it is by default, what it means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

__all__ = ["CODES", "FAMILIES", "SEVERITIES", "Code", "Severity", "at_least"]

Severity = Literal["error", "warning", "info"]

SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "info")
"""Gravest first."""


class Code(NamedTuple):
    """What one finding code says."""

    severity: Severity
    """Unless the contract's `severity` says otherwise."""
    meaning: str
    """One line; `docs/findings.md` adds a likely cause and what to look at."""


CODES: Final[Mapping[str, Code]] = {
    "event.undecodable": Code("error", "a message that the contract's decode steps cannot read"),
    "event.unknown": Code("error", "an object whose name is not an event of the contract"),
    "event.schema": Code("error", "an event whose content does not match its JSON Schema"),
    "event.missing_field": Code("error", "an event without a field that its JSON Schema requires"),
    "event.unknown_field": Code("error", "an event with a field that its JSON Schema excludes"),
    "event.sender": Code("error", "an event sent by the peer that must not send it"),
    "span.unopened": Code("error", "an event of a span whose opening event never came"),
    "span.unclosed": Code("error", "a span that was still open when its parent or session ended"),
    "span.reopened": Code("error", "a span opened again while open, or after it was used up"),
    "span.outside": Code("error", "a span inside another that opened or closed after it had ended"),
    "span.ambiguous": Code("error", "an event that could belong to more than one open span"),
    "span.missing": Code("error", "a required event that did not come while the span was open"),
    "span.count": Code("error", "an event that came too often or too rarely inside a span"),
    "span.first": Code("error", "the first event of a span is not the one that must be first"),
    "span.last": Code("error", "the last event of a span is not the one that must be last"),
    "span.order": Code("error", "events of a span in an order the contract forbids"),
    "span.machine": Code("error", "an event or an end that a span's states do not allow"),
    "span.differs": Code("error", "a field that must stay the same inside a span changed"),
    "span.monotonic": Code("error", "a field that must rise inside a span and did not"),
    "span.repeated": Code("error", "a value that came twice inside a span and must not"),
    "span.fold": Code("error", "what came during a span does not add up to what its close says"),
    "span.after_close": Code("error", "an event that carries the key of a span already closed"),
    "span.forgotten": Code("info", "more closed spans in one session than the validator remembers"),
    "latency.first": Code("error", "the first event of a span came too late"),
    "latency.gap": Code("error", "a silence inside a span that is too long"),
    "latency.total": Code("error", "a span that took too long from opening to close"),
    "latency.responds": Code("error", "a response that came too late"),
    "latency.percentile": Code("error", "a percentile of a span's latency that is too high"),
    "session.first": Code("error", "the first event of a session is not the one that must be"),
    "session.last": Code("error", "the last event of a session is not the one that must be"),
    "session.missing": Code("error", "a required event that did not come in the session"),
    "session.count": Code("error", "an event that came too often or too rarely in a session"),
    "session.order": Code("error", "events of a session in an order the contract forbids"),
    "session.differs": Code("error", "a field that must stay the same in a session changed"),
    "session.machine": Code("error", "an event or an end that a session's states do not allow"),
    "session.monotonic": Code("error", "a field that must rise in a session and did not"),
    "session.repeated": Code("error", "a value that came twice in a session and must not"),
    "session.max_messages": Code("error", "a session with more messages than allowed"),
    "session.close_code": Code("error", "a session that ended with a close code not allowed"),
    "session.closed_by": Code("error", "a session closed by the peer that must not close it"),
    "session.idle": Code("error", "a silence in a session that is too long"),
    "session.reconnect": Code("error", "a lost session whose successor came too late"),
    "session.proxy_added": Code("error", "the proxy added more latency than allowed"),
    "recording.gap": Code("warning", "frames are missing from the recording of a session"),
    "recording.unclean": Code("warning", "a session without an end record: its tail may be lost"),
    "contract.vacuous": Code("error", "nothing in the recording was judged by the contract"),
}

FAMILIES: Final = frozenset(code.rpartition(".")[0] for code in CODES)
"""What codes begin with: each stands for all that do."""


def at_least(severity: Severity, threshold: Severity) -> bool:
    """Say whether `severity` is as grave as `threshold` or graver."""
    return SEVERITIES.index(severity) <= SEVERITIES.index(threshold)
