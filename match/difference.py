"""Differences between what was recorded and what a live peer says, as values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from typing import Literal

__all__ = ["Change", "Difference", "DifferenceKind", "in_order"]

DifferenceKind = Literal[
    "changed",
    "missing",
    "late",
    "unexpected",
    "reordered",
    "early",
    "close",
    "lost",
    "handshake",
]
"""What is wrong:

- changed: a message came in the place of a recorded one, with other values;
- missing: a recorded message did not come;
- late: a recorded message came after it had been given up;
- unexpected: a message came that was not recorded;
- reordered: a recorded message came behind one that it had come before;
- early: a message came before what had led to it was said;
- close: the session was closed otherwise than recorded, or not at all;
- lost: the connection ended while more was recorded;
- handshake: the opening handshake was answered otherwise, or offered something else.
"""


@dataclass(frozen=True, slots=True)
class Change:
    """One value that is another than recorded."""

    pointer: str
    """Where, as a JSON Pointer; empty for a message that is compared as a whole."""
    recorded: object
    """`schemas.pointers.ABSENT` where there was none. In a `Difference` a long value is a
    part of its JSON text, a `wording.Cut`: of two texts from shortly before they differ, else
    the beginning."""
    live: object
    """ABSENT where there is none; else the same."""
    note: str = ""
    """Why it is one, where the two values do not tell: `r1 is l1 here` for an id."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. Its texts quote what peers sent: make them inert before they are shown."""

    kind: DifferenceKind
    message: str
    """One line: what was recorded, and what came instead."""
    session: int
    """The session of the recording."""
    seq: int | None = None
    """The recorded frame that it is about; None: there is none."""
    number: int | None = None
    """Which of the live peer's utterances it is, 1..; None: none is."""
    event: str | None = None
    """The event's name, where one is known."""
    changes: tuple[Change, ...] = ()
    nearest: int | None = None
    """The recorded frame whose message came closest to one that was not recorded."""
    after: int | None = None
    """The recorded frame behind which a message came that was not recorded; 0: before all."""


def in_order(differences: Iterable[Difference]) -> list[Difference]:
    """Return the differences of one session as the recording has them, not as they showed.

    A text in pieces, say, is known to differ once it has ended, or once something else has come.
    """
    return sorted(differences, key=_place)


def _place(found: Difference) -> tuple[float, bool]:
    if found.seq is not None:
        return found.seq, False
    if found.after is not None:
        return found.after, True
    return (-inf if found.kind == "handshake" else inf), False
