"""A report as GitHub workflow commands, which become annotations of a run.

GitHub shows ten annotations of each level for a step, and drops the rest without a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ..checks.finding import Finding
from ..schemas.codes import SEVERITIES, Severity
from .groups import Group, by_cause, details, place, plural, tally
from .inert import inert
from .model import Judged, Report

__all__ = ["MAX_ANNOTATIONS", "to_annotations"]

MAX_ANNOTATIONS: Final = 10
"""Annotations of one level that a step may have."""

_COMMAND: Final = {"error": "error", "warning": "warning", "info": "notice"}


def to_annotations(report: Report) -> str:
    """Return a line for each annotation, then one for the log: verdict, contract, numbers."""
    groups = [
        (judged, group)
        for judged in report.recordings
        for group in by_cause(judged.outcome.all_findings())
    ]
    lines = [line for level in SEVERITIES for line in _level(level, groups)]
    for judged in report.recordings:
        numbers = tally(judged.outcome.all_findings())
        contract = judged.contract
        about = f"contract {contract.name}, {judged.chosen} ({contract.origin})"
        said = ", ".join(filter(None, (judged.outcome.verdict, numbers, about)))
        lines.append(inert(f"wsrec: {judged.path}: {said}"))
    lines += [inert(f"wsrec: {part}") for part in report.limits()]
    return "\n".join(lines) + "\n"


def _level(level: Severity, groups: Iterable[tuple[Judged, Group]]) -> Iterator[str]:
    """Yield the annotations of one level: the first finding of each cause, then the second."""
    ranked = sorted(
        (
            (number, order, judged.path, found)
            for order, (judged, group) in enumerate(groups)
            if group.severity == level
            for number, found in enumerate(group.findings[:MAX_ANNOTATIONS])
        ),
        key=lambda each: each[:2],
    )
    total = sum(len(group.findings) for _, group in groups if group.severity == level)
    fits = total <= MAX_ANNOTATIONS
    shown = ranked if fits else ranked[: MAX_ANNOTATIONS - 1]
    for _, _, path, found in shown:
        yield _annotation(level, path, found)
    if not fits:
        left = plural(total - len(shown), "more finding")
        yield f"::{_COMMAND[level]} title=wsrec::{left} of severity {level} not shown here"


def _annotation(level: Severity, path: str, found: Finding) -> str:
    title = f"{found.code} {found.event}" if found.event else found.code
    lines = [place(found) + inert(found.message, 1000)]
    lines += [f"{name}: {inert(text, 200)}" for name, text in details(found)]
    properties = f"title={_property(inert(title, 100))},file={_property(inert(path))}"
    return f"::{_COMMAND[level]} {properties}::{_data(chr(10).join(lines))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
