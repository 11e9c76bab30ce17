"""Values as JSON texts short enough for a line, or to be kept with a difference."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final

from ..schemas.pointers import ABSENT
from .difference import Change
from .excerpt import BEFORE, parting

__all__ = ["Cut", "kept", "shown", "shown_apart"]

_LONG: Final = 60
_KEPT: Final = 2000
"""Characters of a value that are kept with a difference: a server may say megabytes, and often."""


class Cut(str):
    """How a value is shown, as far as it is kept at all."""

    __slots__ = ()


def shown(value: object, most: int = _LONG) -> str:
    """Return a value as JSON text, cut after about so many characters."""
    if value is ABSENT:
        return "nothing"
    if isinstance(value, Cut):
        end = '…"' if value.startswith('"') else "…"
        return value if len(value) <= most else value[: most + len(end) - 1] + end
    if isinstance(value, bytes):
        return f"{len(value)} bytes {value[:16].hex()}" + ("…" if len(value) > 16 else "")
    if isinstance(value, str) and len(value) > most:
        return json.dumps(value[:most], ensure_ascii=False)[:-1] + '…"'
    text = json.dumps(_beginning(value, [most]), ensure_ascii=False, default=repr)
    return text if len(text) <= most or isinstance(value, str) else text[:most] + "…"


def shown_apart(recorded: object, live: object, most: int = _LONG) -> tuple[str, str]:
    """Return two values as `shown`; of long texts what begins shortly before they differ."""
    if not isinstance(recorded, str) or not isinstance(live, str):
        return shown(recorded, most), shown(live, most)
    if isinstance(recorded, Cut) or max(len(recorded), len(live)) <= most:
        return shown(recorded, most), shown(live, most)
    start = max(parting(recorded, live) - BEFORE, 0)
    before = "…" if start else ""
    parts = (before + each[start : start + most + 1] for each in (recorded, live))
    first, second = (shown(part, most) for part in parts)
    return first, second


def _beginning(value: Any, room: list[int]) -> Any:
    """Return of a value what begins in the first `room` characters of its JSON text, or more."""
    room[0] -= 1
    if isinstance(value, str | bytes):
        kept = value[: max(room[0], 0) + 1]
        room[0] -= len(kept)
        return kept
    if isinstance(value, list):
        items = []
        for each in value:
            if room[0] < 0:
                break
            items.append(_beginning(each, room))
        return items
    if isinstance(value, dict):
        members = {}
        for name, each in value.items():
            if room[0] < 0:
                break
            begun = _beginning(name, room)
            members[begun] = _beginning(each, room)
        return members
    return value


def kept(change: Change) -> Change:
    """Return a change that holds no more of either value than is ever shown."""
    recorded, live = _brief(change.recorded), _brief(change.live)
    if recorded is change.recorded and live is change.live:
        return change
    if isinstance(change.recorded, str) and isinstance(change.live, str):
        recorded, live = map(Cut, shown_apart(change.recorded, change.live, _KEPT))
    return replace(change, recorded=recorded, live=live)


def _brief(value: object) -> object:
    if isinstance(value, str | bytes):
        return value if len(value) <= _KEPT else Cut(shown(value, _KEPT))
    if isinstance(value, list | dict):
        text = shown(value, _KEPT)
        return value if len(text) <= _KEPT else Cut(text)
    return value
