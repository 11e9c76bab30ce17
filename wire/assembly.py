"""Frames of one sender, one by one, become what it says: messages, and all that is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from .frames import BINARY, CLOSE, CONTINUATION, TEXT
from .messages import Kind as MessageKind
from .utterance import Kind, Utterance

__all__ = ["UNREADABLE", "Assembly", "Whole"]

UNREADABLE = frozenset({"inflate_failed", "inflate_limit", "not_inflated"})
"""Names of anomalies of a message that can only be said again frame by frame."""

_FIN, _RSV, _RSV1, _OPCODE = 0x80, 0x70, 0x40, 0x0F
_CONTROL: dict[int, Kind] = {0x88: "close", 0x89: "ping", 0x8A: "pong"}
"""First bytes of control frames that are in order."""

Place = TypeVar("Place")


@dataclass(frozen=True, slots=True)
class Whole:
    """The message that a frame completes."""

    kind: MessageKind
    data: str | bytes | bytearray
    """Inflated; `str` only for text."""


@dataclass(frozen=True, slots=True)
class _Piece(Generic[Place]):
    """One frame of a message, until it is known whether there will be one."""

    place: Place
    head: int
    payload: bytes | bytearray
    size: int


class Assembly(Generic[Place]):
    """Turns one sender's frames into utterances, each with the place of its last frame.

    What is heard live and what is read from a recording go through here, so that both are the
    same where the frames were. A message is said at its last frame; frames of one that is never
    completed once that is known: before the frame that interrupts it, before its sender's Close,
    or at the end.
    """

    def __init__(self, *, deflate: bool) -> None:
        """`deflate`: RSV1 on a message's first frame says that it is compressed."""
        self._rsv = _RSV1 if deflate else 0
        self._open: list[_Piece[Place]] = []
        self.held = 0
        """Bytes of payloads of the message that is not complete."""

    def frame(
        self,
        place: Place,
        head: int,
        payload: bytes | bytearray,
        whole: Whole | None,
        size: int | None = None,
    ) -> Iterator[tuple[Place, Utterance]]:
        """Take the next frame.

        Args:
            place: where it is, for who asks.
            head: its first byte: FIN, RSV1-3, opcode.
            payload: unmasked, as on the wire.
            whole: the message that it completes; None: none, or none that can be read.
            size: of the payload on the wire; None: all of it is there.
        """
        opcode = head & _OPCODE
        piece = _Piece(place, head, payload, len(payload) if size is None else size)
        if opcode == CLOSE:
            yield from self.end()
        if opcode not in (CONTINUATION, TEXT, BINARY):
            kind = _CONTROL.get(head)
            yield (place, Utterance(kind, bytes(payload))) if kind else _alone(piece)
            return
        if opcode == CONTINUATION and not self._open:
            yield _alone(piece)
            return
        if opcode != CONTINUATION:
            yield from self.end()
        self._open.append(piece)
        self.held += len(payload)
        if head & _FIN:
            pieces = self._let_go()
            if whole is None or self._is_odd(pieces):
                yield from map(_alone, pieces)
            else:
                yield place, _message(pieces, whole)

    def end(self) -> Iterator[tuple[Place, Utterance]]:
        """Give up the message that is not complete: nothing more comes of it."""
        yield from map(_alone, self._let_go())

    @property
    def frames(self) -> int:
        """How many frames of it there are."""
        return len(self._open)

    def _let_go(self) -> list[_Piece[Place]]:
        pieces, self._open, self.held = self._open, [], 0
        return pieces

    def _is_odd(self, pieces: list[_Piece[Place]]) -> bool:
        """Whether it has bits set that an utterance cannot tell of."""
        first, *others = pieces
        return bool(first.head & _RSV & ~self._rsv) or any(each.head & _RSV for each in others)


def _alone(piece: _Piece[Place]) -> tuple[Place, Utterance]:
    return piece.place, Utterance("frame", bytes(piece.payload), head=piece.head)


def _message(pieces: list[_Piece[Place]], whole: Whole) -> Utterance:
    data = whole.data
    if isinstance(data, bytearray):
        data = bytes(data)
    if whole.kind == "text" and isinstance(data, bytes):
        with suppress(UnicodeDecodeError):  # then it stays bytes
            data = data.decode()
    sizes = tuple(each.size for each in pieces) if len(pieces) > 1 else ()
    return Utterance(whole.kind, data, sizes, bool(pieces[0].head & _RSV1))
