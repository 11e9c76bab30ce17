"""What is written of a frame: only the columns that say something.

A driver looks up how to adapt every None, and every `bytes`, that it is to bind: a row of ten
values took twice the time of one with the six that are always there, and a `bytearray` payload.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["PLAIN_COLUMNS", "UNUSUAL_COLUMNS", "Columns", "Runs", "blobs", "split", "unusual"]

Columns = tuple[str, ...]
Runs = list[tuple[Columns, list[Any]]]
"""Values of a session's frames in order: runs of rows of the same columns, flat."""

PLAIN_COLUMNS: Columns = ("session_id", "seq", "head", "at_ns", "forwarded_ns", "payload")
"""Of a frame that is a faultless message of its own."""

UNUSUAL_COLUMNS = ("anomalies", "message_seq", "message_parts", "payload_parts")
"""Those that follow where they say something, in this order."""

_BLOBS = UNUSUAL_COLUMNS[2:]
_SEQ = PLAIN_COLUMNS.index("seq")

# One object for each choice, so that rows of the same columns are known by identity.
_CHOICES: dict[tuple[bool, ...], Columns] = {(False,) * 4: PLAIN_COLUMNS}


def split(runs: Runs, seq: int) -> tuple[Runs, Runs]:
    """Return the rows up to this frame, and those beyond it."""
    before: Runs = []
    after: Runs = []
    for columns, rows in runs:
        width = len(columns)
        first = next((at for at in range(0, len(rows), width) if rows[at + _SEQ] > seq), len(rows))
        before.append((columns, rows[:first]))
        after.append((columns, rows[first:]))
    return [run for run in before if run[1]], [run for run in after if run[1]]


def blobs(runs: Runs) -> Iterator[int]:
    """Yield the numbers of the blobs that rows refer to."""
    for columns, rows in runs:
        for name in _BLOBS:
            if name in columns:
                yield from rows[columns.index(name) :: len(columns)]


def unusual(
    anomalies: str | None = None,
    message_seq: int | None = None,
    message_parts: int | None = None,
    payload_parts: int | None = None,
) -> tuple[Columns, tuple[Any, ...]]:
    """Return the columns of a frame, and the values of those that follow `PLAIN_COLUMNS`."""
    values = (anomalies, message_seq, message_parts, payload_parts)
    choice = tuple(value is not None for value in values)
    columns = _CHOICES.get(choice)
    if columns is None:
        there = (name for name, said in zip(UNUSUAL_COLUMNS, choice, strict=True) if said)
        columns = _CHOICES[choice] = (*PLAIN_COLUMNS, *there)
    return columns, tuple(value for value in values if value is not None)
