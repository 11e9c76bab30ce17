"""The texts that come in pieces of one session: which piece is of which."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from .expected import Awaited, Live
from .parse import Parsed, Stream
from .text import Ending, Text

__all__ = ["Texts"]

_TEXTS: Final = 256
"""Texts that are remembered; of more the oldest that are done with are forgotten."""

Key = tuple[object, ...]
_Of = TypeVar("_Of")


class Texts:
    """The texts of a session that are expected, or go on."""

    def __init__(self, rest: Callable[[Parsed, Stream], object]) -> None:
        """`rest` returns what a piece holds beside its text: see `Comparer.rest`."""
        self._rest = rest
        self._recorded: OrderedDict[Key, Text] = OrderedDict()
        self._live: OrderedDict[Key, Text | None] = OrderedDict()
        self._open: dict[Text, None] = {}

    def expect(self, awaited: Awaited) -> None:
        """Take a recorded line, if it is a piece of a text."""
        stream = awaited.parsed.stream
        if stream is None:
            return
        text = self._recorded.get(stream.key)
        if text is None:
            text = self._recorded[stream.key] = Text()
            _bound(self._recorded, lambda text: text.idle())
        awaited.text = text
        text.expect(awaited, self._rest(awaited.parsed, stream))

    def knows(self, key: Key) -> bool:
        """Return whether a live piece with this key has come."""
        return key in self._live

    def get(self, key: Key) -> Text | None:
        """Return the text of a live key; None: it is one that was not recorded."""
        return self._live[key]

    def begin(self, key: Key, text: Text | None) -> None:
        """Take the pieces with this live key as of a text from now on; None: of no recorded one."""
        self._live[key] = text
        _bound(self._live, lambda text: text is None or text.idle())

    def hear(self, text: Text, live: Live, piece: Stream) -> None:
        """Take a live piece; `complete` tells which recorded ones are complete by it."""
        text.hear(live, piece.text, self._rest(live.parsed, piece))

    def complete(self, text: Text, place: int | None) -> Iterator[Awaited]:
        """Yield the recorded pieces of a text, before a place, that have come."""
        yield from text.advance(place)
        if text.open():
            self._open[text] = None
        else:
            self._open.pop(text, None)

    def advance(self, place: int | None) -> Iterator[Awaited]:
        """Yield the recorded pieces that have come already, now that they may."""
        for text in list(self._open):
            yield from self.complete(text, place)

    def open(self) -> Sequence[Text]:
        """Return the texts that have to be settled."""
        return list(self._open)

    def settle(self, text: Text, place: int | None) -> Ending:
        """End a text before a place."""
        self._open.pop(text, None)
        return text.settle(place)


def _bound(texts: OrderedDict[Key, _Of], done: Callable[[_Of], bool]) -> None:
    """Forget the oldest text with which nothing more is to be done, if there are many."""
    if len(texts) > _TEXTS:
        old = next((key for key, text in texts.items() if done(text)), None)
        if old is not None:
            del texts[old]
