"""Durations as contracts write them: `250ms`, `2s`, `5m`; kept as integer nanoseconds."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

__all__ = ["parse_duration", "show_duration"]

_UNITS: Final = {
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_FORM: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)\s?(us|ms|s|m|h)\Z")


def parse_duration(text: str) -> int:
    """Return nanoseconds; raises ValueError unless `text` is a number and us, ms, s, m or h."""
    match = _FORM.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not a duration such as 250ms, 2s or 5m")
    return int(Decimal(match[1]) * _UNITS[match[2]])


def show_duration(ns: int) -> str:
    """Return nanoseconds as three significant digits and the unit a person would choose."""
    if ns < 1_000_000:
        return f"{ns / 1_000:.3g} us"
    if ns < 999_500_000:
        return f"{ns / 1_000_000:.3g} ms"
    if ns < 120_000_000_000:
        return f"{ns / 1_000_000_000:.3g} s" if ns < 99_950_000_000 else f"{ns // 10**9} s"
    minutes, rest = divmod(ns // 1_000_000_000, 60)
    return f"{minutes} m {rest:02d} s" if rest else f"{minutes} m"
