"""A text that comes in pieces: compared by what they add up to, however they are cut."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

from .beside import Beside
from .difference import Difference
from .expected import Awaited, Live

__all__ = ["Departure", "Ending", "Text"]

_KEPT: Final = 1 << 20
"""Characters kept to tell which piece is too few or too many: beyond, the text is just another."""
_SHOWN: Final = 200
_Of = TypeVar("_Of")


@dataclass(frozen=True, slots=True)
class Departure:
    """How a text differs from the recorded one."""

    at: int
    """The first character that differs; 0 is the text's first."""
    awaited: Awaited
    """The recorded piece it is in, or the last one; the missing one."""
    number: int | None
    """The live utterance it is in; the one too many. None: the live text ends there."""
    recorded: str
    """The beginning of the recorded text from there on."""
    live: str
    """The same of the live one; the piece too many."""
    missing: bool = False
    """All that differs is that one recorded piece is not there."""
    extra: bool = False
    """All that differs is that one live piece is there."""

    def explains(self, aside: Difference) -> bool:
        """Return whether something else in the pieces differs since one is missing, or one more."""
        if self.missing and aside.seq is not None:
            return aside.seq >= self.awaited.turn.line.seq
        if self.extra and aside.number is not None and self.number is not None:
            return aside.number >= self.number
        return False


class Ending(NamedTuple):
    """What is left of a text when it has ended."""

    departure: Departure | None
    """How it differs, None: it does not."""
    rest: Sequence[Awaited]
    """The recorded pieces that were still expected, and go with it."""
    lost: Awaited | None
    """The first of them that has, beside its text, what has not come."""


