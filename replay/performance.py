"""One recorded session, played to a live server: from its opening handshake to its end."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from http import HTTPStatus
from time import monotonic_ns
from typing import Final, TypeVar
from urllib.parse import urlsplit

from ..match.dialogue import Dialogue
from ..match.difference import Difference, DifferenceKind, in_order
from ..match.ids import Ids
from ..match.line import Line
from ..match.steps import Lag
from ..net.detach import Detached
from ..net.dial import DialError, dial
from ..redaction.marks import holds_mark
from ..report.plays import Played
from ..schemas.durations import show_duration
from ..store.errors import RecordingError
from ..store.model import Session
from ..store.tap import SessionTap
from ..wire.close import close_body
from ..wire.deflate import Extensions
from ..wire.utterance import Utterance
from .ahead import PagesAhead
from .answered import other_answer, other_extensions
from .conversation import Conversation
from .cue import Cue
from .link import Link
from .opening import Opening, open_again, unplayable
from .script import UNENDED
from .stage import Stage

__all__ = ["perform"]

_MOST: Final = 1000
"""Differences of a session, after which it is given up: a server may go on for ever."""
_SLOW_NS: Final = 1_000_000_000
"""By how much longer than recorded a message has to take for a note; and twice as long."""
_GOING_AWAY: Final = 1001
_REDACTED: Final = "messages were redacted: they are sent with what stands in the secrets' place"
T = TypeVar("T")


async def perform(stage: Stage, session: Session, pages: PagesAhead, cue: Cue) -> Played:
    """Play one session, whose lines are in `pages`, when `cue` says so; return what came of it.

    Where the recording cannot be read on, that is the stage's failure.
    """
    try:
        missing = stage.script.unplayable.get(session.id)
        if missing is not None:
            return Played(session=session.id, target=session.target, why=missing.why)
        why = unplayable(session)
        if why is not None:
            return Played(session=session.id, target=session.target, why=why, excused=True)
        return await _Performance(stage, session, pages, cue).perform()
    finally:
        pages.close()


class _LeaveError(Exception):
    """The session is not to be played to its end."""


class _Performance:
    """A session while it is played."""

    def __init__(self, stage: Stage, session: Session, pages: PagesAhead, cue: Cue) -> None:
        self._stage = stage
        self._session = session
        self._pages = pages
        self._cue = cue
        self._ids = Ids(stage.ids)
        self._tap: SessionTap | None = None
        self._dialogue: Dialogue | None = None
        self._found: list[Difference] = []
        self._notes: list[str] = []
        self._why: str | None = None
        self._enough = asyncio.Event()
        self._close_seconds = stage.settings.patience.close_ns / 1e9

    async def perform(self) -> Played:
        try:
            await self._open()
        except DialError as error:
            self._stage.unreachable = self._stage.unreachable or str(error)
            self._differ("lost", f"its opening handshake was not answered: {error}")
        except RecordingError as error:
            self._stage.fail(error)
            self._why = "the recording could not be read on"
        except _LeaveError:
            if self._stage.stopped.is_set():
                self._why = "interrupted"
        dialogue, timed = self._dialogue, self._stage.settings.pacing.pace == "recorded"
        return Played(
            session=self._session.id,
            live=None if self._tap is None else self._tap.id,
            target=self._session.target,
            differences=in_order(self._found),
            counts=None if dialogue is None else dialogue.counts,
            bindings=tuple(self._ids),
            lateness=None if dialogue is None or not timed else dialogue.lateness.quantiles(),
            notes=[*self._notes, *_slow(None if dialogue is None else dialogue.lag)],
            why=self._why,
        )

    async def _open(self) -> None:
        """Send the opening handshake, and go on behind it.

        Raises:
            DialError: there is no answer.
            RecordingError: the recording cannot be read on; the connection is closed.
            _LeaveError: enough has come of it.
        """
        stage, settings, began_ns = self._stage, self._stage.settings, monotonic_ns()
        host = urlsplit(stage.upstream.origin).netloc
        key = base64.b64encode(os.urandom(16)).decode()
        opening = open_again(self._session, settings.replacements, host, key)
        self._notes += opening.notes
        if self._session.closed_by == "proxy":
            self._notes.append("ended by the proxy: closed with 1001, as the server saw it then")
        if not self._session.clean:
            self._notes.append(UNENDED)
        dialogue = Dialogue(
            self._session.id, "client", stage.comparer, self._ids, settings.pacing,
            settings.patience, began_ns, matching=settings.matching,
            heartbeats=settings.matching.heartbeats_of(
                self._session.subprotocol, self._session.target
            ),
        )  # fmt: skip
        with stage.at_play(dialogue, self._session):
            if self._session.status == HTTPStatus.SWITCHING_PROTOCOLS:
                lines, last = await self._pages.page()
                self._read(lines)
                dialogue.load(lines, last=last)
            await self._unless_it_is_left(self._ids_of(opening.target))
            await self._ask(opening, dialogue)

    async def _ask(self, opening: Opening, dialogue: Dialogue) -> None:
        """Send the opening handshake; where it is accepted, play the dialogue.

        Raises what `_open` does.
        """
        stage, settings = self._stage, self._stage.settings
        url = stage.upstream.url(self._ids.rewrite_target(opening.target))
        if stage.recorder is not None:
            self._tap = stage.recorder.session(None, url.raw_path, opening.headers)
        tap = self._tap
        link: Link | None = None
        try:
            address = f"ws{str(url).removeprefix('http')}"
            handshake = dial(
                address, opening.headers,
                tls=settings.tls, patience=settings.connect, sent=self._cue.sent,
            )  # fmt: skip
            dialled = await self._unless_it_is_left(handshake)
            dialogue.said(monotonic_ns())
            answer = dialled.answer
            stage.answered = True
            self._cue.answered()
            if tap is not None:
                tap.answered(answer.status, answer.headers, answer.subprotocol, answer.extensions)
            if (other := other_answer(self._session, answer)) is not None:
                self._differ("handshake", other)
            if (other := other_extensions(self._session, answer)) is not None:
                self._notes.append(other)
            if dialled.connection is not None:
                link = Link(
                    "client",
                    Extensions.parse(answer.extensions),
                    tap=tap,
                    patience=self._close_seconds,
                    answer=dialogue.answer,
                )
                await self._converse(link, dialled.connection, dialogue)
        finally:
            if link is None and tap is not None:
                tap.ended()

    async def _ids_of(self, target: str) -> None:
        """Wait until the ids in a request target are there that other sessions are given."""
        while self._stage.owes(self._ids.unknown(target), self._session.started_ns):
            await self._stage.heard.wait()

    async def _converse(self, link: Link, connection: Detached, dialogue: Dialogue) -> None:
        stage, session = self._stage, self._session
        conversation = Conversation(
            link, dialogue, self._pages, stage.settings.patience,
            leave=self._cue.end, find=self._hear, read=self._read,
        )  # fmt: skip
        try:
            try:
                if session.status == HTTPStatus.SWITCHING_PROTOCOLS:
                    await conversation.ready()
            finally:
                link.attach(connection)
            if session.status != HTTPStatus.SWITCHING_PROTOCOLS:
                raise _LeaveError
            self._dialogue = dialogue
            try:
                await self._unless_it_is_left(conversation.run())
            finally:
                stage.lateness.update(dialogue.lateness)
            if session.closed_by is None:
                await self._unless_it_is_left(self._cue.end())
            else:
                await link.ended(self._close_seconds)
            link.close()
            await link.ended(self._close_seconds)
        except _LeaveError:
            self._find(dialogue.broken_off())
            await self._leave(link)
            raise
        finally:
            if not await link.ended(0):
                link.abort()
                await link.ended(1.0)

    def _read(self, lines: Sequence[Line]) -> None:
        """Note what of these lines is not said as it was."""
        if _REDACTED not in self._notes and any(map(_is_redacted, lines)):
            self._notes.append(_REDACTED)

    async def _leave(self, link: Link) -> None:
        """Close with 1001, and wait for the server to do the same."""
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(self._close_seconds):
                await link.say(Utterance("close", close_body(_GOING_AWAY)))
                while await link.hear() is not None:
                    """Whatever it says, it is not compared any more."""
        link.close()
        await link.ended(self._close_seconds)

    async def _unless_it_is_left(self, work: Coroutine[None, None, T]) -> T:
        """Return what comes of something, unless nobody waits for it any more.

        Raises:
            _LeaveError: it was cancelled.
        """
        working = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self._stage.stopped.wait())
        giving_up = asyncio.ensure_future(self._enough.wait())
        tasks = (working, stopping, giving_up)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise _LeaveError
            return working.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _hear(self, differences: Iterable[Difference]) -> None:
        self._find(differences)
        self._stage.went_on()

    def _find(self, differences: Iterable[Difference]) -> None:
        for each in differences:
            if self._enough.is_set():
                return
            self._found.append(each)
            if len(self._found) == _MOST:
                self._why = f"given up after {_MOST:,} differences"
                self._enough.set()

    def _differ(self, kind: DifferenceKind, message: str) -> None:
        self._find([Difference(kind, message, self._session.id)])


def _is_redacted(line: Line) -> bool:
    """Whether it is the client's, and something in it was replaced before it was recorded."""
    data = line.said.data
    return line.sender == "client" and isinstance(data, str) and holds_mark(data)


def _slow(lag: Lag | None) -> Iterator[str]:
    """Yield a line about the slowest message, if people would have noticed."""
    if lag is not None and lag.more_ns > max(_SLOW_NS, lag.recorded_ns):
        event = "" if lag.event is None else f" ({lag.event})"
        took, recorded = show_duration(lag.took_ns), show_duration(lag.recorded_ns)
        yield f"frame {lag.seq}{event} came after {took}, recorded were {recorded}"
