"""A field that must rise: what was left out, what came twice, what came late."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

from ..schemas.model import Monotonic, Scalar
from .cause import Cause
from .finding import brief, plain

__all__ = ["MAX_HOLES", "MonotonicState", "Unsteady"]

MAX_HOLES: Final = 100
"""Stretches left out that are remembered for one field in one place."""

_MOST: Final = 10**300
"""Beyond, the difference to a fraction is none."""
SHORTEST: Final = len("2026-01-31T12:00")

Number = int | float


class Unsteady(NamedTuple):
    """A value that does not follow the one before."""

    seq: int
    event: str
    message: str
    expected: str
    seen: str
    cause: Cause


class _Hole(NamedTuple):
    """Values `low` to `high` that were left out between two frames."""

    low: Number
    high: Number
    after: int
    before: int
    event: str
    told: bool


def number(value: Scalar) -> Number | None:
    """Return a number, or what a text stands for; None: it stands for none.

    A text of digits stands for its number, a date and time for the seconds since 1970; without
    an offset it is taken for UTC.
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        if not value.isascii():
            return None
        return int(value) if value.isdigit() else _seconds(value)
    return None if isinstance(value, bool) or not -_MOST < value < _MOST else value


def _shown(value: Scalar) -> str:
    """Return a number as it is, also of a text of digits; a date as it was written."""
    return str(int(value)) if isinstance(value, str) and value.isdigit() else plain(value)


def _seconds(text: str) -> float | None:
    if len(text) < SHORTEST or text[10] not in "Tt ":
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


class MonotonicState:
    """One field in one place."""

    _top: Number | None = None
    _value: Scalar = ""
    """The greatest value, as it was written."""
    _seq = 0
    _again: Number | None = None
    """The value that came last, when it was not above all before: a counter begun anew."""

    def __init__(self, rule: Monotonic) -> None:
        self._rule = rule
        self.field = rule.field
        self._holes: dict[Number, _Hole] = {}

    def lost(self) -> Iterator[Unsteady]:
        """Frames are missing here: begin anew."""
        yield from self.settle()
        self._top = self._again = None

    def feed(self, value: Scalar, seq: int, event: str) -> Iterable[Unsteady]:
        """Take the value of an event; return what does not follow."""
        new, top = number(value), self._top
        if new is None:
            text = f"{self.field} is {brief(value)} in {event}; expected a number"
            here = Cause(None, self._seq, seq)
            return (Unsteady(seq, event, text, "a number", plain(value), here),)
        if top is None or new > top or (new == top and self._rule.level):
            after, by = self._seq, self._rule.by
            self._top, self._value, self._seq, self._again = new, value, seq, None
            if top is None or by is None or new - top == by:
                return ()
            return self._risen(top, by, new, _Hole(top + by, new - by, after, seq, event, False))
        return self._fallen(top, new, value, seq, event)

    def _fallen(
        self, top: Number, new: Number, value: Scalar, seq: int, event: str
    ) -> Iterator[Unsteady]:
        field, by, after = self.field, self._rule.by, self._seq
        hole = self._hole(new)
        if hole is not None:
            self._fill(hole, new)
            if not hole.told:
                text = (
                    f"{field} is {new} in {event}, which came after {top} (frame {after}); "
                    f"expected it before frame {hole.before}"
                )
                cause = Cause(None, hole.after, seq)
                yield Unsteady(seq, event, text, f"more than {top}", str(new), cause)
            return
        again, self._again = self._again, new
        if again is not None and (new - again == by if by is not None else new > again):
            # The counter began anew, or a whole stretch came twice: that was said.
            self._top, self._value, self._seq, self._again = new, value, seq, None
            self._holes.clear()
            return
        seen, most = _shown(value), _shown(self._value)
        wanted = f"{top + by}" if by is not None else f"more than {most}"
        if self._rule.level:
            wanted = f"{most} or more"
        text = f"{field} is {seen} in {event}, but was {most} already (frame {after})"
        here = Cause(None, after, seq)
        yield Unsteady(seq, event, f"{text}; expected {wanted}", wanted, seen, here)

    def _risen(self, top: Number, by: int, new: Number, hole: _Hole) -> Iterator[Unsteady]:
        if (new - top) % by:
            text = f"{self._rule.field} is {new} in {hole.event}, {new - top} more than before"
            cause = Cause(None, hole.after, hole.before)
            yield Unsteady(
                hole.before, hole.event, f"{text} (frame {hole.after}); expected {by} more",
                str(top + by), str(new), cause,
            )  # fmt: skip
            return
        self._holes[hole.low] = hole
        if len(self._holes) > MAX_HOLES:
            oldest = self._holes.pop(next(iter(self._holes)))
            if not oldest.told:
                yield self._left_out(oldest)

    def _hole(self, value: Number) -> _Hole | None:
        if self._rule.by is None:
            return None
        return next((h for h in self._holes.values() if h.low <= value <= h.high), None)

    def _fill(self, hole: _Hole, value: Number) -> None:
        by = self._rule.by or 1
        del self._holes[hole.low]
        for low, high in ((hole.low, value - by), (value + by, hole.high)):
            if low <= high:
                self._holes[low] = hole._replace(low=low, high=high, told=True)

    def _left_out(self, hole: _Hole) -> Unsteady:
        by = self._rule.by or 1
        count = int((hole.high - hole.low) // by) + 1
        values = f"{hole.low}" if count == 1 else f"{hole.low} to {hole.high} ({count} values)"
        text = (
            f"{self._rule.field} went from {hole.low - by} (frame {hole.after}) to "
            f"{hole.high + by} (frame {hole.before}): {values} never came"
        )
        cause = Cause(None, hole.after, hole.before, count)
        return Unsteady(hole.before, hole.event, text, str(hole.low), str(hole.high + by), cause)

    def settle(self) -> Iterator[Unsteady]:
        """Yield what was left out and never came."""
        for hole in self._holes.values():
            if not hole.told:
                yield self._left_out(hole)
        self._holes.clear()
