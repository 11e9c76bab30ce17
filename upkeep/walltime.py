"""When it was by the clock on the wall: what a recording says of that, as one number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from statistics import median_low

from .source import Source

__all__ = ["epoch_ns", "iso", "origin_ns"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SAMPLES = 100


def epoch_ns(stamp: str) -> int:
    """Return nanoseconds since 1970 of an ISO 8601 time that names its zone.

    Raises:
        ValueError, TypeError: it is none.
    """
    return (datetime.fromisoformat(stamp) - _EPOCH) // timedelta(microseconds=1) * 1000


def iso(ns: int) -> str:
    """Return nanoseconds since 1970 the way a recording states them, to the microsecond."""
    moment = _EPOCH + timedelta(microseconds=ns // 1000)
    return moment.isoformat(timespec="microseconds")


def origin_ns(source: Source) -> tuple[int, int]:
    """Return when a recording's own time is zero, and how far its sessions disagree about that.

    Both in nanoseconds, the first since 1970. Each session states its start by both clocks; the
    median of some of them is right also where `started_at` was noted before a machine had set
    its clock. They agree within the time between two looks at a clock, some microseconds, unless
    the clock was set meanwhile.

    Raises:
        ValueError, TypeError: what the recording says of the time is none.
    """
    ((last,),) = source.rows("SELECT coalesce(max(id), 0) FROM sessions")
    rows = source.rows(
        "SELECT started_at, started_ns FROM sessions WHERE id % ? = 0 OR id = ?",
        last // _SAMPLES + 1,
        last,
    )
    origins = [epoch_ns(stamp) - started_ns for stamp, started_ns in rows]
    if not origins:
        return epoch_ns(source.meta.get("started_at", "")), 0
    return median_low(origins), max(origins) - min(origins)
