"""What there is to do in a dialogue, and how far it has come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from ..wire.utterance import Utterance
from .line import Line

__all__ = ["NO_BEATS", "Beat", "Beats", "Counts", "Lag", "Over", "Say", "Wait"]


@dataclass(frozen=True, slots=True)
class Say:
    """Say this now."""

    line: Line
    said: Utterance
    """With the ids that are live now."""
    due_ns: int
    """When it was to be said: how late it is tells how exact the pacing is."""


@dataclass(frozen=True, slots=True)
class Beat:
    """Say this heartbeat now, or this answer to one: it is no line."""

    said: Utterance


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to say before `until_ns`, or before something is heard; None: before it is heard."""

    until_ns: int | None


@dataclass(frozen=True, slots=True)
class Over:
    """All of ours is said, and nothing more is expected."""


@dataclass(frozen=True, slots=True)
class Lag:
    """How long a message of the peer took: since something was last said, by whichever peer."""

    seq: int
    """Its recorded frame."""
    event: str | None
    took_ns: int
    recorded_ns: int
    """As it was to be played."""

    @property
    def more_ns(self) -> int:
        """By how much it took longer than it had."""
        return self.took_ns - self.recorded_ns


class Beats(NamedTuple):
    """Heartbeats, and answers to them, which are neither expected nor compared."""

    recorded: int = 0
    """Of both peers, as far as the recording was read."""
    heard: int = 0
    said: int = 0


NO_BEATS: Final = Beats()


@dataclass(frozen=True, slots=True)
class Counts:
    """How far a dialogue has come."""

    said: int
    """Lines of ours."""
    heard: int
    """Utterances of the peer; pings, pongs and heartbeats do not count."""
    matched: int
    """Recorded lines of the peer that came, changed or not."""
    left: int
    """Lines in sight that are still to be said, or expected; once the session has ended, those that
    were then. Of a long session more may be behind them."""
    beats: Beats = NO_BEATS
