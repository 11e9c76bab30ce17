"""How a live session is held against a recorded one, and how a half of it is played."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from ..schemas.model import Contract
from .heartbeats import Heartbeat, usual_for
from .members import Members

__all__ = ["CAUSAL", "Matching", "Pace", "Pacing", "Patience"]

Pace = Literal["causal", "recorded", "asap"]


@dataclass(frozen=True, slots=True)
class Matching:
    """When a live message is the recorded one."""

    contract: Contract | None = None
    """Names events, tells which fields are keys, and which messages are pieces of a text."""
    ignore: tuple[Members, ...] = ()
    """Members that may differ, be there or not: beside the usual ones, see `match.usual`."""
    usual: bool = True
    """Whether the usual ones are ignored."""
    tolerance: float = 0.0
    """By how much numbers may differ: absolutely, or relatively to the recorded one."""
    binds: bool = True
    """Whether ids that a peer makes up may be others than recorded."""
    bind: tuple[Members, ...] = ()
    """Members that are ids, whatever they look like."""
    unconsumed: frozenset[str] = frozenset()
    """Names of events that may be missing at the end of a session."""
    any_order: bool = False
    """Whether messages of one peer, between two of the other, may come in any order."""
    heartbeats: tuple[Heartbeat, ...] = ()
    """Messages that are neither expected nor compared, beside the usual ones."""
    usual_heartbeats: bool = True
    """Whether those of the contract, and of known protocols, are such."""

    def heartbeats_of(self, subprotocol: str | None, target: str) -> tuple[Heartbeat, ...]:
        """Return the heartbeats of a session; the arguments are those of `usual_for`."""
        if not self.usual_heartbeats:
            return self.heartbeats
        stated = () if self.contract is None else self.contract.heartbeats
        usual = usual_for(subprotocol, target)
        return *self.heartbeats, *(Heartbeat(*each) for each in stated), *usual


@dataclass(frozen=True, slots=True)
class Pacing:
    """When what is ours to say is said."""

    pace: Pace = "causal"
    """causal: once all has come that the peer had said before it in the recording.
    recorded: as long after that as it took then (a server), or after the session's start (a
    client).
    asap: at once.
    A Close, and a message with an id that the peer has not said yet, wait for what came before."""
    speed: float = 1.0
    """Recorded times are divided by it."""
    max_gap_ns: int | None = None
    """No recorded pause counts as longer."""


CAUSAL: Final = Pacing()


@dataclass(frozen=True, slots=True)
class Patience:
    """How long nothing may happen that the recording says should; all in nanoseconds."""

    message_ns: int = 10_000_000_000
    """For the next recorded message of the peer, beyond the pause that was recorded before it."""
    overtaken_ns: int = 1_000_000_000
    """For one behind which others have come already, where the order counts: it is lost, or too
    late in any case."""
    close_ns: int = 5_000_000_000
    """For the peer's close, and the end of the connection."""
