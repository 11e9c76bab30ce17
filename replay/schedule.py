"""Which recorded session may begin when, so that sessions overlap as they did: pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from ..match.rules import Pacing
from ..store.model import Session

__all__ = ["Schedule", "Span"]


@dataclass(frozen=True, slots=True)
class Span:
    """When a recorded session took place; nanoseconds since the recording began."""

    session: int
    began_ns: int
    ended_ns: int | None
    """None: nobody knows, so nothing had waited for it."""
    answered_ns: int | None = None
    """By when its opening handshake had been answered; None: nobody knows."""

    @classmethod
    def of(cls, session: Session, first_ns: int | None = None) -> Self:
        """Return when a session of a recording took place.

        `first_ns`: when its first frame came, since its start; None: none did. A recording does
        not tell when a handshake was answered, but frames come behind that.
        """
        answered, ended = (
            None if since is None else session.started_ns + since
            for since in (session.ended_ns if first_ns is None else first_ns, session.ended_ns)
        )
        return cls(session.id, session.started_ns, ended, answered)


class Schedule:
    """Sessions begin in recorded order.

    With recorded pacing each begins as long after the one before it as it did then. Otherwise it
    begins once all those are over that had ended before it began, and the request of the one
    before it is sent: a server that cannot tell sessions apart meets them in order. With causal
    pacing opening handshakes are answered by then, too, that had been; those that were on their
    way together are so again.

    Each ends after those have begun that had begun before it ended, unless fewer may run at once;
    with causal pacing after those are answered that had been.
    """

    def __init__(self, spans: Iterable[Span], pacing: Pacing, most: int | None = None) -> None:
        """`most`: how many may run at once; None: as many as did."""
        self._waiting = deque(sorted(spans, key=lambda span: (span.began_ns, span.session)))
        self._running: dict[int, Span] = {}
        self._unsent: set[int] = set()
        self._unanswered: set[int] = set()
        self._most = most
        self._causal = pacing.pace == "causal"
        self._dues = _dues(self._waiting, pacing) if pacing.pace == "recorded" else None

    @property
    def order(self) -> list[int]:
        """The sessions that have not begun, in the order in which they will."""
        return [span.session for span in self._waiting]

    @property
    def waiting(self) -> int:
        """How many sessions have not begun."""
        return len(self._waiting)

    def begin(self, elapsed_ns: int) -> Iterator[int]:
        """Yield the sessions that begin `elapsed_ns` after the first could: from now they run."""
        while self._waiting and self._may_begin(self._waiting[0], elapsed_ns):
            span = self._waiting.popleft()
            if self._dues is not None:
                self._dues.popleft()
            self._running[span.session] = span
            self._unsent.add(span.session)
            self._unanswered.add(span.session)
            yield span.session

    def sent(self, session: int) -> None:
        """Take it that the opening handshake of a session that has begun is on its way."""
        self._unsent.discard(session)

    def answered(self, session: int) -> None:
        """Take the answer to the opening handshake of a session that has begun."""
        self._unanswered.discard(session)

    def may_end(self, session: int) -> bool:
        """Whether a session that runs may end: those that it overlapped have begun."""
        ended_ns = self._running[session].ended_ns
        if self._dues is not None or self._most is not None or ended_ns is None:
            return True
        if self._waiting and self._waiting[0].began_ns < ended_ns:
            return False
        return not any(
            self._running[each].began_ns < ended_ns for each in self._unsent
        ) and not self._awaits_answers(ended_ns)

    def over(self, session: int) -> None:
        """Take the end of a session that has begun."""
        del self._running[session]
        self._unsent.discard(session)
        self._unanswered.discard(session)

    @property
    def due_ns(self) -> int | None:
        """When the next session begins; None: when another is over, or never."""
        if not self._dues or self._is_full:
            return None
        return self._dues[0]

    @property
    def _is_full(self) -> bool:
        return self._most is not None and len(self._running) >= self._most

    def _may_begin(self, span: Span, elapsed_ns: int) -> bool:
        if self._is_full:
            return False
        if self._dues is not None:
            return self._dues[0] <= elapsed_ns
        if self._unsent:
            return False
        # Whatever had ended before it began had begun before it, so it runs or is over.
        return not any(
            _is_before(each.ended_ns, span.began_ns) for each in self._running.values()
        ) and not self._awaits_answers(span.began_ns)

    def _awaits_answers(self, now_ns: int) -> bool:
        """Whether an opening handshake, answered by now in the recording, is not answered yet."""
        return self._causal and any(
            _is_before(self._running[each].answered_ns, now_ns) for each in self._unanswered
        )


def _is_before(then_ns: int | None, now_ns: int) -> bool:
    return then_ns is not None and then_ns <= now_ns


def _dues(spans: Iterable[Span], pacing: Pacing) -> deque[int]:
    """Return when each session begins, since the first one did."""
    dues: deque[int] = deque()
    before: int | None = None
    since = 0
    for span in spans:
        gap = 0 if before is None else span.began_ns - before
        since += gap if pacing.max_gap_ns is None else min(gap, pacing.max_gap_ns)
        dues.append(round(since / pacing.speed))
        before = span.began_ns
    return dues
