"""A recording in the place of its backend: answers clients with the server half of its sessions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from pathlib import Path
from random import SystemRandom
from typing import Self

from ..match.compare import Comparer
from ..match.difference import Difference
from ..net.address import Listener
from ..net.connection import Connections
from ..net.detach import Detached, Held
from ..net.errors import SettingError
from ..redaction.handshake import HandshakeRedactor
from ..redaction.marks import Marker
from ..redaction.rules import Rules
from ..report.plays import Played, Plays
from ..store.errors import RecordingError
from ..store.model import Session
from ..wire.deflate import Extensions
from .answering import is_answer
from .casting import Casting
from .fitting import Asked, Fitting
from .lead import Known, Staging
from .link import Link
from .mock_options import MockOptions
from .opening import unplayable
from .reception import Reception
from .repertoire import Repertoire
from .scene import Scene
from .script import Script
from .trial import Beginnings

__all__ = ["Mock"]

_GOING_AWAY = 1001


class Mock:
    """Plays a recording to live clients.

    An async context manager: listening when entered; left, every session is closed with 1001.
    """

    def __init__(
        self,
        path: Path,
        options: MockOptions | None = None,
        tell: Callable[[Difference], object] = lambda difference: None,
    ) -> None:
        """Join a recording to what was chosen; `tell` is called with differences as they happen."""
        self.path = path
        self.options = options or MockOptions()
        self.address = self.options.listen
        """Where it listens; once it does, with the port that was taken for 0."""
        self.failure: RecordingError | None = None
        """Why the recording could not be read on, at some time, or is not to be believed."""
        self._tell = tell
        self._scenes: dict[Scene, asyncio.Task[None]] = {}
        self._over: list[Played] = []
        self._left_out: list[Played] = []

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            RecordingError: the recording cannot be read, or is damaged.
            SettingError: there is nothing in it that can be played; the address names no host.
            OSError: the address cannot be listened on.
        """
        options = self.options
        async with AsyncExitStack() as stack:
            self._listener = await Listener.bound(
                options.listen,
                lambda: self._connections(),
                tls=options.tls,
                handshake=options.header_timeout,
                buffer=None,
            )
            stack.callback(self._listener.close)
            self.address = self._listener.address
            script = await stack.enter_async_context(Script(self.path))
            comparer = Comparer(options.matching)
            self._staging = Staging(
                script,
                comparer,
                options.matching,
                Fitting(comparer),
                Known(),
                SystemRandom() if options.fresh_ids else None,
                options.pacing,
                options.patience,
                HandshakeRedactor(Rules.kept_by(script.meta), Marker()),
            )
            self._casting = Casting(
                self._playable(script), self._staging.fitting, options.order, loop=options.loop
            )
            self._reception = Reception(
                self._staging,
                self._casting,
                self._begin,
                self._tell,
                full=lambda: len(self._scenes) >= options.most,
            )
            self._beginnings = Beginnings(script, comparer, options.matching)
            self._connections = Connections(
                self._reception.handle,
                most=options.most,
                sessions=self._scenes.__len__,
                header_timeout=options.header_timeout,
                malformed=self._reception.malformed,
            )
            stack.push_async_callback(self._connections.shutdown, 1.0)
            await self._listener.serve()
            self._stack = stack.pop_all()
        return self

    async def quiet(self, seconds: float) -> None:
        """Wait until no session is being played, for so long at most."""
        if self._scenes:
            await asyncio.wait(list(self._scenes.values()), timeout=seconds)

    async def __aexit__(self, *exc: object) -> None:
        """End: nothing new, sessions, requests, the recording."""
        self._listener.close()
        try:
            await self._end_sessions()
        finally:
            self._connections.pre_shutdown()
            try:
                await self._stack.aclose()
            except RecordingError as error:
                self.failure = self.failure or error

    async def _end_sessions(self) -> None:
        tasks = list(self._scenes.values())
        for scene in list(self._scenes):
            scene.stop(_GOING_AWAY, "it is shutting down")
        try:
            await self.quiet(2 * self.options.patience.close_ns / 1e9 + 1)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        """Where clients connect to instead of the backend."""
        return self.address.url(tls=self.options.tls is not None)

    @property
    def port(self) -> int:
        """The port that is listened on; 0 on a Unix socket."""
        return self.address.port

    @property
    def playable(self) -> int:
        """How many sessions there are to be played."""
        return len(self._casting)

    @property
    def plays(self) -> Plays:
        """What came of it so far; the sessions that nobody has asked for, too."""
        cut = [scene.played for scene in self._scenes]
        playing = {each.session for each in cut}
        unplayed = [
            Played(session=each.id, target=each.target, why="no client has asked for it")
            for each in self._casting.unplayed
            if each.id not in playing
        ]
        excused = self.options.allow_unplayed
        return Plays(
            role="server",
            recording=str(self.path),
            address=self.url,
            sessions=[
                *(
                    replace(each, excused=excused and each.why is not None)
                    for each in (*self._over, *cut, *self._reception.played, *unplayed)
                ),
                *self._left_out,
            ],
        )

    def _begin(
        self,
        client: Detached,
        extensions: str | None,
        session: Session,
        alike: Sequence[Session],
        asked: Asked,
    ) -> None:
        """Play a session behind its 101."""
        begin = partial(
            Repertoire, self._staging, self._casting, self._beginnings, session, alike, asked
        )
        scene = Scene(self._staging, begin, asked, self._tell, strict=self.options.strict)
        link = Link(
            "server",
            Extensions.parse(extensions),
            patience=self.options.patience.close_ns / 1e9,
            answer=scene.answer,
        )
        self._scenes[scene] = task = asyncio.ensure_future(scene.run(link, Held.of(client)))
        task.add_done_callback(lambda task: self._ended(scene, task))

    def _ended(self, scene: Scene, task: asyncio.Task[None]) -> None:
        del self._scenes[scene]
        self._over.append(scene.played)
        self.failure = self.failure or scene.failure
        if not task.cancelled() and (fault := task.exception()) is not None:
            context = {"message": "a session ended with a fault in wsrec", "exception": fault}
            asyncio.get_running_loop().call_exception_handler(context)

    def _playable(self, script: Script) -> list[Session]:
        """Return the sessions to be played; note why others are not.

        Raises:
            SettingError: there are none.
        """
        playable = []
        for each in (each for each in script.sessions if self.options.scope.judges(each.id)):
            missing = script.unplayable.get(each.id)
            why = missing.why if missing is not None else _never_asked(each)
            if why is None:
                playable.append(each)
            else:
                self._left_out.append(
                    Played(session=each.id, target=each.target, why=why, excused=missing is None)
                )
        if not playable:
            first = "".join(f": session {each.session}: {each.why}" for each in self._left_out[:1])
            raise SettingError(f"{self.path}: there is no session in it that can be played{first}")
        return playable


def _never_asked(session: Session) -> str | None:
    """Say why nobody can be answered as a session was; None: somebody can."""
    if session.status == HTTPStatus.SWITCHING_PROTOCOLS:
        return None
    if not is_answer(session.status):
        return "its opening handshake was never answered"
    return unplayable(session)
