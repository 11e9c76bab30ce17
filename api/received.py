"""What a live connection received, with when it came."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..report.inert import inert
from ..schemas.model import Scalar

__all__ = ["Received", "what_came"]

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Received:
    """One application object that the server sent; a message may hold several."""

    value: object
    """The object as the contract's codec decodes it, or the message's text or bytes."""
    event: str | None
    """Its name, with the contract's aliases applied; None: the contract finds none in it."""
    fields: Mapping[str, Scalar] = field(repr=False)
    """What the contract reads from it under names of its own, such as `run` and `tool`."""
    data: str | bytes = field(repr=False)
    """The whole message that it came in."""
    at_ns: int
    """When it came: monotonic nanoseconds since the first connection was begun."""
    latency_ns: int | None
    """Since the last `send` was called; None: nothing had been sent."""
    gap_ns: int | None
    """Since what was received before it; None: it is the first."""

    def __hash__(self) -> int:
        """Hash when it came: what it holds need not have a hash."""
        return hash((self.event, self.at_ns, self.data))

    @property
    def at(self) -> float:
        """`at_ns` in seconds."""
        return self.at_ns / 1e9

    @property
    def latency(self) -> float | None:
        """`latency_ns` in seconds."""
        return None if self.latency_ns is None else self.latency_ns / 1e9

    @property
    def gap(self) -> float | None:
        """`gap_ns` in seconds."""
        return None if self.gap_ns is None else self.gap_ns / 1e9


def what_came(instead: Sequence[Received], before: Iterable[Received] = ()) -> str:
    """Return a clause that says what came instead of what was waited for; inert."""
    if instead:
        cut = f"{len(instead)} came instead, the last of them " if len(instead) > _SHOWN else ""
        return f"{cut or 'there came '}{_names(instead)}"
    last = list(before)[-_SHOWN:]
    return f"nothing came; before that {_names(last)}" if last else "nothing has come at all"


def _names(received: Sequence[Received]) -> str:
    return ", ".join(map(_name, received[-_SHOWN:]))


def _name(received: Received) -> str:
    if received.event is not None:
        return inert(received.event, 60)
    return f"{'binary' if isinstance(received.data, bytes) else 'text'} {_brief(received.data)}"


def _brief(data: str | bytes) -> str:
    return inert(repr(data[:40]), 60)
