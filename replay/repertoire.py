"""What may be played to one client: the session that leads, until another fits better."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final

from ..match.difference import Difference
from ..match.ids import Binding
from ..store.model import Session
from ..wire.utterance import Utterance
from .audition import Audition
from .casting import Casting
from .ear import Heard
from .fitting import Asked
from .lead import Lead, Staging
from .trial import Beginnings, Trial

__all__ = ["Begin", "Repertoire"]


class Repertoire:
    """Finds out, from what a client says, which session it means; a `Part` of the casting.

    As long as that fits the session that leads, nothing else is looked at; where it does not, all
    that was heard and said is held against the others.
    """

    def __init__(
        self,
        staging: Staging,
        casting: Casting,
        beginnings: Beginnings,
        session: Session,
        alike: Sequence[Session],
        asked: Asked,
        began_ns: int,
        report: Callable[[Iterable[Difference]], object],
        wake: Callable[[], object],
    ) -> None:
        """Begin with a session.

        Args:
            staging: how sessions are played.
            casting: is asked for another session when this one does not fit.
            beginnings: what those are held against.
            session: the one that leads.
            alike: those that might be meant, itself included.
            asked: what the client has asked for.
            began_ns: when the live session began.
            report: called with what is wrong with what the client says.
            wake: called when another session leads, or none was found.
        """
        self._staging = staging
        self._casting = casting
        self._beginnings = beginnings
        self._sessions: Final = {each.id: each for each in (*alike, session)}
        self._asked = asked
        self._began_ns = began_ns
        self._report = report
        self._wake = wake
        self._audition = Audition([each.id for each in alike], beginnings.get, staging.comparer)
        self.lead = self._lead(session.id)
        """What is played now."""
        self.choosing = False
        """Whether another session is looked for: nothing is said meanwhile."""
        casting.begin(session.id, self)

    @property
    def session(self) -> Session:
        """The one that leads."""
        return self._sessions[self.lead.session]

    async def open(self) -> None:
        """Read what has to be there before anything is heard; raises RecordingError."""
        if self.alike:
            await self._beginnings.load([self.lead.session])
        await self.fed()

    async def fed(self) -> None:
        """Have as much of the leading session as is wanted, whichever that is by then.

        Raises:
            RecordingError: the recording cannot be read on.
        """
        while self.lead.dialogue.hungry:
            await self.lead.feed()

    async def hear(self, heard: Heard) -> None:
        """Have the session hear what the client says, or another one that it fits.

        Raises:
            RecordingError: the recording cannot be read on.
        """
        await self.fed()
        if self.lead.dialogue.beats(heard.said):
            return
        fits = self._audition.note("client", heard.said, heard.at_ns, self.lead.session)
        if fits or not await self._recast():
            await self.fed()
            self._report(self.lead.dialogue.heard(heard.said, heard.at_ns))

    def said(self, said: Utterance, now_ns: int) -> None:
        """Note what is said to the client."""
        self._audition.note("server", said, now_ns, self.lead.session)

    def settle(self) -> None:
        """Look for no other session: the one that leads is taken for the one that is meant."""
        self._audition.end()

    def close(self) -> None:
        """Read no more: the session was played."""
        self.lead.close()
        self._casting.end(self.lead.session)

    # What the casting asks.

    @property
    def alike(self) -> Sequence[int]:
        """The sessions that might be meant; none once too much was said to go back."""
        return self._audition.alike

    def audition(self, session: int) -> Callable[[], None] | None:
        """Return what makes it that session's, if that fits all that was heard and said."""
        trial = self._audition.trial(session)
        return None if trial is None else partial(self._become, session, trial)

    def _become(self, session: int, trial: Trial) -> None:
        self.lead.close()
        self.lead = self._lead(session, trial.ids)
        self._report(self.lead.catch_up(trial.beginning, self._audition.transcript))
        self._wake()

    def _lead(self, session: int, bindings: Iterable[Binding] = ()) -> Lead:
        known = *self._staging.fitting.ids(self._sessions[session], self._asked), *bindings
        return Lead(self._staging, self._sessions[session], known, self._began_ns)

    async def _recast(self) -> bool:
        """Find another session for what was said; False: there is none, and none is looked for."""
        lead = self.lead
        self.choosing = True
        try:
            parts = self, *self._casting.rivals()
            await self._beginnings.load({number for part in parts for number in part.alike})
            if self.lead is lead:
                self._casting.recast(self, lead.session)
        finally:
            self.choosing = False
            self._wake()
        if self.lead is lead:
            self.settle()
        return self.lead is not lead


Begin = Callable[[int, Callable[[Iterable[Difference]], object], Callable[[], object]], Repertoire]
"""Makes a repertoire, of when the live session began, `report` and `wake`."""
