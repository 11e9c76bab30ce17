"""What a recording must hold of what two peers said: the standard's frame format, spelled out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from oracle.peers import SENDERS
from support.frames import split
from wsrec.store.model import Frame, Sender

__all__ = ["Row", "found", "rows"]


class Row(NamedTuple):
    """What a recording must hold of one frame."""

    sender: Sender
    fin: bool
    rsv: int
    opcode: int
    masked: bool
    payload: bytes
    whole: bool


def rows(said: Sequence[tuple[Sender, bytes]]) -> list[Row]:
    """Return the frames of two streams in the order in which their last bytes were sent."""
    placed: list[tuple[int, Row]] = []
    for side, sender in enumerate(SENDERS):
        arrived = [len(data) if who == sender else 0 for who, data in said]
        position = turn = there = 0
        for header, payload, whole in split(b"".join(data for who, data in said if who == sender)):
            position += len(header) + len(payload)
            while there < position:
                there += arrived[turn]
                turn += 1
            second = header[1] if len(header) > 1 else 0
            extra = {126: 2, 127: 8}.get(second & 127, 0) + (4 if second & 128 else 0)
            row = Row(
                *(sender, header[0] > 127, header[0] >> 4 & 7, header[0] & 15, second > 127),
                *(payload if len(header) == 2 + extra else header, whole),
            )
            # What the end cuts off is known at the end only, the client's first.
            placed.append((turn if whole else len(said) + 1 + side, row))
    placed.sort(key=lambda each: each[0])
    return [row for _, row in placed]


def found(frame: Frame) -> Row:
    """Return a recorded frame in the same form."""
    return Row(
        *(frame.sender, frame.fin, frame.rsv, frame.opcode, frame.masked, frame.payload),
        not {"truncated", "truncated_header"} & set(frame.anomalies),
    )
