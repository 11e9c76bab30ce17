"""The heartbeats of one half of a session: when ours are said, and what answers the peer's."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Final, NamedTuple

from ..wire.utterance import Utterance
from .compare import Comparer
from .heartbeats import Exchange, Heartbeat, Watch, answer_to
from .ids import Ids
from .line import Line, Role
from .steps import NO_BEATS

__all__ = ["Pulse"]

_AHEAD: Final = 256
"""Recorded heartbeats of ours that are kept."""
_LEAST_NS: Final = 100_000_000
"""Heartbeats beyond those that were recorded are at least so far apart."""
_UNSAID: Final = 64
"""Answers that wait to be said; of more, the oldest are left out."""


class _Due(NamedTuple):
    line: Line
    after_ns: int
    """Since the one before it, or the session's beginning."""
    recorded: bool = True


class Pulse:
    """Says and hears the heartbeats of one half of a session, by a clock of their own.

    Those that we said of ourselves are said as long after the one before as in the recording, and,
    while the session lasts longer, as far apart as the last two: whoever waits for them does not
    care how fast all else is played. Each of the peer's is answered at once.
    """

    def __init__(
        self,
        role: Role,
        kinds: tuple[Heartbeat, ...],
        comparer: Comparer,
        ids: Ids,
        began_ns: int,
    ) -> None:
        """`kinds`: none, and nothing is a heartbeat."""
        self._role: Role = role
        self._peer: Role = "server" if role == "client" else "client"
        self._kinds = kinds
        self._comparer = comparer
        self._ids = ids
        self._before, self._now = Watch(kinds), Watch(kinds)
        self._exchanges: dict[Heartbeat, Exchange] = {}
        self._answers: deque[Utterance] = deque(maxlen=_UNSAID)
        self._ours: deque[_Due] = deque()
        self._read_ns = 0
        self._said_ns = began_ns
        self._opened = False
        self._waits = False
        """Whether we had said something before the first of ours."""
        self.counts = NO_BEATS

    def recorded(self, line: Line, *, begun: bool) -> bool:
        """Take a line of the script; return whether it is a heartbeat.

        `begun`: something of ours comes before it.
        """
        if not self._kinds:
            return False
        beat = self._before.take(line.sender, self._comparer.parse(line.sender, line.said))
        if beat is None:
            self._open(line)
            return False
        self.counts = self.counts._replace(recorded=self.counts.recorded + 1)
        if line.sender != self._role:
            return True
        if beat.to is not None:
            self._exchanges.setdefault(beat.kind, Exchange(beat.to, line.said))
        elif beat.asks and len(self._ours) < _AHEAD:
            if not self._ours or not self._ours[0].recorded:
                self._ours.clear()
                self._waits = begun
            self._ours.append(_Due(line, max(line.at_ns - self._read_ns, 0)))
            self._read_ns = line.at_ns
        return True

    def heard(self, said: Utterance) -> bool:
        """Take what the peer says; return whether it is a heartbeat."""
        if not self._kinds:
            return False
        beat = self._now.take(self._peer, self._comparer.parse(self._peer, said))
        if beat is None:
            return False
        self.counts = self.counts._replace(heard=self.counts.heard + 1)
        if beat.asks:
            recorded = self._exchanges.get(beat.kind)
            answer = answer_to(said, beat.kind, recorded, self._ids.rewrite)
            if answer is not None:
                self._answers.append(answer)
        return True

    def due_ns(self, *, begun: bool) -> int | None:
        """Return when the next one of ours is to be said; None: not before something is heard.

        `begun`: we have said something.
        """
        if self._answers:
            return self._said_ns
        if not self._ours or (self._waits and not begun):
            return None
        return self._said_ns + self._ours[0].after_ns

    def next(self, now_ns: int, *, begun: bool) -> Utterance | None:
        """Return what is to be said now; None: nothing is."""
        due_ns = self.due_ns(begun=begun)
        if due_ns is None or due_ns > now_ns:
            return None
        said = self._answers.popleft() if self._answers else self._own(now_ns)
        self._now.take(self._role, self._comparer.parse(self._role, said))
        self.counts = self.counts._replace(said=self.counts.said + 1)
        return said

    def _open(self, line: Line) -> None:
        """Learn from the server's first message how often it will ask, if it is ours to ask."""
        if self._opened or line.sender != "server" or self._role != "server":
            return
        self._opened = True
        for kind in self._kinds:
            every_ns = kind.every_ns(line.said)
            if every_ns is not None:
                ask = replace(line, said=Utterance("text", kind.ask))
                self._ours.append(_Due(ask, every_ns, recorded=False))
                self._waits = True

    def _own(self, now_ns: int) -> Utterance:
        due = self._ours.popleft()
        due_ns = self._said_ns + due.after_ns
        self._said_ns = due_ns if now_ns - due_ns < _LEAST_NS else now_ns
        if not self._ours:
            self._ours.append(due._replace(after_ns=max(due.after_ns, _LEAST_NS)))
        return self._ids.renew(due.line.said, due.line.seq)
