"""Who comes to a mock: is refused, gets a refusal played, or a session."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from http import HTTPStatus
from itertools import islice

from aiohttp import web

from ..match.difference import Difference
from ..net.accept import accept
from ..net.answer import answer
from ..net.connection import HEAD_LIMIT, Connection
from ..net.detach import Detached, Hijacked, detach_request
from ..net.handshake import check_request, is_upgrade
from ..net.headers import Pairs, decode_pairs, get, head_size
from ..net.refusal import RefusedError, check_target
from ..report.inert import inert
from ..report.plays import Played
from ..store.model import Session
from ..wire.agreeing import agree
from .answering import accepted, refused
from .casting import Casting, MiscastError
from .fitting import Asked, compresses, offered_by, subprotocol
from .lead import Staging

__all__ = ["Begin", "Reception"]

log = logging.getLogger("wsrec.mock")

_ALIKE = 256
"""Sessions that are looked through for one that fits what a client says."""
_STRANGERS = 1000
"""Clients without a session that are told of one by one."""
_LONG = 200
"""Characters of a request target that are kept, and told, of those."""
_NO_HTTP = (
    "plain HTTP is not replayed, only WebSocket sessions are: `wsrec proxy` passes it on to a"
    " backend"
)

Begin = Callable[[Detached, str | None, Session, Sequence[Session], Asked], None]
"""Plays a session: the client's connection behind its 101, the extensions that were agreed to,
the session that leads, those that might be meant, and what the client has asked for."""


class Reception:
    """Answers opening handshakes."""

    def __init__(
        self,
        staging: Staging,
        casting: Casting,
        begin: Begin,
        tell: Callable[[Difference], object],
        *,
        full: Callable[[], bool],
    ) -> None:
        """Join what lies before a session to what plays it.

        Args:
            staging: how sessions are played.
            casting: which to whom.
            begin: plays one.
            tell: called with each difference.
            full: whether no more clients may come in.
        """
        self.played: list[Played] = []
        """The refusals that were played, and the clients that got no session."""
        self._staging = staging
        self._casting = casting
        self._begin = begin
        self._tell = tell
        self._full = full

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request, or hand its connection over to a session."""
        connection = request.protocol
        assert isinstance(connection, Connection)
        connection.requested()
        try:
            return self._answer(request)
        except RefusedError as refusal:
            target = inert(self._staging.secrets.target(request.raw_path), _LONG)
            log.warning("%s %s: %s", request.method, target, refusal.reason)
            return answer(refusal.status, refusal.reason, refusal.headers)
        finally:
            connection.answered()

    def malformed(
        self, connection: Connection, target: str, headers: Pairs, status: int, why: str
    ) -> None:
        """Tell of a request that is no HTTP."""
        log.warning("a client: %s", why)

    def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Choose a session for an opening handshake, and begin it.

        Raises:
            RefusedError: it is none, or comes at a bad time.
        """
        headers = decode_pairs(request.raw_headers)
        if head_size(headers) + len(request.raw_path) > HEAD_LIMIT:
            raise RefusedError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the head is too large")
        check_target(request, headers)
        if not is_upgrade(headers):
            raise RefusedError(HTTPStatus.NOT_IMPLEMENTED, _NO_HTTP)
        key = check_request(request, headers)
        if self._full():
            again = [("Retry-After", "1")]
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "too many clients at once", again)
        asked = Asked(request.raw_path, offered_by(headers), compresses(headers))
        try:
            session, fitting = self._casting.cast(asked)
        except MiscastError as refusal:
            self._turn_away(asked, refusal)
            return answer(refusal.status, str(refusal))
        if session.status != HTTPStatus.SWITCHING_PROTOCOLS:
            return self._refuse(request, session, asked)
        return self._accept(request, key, get(headers, "sec-websocket-extensions"),
                            session, fitting, asked)  # fmt: skip

    def _accept(
        self,
        request: web.BaseRequest,
        key: str,
        offer: str | None,
        session: Session,
        fitting: Sequence[Session],
        asked: Asked,
    ) -> web.StreamResponse:
        """Answer as the session was answered, and begin it."""
        chosen = subprotocol(session, asked)[1]
        agreed = {each: agree(offer, each) for each in {each.extensions for each in fitting}}
        extensions = agree(offer, session.extensions)
        client = accept(request, accepted(session, chosen, extensions), key)
        if client is None:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "the client has left")
        # What was answered holds for whichever session it turns out to be.
        alike = (
            each
            for each in fitting
            if each.status == session.status
            and subprotocol(each, asked)[1] == chosen
            and agreed[each.extensions] == extensions
        )
        self._begin(client, extensions, session, list(islice(alike, _ALIKE)), asked)
        return Hijacked()

    def _refuse(
        self, request: web.BaseRequest, session: Session, asked: Asked
    ) -> web.StreamResponse:
        """Play a refusal."""
        client = detach_request(request)
        if client is not None:
            client.attach(asyncio.Protocol())
            client.transport.write(refused(session))
            client.transport.close()
        self._casting.begin(session.id, None)
        self._casting.end(session.id)
        found = self._staging.fitting.differences(session, asked)
        for each in found:
            self._tell(each)
        target = self._staging.secrets.target(asked.target)
        self.played.append(Played(session=session.id, target=target, differences=found))
        return Hijacked()

    def _turn_away(self, asked: Asked, refusal: MiscastError) -> None:
        """Tell of a client for whom there is no session."""
        nearest = 0 if refusal.session is None else refusal.session.id
        found = Difference("unexpected", str(refusal), nearest)
        self._tell(found)
        if len(self.played) < _STRANGERS:
            target = inert(self._staging.secrets.target(asked.target), _LONG)
            self.played.append(Played(session=None, target=target, differences=[found]))
        else:
            last = self.played[-1]
            self.played[-1] = replace(last, more=last.more + 1)
