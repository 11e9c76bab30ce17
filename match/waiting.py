"""What our next line waits for, and until when."""

from __future__ import annotations

from .expected import Awaited
from .hearing import Hearing
from .ids import Ids
from .ours import Ours
from .pacing import Timeline, Turn
from .rules import Matching, Patience

__all__ = ["Waiting"]


class Waiting:
    """Tells what of the peer's has to come first, and when that is given up."""

    def __init__(
        self,
        timeline: Timeline,
        hearing: Hearing,
        ours: Ours,
        ids: Ids,
        matching: Matching,
        patience: Patience,
    ) -> None:
        """Know how ours are paced.

        Args:
            timeline: tells whether each of ours waits for all before it.
            hearing: of the peer.
            ours: what is still to be said.
            ids: of the session.
            matching: whether ids are bound, and whether any order will do.
            patience: how long the peer's are waited for.
        """
        self._timeline = timeline
        self._hearing = hearing
        self._expected = hearing.expected
        self._ours = ours
        self._ids = ids
        self._patience = patience
        self._binds = matching.binds
        self._any_order = matching.any_order
        self._looked: Turn | None = None
        self._giver: Awaited | None = None
        """What of the peer's has an id that is in the line of ours that was looked at."""

    def held(self, turn: Turn) -> bool:
        """Whether a line of ours waits for something of the peer."""
        first = self._expected.first()
        if first is None or first.place >= turn.place:
            return False
        if self._timeline.causal or turn.line.said.kind == "close":
            return True
        if self._looked is not turn:
            self._looked = turn
            ids = self._ids.unheard(turn.line.said) if self._binds else ()
            self._giver = self._expected.naming(ids, turn.place)
        return self._giver is not None and self._giver.here

    def deadline(self) -> int | None:
        """Return when what is expected before our next line is given up; None: nothing is.

        All of it may take as long as it took in the recording, and the patience on top: so what
        comes behind something that is lost is not given up with it.
        """
        awaited = self._expected.before(self._ours.place)
        if not awaited:
            return None
        first, last = awaited[0], awaited[-1]
        patience = self._patience.close_ns
        if not first.is_close:
            patience = self._patience.message_ns
            last = awaited[-2] if last.is_close else last
            if self._expected.passed(last) and not self._any_order:
                return self._hearing.moved_ns + min(patience, self._patience.overtaken_ns)
        took = last.turn.at_ns - first.turn.at_ns + first.turn.pause_ns
        return self._hearing.moved_ns + self._timeline.allowed(took) + patience
