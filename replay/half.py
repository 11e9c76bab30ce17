"""One of two sessions that are held against each other, read again where it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from ..match.compare import Comparer, Parsed
from ..match.contrast import Said
from ..match.excerpt import SHOWN, excerpt
from ..match.outline import Outline, uttered
from ..store.errors import RecordingError
from ..store.model import Message, Session
from ..store.reader import Recording

__all__ = ["Half", "Heard"]

_AT_HAND: Final = 256


class Heard(NamedTuple):
    """A message as it was recorded, and as it is compared."""

    message: Message
    parsed: Parsed


class Half:
    """One of the two sessions; items are numbered as in its outline."""

    def __init__(
        self, recording: Recording, session: Session, outline: Outline, comparer: Comparer
    ) -> None:
        self.session = session
        self.outline = outline
        self.find = lru_cache(_AT_HAND)(self._find)
        """Returns any item."""
        self._recording = recording
        self._comparer = comparer
        self._rest = recording.messages(session.id)

    def take(self, item: int) -> Heard:
        """Return an item behind the one that was taken before."""
        seq = self.outline.seqs[item]
        return self._heard(next((each for each in self._rest if each.seq == seq), None))

    def stretches(self, item: int) -> Iterator[Heard]:
        """Yield each piece of a text that holds something else beside it than the one before."""
        for seq in self.outline.stretches.get(item, ()):
            yield self._at(seq)

    def _find(self, item: int) -> Heard:
        return self._at(self.outline.seqs[item])

    def _at(self, seq: int) -> Heard:
        return self._heard(self._recording.message(self.session.id, seq))

    def _heard(self, message: Message | None) -> Heard:
        if message is None:
            path, number = self._recording.path, self.session.id
            raise RecordingError(f"{path}: session {number} changed while it was read")
        return Heard(message, self._comparer.parse(message.sender, uttered(message)))

    def gap(self) -> int | None:
        """Return the first frame that is not in the recording; None: all are."""
        return self._recording.first_gap(self.session)

    def said(self, item: int) -> Said:
        """Return an item as it is shown."""
        message, parsed = self.find(item)
        data = message.data if parsed.stream is None else self.text(item, SHOWN + 1)
        outline = self.outline
        return Said(
            message.seq,
            outline.last_seqs[item],
            outline.pieces[item],
            message.at_ns,
            message.sender,
            parsed.event,
            excerpt(data if isinstance(data, str) else f"{len(data)} bytes {data[:SHOWN].hex()}"),
        )

    def text(self, item: int, most: int) -> str:
        """Return the beginning of a text that came in pieces, at least `most` characters of it."""
        first, last = self.outline.seqs[item], self.outline.last_seqs[item]
        found: list[str] = []
        size = 0
        key: object = None
        for message in self._recording.messages(self.session.id, first - 1):
            stream = self._comparer.parse(message.sender, uttered(message)).stream
            if stream is not None and key in (None, stream.key):
                key = stream.key
                found.append(stream.text)
                size += len(stream.text)
            if message.seq >= last or size >= most:
                break
        return "".join(found)
