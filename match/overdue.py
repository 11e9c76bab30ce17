"""What of the peer's was given up: it comes late, or not at all, and is told once that is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from .difference import Difference
from .expected import ALIKE, Awaited, Expected, Found, Live, runs
from .text import Text
from .wording import Wording

__all__ = ["Overdue"]

_MOST: Final = 256
"""Messages that may still come late, beyond those that were given up last."""


@dataclass(slots=True, eq=False)
class _Debt:
    """A message that was given up."""

    awaited: Awaited
    since_ns: int
    came: tuple[int, int] | None = field(default=None, init=False)
    """Which of the peer's utterances it was, and when; None: it has not come."""


class Overdue:
    """The recorded messages that were given up, in order."""

    def __init__(self, expected: Expected, wording: Wording) -> None:
        self._expected = expected
        self._wording = wording
        self._debts: list[_Debt] = []

    def add(self, lines: Sequence[Awaited], now_ns: int) -> Iterator[Difference]:
        """Take what is given up now; yield what came of others, where these are too many."""
        if len(self._debts) + len(lines) > _MOST:
            yield from self.settle()
        self._debts += (_Debt(awaited, now_ns) for awaited in lines)

    def find(self, live: Live) -> Found | None:
        """Return the first message that a live one equals, or of a text that it is a piece of."""
        for awaited in self._open(live):
            comparison = self._expected.equal(awaited, live)
            if comparison is not None:
                return Found(awaited, comparison)
        return None

    def changed(self, live: Live) -> Found | None:
        """Return the first message of which a live one is a changed form."""
        for awaited in self._open(live):
            recorded = awaited.parsed
            if recorded.event is not None and recorded.event == live.parsed.event:
                comparison = self._expected.compare(awaited, live)
                if comparison.likeness >= ALIKE:
                    return Found(awaited, comparison)
        return None

    def piece(self, text: Text) -> Awaited | None:
        """Return a piece of a text that was given up, come or not; None: none was."""
        return next((each.awaited for each in self._debts if each.awaited.text is text), None)

    def come(self, awaited: Awaited, number: int, at_ns: int) -> int:
        """Take it that a message came, with all that was given up of its text; return how many."""
        same = [
            debt
            for debt in self._debts
            if debt.came is None
            and (debt.awaited is awaited or (awaited.text and debt.awaited.text is awaited.text))
        ]
        for debt in same:
            debt.came = number, at_ns
        return len(same)

    def settle(self) -> Iterator[Difference]:
        """Yield what came late, and what did not come at all; nothing is overdue any more."""
        debts, self._debts = self._debts, []
        late = {
            debt.awaited: (debt.since_ns, *debt.came) for debt in debts if debt.came is not None
        }
        for run in runs(debt.awaited for debt in debts if debt.came is None):
            yield self._wording.missing(run)
        for run in runs(late):
            since_ns, number, at_ns = late[run[0]]
            yield self._wording.late(run, number, at_ns - since_ns)

    def _open(self, live: Live) -> Iterator[Awaited]:
        """Yield those that have not come, of texts in pieces if the live one is a piece."""
        for debt in self._debts:
            pieces = debt.awaited.text is not None, live.parsed.stream is not None
            if debt.came is None and pieces[0] == pieces[1]:
                yield debt.awaited