class Text:
    """One text: its recorded pieces, and how far the live ones have got in them."""

    def __init__(self) -> None:
        self.begun = False
        """Whether a live piece of it came."""
        self.reported = False
        """Whether it was said that it differs."""
        self.noted = False
        """Whether its pieces differ in something else than their text."""
        self.aside: Difference | None = None
        """In what, until the text has ended: it may be that a piece was lost."""
        self.beside = Beside()
        """What else is in its pieces."""
        self.latest: Live | None = None
        """The last live piece."""
        self._waiting: deque[Awaited] = deque()
        self._last: Awaited | None = None
        self._offset: int | None = None
        """Characters of the first of them that have come; None: no piece has touched it."""
        self._ahead: deque[tuple[int, str]] = deque()
        """Live pieces beyond the recorded ones that are known and due."""
        self._used = 0
        """Characters of the first of them that are not."""
        self._fitted = 0
        """Characters that were as recorded."""
        self._departure: Departure | None = None
        # Since both were last cut at the same place:
        self._recorded: list[tuple[Awaited, str]] = []
        self._live: list[tuple[int, str]] = []
        self._kept = 0
        self._most = _KEPT
        self._base = 0

    def expect(self, awaited: Awaited, rest: object) -> None:
        """Take a recorded piece; `rest` is what is in it beside its text."""
        self.beside.expect(awaited, rest)
        self._waiting.append(awaited)

    def next(self) -> Awaited | None:
        """Return the recorded piece that the next character is expected in, or the last one."""
        self._forget()
        return self._waiting[0] if self._waiting else self._last

    def idle(self) -> bool:
        """Return whether no piece of it is expected."""
        self._forget()
        return not self._waiting

    def open(self) -> bool:
        """Return whether it differs, goes on beyond the recorded one, or ends within a piece."""
        return self.differs() or self.aside is not None or bool(self._offset)

    def ends_before(self, place: int) -> bool:
        """Return whether every recorded piece that is known is before a place."""
        last = self._waiting[-1] if self._waiting else self._last
        return last is None or last.place < place

    def hear(self, live: Live, text: str, rest: object) -> None:
        """Take a live piece; `advance` tells which recorded ones are complete by it."""
        self.beside.hear(live, rest, self.next())
        self.begun = True
        self.latest = live
        if text:
            self._ahead.append((live.number, text))
            self._keep(self._live, live.number, text)

    def advance(self, place: int | None) -> Iterator[Awaited]:
        """Yield the recorded pieces before a place that have come as a whole."""
        while self.begun:
            self._forget()
            if not self._waiting or (place is not None and self._waiting[0].place >= place):
                return
            awaited = self._waiting[0]
            piece = _text(awaited)
            if len(piece) > (self._offset or 0) and not self._ahead:
                return
            self._touch(awaited, piece)
            self._offset = self._lay(awaited, piece, self._offset or 0)
            if self._offset < len(piece):
                self._trim(awaited, piece)
                return
            if not self.noted and not self.beside.reached(awaited):
                return
            self._waiting.popleft()
            self._offset = None
            yield awaited
            if not self._ahead and self._departure is None:
                self._mark()

    def differs(self) -> bool:
        """Return whether it is another text already, however it may go on."""
        return self.begun and bool(self._departure or self._ahead or self.beside.beyond())

    def settle(self, place: int | None) -> Ending:
        """End the text before a place."""
        self._forget()
        rest = []
        while self._waiting and (place is None or self._waiting[0].place < place):
            awaited = self._waiting.popleft()
            rest.append(awaited)
            self._touch(awaited, _text(awaited))
            self._offset = None
        departure = self._difference()
        self.reported = departure is not None
        self._departure = None
        self._ahead.clear()
        self._used = 0
        self._mark()
        lost = next((each for each in rest if not self.beside.reached(each)), None)
        if self._last is not None:
            self.beside.resume(self._last)
        return Ending(departure, rest, lost)

    def _touch(self, awaited: Awaited, piece: str) -> None:
        if self._offset is None:
            self._offset = 0
            self._last = awaited
            self._keep(self._recorded, awaited, piece)

    def _lay(self, awaited: Awaited, piece: str, offset: int) -> int:
        """Lay what came on a recorded piece, as far as it goes; once it differs, by length."""
        while self._ahead and offset < len(piece):
            number, text = self._ahead[0]
            used, self._used = self._used, 0
            many = min(len(piece) - offset, len(text) - used)
            if self._departure is None:
                part, came = piece[offset : offset + many], text[used : used + many]
                same = many if part == came else _common(part, came)
                self._fitted += same
                if same < many:
                    begin, other = offset + same, used + same
                    rest = piece[begin : begin + _SHOWN], text[other : other + _SHOWN]
                    self._departure = Departure(self._fitted, awaited, number, *rest)
            offset += many
            if used + many < len(text):
                self._used = used + many
            else:
                self._ahead.popleft()
        return offset

    def _difference(self) -> Departure | None:
        if self._departure is not None and self._kept > self._most:
            return self._departure
        recorded = "".join(text for _, text in self._recorded)
        live = "".join(text for _, text in self._live)
        if recorded == live or self._last is None:
            return None
        same = _common(recorded, live)
        end = _common(recorded[::-1], live[::-1])
        dropped = _one(self._recorded, len(recorded) - len(live), same, end)
        added = _one(self._live, len(live) - len(recorded), same, end)
        return Departure(
            self._base + same,
            dropped[0] if dropped else _at(self._recorded, same) or self._last,
            added[0] if added else _at(self._live, same),
            recorded[same:][:_SHOWN],
            (added[1] if added else live[same:])[:_SHOWN],
            missing=dropped is not None,
            extra=added is not None,
        )

    def _mark(self) -> None:
        """Both are cut here, and what came before is done with."""
        self._base = self._fitted
        self._recorded.clear()
        self._live.clear()
        self._kept = 0

    def _keep(self, pieces: list[tuple[_Of, str]], of: _Of, text: str) -> None:
        self._kept += len(text)
        if self._departure is None or self._kept <= self._most:
            pieces.append((of, text))

    def _trim(self, awaited: Awaited, piece: str) -> None:
        """Forget what is equal, where the two are never cut at the same place."""
        if self._departure is None and self._kept > self._most:
            self._mark()
            self._keep(self._recorded, awaited, piece[self._offset :])
            self._most = max(_KEPT, 2 * self._kept)

    def _forget(self) -> None:
        """Leave out recorded pieces that are expected no longer."""
        while self._waiting and not self._waiting[0].here:
            self.beside.resume(self._waiting.popleft())
            self._offset = None


def _common(one: str, other: str) -> int:
    """Return how many characters two texts have in common from the start."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def _text(awaited: Awaited) -> str:
    return awaited.parsed.stream.text if awaited.parsed.stream is not None else ""


def _at(pieces: Sequence[tuple[_Of, str]], place: int) -> _Of | None:
    """Return what the character at a place is in."""
    for of, text in pieces:
        if place < len(text):
            return of
        place -= len(text)
    return None


def _one(
    pieces: Sequence[tuple[_Of, str]], length: int, same: int, end: int
) -> tuple[_Of, str] | None:
    """Return the piece, of so many characters, without which the two texts were equal.

    `same` and `end` are how many characters they have in common from the start and the end.
    """
    if length <= 0:
        return None
    total, start = sum(len(text) for _, text in pieces), 0
    for of, text in pieces:
        if len(text) == length and start <= same and total - start - length <= end:
            return of, text
        start += len(text)
    return None
