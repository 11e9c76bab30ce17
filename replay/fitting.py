"""Which recorded sessions a live opening handshake asks for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote_plus

from ..match.compare import Comparer, Comparison
from ..match.difference import Difference
from ..match.ids import Binding, Ids
from ..match.shape import LONG
from ..redaction.marks import holds_mark
from ..store.model import Session

__all__ = ["Asked", "Fit", "Fitting", "compresses", "offered_by", "path_of", "subprotocol"]

_PATHS: Final = 20_000
"""Pairs of a recorded and a live path, of which it is known whether one may be the other."""


class Fit(IntEnum):
    """How well a session fits: the less, the better."""

    SAME = 0
    """The request target is the recorded one."""
    IDS = 1
    """It is, but for ids, and what was redacted."""
    QUERY = 2
    """The path is; the query is another."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks for."""

    target: str
    offered: tuple[str, ...] = ()
    """Its subprotocols, in order."""
    compresses: bool = False
    """Whether it offers to compress messages."""


def path_of(target: str) -> str:
    """Return a request target without its query."""
    return target.partition("?")[0]


def offered_by(headers: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return the subprotocols of a request, in order."""
    fields = (value for name, value in headers if name.lower() == "sec-websocket-protocol")
    return tuple(word for value in fields for each in value.split(",") if (word := each.strip()))


def compresses(headers: Iterable[tuple[str, str]]) -> bool:
    """Say whether a request offers to compress messages."""
    return any(
        name.lower() == "sec-websocket-extensions" and "permessage-deflate" in value.lower()
        for name, value in headers
    )


class Fitting:
    """Compares request targets as messages are compared."""

    def __init__(self, comparer: Comparer) -> None:
        self._comparer = comparer
        self._may_fit = lru_cache(_PATHS)(self._may_be)

    def fit(self, session: Session, asked: Asked) -> Fit | None:
        """Return how well a session fits the request target; None: not at all."""
        if session.target == asked.target:
            return Fit.SAME
        recorded, live = path_of(session.target), path_of(asked.target)
        if recorded != live and not holds_mark(recorded) and not self._may_fit(recorded, live):
            return None
        found = self._compare(session, asked)
        if any(each.pointer.startswith("/path") for each in found.changes):
            return None
        if found.changes:
            return Fit.QUERY
        others = any(each.recorded != each.live for each in found.bindings)
        return Fit.IDS if others or holds_mark(session.target) else Fit.SAME

    def ids(self, session: Session, asked: Asked) -> Sequence[Binding]:
        """Return the ids in the live target that stand for others in the recorded one."""
        return self._compare(session, asked).bindings

    def differences(self, session: Session, asked: Asked) -> Sequence[Difference]:
        """Return how the query is another than recorded, without its values: it holds secrets."""
        changes = self._compare(session, asked).changes
        where = dict.fromkeys(each.pointer for each in changes)
        if not where:
            return ()
        message = f"the query is another than recorded at {', '.join(where)}, which --ignore takes"
        return [Difference("handshake", message, session.id)]

    def _may_be(self, recorded: str, live: str) -> bool:
        """Say whether a path may be the recorded one, whatever the queries have in common.

        An id in a query may only explain a text that is longer than an id.
        """
        found = self._comparer.compare_target(recorded, live, Ids())
        return all(
            isinstance(each.recorded, str) and isinstance(each.live, str)
            and len(each.recorded) > LONG
            for each in found.changes
        )  # fmt: skip

    def _compare(self, session: Session, asked: Asked) -> Comparison:
        recorded, live = session.target, asked.target
        if holds_mark(recorded):
            recorded, live = _without_secrets(recorded, live)
        return self._comparer.compare_target(recorded, live, Ids())


def subprotocol(session: Session, asked: Asked) -> tuple[bool, str | None]:
    """Return whether a session's subprotocol can be agreed to, and the one to answer with.

    One that holds a secret was redacted: what stands at its place in the offer is meant.
    """
    chosen = session.subprotocol
    if session.status != HTTPStatus.SWITCHING_PROTOCOLS:
        return True, None
    before = offered_by(session.request_headers)
    if chosen is None:
        return not asked.offered or bool(before), None
    if holds_mark(chosen) and chosen in before and len(before) == len(asked.offered):
        return True, asked.offered[before.index(chosen)]
    return chosen in asked.offered, chosen


def _without_secrets(recorded: str, live: str) -> tuple[str, str]:
    """Return two targets without what was redacted in the recorded one."""
    path, _, query = recorded.partition("?")
    here, _, asked = live.partition("?")
    segments = path.split("/")
    masked = [
        ours if place < len(segments) and holds_mark(ours := segments[place]) else theirs
        for place, theirs in enumerate(here.split("/"))
    ]
    parameters = query.split("&")
    secret = {_name(each) for each in parameters if holds_mark(each)}
    left, right = (
        "&".join(each for each in those if _name(each) not in secret)
        for those in (parameters, asked.split("&"))
    )
    return f"{path}?{left}", f"{'/'.join(masked)}?{right}"


def _name(parameter: str) -> str:
    return unquote_plus(parameter.partition("=")[0])
