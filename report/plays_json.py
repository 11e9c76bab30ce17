"""What came of a replay or a mock as JSON for machines: stable names, stable order.

`plays.schema.json` beside this file says what is in it, and what each thing means; times are
integer nanoseconds, absent things null.

Recorded text in it is inert: what is not plainly visible is an escape.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from ..checks.samples import Quantiles
from ..match.difference import Change, Difference
from ..match.ids import Binding
from ..match.shown import shown
from ..schemas.pointers import ABSENT
from .inert import inert
from .plays import Played, Plays

__all__ = ["FORMAT", "plays_to_json"]

FORMAT: Final = 1
"""Grows when a name changes its meaning or goes away; new names may come any time."""

_LONG: Final = 2000

Value = Mapping[str, object]


def plays_to_json(plays: Plays) -> str:
    """Return it as an indented JSON text that ends with a newline."""
    value = {
        "wsrec": FORMAT,
        "verdict": plays.verdict,
        "role": plays.role,
        "recording": inert(plays.recording),
        "address": inert(plays.address),
        "output": _text(plays.output),
        "contract": _text(plays.contract),
        "ignored": [inert(each) for each in plays.ignored],
        "lateness": _times(plays.lateness),
        "sessions": [_played(each) for each in plays.sessions],
    }
    return json.dumps(value, indent=2, allow_nan=False) + "\n"


def _played(played: Played) -> Value:
    counts = played.counts
    return {
        "session": played.session,
        "live": played.live,
        "target": inert(played.target),
        "verdict": played.verdict,
        "why": _text(played.why),
        "excused": played.excused,
        "said": None if counts is None else counts.said,
        "heard": None if counts is None else counts.heard,
        "matched": None if counts is None else counts.matched,
        "left": None if counts is None else counts.left,
        "heartbeats": None if counts is None else counts.beats._asdict(),
        "lateness": _times(played.lateness),
        "differences": [_difference(each) for each in played.differences],
        "more": played.more,
        "bindings": [_binding(each) for each in played.bindings],
        "notes": [inert(each) for each in played.notes],
    }


def _difference(found: Difference) -> Value:
    return {
        "kind": found.kind,
        "message": inert(found.message),
        "seq": found.seq,
        "number": found.number,
        "event": _text(found.event),
        "changes": [_change(each) for each in found.changes],
        "nearest": found.nearest,
    }


def _change(change: Change) -> Value:
    return {
        "pointer": inert(change.pointer),
        "recorded": _json(change.recorded),
        "live": _json(change.live),
        "note": inert(change.note),
    }


def _binding(binding: Binding) -> Value:
    return {
        "recorded": _json(binding.recorded),
        "live": _json(binding.live),
        "pointer": inert(binding.pointer),
        "seq": binding.seq,
    }


def _times(times: Quantiles | None) -> Value | None:
    if times is None or not times.count:
        return None
    return {
        "count": times.count,
        "p50_ns": times.p50,
        "p95_ns": times.p95,
        "p99_ns": times.p99,
        "max_ns": times.max,
        "exact": times.exact,
    }


def _json(value: object) -> str | None:
    return None if value is ABSENT else inert(shown(value, _LONG), _LONG)


def _text(value: str | None) -> str | None:
    return None if value is None else inert(value)
