"""One half of a recorded session, played against a live peer: whose turn it is, and what is wrong.

No socket and no clock: what is heard and what time it is are given, what is to be said and how
long to wait are returned. Times are nanoseconds of a monotonic clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..wire.utterance import Utterance
from .compare import Comparer
from .difference import Difference
from .ids import Ids
from .line import Line, Role
from .rules import Pacing, Patience

__all__ = ["Dialogue", "Over", "Say", "Wait"]


@dataclass(frozen=True, slots=True)
class Say:
    """Say this now."""

    line: Line
    said: Utterance
    """With the ids that are live now."""
    due_ns: int
    """When it was to be said: how late it is tells how exact the pacing is."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to say before `until_ns`, or before something is heard; None: before it is heard."""

    until_ns: int | None


@dataclass(frozen=True, slots=True)
class Over:
    """All of ours is said, and nothing more is expected."""


class Dialogue:
    """One half of one recorded session.

    Call `load` while it is `hungry`; `heard` for each utterance of the peer; then `next`, and do
    what it says, until it is `Over` or the connection has ended (`lost`).
    """

    def __init__(
        self,
        session: int,
        role: Role,
        comparer: Comparer,
        ids: Ids,
        pacing: Pacing,
        patience: Patience,
        began_ns: int,
    ) -> None:
        raise NotImplementedError

    @property
    def hungry(self) -> bool:
        """Whether more lines are wanted, and there may be more."""
        raise NotImplementedError

    def load(self, lines: Sequence[Line], *, last: bool) -> None:
        """Take the next lines of the script, of both peers; `last`: there are no more."""
        raise NotImplementedError

    def heard(self, said: Utterance, at_ns: int) -> Iterator[Difference]:
        """Take what the peer says; yield what is wrong with it."""
        raise NotImplementedError

    def next(self, now_ns: int) -> Say | Wait | Over:
        """Return what to do now."""
        raise NotImplementedError

    def late(self, now_ns: int) -> Iterator[Difference]:
        """Yield what has not come in time; what waits for it goes on without it."""
        raise NotImplementedError

    def lost(self, now_ns: int, how: str) -> Iterator[Difference]:
        """Take the end of the connection; yield what is missing."""
        raise NotImplementedError
