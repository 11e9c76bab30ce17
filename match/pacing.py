"""When what is said is due: the times of a recording, made those of a live session."""

from __future__ import annotations

from dataclasses import dataclass

from .line import Line, Role
from .rules import Pacing

__all__ = ["Timeline", "Turn"]


@dataclass(frozen=True, slots=True)
class Turn:
    """A line at its place in a session."""

    place: int
    """0, 1.. of the lines that are said or expected."""
    line: Line
    at_ns: int
    """Since the session's start, as it is to be played: pauses capped, times scaled."""
    pause_ns: int
    """Since the line before it, of whichever peer, as it is to be played."""


class Timeline:
    """Places the lines of a session in a live one, and tells when ours are due.

    A client's `asap` is at once. A server's is `causal`: nobody answers before being asked.
    """

    def __init__(self, role: Role, pacing: Pacing, began_ns: int) -> None:
        """`began_ns`: when the live session began."""
        self._recorded = pacing.pace == "recorded"
        self._speed = pacing.speed if self._recorded else 1.0
        self._most = pacing.max_gap_ns
        self._began_ns = began_ns
        self._absolute = self._recorded and role == "client"
        self.causal = pacing.pace == "causal" or role == "server"
        """Whether each line of ours waits for all that was recorded before it."""
        self._places = 0
        self._last_ns = 0
        self._capped_ns = 0

    def place(self, line: Line) -> Turn:
        """Give the next line its place."""
        pause = max(line.at_ns - self._last_ns, 0)
        if self._most is not None:
            pause = min(pause, self._most)
        self._last_ns = max(line.at_ns, self._last_ns)
        self._capped_ns += pause
        turn = Turn(self._places, line, self._scaled(self._capped_ns), self._scaled(pause))
        self._places += 1
        return turn

    def due(self, turn: Turn, ready_ns: int) -> int:
        """Return when a line of ours is to be said that may be said since `ready_ns`."""
        if self._absolute:
            return self._began_ns + turn.at_ns
        return ready_ns + (turn.pause_ns if self._recorded else 0)

    def allowed(self, recorded_ns: int) -> int:
        """Return how long the peer may take for what took it so long as it is to be played.

        Never less than it took then: a peer does not work faster because we play faster.
        """
        return round(recorded_ns * max(self._speed, 1.0))

    def _scaled(self, ns: int) -> int:
        return ns if self._speed == 1.0 else round(ns / self._speed)
