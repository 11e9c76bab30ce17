"""Which session of a recording is played to which client."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Final, Literal, Protocol

from ..report.inert import inert
from ..store.model import Session
from .fitting import Asked, Fit, Fitting, compresses, path_of, subprotocol

__all__ = ["Casting", "MiscastError", "Order", "Part"]

Order = Literal["any", "recorded", "round-robin"]

_PATHS: Final = 5
_LONG: Final = 200


class MiscastError(Exception):
    """No session can be played to a client; the message says why, in a line."""

    def __init__(self, status: HTTPStatus, why: str, session: Session | None = None) -> None:
        super().__init__(why)
        self.status = status
        """What the client is answered."""
        self.session = session
        """The one that comes closest; None: there is none of this path."""


class Part(Protocol):
    """A client, and the session that is played to it as long as nothing speaks against that."""

    @property
    def alike(self) -> Sequence[int]:
        """The sessions that might be meant, best first; none once it is too late to change."""

    def audition(self, session: int) -> Callable[[], None] | None:
        """Return what makes it that session's; None: that does not fit what was said so far."""


class Casting:
    """Knows which sessions there are, which were played, and which are being played to whom."""

    def __init__(
        self, sessions: Sequence[Session], fitting: Fitting, order: Order, *, loop: bool
    ) -> None:
        """Know the cast.

        Args:
            sessions: those that can be played, in recorded order.
            fitting: tells which of them fit a request.
            order: which goes first where several do.
            loop: whether each may be played more than once.
        """
        self.played: Final[Counter[int]] = Counter()
        """How often each was played, to its end or not."""
        self._sessions = sessions
        self._fit = fitting.fit
        self._order = order
        self._loop = loop
        self._held: dict[int, Part] = {}  # empty with `loop`: there is enough for everybody
        self._playing: Counter[int] = Counter()  # only with `loop`
        self._last = 0

    def __len__(self) -> int:
        return len(self._sessions)

    @property
    def unplayed(self) -> list[Session]:
        """The sessions that nobody was given."""
        return [each for each in self._sessions if not self.played[each.id]]

    def cast(self, asked: Asked) -> tuple[Session, Sequence[Session]]:
        """Return the session to begin with, and all that might be meant, best first.

        Raises:
            MiscastError: there is none.
        """
        if self._order == "recorded":
            return self._next(self._fitting(asked, self._sessions)), ()
        left: list[tuple[Fit, Session]] = []
        with suppress(MiscastError):  # why none of all fits is said below
            fitting = self._fitting(asked, self._sessions if self._loop else self.unplayed)
            left = [each for each in fitting if not self._is_taken(each[1].id)]
        if not left:
            raise MiscastError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"no session of {_path(asked.target)} is left: each is played once without --loop",
                self._fitting(asked, self._sessions)[0][1],
            )
        (best, session), *_ = left
        # Another query is not got by saying the right thing.
        return session, [each for found, each in fitting if found <= max(best, Fit.IDS)]

    def begin(self, session: int, part: Part | None) -> None:
        """Note that a session is played; `part` may be asked to give it up, None is not."""
        self._last = session
        if self._loop:
            self._playing[session] += 1
        elif part is not None:
            self._held[session] = part

    def recast(self, part: Part, session: int) -> bool:
        """Give a client that does not fit its session another; False: none fits.

        Where that is another client's, this one is given another too, if one fits it.
        """
        self._held.pop(session, None)
        if self._place(part, set()):
            self._playing[session] -= self._loop
            return True
        if not self._loop:
            self._held[session] = part
        return False

    def end(self, session: int) -> None:
        """Note that a session was played."""
        self._held.pop(session, None)
        self._playing[session] -= self._loop
        self.played[session] += 1

    def rivals(self) -> Sequence[Part]:
        """Return those to whom a session is played that might still be another."""
        return [part for part in self._held.values() if part.alike]

    def _place(self, part: Part, tried: set[int]) -> bool:
        """Find a session for a client, and for whoever has to make way for it in turn.

        Each session is tried once, those that nobody has before others: this is how a largest
        matching in a graph is found.
        """
        left = [number for number in part.alike if self._loop or not self.played[number]]
        for number in sorted(left, key=self._held.__contains__):
            become = None if number in tried else part.audition(number)
            if become is None:
                continue
            tried.add(number)
            holder = self._held.get(number)
            if holder is None or self._place(holder, tried):
                if self._loop:
                    self._playing[number] += 1
                else:
                    self._held[number] = part
                become()
                return True
        return False

    def _next(self, fitting: Sequence[tuple[Fit, Session]]) -> Session:
        """Return the session whose turn it is in recorded order."""
        behind = [each for each in self._sessions if each.id > self._last]
        if not behind and not self._loop:
            raise MiscastError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "no session is left: each is played once without --loop",
                self._sessions[-1],
            )
        session = (behind or self._sessions)[0]
        if all(each.id != session.id for _, each in fitting):
            raise MiscastError(
                HTTPStatus.CONFLICT,
                f"session {session.id}, {_path(session.target)}, is next in recorded order",
                session,
            )
        return session

    def _fitting(self, asked: Asked, sessions: Sequence[Session]) -> list[tuple[Fit, Session]]:
        """Return those of the sessions that fit a handshake, those that fit best first."""
        found = ((self._fit(each, asked), each) for each in sessions)
        by_path = [(how, each) for how, each in found if how is not None]
        if not by_path:
            raise MiscastError(
                HTTPStatus.NOT_FOUND,
                f"{_path(asked.target)} is in no session; recorded: {self._paths()}",
            )
        agreed = [(how, each) for how, each in by_path if subprotocol(each, asked)[0]]
        if not agreed:
            session = by_path[0][1]
            raise MiscastError(
                HTTPStatus.BAD_REQUEST,
                f"{_path(asked.target)} was recorded with"
                f" {_named([session.subprotocol] if session.subprotocol else [])}, and the client"
                f" offers {_named(asked.offered)}",
                session,
            )
        turn = self._round if self._order == "round-robin" else self._first
        return sorted(agreed, key=lambda pair: (pair[0], turn(pair[1], asked)))

    def _first(self, session: Session, asked: Asked) -> tuple[bool, bool, int]:
        given = self.played[session.id] + self._playing[session.id] > 0
        unlike = compresses(session.request_headers) != asked.compresses
        return given, unlike, session.id

    def _round(self, session: Session, asked: Asked) -> tuple[bool, bool, int]:
        return session.id <= self._last, False, session.id

    def _is_taken(self, session: int) -> bool:
        return not self._loop and (self.played[session] > 0 or session in self._held)

    def _paths(self) -> str:
        """Return the paths there are, the first few."""
        paths = list(dict.fromkeys(_path(each.target) for each in self._sessions))
        more = [f"and {len(paths) - _PATHS} more"] if len(paths) > _PATHS else []
        return ", ".join(paths[:_PATHS] + more) or "none"


def _path(target: str) -> str:
    return inert(path_of(target), _LONG)


def _named(subprotocols: Sequence[str]) -> str:
    named = inert(", ".join(subprotocols), _LONG)
    return f"subprotocol {named}" if subprotocols else "no subprotocol"
