"""What one peer says in, bytes out: the other direction of `wire.listening`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

from .deflate import Extensions
from .frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, encode_frame
from .utterance import Sender, Utterance

__all__ = ["Speaker"]

_OPCODES = {"text": TEXT, "binary": BINARY, "ping": PING, "pong": PONG, "close": CLOSE}
_FIN, _RSV1 = 0x80, 0x40


class Speaker:
    """Says things as one peer: in as many frames, and compressed, as they were recorded.

    What is agreed to goes first: where permessage-deflate is not, nothing is compressed. Lengths
    in more bytes than they need are not made, nor frames that are masked, or not, against
    RFC 6455.
    """

    def __init__(
        self,
        sender: Sender,
        extensions: Extensions,
        *,
        keys: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Begin to speak.

        Args:
            sender: who speaks; a client masks its frames.
            extensions: what both peers have agreed to.
            keys: returns a masking key of so many bytes, which nobody must foresee (RFC 6455 §5.3).
        """
        self._masks = sender == "client"
        self._deflater = extensions.deflater(sender)
        self._keys = keys

    def encode(self, said: Utterance) -> bytes:
        """Return the frames that say it."""
        data = said.data.encode() if isinstance(said.data, str) else said.data
        if said.kind == "frame":
            if said.head & _RSV1 and self._deflater is not None:
                self._deflater.forget()  # it may be part of what the peer could not inflate
            return self._frame(said.head, data)
        head = _FIN | _OPCODES[said.kind]
        if not said.is_message:
            return self._frame(head, data)
        wanted: Sequence[int] = said.pieces
        if said.compressed and self._deflater is not None:
            data = self._deflater.message(data)
            head |= _RSV1
            wanted = _in_proportion(wanted, len(data))
        return b"".join(self._fragments(head, data, wanted))

    def _fragments(self, head: int, data: bytes, wanted: Sequence[int]) -> Iterator[bytes]:
        start = 0
        for size in wanted[:-1]:
            yield self._frame(head & ~_FIN, data[start : start + size])
            start += size
            head = _FIN | CONTINUATION
        yield self._frame(head, data[start:])

    def _frame(self, head: int, payload: bytes) -> bytes:
        mask = self._keys(4) if self._masks else None
        fin, rsv, opcode = head & _FIN != 0, head >> 4 & 7, head & 15
        return encode_frame(opcode, payload, fin=fin, rsv=rsv, mask=mask)


def _in_proportion(pieces: Sequence[int], size: int) -> list[int]:
    """Return as many pieces, of `size` bytes together, that are to each other as these are."""
    whole = sum(pieces)
    if whole == size or not whole:
        return list(pieces)
    ends = [end * size // whole for end in accumulate(pieces)]
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]
