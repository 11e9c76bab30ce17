"""A recording in the place of its backend: answers clients with the server half of its sessions."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from random import SystemRandom
from typing import Self

from aiohttp import web

from ..match.compare import Comparer
from ..match.difference import Difference
from ..net.accept import accept
from ..net.address import Listener
from ..net.answer import answer
from ..net.client import HEADER_SIZE
from ..net.connection import HEAD_LIMIT, Connection, Connections
from ..net.detach import Detached, Hijacked, detach_request
from ..net.errors import SettingError
from ..net.handshake import check_request, is_upgrade
from ..net.headers import Pairs, decode_pairs, get, head_size
from ..net.refusal import RefusedError, check_target
from ..store.model import Session
from ..wire.agreeing import agree
from ..wire.deflate import Extensions
from .answering import accepted, is_answer, refused
from .casting import Casting, MiscastError
from .fitting import Asked, Fitting, offered_by, subprotocol
from .lead import Known, Staging
from .link import Link
from .mock_options import MockOptions
from .opening import unplayable
from .scene import Scene
from .script import Script
from .trial import Beginnings

__all__ = ["Mock"]

log = logging.getLogger("wsrec.mock")

_KEEPALIVE = 75.0
_OVERFLOW = 32
_GOING_AWAY = 1001
_MOST = 256
"""Sessions that are looked through for one that fits what a client says."""
_NO_HTTP = (
    "plain HTTP is not replayed, only WebSocket sessions are: `wsrec proxy` passes it on to a"
    " backend"
)


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
        self._tell = tell
        self._scenes: dict[Scene, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            RecordingError: the recording cannot be read, or is damaged.
            SettingError: there is nothing in it that can be played.
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
            )
            self._casting = Casting(
                self._playable(script), self._staging.fitting, options.order, loop=options.loop
            )
            self._beginnings = Beginnings(script, comparer)
            self._connections = Connections(
                self._handle,
                most=options.most + _OVERFLOW,
                sessions=self._scenes.__len__,
                header_timeout=options.header_timeout,
                malformed=self._malformed,
                access_log=None,
                auto_decompress=False,
                keepalive_timeout=_KEEPALIVE,
                max_line_size=HEADER_SIZE,
                max_field_size=HEADER_SIZE,
            )
            stack.push_async_callback(self._connections.shutdown, 1.0)
            await self._listener.serve()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """End: nothing new, sessions, requests, the recording."""
        self._listener.close()
        tasks = list(self._scenes.values())
        for scene in list(self._scenes):
            scene.stop(_GOING_AWAY, "it is shutting down")
        if tasks:
            seconds = self.options.patience.close_ns / 1e9
            await asyncio.wait(tasks, timeout=2 * seconds + 1)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self._connections.pre_shutdown()
        await self._stack.aclose()

    @property
    def url(self) -> str:
        """Where clients connect to instead of the backend."""
        return self.address.url(tls=self.options.tls is not None)

    @property
    def port(self) -> int:
        """The port that is listened on; 0 on a Unix socket."""
        return self.address.port

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request, or hand its connection over to a session."""
        connection = request.protocol
        assert isinstance(connection, Connection)
        connection.requested()
        try:
            return await self._answer(request)
        except RefusedError as refusal:
            return answer(refusal.status, refusal.reason, refusal.headers)
        except MiscastError as refusal:
            self._unexpected(refusal)
            return answer(refusal.status, str(refusal))
        finally:
            connection.answered()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Choose a session for an opening handshake, and begin it.

        Raises:
            RefusedError: it is none, or comes at a bad time.
            MiscastError: there is no session for it.
        """
        headers = decode_pairs(request.raw_headers)
        if head_size(headers) + len(request.raw_path) > HEAD_LIMIT:
            raise RefusedError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the head is too large")
        check_target(request, headers)
        if not is_upgrade(headers):
            raise RefusedError(HTTPStatus.NOT_IMPLEMENTED, _NO_HTTP)
        key = check_request(request, headers)
        if len(self._scenes) >= self.options.most:
            raise RefusedError(
                HTTPStatus.SERVICE_UNAVAILABLE, "too many clients at once", [("Retry-After", "1")]
            )
        asked = Asked(request.raw_path, offered_by(headers))
        session, fitting = self._casting.cast(asked)
        self._compare(session, asked)
        if session.status != HTTPStatus.SWITCHING_PROTOCOLS:
            return self._refuse(request, session)
        chosen = subprotocol(session, asked)[1]
        offer = get(headers, "sec-websocket-extensions")
        answers = {each: agree(offer, each) for each in {each.extensions for each in fitting}}
        extensions = agree(offer, session.extensions)
        client = accept(request, accepted(session, chosen, extensions), key)
        if client is None:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "the client has left")
        alike = (
            each
            for each in fitting
            if each.status == session.status
            and subprotocol(each, asked)[1] == chosen
            and answers[each.extensions] == extensions
        )
        scene = Scene(
            self._staging, self._casting, self._beginnings, session, list(islice(alike, _MOST)),
            asked, self._tell, strict=self.options.strict,
        )  # fmt: skip
        self._play(scene, client, Extensions.parse(extensions))
        return Hijacked()

    def _play(self, scene: Scene, client: Detached, extensions: Extensions) -> None:
        """Play a session behind its 101."""
        link = Link("server", extensions, patience=self.options.patience.close_ns / 1e9)
        link.attach(client)
        task = asyncio.ensure_future(scene.run(link))
        self._scenes[scene] = task
        task.add_done_callback(lambda _: self._scenes.pop(scene))

    def _refuse(self, request: web.BaseRequest, session: Session) -> web.StreamResponse:
        """Play a refusal."""
        client = detach_request(request)
        if client is not None:
            client.attach(asyncio.Protocol())
            client.transport.write(refused(session))
            client.transport.close()
        self._casting.end(session.id)
        return Hijacked()

    def _playable(self, script: Script) -> list[Session]:
        """Return the sessions to be played.

        Raises:
            SettingError: there are none.
        """
        wanted = self.options.sessions
        sessions = [
            each
            for each in script.sessions
            if each.id not in script.unplayable
            and is_answer(each.status)
            and unplayable(each) is None
            and (wanted is None or each.id in wanted)
        ]
        if not sessions:
            raise SettingError(f"{self.path}: there is no session in it that can be played")
        return sessions

    def _compare(self, session: Session, asked: Asked) -> None:
        """Tell of a query that is another than recorded."""
        changed = self._staging.fitting.changed(session, asked)
        if changed:
            where = ", ".join(changed)
            message = f"the query is another than recorded at {where}, which --ignore takes"
            self._tell(Difference("handshake", message, session.id))

    def _unexpected(self, refusal: MiscastError) -> None:
        session = 0 if refusal.session is None else refusal.session.id
        self._tell(Difference("unexpected", str(refusal), session))

    def _malformed(
        self, connection: Connection, target: str, headers: Pairs, status: int, why: str
    ) -> None:
        """Tell of a request that is no HTTP."""
        log.warning("a client: %s", why)
