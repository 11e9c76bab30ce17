"""How a live session ends, held against how the recorded one had ended."""

from __future__ import annotations

from collections.abc import Iterator

from ..wire.utterance import Utterance
from .difference import Difference
from .expected import Awaited, runs
from .hearing import Hearing
from .line import Line
from .order import CROSSED_NS
from .ours import Ours
from .wording import Wording

__all__ = ["Parting"]


class Parting:
    """Tells what is missing once nothing more is heard: one difference for all of it."""

    def __init__(self, hearing: Hearing, ours: Ours, wording: Wording) -> None:
        """Know what may be missing: what the peer has still to say, and what of ours is unsaid."""
        self._hearing = hearing
        self._expected = hearing.expected
        self._ours = ours
        self._wording = wording
        self.left = 0
        """What was still to be said and heard when it was over."""

    def nothing_behind(self, many: int) -> bool:
        """Whether nothing but closes is behind so many expected messages, as far as is known."""
        ours = any(self._ours.lines("close"))
        closes = self._expected.close() is not None
        return not ours and len(self._expected) == many + closes

    def lost(self, how: str, *, more: bool) -> Iterator[Difference]:
        """Yield what is missing when the connection ends; `more`: the recording goes on."""
        messages = self._messages()
        end = not more and self.nothing_behind(len(messages))
        missing = self._hearing.wanting(messages, end=end)
        close = self._expected.close()
        if close is not None:
            missing.append(close)
        unsaid = list(self._ours.lines("ping"))
        self.left = len(missing) + len(unsaid)
        if missing or unsaid or more:
            yield self._wording.lost(how, missing, unsaid, more=more)

    def closed(self, live: Utterance, *, we_closed: bool, more: bool) -> Iterator[Difference]:
        """Yield what is wrong with the peer's Close; `we_closed`: it comes behind ours."""
        awaited = self._expected.close()
        missing = self._hearing.wanting(self._messages(), end=not more)
        passed = [each for each in missing if self._expected.passed(each)]
        behind = missing[len(passed) :]
        recorded = None if awaited is None else awaited.turn.line
        unsaid = list(self._ours.lines("ping", "close"))
        if recorded is not None:
            unsaid = [line for line in unsaid if recorded.at_ns - line.at_ns >= CROSSED_NS]
        self.left = len(missing) + len(unsaid)
        as_recorded = not more and self._as_recorded(live, recorded, we_closed=we_closed)
        if as_recorded and not unsaid and len(behind) <= 1:
            self._hearing.matched += awaited is not None
            passed, behind = missing, []
        for run in runs(passed):
            yield self._wording.missing(run)
        if not as_recorded or unsaid or behind:
            number, ours = self._hearing.heard, self._ours.close
            yield self._wording.closed(number, live, recorded, behind, unsaid, ours=ours, more=more)

    def _as_recorded(self, live: Utterance, recorded: Line | None, *, we_closed: bool) -> bool:
        """Whether the peer closed as it had; where it had not, whether it answers our Close.

        If only our own Close was left to be said, the two may have crossed.
        """
        if recorded is not None:
            return recorded.said.data == live.data
        if self._ours:
            closing = self._ours.close
            return closing is not None and closing.data == live.data
        return we_closed or not self._expected

    def _messages(self) -> list[Awaited]:
        return [awaited for awaited in self._expected.before(None) if not awaited.is_close]
