"""Whether a live message is the recorded one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..wire.utterance import Utterance
from .difference import Change
from .ids import Binding, Ids
from .line import Line, Role
from .rules import Matching

__all__ = ["Comparer", "Comparison", "Parsed", "Stream"]


@dataclass(frozen=True, slots=True)
class Stream:
    """What a message adds to a text that comes in pieces, as a contract's `fold` says.

    A model cuts its answers anew each time: pieces of one stream are compared by what they add
    up to, not one by one.
    """

    key: tuple[object, ...]
    """Of which span and key it is a piece, and of which event: equal for all of one text."""
    text: str
    rest: object
    """The message without its piece: what else must be equal."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """An utterance as it is compared."""

    said: Utterance
    event: str | None
    """The name of its event (the first one's, if it holds several), None: it has none."""
    value: object
    """Its decoded objects, if it can be decoded; else its text or bytes."""
    stream: Stream | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two messages have in common, and what not."""

    changes: tuple[Change, ...]
    """None: the live one is the recorded one."""
    bindings: tuple[Binding, ...]
    """What has to be bound for it."""
    likeness: float
    """From 0, nothing in common, to 1, equal: which recorded message comes closest."""

    @property
    def equal(self) -> bool:
        """Whether the live message is the recorded one."""
        return not self.changes


class Comparer:
    """Compares messages as one `Matching` says; holds no state of a session."""

    def __init__(self, matching: Matching) -> None:
        raise NotImplementedError

    def parse(self, sender: Role, said: Utterance) -> Parsed:
        """Read an utterance; never raises."""
        raise NotImplementedError

    def compare(self, line: Line, recorded: Parsed, live: Parsed, ids: Ids) -> Comparison:
        """Hold a live utterance against a recorded one; `ids` is read, and not changed.

        Of streams, only what is not their text is compared.
        """
        raise NotImplementedError

    def nearest(
        self, live: Parsed, lines: Sequence[tuple[Line, Parsed]], ids: Ids
    ) -> tuple[int, Comparison] | None:
        """Return which of the recorded ones comes closest to a live one, and how close."""
        raise NotImplementedError
