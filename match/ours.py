"""What is still to be said of ours."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

from ..wire.utterance import Utterance
from .line import Line
from .pacing import Turn

__all__ = ["Ours"]

_PINGS: Final = 16
"""Pings of ours that count as one line: nobody waits for them, so whether the peer's Close comes
too early is only to be seen behind them."""


class Ours:
    """Our lines in order, the next one first."""

    def __init__(self) -> None:
        self._turns: deque[Turn] = deque()
        self._pings = 0
        self.size = 0
        """Bytes or characters in them."""

    def __len__(self) -> int:
        return len(self._turns)

    @property
    def weight(self) -> int:
        """How many they are; of pings only some count."""
        return len(self._turns) - self._pings + self._pings // _PINGS

    @property
    def next(self) -> Turn | None:
        """The line that is next; None: there is none."""
        return self._turns[0] if self._turns else None

    @property
    def place(self) -> int | None:
        """Where the next line is in the session; None: there is none."""
        return self._turns[0].place if self._turns else None

    @property
    def close(self) -> Utterance | None:
        """Our Close; None: it is not among them."""
        said = self._turns[-1].line.said if self._turns else None
        return said if said is not None and said.kind == "close" else None

    def add(self, turn: Turn) -> None:
        """Take one more, behind all others."""
        self._turns.append(turn)
        self._pings += turn.line.said.kind == "ping"
        self.size += len(turn.line.said.data)

    def take(self) -> None:
        """Let go of the next one: it is said."""
        turn = self._turns.popleft()
        self._pings -= turn.line.said.kind == "ping"
        self.size -= len(turn.line.said.data)

    def lines(self, *but: str) -> Iterator[Line]:
        """Yield the lines that are of none of these kinds."""
        return (turn.line for turn in self._turns if turn.line.said.kind not in but)
