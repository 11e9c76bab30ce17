"""A session's hash chain: what makes a changed, missing, swapped or added frame show.

docs/recording.md says byte by byte how each link is made. There is one link for an extent, the
frames of one session in one batch: a link for each frame took twice as long, most of it to set a
hash up and to finish it.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from hashlib import sha256
from operator import xor
from typing import Any
from zlib import crc32

import msgpack  # type: ignore[import-untyped]  # it ships no types

__all__ = ["EXTENT_BYTES", "EXTENT_FRAMES", "NOT_YET", "START", "SUM_BYTES", "Chain", "Details"]

START = bytes(32)
"""What stands in a link's place before there is one."""

NOT_YET = (*(None,) * 8, *(0,) * 5)
"""What a session's row holds from `status` on when the session begins."""

EXTENT_FRAMES = 1 << 17
"""More frames than the recorder ever writes as one extent."""
EXTENT_BYTES = 16 << 20
"""More payload than the recorder ever writes as one extent."""
SUM_BYTES = 4
"""Of a frame's check sum in what `Chain.sums` returns."""

Details = tuple[int, str | None, int | None, bytes | None, bytes | None]
"""seq, anomalies, message_seq, SHA-256 of the message's parts, SHA-256 of the payload's parts."""


class Chain:
    """Makes links, of 32 bytes each. One for each thread: it has a buffer of its own."""

    __slots__ = ("_pack",)

    def __init__(self) -> None:
        self._pack = msgpack.Packer().pack

    def row(self, before: bytes, row: Sequence[Any]) -> bytes:
        """Return the link of a session's row, its columns in the table's order, without `link`.

        `before` is `START` until the end record is written, then the last extent's link.
        """
        return sha256(before + self._pack(tuple(row))).digest()

    def extent(
        self,
        before: bytes,
        place: tuple[int, int, int],
        heads: list[int],
        times: list[int],
        payloads: list[bytes | bytearray | None],
        details: list[Details],
    ) -> bytes:
        """Return the link of an extent.

        Args:
            before: the link of the session's extent before; of the first one, the link that
                its row had when the session began.
            place: session_id, first_seq and last_seq.
            heads: `head` of each frame.
            times: `at_ns` of each frame, in nanoseconds.
            payloads: of each frame; None where it is in parts.
            details: of the frames that have any.
        """
        return sha256(before + self._pack((*place, heads, times, payloads, details))).digest()

    def sums(
        self,
        first_seq: int,
        heads: list[int],
        times: list[int],
        payloads: list[bytes | bytearray | None],
        details: list[Details],
    ) -> bytes:
        """Return a check sum of each frame of an extent, which tell what a link that breaks cannot.

        The arguments are those of `extent`; payloads are None only in frames that have details.
        CRCs, since no more is asked of them than which frame it was: the link decides. No loop
        over frames, but over those with details.
        """
        given: list[Any] = payloads
        if details:
            given = [payload or b"" for payload in payloads]
        sums = array("I", map(crc32, given, map(xor, heads, times)))
        for each in details:
            place = each[0] - first_seq
            sums[place] = crc32(self._pack(each), sums[place])
        if sys.byteorder == "big":
            sums.byteswap()
        return sums.tobytes()
