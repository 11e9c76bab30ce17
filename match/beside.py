"""What the pieces of a text hold beside it: stretches of pieces, and in which order they come.

A piece begins a stretch if it has something that the piece before it has not: `finish` in the last
one, say. Where in the text a stretch begins means nothing, and so do pieces without a member that
those before them have: how a text is cut decides about both.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from .expected import Awaited, Live
from .skeleton import within

__all__ = ["Beside"]


class Beside:
    """The stretches of one text, 1, 2..: those that were recorded, and how many have come."""

    def __init__(self) -> None:
        self._last: Awaited | None = None
        """The last recorded piece that is known."""
        self._known: deque[Awaited] = deque()
        """The first pieces of recorded stretches, from the live one on."""
        self._stretch = 0
        self._rest: object = None
        """Of the last live piece."""
        self._beyond: deque[Live] = deque()
        """The first pieces of live stretches beyond the recorded ones that are known."""
        self._met: list[tuple[Awaited, Live]] = []

    def expect(self, awaited: Awaited, rest: object) -> None:
        """Take a recorded piece; `rest` is what is left of it without its text."""
        last, self._last = self._last, awaited
        awaited.rest = rest
        awaited.stretch = 1 if last is None else last.stretch
        if last is not None and within(rest, last.rest):
            return
        awaited.stretch += last is not None
        self._known.append(awaited)
        if self._beyond:
            self._met.append((awaited, self._beyond.popleft()))

    def hear(self, live: Live, rest: object, due: Awaited | None) -> None:
        """Take a live piece; `due` is the recorded one that its text is expected in."""
        begins = not self._stretch or not within(rest, self._rest)
        self._stretch += begins
        self._rest = rest
        while self._known and self._known[0].stretch < self._stretch:
            self._known.popleft()
        first = self._known[0] if self._known else None
        if due is not None and due.stretch == self._stretch and _alike(rest, due.rest):
            self._met.append((due, live))
        elif begins and first is not None and first.stretch == self._stretch:
            self._met.append((first, live))
        elif begins:
            self._beyond.append(live)

    def reached(self, awaited: Awaited) -> bool:
        """Return whether as many live stretches have come as there are up to a recorded piece."""
        return awaited.stretch <= self._stretch

    def met(self) -> Sequence[tuple[Awaited, Live]]:
        """Return the pieces that are to be held against each other, each pair once."""
        met, self._met = self._met, []
        return met

    def beyond(self) -> Live | None:
        """Return the first live piece that has something that no known recorded one has."""
        return self._beyond[0] if self._beyond else None

    def resume(self, awaited: Awaited) -> None:
        """Go on behind a recorded piece that does not come, if that is further on."""
        self._beyond.clear()
        if not self.reached(awaited):
            self._stretch, self._rest = awaited.stretch, awaited.rest


def _alike(rest: object, other: object) -> bool:
    return within(rest, other) and within(other, rest)
