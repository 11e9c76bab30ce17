"""What came of a replay or a mock as JSON for machines: stable names, stable order.

`plays.schema.json` beside this file says what is in it, and what each thing means; times are
integer nanoseconds, absent things null.

Recorded text in it is inert: what is not plainly visible is an escape.
"""

from __future__ import annotations

from typing import Final

from ..checks.samples import Quantiles
from ..match.difference import Change, Difference
from ..match.ids import Binding
from ..match.shown import shown
from ..schemas.pointers import ABSENT
from .inert import inert
from .plays import Played, Plays
from .value import Value, inert_or_none, times, written

__all__ = ["FORMAT", "plays_to_json"]

FORMAT: Final = 1
"""Grows when a name changes its meaning or goes away; new names may come any time."""

_LONG: Final = 2000


def plays_to_json(plays: Plays) -> str:
    """Return it as an indented JSON text that ends with a newline."""
    value = {
        "wsrec": FORMAT,
        "verdict": plays.verdict,
        "role": plays.role,
        "recording": inert(plays.recording),
        "address": inert(plays.address),
        "output": inert_or_none(plays.output),
        "contract": inert_or_none(plays.contract),
        "ignored": [inert(each) for each in plays.ignored],
        "lateness": _lateness(plays.lateness),
        "sessions": [_played(each) for each in plays.sessions],
    }
    return written(value)


def _played(played: Played) -> Value:
    counts = played.counts
    return {
        "session": played.session,
        "live": played.live,
        "target": inert(played.target),
        "verdict": played.verdict,
        "why": inert_or_none(played.why),
        "excused": played.excused,
        "said": None if counts is None else counts.said,
        "heard": None if counts is None else counts.heard,
        "matched": None if counts is None else counts.matched,
        "left": None if counts is None else counts.left,
        "heartbeats": None if counts is None else counts.beats._asdict(),
        "lateness": _lateness(played.lateness),
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
        "event": inert_or_none(found.event),
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


def _lateness(measured: Quantiles | None) -> Value | None:
    return None if measured is None or not measured.count else times(measured)


def _json(value: object) -> str | None:
    return None if value is ABSENT else inert(shown(value, _LONG), _LONG)
