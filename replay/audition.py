"""Which sessions a client may mean, by all that it and we have said so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ..match.compare import Comparer
from ..match.line import Role
from ..wire.utterance import Utterance
from .trial import BYTES, LINES, Beginning, Said, Trial

__all__ = ["Audition"]


class Audition:
    """Holds what was said against sessions, until too much was said to go back to another one."""

    def __init__(
        self,
        alike: Sequence[int],
        beginning: Callable[[int], Beginning | None],
        comparer: Comparer,
    ) -> None:
        """Begin, before anything is said.

        Args:
            alike: the sessions that might be meant, best first; of fewer than two there is nothing
                to find out.
            beginning: returns that of a session, if it was read.
            comparer: tells what is the same.
        """
        self.alike: Sequence[int] = alike if len(alike) > 1 else ()
        """The sessions that might be meant, best first; none once it is over."""
        self.transcript: Final[list[Said]] = []
        """What was said; nothing once it is over."""
        self._beginning = beginning
        self._comparer = comparer
        self._trials: dict[int, Trial] = {}
        self._room = BYTES

    def note(self, who: Role, said: Utterance, at_ns: int, lead: int) -> bool:
        """Remember what was said; False: session `lead` is not meant, though another might be."""
        if not self.alike:
            return True
        self.transcript.append(Said(who, said, at_ns, self._comparer))
        self._room -= len(said.data)
        if self.trial(lead) is None:
            return False
        if self._room < 0 or len(self.transcript) > LINES:
            self.end()
        return True

    def trial(self, session: int) -> Trial | None:
        """Return how far a session has got, if all that was said fits it; None: not, or unread."""
        trial = self._trials.get(session)
        if trial is None:
            beginning = self._beginning(session)
            if beginning is None:
                return None
            trial = self._trials[session] = Trial(beginning)
        return trial if trial.fits(self.transcript) else None

    def end(self) -> None:
        """Look for no other session: the one that leads is taken for the one that is meant."""
        self.alike = ()
        self.transcript.clear()
        self._trials.clear()
