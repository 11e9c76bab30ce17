"""What two recordings have in common, and what not, as values. Texts quote peers: not yet inert."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from ..checks.samples import Quantiles
from .ids import Binding
from .line import Role
from .rules import Matching

__all__ = [
    "KINDS",
    "Changed",
    "Contrast",
    "ContrastVerdict",
    "Divergence",
    "Kind",
    "LatencyChange",
    "Measure",
    "Recut",
    "Row",
    "Said",
    "SessionContrast",
]

Kind = Literal["handshake", "missing", "extra", "reordered", "changed", "close"]
"""How sessions differ:

- handshake: the request, or its answer, is another;
- missing: a message of A that B has not;
- extra: a message of B that A has not;
- reordered: a message that both have, in another place;
- changed: a message with other values in the same place;
- close: the session ended otherwise.
"""

KINDS: Final[tuple[Kind, ...]] = (
    *("handshake", "missing", "extra", "reordered", "changed", "close"),
)

Measure = Literal["step", "first", "rest"]
"""The step to a message is the time since the one before it in the session, whoever said that, or
since the session's start. Each is in one measure: that to an event (step), that to the first piece
of a text (first), the sum of those to its other pieces, where it has any (rest)."""


ContrastVerdict = Literal["same", "differs", "nothing compared"]


@dataclass(frozen=True, slots=True)
class Said:
    """A message of one recording, or the pieces of one text."""

    seq: int
    """The frame with which the message, or the first piece, was complete."""
    last_seq: int
    """That of the last piece."""
    pieces: int
    at_ns: int
    """When it was complete; monotonic nanoseconds since the session's start."""
    sender: Role
    event: str | None
    text: str
    """Its beginning: text, bytes in hexadecimal, or the text that the pieces add up to."""


@dataclass(frozen=True, slots=True)
class Changed:
    """One value that is another in B."""

    pointer: str
    """Where, as a JSON Pointer: into the message, or `/status`, `/path`, `/query/NAME`,
    `/subprotocol` of a handshake, `/closed_by`, `/close_code`, `/close_reason` of a close, where
    `/recorded` says whether there is an end record. Empty: the whole."""
    a: str | None
    """As JSON, cut where it is long; None: there is none."""
    b: str | None
    note: str = ""
    """Why it counts as another, where the values do not tell."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """One difference between two sessions."""

    kind: Kind
    a: Said | None = None
    b: Said | None = None
    """Where several messages are missing, or extra, one behind the other: the first of them."""
    changes: tuple[Changed, ...] = ()
    """Of very different messages not all."""
    count: int = 1
    """How many messages it is about, a text in pieces counted as one."""
    then: tuple[Said, ...] = ()
    """Of several: those behind the first, as far as they are shown."""
    last: Said | None = None
    """Of several: the last one."""


@dataclass(frozen=True, slots=True)
class Recut:
    """One text that both have, cut into another number of pieces."""

    event: str | None
    a_seq: int
    """The frame of its first piece."""
    a_pieces: int
    b_seq: int
    b_pieces: int


@dataclass(frozen=True, slots=True)
class Row:
    """One place of both sessions, put side by side."""

    kind: Kind | None
    """None: nothing differs here."""
    a: Said | None
    b: Said | None


@dataclass(frozen=True, slots=True)
class SessionContrast:
    """A session of A and one of B; or one that only one of them has."""

    a: int | None
    b: int | None
    target: str
    """The request target; that of B where only B has it."""
    equal: int = 0
    """Messages that both have in the same place, a text in pieces counted as one."""
    counts: Mapping[Kind, int] | None = None
    """How many messages differ in each way; None: only one of them has the session."""
    divergences: tuple[Divergence, ...] = ()
    """The first ones of each kind; of messages that are missing, or extra, each series is one."""
    first: tuple[Row, ...] = ()
    """The first message that differs, with what is around it."""
    bindings: tuple[Binding, ...] = ()
    """Ids of A, and those of B that stand in their place."""
    recut: tuple[Recut, ...] = ()
    """The first equal texts that came in another number of pieces: no difference."""
    heartbeats: tuple[int, int] = (0, 0)
    """In A and in B, with the answers to them: they are not compared."""
    notes: tuple[str, ...] = ()
    """What limits what is said of it."""

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return self.counts is not None and not any(self.counts.values())


@dataclass(frozen=True, slots=True)
class LatencyChange:
    """How long an event took in A and in B."""

    event: str
    measure: Measure
    a: Quantiles
    b: Quantiles
    asked_a: Quantiles
    """Until it, or the first or the last piece, was there: from the client's last message before it
    (before its first piece), or the session's start. What lies between them counts, so this is
    never judged."""
    asked_b: Quantiles
    ends: bool
    """Whether it was, in A or B, the last that the server said before the client spoke again."""
    enough: bool
    """Whether both have enough samples to be compared."""
    slower: bool
    """Whether B's own time is longer than is allowed."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """Two recordings held against each other."""

    a: str
    b: str
    """Paths, as given."""
    matching: Matching
    ignored: tuple[str, ...]
    """Pointers and names of members that were not compared."""
    sessions: tuple[SessionContrast, ...]
    latency: tuple[LatencyChange, ...]
    min_samples: int
    max_slower: float | None

    @property
    def verdict(self) -> ContrastVerdict:
        """What came of it; "nothing compared": there was no session in either."""
        if not self.sessions:
            return "nothing compared"
        slower = any(row.slower for row in self.latency)
        return "same" if not slower and all(each.same for each in self.sessions) else "differs"

    @property
    def same(self) -> bool:
        """Whether something was compared, and nothing differs."""
        return self.verdict == "same"
