"""What came of playing one half of a recording to live peers, as values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..checks.samples import Quantiles
from ..match.difference import Difference
from ..match.ids import Binding
from ..match.line import Role
from ..match.steps import Counts

__all__ = ["PlayVerdict", "Played", "Plays", "PlaysVerdict"]

PlayVerdict = Literal["matched", "differs", "interrupted", "unplayed"]
PlaysVerdict = Literal["matched", "differs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One session that was played, or was to be."""

    session: int | None
    """Its number in the recording; None: a live peer came to whom none was played."""
    live: int | None = None
    """Its number in the recording of what was said now; None: that was not recorded."""
    target: str = ""
    """Of the live request, such as `/ws?room=1`."""
    differences: Sequence[Difference] = ()
    more: int = 0
    """How many more differences there were than these."""
    counts: Counts | None = None
    """How far it came; None: it was not begun."""
    bindings: Sequence[Binding] = ()
    lateness: Quantiles | None = None
    """How long after its time each line of ours was said, in nanoseconds; None: it had none."""
    notes: Sequence[str] = ()
    """What was otherwise than recorded and is no difference, a line each."""
    why: str | None = None
    """Why it was not played, or not to its end; None: it was."""
    excused: bool = False
    """Whether it is no failure that it was not played, or not to its end."""

    @property
    def verdict(self) -> PlayVerdict:
        """What came of it: that something differs counts more than that it was not played.

        `interrupted`: nothing did, as far as it was played, and that is not to its end.
        """
        if self.differences:
            return "differs"
        if self.why is None:
            return "matched"
        return "unplayed" if self.counts is None else "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plays:
    """A run of `wsrec replay` or `wsrec mock`."""

    role: Role
    """Who was played."""
    recording: str
    """Its path."""
    address: str
    """Of the live server, or where live clients were waited for."""
    sessions: Sequence[Played]
    contract: str | None = None
    """Which named the events, and why that one; None: none did."""
    ignored: Sequence[str] = ()
    """What might differ without being a difference, a line each."""
    lateness: Quantiles | None = None
    """As for a session, of all; None: none had their times."""
    output: str | None = None
    """Where what was said now was recorded."""

    @property
    def verdict(self) -> PlaysVerdict:
        """`matched` if something was played, and each session matched or is excused."""
        fine = [each.verdict == "matched" for each in self.sessions]
        failed = any(
            each.verdict == "differs" or (each.why is not None and not each.excused)
            for each in self.sessions
        )
        return "matched" if any(fine) and not failed else "differs"
