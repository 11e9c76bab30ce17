"""What differs between two recordings, as JSON for machines.

`diff.schema.json` beside this file says what is in it. Times are integer nanoseconds, absent
things null; recorded text is inert: what is not plainly visible is an escape.
"""

from __future__ import annotations

from typing import Final

from ..checks.samples import Quantiles
from ..match.contrast import (
    Changed,
    Contrast,
    Divergence,
    LatencyChange,
    Row,
    Said,
    SessionContrast,
)
from ..match.ids import Binding, Id
from .inert import inert
from .value import Value, inert_or_none, written

__all__ = ["FORMAT", "diff_to_json"]

FORMAT: Final = 1
"""Grows when a name changes its meaning or goes away; new names may come any time."""


def diff_to_json(contrast: Contrast) -> str:
    """Return an indented JSON text that ends with a newline."""
    matching = contrast.matching
    contract = matching.contract
    value = {
        "wsrec": FORMAT,
        "verdict": contrast.verdict,
        "a": inert(contrast.a),
        "b": inert(contrast.b),
        "contract": contract and {"name": inert(contract.name), "origin": inert(contract.origin)},
        "matching": {
            "ignored": [inert(each) for each in contrast.ignored],
            "tolerance": matching.tolerance,
            "binds": matching.binds,
            "bind": [inert(str(each)) for each in matching.bind],
            "any_order": matching.any_order,
            "unconsumed": [inert(each) for each in sorted(matching.unconsumed)],
            "heartbeats": [inert(str(each)) for each in matching.heartbeats],
            "usual_heartbeats": matching.usual_heartbeats,
        },
        "sessions": [_session(each) for each in contrast.sessions],
        "latency": [_latency(each) for each in contrast.latency],
        "min_samples": contrast.min_samples,
        "max_slower": contrast.max_slower,
    }
    return written(value)


def _session(session: SessionContrast) -> Value:
    return {
        "a": session.a,
        "b": session.b,
        "target": inert(session.target),
        "same": session.same,
        "equal": session.equal,
        "counts": None if session.counts is None else dict(session.counts),
        "differences": [_divergence(each) for each in session.divergences],
        "first": [_row(each) for each in session.first],
        "ids": [_binding(each) for each in session.bindings],
        "recut": [
            {
                "event": inert_or_none(each.event),
                "a_seq": each.a_seq,
                "a_pieces": each.a_pieces,
                "b_seq": each.b_seq,
                "b_pieces": each.b_pieces,
            }
            for each in session.recut
        ],
        "heartbeats": dict(zip(("a", "b"), session.heartbeats, strict=True)),
        "notes": [inert(each) for each in session.notes],
    }


def _divergence(each: Divergence) -> Value:
    return {
        "kind": each.kind,
        "a": _said(each.a),
        "b": _said(each.b),
        "count": each.count,
        "last": _said(each.last),
        "changes": [_changed(change) for change in each.changes],
    }


def _row(row: Row) -> Value:
    return {"kind": row.kind, "a": _said(row.a), "b": _said(row.b)}


def _said(said: Said | None) -> Value | None:
    if said is None:
        return None
    return {
        "seq": said.seq,
        "last_seq": said.last_seq,
        "pieces": said.pieces,
        "at_ns": said.at_ns,
        "sender": said.sender,
        "event": inert_or_none(said.event),
        "text": inert(said.text),
    }


def _changed(change: Changed) -> Value:
    return {
        "pointer": inert(change.pointer),
        "a": inert_or_none(change.a),
        "b": inert_or_none(change.b),
        "note": inert(change.note),
    }


def _binding(bound: Binding) -> Value:
    return {
        "a": _id(bound.recorded),
        "b": _id(bound.live),
        "pointer": inert(bound.pointer),
        "seq": bound.seq,
    }


def _latency(row: LatencyChange) -> Value:
    return {
        "event": inert(row.event),
        "measure": row.measure,
        "a": _times(row.a),
        "b": _times(row.b),
        "asked_a": _times(row.asked_a),
        "asked_b": _times(row.asked_b),
        "ends": row.ends,
        "compared": row.enough,
        "slower": row.slower,
    }


def _times(times: Quantiles) -> Value:
    return {
        "count": times.count,
        "p50_ns": times.p50,
        "p95_ns": times.p95,
        "max_ns": times.max,
        "exact": times.exact,
    }


def _id(value: Id) -> Id:
    return inert(value) if isinstance(value, str) else value
