"""What the events during a span add up to, in a state that does not grow with them."""

from __future__ import annotations

import hashlib
import math
from typing import Final, NamedTuple

from ..schemas.model import Fold, Scalar
from .finding import brief, plain

__all__ = ["FoldState", "Mismatch"]

SHOWN: Final = 4096
"""Characters kept of what texts add up to, to show where it first differs."""
EXACT: Final = 10**18
"""Whole numbers below are added exactly, others as fractions are."""
CLOSE: Final = 1e-9
"""Relative difference up to which sums of fractions are equal."""


class Mismatch(NamedTuple):
    """What the events add up to is not what the closing event says."""

    message: str
    expected: str
    seen: str


class FoldState:
    """One fold of one span."""

    def __init__(self, rule: Fold) -> None:
        self.rule = rule
        self._count = 0
        self._digest = hashlib.sha256()
        self._length = 0
        self._start = ""
        self._last: Scalar | None = None
        self._whole = 0
        self._parts = 0.0
        self._greatest = 0.0
        """Of the fractions: what they cancel out to may be far smaller, their errors are not."""

    def feed(self, value: Scalar) -> None:
        """Take the field of an event during the span."""
        self._count += 1
        if self.rule.how == "join":
            text = plain(value)
            self._digest.update(_bytes(text))
            self._length += len(text)
            if len(self._start) < SHOWN:
                self._start += text[: SHOWN - len(self._start)]
        elif self.rule.how == "last":
            self._last = value
        elif isinstance(value, bool | str):
            self._parts = math.nan
        elif isinstance(value, int) and abs(value) < EXACT:
            self._whole += value
        else:
            self._parts += value
            self._greatest = max(self._greatest, abs(value))

    def settle(self, final: Scalar) -> Mismatch | None:
        """Hold the closing event's field against what came before."""
        rule = self.rule
        what = f"{rule.field!r} of {self._count} event{'' if self._count == 1 else 's'}"
        if rule.how == "join":
            return self._joined(plain(final), what)
        if rule.how == "last":
            if self._last == final and isinstance(self._last, bool) is isinstance(final, bool):
                return None
            seen = "nothing" if self._last is None else brief(self._last)
            text = f"the last {what} is {seen}, but {rule.equals!r} of the close is {brief(final)}"
            return Mismatch(text, seen, brief(final))
        return self._summed(final, what)

    def _summed(self, final: Scalar, what: str) -> Mismatch | None:
        total = float(self._whole) + self._parts if self._parts else self._whole
        if not isinstance(final, bool | str):
            exact = isinstance(total, int) and isinstance(final, int)
            near = CLOSE * self._greatest
            if total == final or (
                not exact and math.isclose(total, final, rel_tol=CLOSE, abs_tol=near)
            ):
                return None
        text = f"{what} adds up to {total}, but {self.rule.equals!r} of the close is {brief(final)}"
        return Mismatch(text, str(total), brief(final))

    def _joined(self, final: str, what: str) -> Mismatch | None:
        same = len(final) == self._length
        if same and hashlib.sha256(_bytes(final)).digest() == self._digest.digest():
            return None
        place = next(
            (i for i, (a, b) in enumerate(zip(self._start, final, strict=False)) if a != b),
            min(len(self._start), len(final)),
        )
        close = f"{self.rule.equals!r} of the close"
        text = f"{what} adds up to {self._length} characters, but {close} has {len(final)}"
        if place >= SHOWN:
            where = f"they first differ after the first {SHOWN}"
            return Mismatch(f"{text}; {where}", f"{self._length} characters", f"{len(final)}")
        ours, theirs = self._around(self._start, place), self._around(final, place)
        where = f"they first differ at character {place + 1}: {ours}, but {theirs} at the close"
        return Mismatch(f"{text}; {where}", ours, theirs)

    @staticmethod
    def _around(text: str, place: int) -> str:
        start = max(0, place - 10)
        shown = text[start : place + 20]
        if not text[place:]:
            return f"{brief(('…' if start else '') + shown)} and no more" if text else "nothing"
        return brief(("…" if start else "") + shown)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
