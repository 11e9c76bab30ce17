"""One client, and the half of a session that is played to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from time import monotonic_ns

from ..match.dialogue import Beat, Over, Say, Wait
from ..match.difference import Difference, in_order
from ..match.ids import Binding
from ..net.detach import Detached
from ..report.inert import inert
from ..report.plays import Played
from ..store.errors import RecordingError
from ..store.model import Session
from ..wire.close import close_body
from ..wire.utterance import Utterance
from .audition import Audition
from .casting import Casting
from .ear import Heard
from .fitting import Asked
from .lead import Lead, Staging
from .link import Link
from .script import UNENDED
from .trial import Beginnings, Trial

__all__ = ["Scene"]

log = logging.getLogger("wsrec.mock")

_POLICY_VIOLATION = 1008
_INTERNAL_ERROR = 1011
_NAME = 60
_MOST = 1000
"""Differences of a session that are kept, and told; more are counted."""
_MARGIN_NS = 1_000_000_000


class Scene:
    """Plays one session to one client: that with which it began, or one that fits better.

    Which session a client means may be clear only from what it says. As long as that fits the
    session that leads, nothing else is looked at; where it does not, all that was heard and said
    is held against the others.
    """

    def __init__(
        self,
        staging: Staging,
        casting: Casting,
        beginnings: Beginnings,
        session: Session,
        alike: Sequence[Session],
        asked: Asked,
        tell: Callable[[Difference], object],
        *,
        strict: bool,
    ) -> None:
        """Set the stage.

        Args:
            staging: how sessions are played.
            casting: is asked for another session when this one does not fit.
            beginnings: what those are held against.
            session: the one that leads.
            alike: those that might be meant, itself included.
            asked: what the client has asked for.
            tell: called with each difference that is kept.
            strict: end at the first one.
        """
        self._staging = staging
        self._casting = casting
        self._beginnings = beginnings
        self._sessions = {each.id: each for each in (*alike, session)}
        self._asked = asked
        self._target = staging.secrets.target(asked.target)
        self._tell = tell
        self._strict = strict
        self._began_ns = monotonic_ns()
        self.lead = self._lead(session.id)
        """What is played now."""
        self._audition = Audition([each.id for each in alike], beginnings.get, staging.comparer)
        self._woken = asyncio.Event()
        self._choosing = False
        self._gone = False
        self._stop: tuple[int, str] | None = None
        self._differences: list[Difference] = []
        self._more = 0
        self._why: str | None = "it was not played to its end"
        self.failure: RecordingError | None = None
        """Why the recording could not be read on."""
        casting.begin(session.id, self)
        self._report(staging.fitting.differences(session, asked))

    async def run(self, link: Link, client: Detached) -> None:
        """Play; return when the connection has ended."""
        try:
            try:
                with self._readable():
                    if self.alike:
                        await self._beginnings.load([self.lead.session])
                    await self._fed()
            finally:
                link.attach(client)
            await self._play(link)
        finally:
            if not await link.ended(0):
                link.abort()
            self.lead.close()
            self._casting.end(self.lead.session)

    async def _play(self, link: Link) -> None:
        listening = asyncio.ensure_future(self._listen(link))
        try:
            await self._speak(link)
            self._audition.end()
            await self._leave(link)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
        if not listening.cancelled():
            listening.result()  # a fault there is one of the session

    def answer(self, close: Utterance) -> Utterance:
        """Return the Close that answers the client's."""
        return self.lead.dialogue.answer(close)

    @property
    def played(self) -> Played:
        """What came of it so far."""
        dialogue = self.lead.dialogue
        timed = self._staging.pacing.pace == "recorded"
        return Played(
            session=self.lead.session,
            target=self._target,
            differences=in_order(self._differences),
            more=self._more,
            counts=dialogue.counts,
            bindings=tuple(self.lead.ids),
            lateness=dialogue.lateness.quantiles() if timed else None,
            notes=() if self._sessions[self.lead.session].clean else (UNENDED,),
            why=self._why,
        )

    def stop(self, code: int, reason: str) -> None:
        """End the session with a Close of the mock's own, if it has not ended."""
        if self._stop is None:
            self._stop = code, reason
            self._audition.end()
            self._woken.set()

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
        self._woken.set()

    def _lead(self, session: int, bindings: Iterable[Binding] = ()) -> Lead:
        known = *self._staging.fitting.ids(self._sessions[session], self._asked), *bindings
        return Lead(self._staging, self._sessions[session], known, self._began_ns)

    # What the client says.

    async def _listen(self, link: Link) -> None:
        try:
            with self._readable():
                while (heard := await link.hear()) is not None:
                    if heard.said.kind not in ("ping", "pong"):
                        await self._take(heard)
                        self._woken.set()
                await self._fed()
                self._audition.end()
                if self._stop is None:
                    self._report(self.lead.dialogue.lost(monotonic_ns(), link.how or "closed"))
                    self._why = None
        finally:
            self._gone = True
            self._woken.set()

    async def _take(self, heard: Heard) -> None:
        """Have the session hear what the client says, or another one that it fits."""
        await self._fed()
        if self.lead.dialogue.beats(heard.said):
            return
        fits = self._audition.note("client", heard.said, heard.at_ns, self.lead.session)
        if fits or not await self._recast():
            await self._fed()
            self._report(self.lead.dialogue.heard(heard.said, heard.at_ns))

    async def _recast(self) -> bool:
        """Find another session for what was said; False: there is none, and none is looked for."""
        lead = self.lead
        self._choosing = True
        try:
            parts = self, *self._casting.rivals()
            await self._beginnings.load({number for part in parts for number in part.alike})
            if self.lead is lead:
                self._casting.recast(self, lead.session)
        finally:
            self._choosing = False
            self._woken.set()
        if self.lead is lead:
            self._audition.end()
        return self.lead is not lead

    async def _fed(self) -> None:
        """Have as much of the leading session as is wanted, whichever that is by then."""
        while self.lead.dialogue.hungry:
            await self.lead.feed()

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """End the session when the recording cannot be read on."""
        try:
            yield
        except RecordingError as error:
            self.failure = error
            self.stop(_INTERNAL_ERROR, "the recording cannot be read on")

    def _report(self, differences: Iterable[Difference]) -> None:
        for each in differences:
            if len(self._differences) < _MOST:
                self._differences.append(each)
                self._tell(each)
            else:
                if not self._more:
                    log.warning("session %d: further differences are only counted", each.session)
                self._more += 1
            if self._strict:
                self.stop(_POLICY_VIOLATION, each.message)

    # What is said to it.

    async def _speak(self, link: Link) -> None:
        """Say what is ours to say, until there is no more of it or the client is gone."""
        with self._readable():
            while not self._gone and self._stop is None:
                self._woken.clear()
                if self._choosing:
                    await self._woken.wait()
                elif self.lead.dialogue.hungry:
                    await self.lead.feed()
                elif not await self._turn(link):
                    return

    async def _turn(self, link: Link) -> bool:
        """Do what is to be done now; False: there is nothing more."""
        now_ns = monotonic_ns()
        late = list(self.lead.dialogue.late(now_ns))
        if late:
            self._report(late)
            self.stop(_INTERNAL_ERROR, _awaited(late[0]))
            return False
        match self.lead.next(now_ns):
            case Say(said=said):
                self._audition.note("server", said, now_ns, self.lead.session)
                out_ns = await self._say(link, said)
                if out_ns is not None:
                    self.lead.dialogue.said(out_ns)
            case Beat(said=said):
                await self._say(link, said)
            case Wait(until_ns=until_ns):
                seconds = None if until_ns is None else max(until_ns - now_ns, 0) / 1e9
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await self._woken.wait()
            case Over():
                self._why = None
                return False
        return True

    async def _say(self, link: Link, said: Utterance) -> int | None:
        """Return when it was out; None: the connection has ended."""
        try:
            async with asyncio.timeout(self._staging.patience.message_ns / 1e9):
                return await link.say(said)
        except ConnectionError:
            pass
        except TimeoutError:
            link.abort("reset by the mock: the client takes nothing of what is said")
        while not self._gone:  # what is missing is told by who listens, once that is over
            self._woken.clear()
            await self._woken.wait()
        return None

    async def _leave(self, link: Link) -> None:
        """End the connection as the recorded one ended, or with a Close of the mock's own."""
        seconds = self._staging.patience.close_ns / 1e9
        if self._stop is not None and not self._gone:
            code, reason = self._stop
            with suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(seconds):
                    await link.say(Utterance("close", close_body(code, f"wsrec mock: {reason}")))
        elif self._sessions[self.lead.session].closed_by is None:
            await link.ended(self._until_end())
        link.close()
        await link.ended(seconds)

    def _until_end(self) -> float:
        """Return how many seconds a client has to end a session that ended without a Close.

        The recording does not tell who ended it: the client may do it now, when it did it then.
        """
        ended_ns = self._sessions[self.lead.session].ended_ns or 0
        pause_ns = max(ended_ns - self.lead.last_ns, 0) + _MARGIN_NS
        return min(pause_ns, self._staging.patience.message_ns) / 1e9


def _awaited(late: Difference) -> str:
    """Return what did not come, for the client's own log."""
    if late.kind != "missing":
        return late.message
    return f"expected {inert(late.event or 'a message', _NAME)} (frame {late.seq})"
