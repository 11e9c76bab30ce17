"""A report as JSON for machines: stable names, stable order, strictly valid.

`report.schema.json` beside this file says what is in it, and what each thing means; times are
integer nanoseconds, absent things null.

Recorded text in it is inert: what is not plainly visible is an escape.
"""

from __future__ import annotations

from typing import Final

from ..checks.finding import Finding
from ..checks.outcome import LatencyRow, SessionOutcome
from .inert import inert
from .model import Judged, Report
from .value import Value, inert_or_none, times, written

__all__ = ["FORMAT", "finding_value", "to_json", "to_value"]

FORMAT: Final = 1
"""Grows when a name changes its meaning or goes away; new names may come any time."""


def to_json(report: Report) -> str:
    """Return the report as an indented JSON text that ends with a newline."""
    return written(to_value(report))


def to_value(report: Report) -> Value:
    """Return the report as the value that `to_json` writes."""
    scope = report.scope
    return {
        "wsrec": FORMAT,
        "verdict": report.verdict,
        "scope": {
            "rules": list(scope.codes) or None,
            "sessions": [str(each) for each in scope.sessions] or None,
            "max_findings": scope.max_findings,
        },
        "recordings": [_recording(judged) for judged in report.recordings],
    }


def _recording(judged: Judged) -> Value:
    contract, outcome = judged.contract, judged.outcome
    return {
        "path": inert(judged.path),
        "contract": {
            "name": inert(contract.name),
            "origin": inert(contract.origin),
            "chosen": inert(judged.chosen),
        },
        "verdict": outcome.verdict,
        "vacuous": outcome.vacuous,
        "messages": outcome.messages,
        "events": outcome.events,
        "sessions": [_session(session) for session in outcome.sessions],
        "skipped": [{"id": each.id, "reason": inert(each.reason)} for each in outcome.skipped],
        "findings": [finding_value(found) for found in outcome.findings],
        "latency": [_latency(row) for row in outcome.latency],
    }


def _session(session: SessionOutcome) -> Value:
    return {
        "id": session.id,
        "client": inert_or_none(session.client),
        "target": inert(session.target),
        "started_at": inert(session.started_at),
        "lasted_ns": session.lasted_ns,
        "verdict": session.verdict,
        "reasons": [inert(reason) for reason in session.reasons],
        "messages": session.messages,
        "events": {inert(name): n for name, n in sorted(session.events.items())},
        "spans": {inert(name): n for name, n in sorted(session.spans.items())},
        "findings": [finding_value(found) for found in session.findings],
        "suppressed": dict(session.suppressed),
    }


def finding_value(found: Finding) -> Value:
    """Return a finding as the value that reports have of it."""
    return {
        "code": found.code,
        "severity": found.severity,
        "session": found.session,
        "seq": found.seq,
        "event": inert_or_none(found.event),
        "span": inert_or_none(found.span),
        "key": inert_or_none(found.key),
        "message": inert(found.message),
        "expected": inert_or_none(found.expected),
        "seen": inert_or_none(found.seen),
        "nearest": inert_or_none(found.nearest),
    }


def _latency(row: LatencyRow) -> Value:
    return {"span": inert(row.span), "kind": row.kind, **times(row.times)}
