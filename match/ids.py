"""Ids that are others than recorded, and what stands for what in one session."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..wire.utterance import Utterance

__all__ = ["Binding", "Id", "Ids"]

Id = str | int


@dataclass(frozen=True, slots=True)
class Binding:
    """A recorded id, and the one that the live peer uses in its place."""

    recorded: Id
    live: Id
    pointer: str
    """Where it was seen first."""
    seq: int
    """The recorded frame in which it was seen first."""


class Ids:
    """What stands for what in one session; what is not in it, in the sessions around it."""

    def __init__(self, around: Ids | None = None) -> None:
        """`around`: of the whole run; long ids that one session binds are known to all."""
        raise NotImplementedError

    def live(self, recorded: Id) -> Id | None:
        """Return what stands for a recorded id; None: it is not bound."""
        raise NotImplementedError

    def recorded(self, live: Id) -> Id | None:
        """Return which recorded id a live one stands for; None: for none."""
        raise NotImplementedError

    def take(self, bindings: Iterable[Binding]) -> None:
        """Bind; what is bound already stays as it is."""
        raise NotImplementedError

    def rewrite(self, said: Utterance) -> Utterance:
        """Return what we say, with live ids where recorded ones stood.

        Only the ids change: spaces, the order of members and escapes stay as recorded.
        """
        raise NotImplementedError

    def rewrite_target(self, target: str) -> str:
        """Return a request target with live ids in the place of recorded ones."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[Binding]:
        """Yield the bindings of this session, in the order in which they were made."""
        raise NotImplementedError
