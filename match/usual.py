"""What differs from run to run and means nothing: ignored unless somebody says otherwise.

Of these members the value may be another one. Whether they are there, and of what JSON type,
still counts.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Final

__all__ = [
    "COUNTERS",
    "DURATIONS",
    "IDS",
    "NOISE",
    "PIECES",
    "TIMES",
    "cache_buster",
    "is_usual",
]

TIMES: Final = frozenset({
    "timestamp", "timestamps", "ts", "time", "date", "datetime", "created", "created_at",
    "createdAt", "updated", "updated_at", "updatedAt", "modified_at", "modifiedAt", "started",
    "started_at", "startedAt", "finished_at", "finishedAt", "completed_at", "completedAt",
    "ended_at", "endedAt", "sent_at", "sentAt", "received_at", "receivedAt", "expires",
    "expires_at", "expiresAt", "expire_time", "expireTime", "server_time", "serverTime",
})  # fmt: skip
"""Ignored where both values are a moment: a number, or a text of digits or with date and time."""

DURATIONS: Final = frozenset({
    "duration", "duration_ms", "durationMs", "elapsed", "elapsed_ms", "elapsedMs", "latency",
    "latency_ms", "latencyMs", "execution_time", "execution_time_ms", "executionTime",
    "executionTimeMs", "took_ms", "tookMs",
})  # fmt: skip
"""Ignored where both values are numbers, or texts of digits."""

IDS: Final = frozenset({
    "event_id", "eventId", "trace_id", "traceId", "span_id", "spanId", "parent_span_id",
    "parentSpanId", "traceparent", "tracestate",
})  # fmt: skip
"""Of events and traces: each is a new one, and nobody refers to it."""

COUNTERS: Final = frozenset({"seq", "sequence", "sequence_number", "sequenceNumber"})
"""Ignored where both values are whole numbers: a text that is cut otherwise moves all of them.
That they rise one by one is what a contract says."""

PIECES: Final = frozenset({
    "index", "idx", "i", "n", "offset", "position", "pos", "start", "end", "length", "chunk",
    "chunk_index", "chunkIndex", "chunk_number", "chunkNumber", "delta_index", "deltaIndex",
    "part", "part_index", "partIndex", "piece", "piece_index", "pieceIndex",
})  # fmt: skip
"""Which piece of a text it is, or where in the text: see `match.pieces`."""

NOISE: Final = frozenset({"obfuscation"})
"""Random padding."""

_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}[0-9:.,+\-Z ]{0,30}"
    r"|[0-9]{9,20}(?:\.[0-9]{1,9})?"
)
_DIGITS: Final = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?")


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: object, pattern: re.Pattern[str]) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def is_usual(name: str, recorded: object, live: object) -> bool:
    """Say whether two values of members of this name may differ, both being of one JSON type."""
    both = (recorded, live)
    numbers = all(map(_number, both))
    if name in TIMES:
        return numbers or all(_text(each, _MOMENT) for each in both)
    if name in DURATIONS:
        return numbers or all(_text(each, _DIGITS) for each in both)
    if name in COUNTERS:
        return all(isinstance(each, int) and not isinstance(each, bool) for each in both)
    if name in IDS:
        return numbers or all(isinstance(each, str) for each in both)
    return name in NOISE and all(isinstance(each, str) for each in both)


def cache_buster(parameters: Container[str]) -> str | None:
    """Return which parameter of a query only makes it another one each time.

    Engine.IO's clients add `t`, a time or random letters, so that nobody answers from a cache.
    """
    return "t" if "EIO" in parameters and "t" in parameters else None
