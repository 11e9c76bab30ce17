"""Sizes as people write them: `64k`, `500m`, `1g`; kept as integer bytes."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["parse_size", "show_size"]

_UNITS: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_FORM: Final = re.compile(r"([0-9]{1,10}) ?([kKmMgGtT]?)(?:i?[bB])?\Z")


def parse_size(text: str) -> int:
    """Return bytes; raises ValueError unless `text` is a number, with k, m, g, t or without."""
    match = _FORM.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not a size such as 64k or 1m")
    return int(match[1]) * _UNITS[match[2].lower()]


def show_size(size: int) -> str:
    """Return bytes as a person reads them: 1,536 bytes, 64.0 MiB."""
    if size < 10 << 10:
        return f"{size:,} bytes"
    for unit, name in ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size / 1024:.1f} KiB"
