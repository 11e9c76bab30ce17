"""Values as texts short enough to be shown: of two that differ, from where they do."""

from __future__ import annotations

import json
from typing import Final

from ..schemas.pointers import ABSENT

__all__ = ["BEFORE", "SHOWN", "excerpt", "excerpts", "parting"]

SHOWN: Final = 160
"""Characters of a value that are shown."""
BEFORE: Final = 20
"""Characters shown before the first that differs."""


def excerpts(a: object, b: object) -> tuple[str | None, str | None]:
    """Return two values as JSON, bytes in hexadecimal; None for one that is not there.

    Of long ones only what begins shortly before they differ.
    """
    ours, theirs = _text(a), _text(b)
    if ours is None or theirs is None:
        return ours and excerpt(ours), theirs and excerpt(theirs)
    start = 0
    if max(len(ours), len(theirs)) > SHOWN:
        start = max(parting(ours, theirs) - BEFORE, 0)
    return excerpt(ours, start), excerpt(theirs, start)


def excerpt(text: str, start: int = 0) -> str:
    """Return a part of a text, marked where the rest was cut off."""
    cut = len(text) > start + SHOWN
    return ("…" if start else "") + text[start : start + SHOWN] + ("…" if cut else "")


def parting(a: str, b: str) -> int:
    """Return at which character two texts begin to differ."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _text(value: object) -> str | None:
    if value is ABSENT:
        return None
    return value.hex() if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False)
