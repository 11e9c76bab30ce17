"""The findings about a message or an event that is not what the contract speaks of, in words."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import replace

from ..schemas.model import NameSource, SenderRule
from ..schemas.pointers import Pointer
from .cause import at
from .events import Event
from .finding import Finding, brief, finding
from .inputs import MessageLike
from .schema import Mismatch

__all__ = ["mismatched", "undecodable", "unknown", "wrong_sender"]


def undecodable(message: MessageLike, reason: str, codec: str, mentioned: Iterable[str]) -> Finding:
    """Return that a message cannot be read; `mentioned` are the events whose names are in it."""
    return finding(
        "event.undecodable",
        f"{message.kind} message from the {message.sender}: {reason}",
        seq=message.seq,
        expected=codec,
        seen=brief(message.data),
        cause=at(message.seq, *mentioned),
    )


def unknown(
    name: str | None, message: MessageLike, sources: Sequence[NameSource], near: str | None
) -> Finding:
    """Return that no event has this name; None: none was found at the `sources`.

    `near` is the event that was most likely meant.
    """
    seen = _nameless(sources) if name is None else f"event {brief(name)}"
    return finding(
        "event.unknown",
        f"{seen} is not an event of the contract" + (f"; nearest is {near}" if near else ""),
        seq=message.seq,
        event=name,
        expected="an event of the contract",
        seen=seen,
        nearest=near,
        cause=at(message.seq, near),
    )


def _nameless(sources: Sequence[NameSource]) -> str:
    """Call an object that has no name, with the places where one was looked for."""
    places = [str(each) for each in sources if isinstance(each, Pointer)]
    return "an object without a name" + (f" at {' or '.join(places)}" if places else "")


def wrong_sender(name: str, wanted: SenderRule, message: MessageLike) -> Finding:
    """Return that an event came from the other peer."""
    return finding(
        "event.sender",
        f"{name} was sent by the {message.sender}; expected it from the {wanted} only",
        seq=message.seq,
        event=name,
        expected=wanted,
        seen=message.sender,
        cause=at(message.seq, name),
    )


def mismatched(
    event: Event, mismatches: Iterable[Mismatch], lenient: Container[str]
) -> Iterator[Finding]:
    """Yield how an event does not match its schema; the `lenient` ways are worth a warning."""
    for mismatch in mismatches:
        place = f"{event.name} at {mismatch.path}" if mismatch.path else event.name
        found = finding(
            mismatch.code,
            f"{place}: expected {mismatch.expected}, saw {mismatch.seen}",
            seq=event.seq,
            event=event.name,
            expected=mismatch.expected,
            seen=mismatch.seen,
            cause=at(event.seq, event.name),
        )
        yield replace(found, severity="warning") if mismatch.code in lenient else found
