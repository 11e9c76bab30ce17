"""One client, and the half of a session that is played to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic_ns

from ..match.dialogue import Beat, Over, Say, Wait
from ..match.difference import Difference, in_order
from ..net.detach import Detached
from ..report.inert import inert
from ..report.plays import Played
from ..store.errors import RecordingError
from ..wire.close import close_body
from ..wire.utterance import Utterance
from .fitting import Asked
from .lead import Lead, Staging
from .link import Link
from .repertoire import Begin
from .script import UNENDED

__all__ = ["Scene"]

log = logging.getLogger("wsrec.mock")

_POLICY_VIOLATION = 1008
_INTERNAL_ERROR = 1011
_NAME = 60
_MOST = 1000
"""Differences of a session that are kept, and told; more are counted."""
_MARGIN_NS = 1_000_000_000


class Scene:
    """Plays one session to one client: that with which it began, or one that fits better."""

    def __init__(
        self,
        staging: Staging,
        begin: Begin,
        asked: Asked,
        tell: Callable[[Difference], object],
        *,
        strict: bool,
    ) -> None:
        """Set the stage.

        Args:
            staging: how sessions are played.
            begin: makes what may be played.
            asked: what the client has asked for.
            tell: called with each difference that is kept.
            strict: end at the first one.
        """
        self._staging = staging
        self._target = staging.secrets.target(asked.target)
        self._tell = tell
        self._strict = strict
        self._woken = asyncio.Event()
        self._repertoire = begin(monotonic_ns(), self._report, self._woken.set)
        self._gone = False
        self._stop: tuple[int, str] | None = None
        self._differences: list[Difference] = []
        self._more = 0
        self._why: str | None = "it was not played to its end"
        self.failure: RecordingError | None = None
        """Why the recording could not be read on."""
        self._report(staging.fitting.differences(self._repertoire.session, asked))

    async def run(self, link: Link, client: Detached) -> None:
        """Play; return when the connection has ended."""
        try:
            try:
                with self._readable():
                    await self._repertoire.open()
            finally:
                link.attach(client)
            await self._play(link)
        finally:
            if not await link.ended(0):
                link.abort()
            self._repertoire.close()

    async def _play(self, link: Link) -> None:
        listening = asyncio.ensure_future(self._listen(link))
        try:
            await self._speak(link)
            self._repertoire.settle()
            await self._leave(link)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
        if not listening.cancelled():
            listening.result()  # a fault there is one of the session

    def answer(self, close: Utterance) -> Utterance:
        """Return the Close that answers the client's."""
        return self._lead.dialogue.answer(close)

    @property
    def played(self) -> Played:
        """What came of it so far."""
        lead, dialogue = self._lead, self._lead.dialogue
        timed = self._staging.pacing.pace == "recorded"
        return Played(
            session=lead.session,
            target=self._target,
            differences=in_order(self._differences),
            more=self._more,
            counts=dialogue.counts,
            bindings=tuple(lead.ids),
            lateness=dialogue.lateness.quantiles() if timed else None,
            notes=() if self._repertoire.session.clean else (UNENDED,),
            why=self._why,
        )

    def stop(self, code: int, reason: str) -> None:
        """End the session with a Close of the mock's own, if it has not ended."""
        if self._stop is None:
            self._stop = code, reason
            self._repertoire.settle()
            self._woken.set()

    @property
    def _lead(self) -> Lead:
        """What is played now."""
        return self._repertoire.lead

    # What the client says.

    async def _listen(self, link: Link) -> None:
        try:
            with self._readable():
                while (heard := await link.hear()) is not None:
                    if heard.said.kind not in ("ping", "pong"):
                        await self._repertoire.hear(heard)
                        self._woken.set()
                await self._repertoire.fed()
                self._repertoire.settle()
                if self._stop is None:
                    self._report(self._lead.dialogue.lost(monotonic_ns(), link.how or "closed"))
                    self._why = None
        finally:
            self._gone = True
            self._woken.set()

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
                if self._repertoire.choosing:
                    await self._woken.wait()
                elif self._lead.dialogue.hungry:
                    await self._lead.feed()
                elif not await self._turn(link):
                    return

    async def _turn(self, link: Link) -> bool:
        """Do what is to be done now; False: there is nothing more."""
        now_ns = monotonic_ns()
        late = list(self._lead.dialogue.late(now_ns))
        if late:
            self._report(late)
            self.stop(_INTERNAL_ERROR, _awaited(late[0]))
            return False
        match self._lead.next(now_ns):
            case Say(said=said):
                self._repertoire.said(said, now_ns)
                out_ns = await self._say(link, said)
                if out_ns is not None:
                    self._lead.dialogue.said(out_ns)
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
        elif self._repertoire.session.closed_by is None:
            await link.ended(self._until_end())
        link.close()
        await link.ended(seconds)

    def _until_end(self) -> float:
        """Return how many seconds a client has to end a session that ended without a Close.

        The recording does not tell who ended it: the client may do it now, when it did it then.
        """
        ended_ns = self._repertoire.session.ended_ns or 0
        pause_ns = max(ended_ns - self._lead.last_ns, 0) + _MARGIN_NS
        return min(pause_ns, self._staging.patience.message_ns) / 1e9


def _awaited(late: Difference) -> str:
    """Return what did not come, for the client's own log."""
    if late.kind != "missing":
        return late.message
    return f"expected {inert(late.event or 'a message', _NAME)} (frame {late.seq})"
