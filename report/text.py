"""A report for people: verdict, sessions by event, findings by cause, latency, omissions."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Final

from rich.console import Console
from rich.text import Text

from ..checks.outcome import Outcome
from ..checks.samples import ERROR
from .groups import Group, by_cause, details, place, plural, ranges, read_on, tally
from .inert import inert
from .latency import latency_table
from .matrix import STYLE, matrix
from .model import Judged, Report

__all__ = ["MAX_CAUSES", "MAX_SHOWN", "print_report"]

MAX_CAUSES: Final = 40
"""Causes shown one by one, the rest being named; and recordings named that did not pass."""
MAX_SHOWN: Final = 5
"""Findings of one cause shown one by one, and warnings about a contract."""

_STYLE: Final = {"error": "red", "warning": "yellow", "info": "cyan"}


def print_report(report: Report, console: Console) -> None:
    """Print the report; recorded text in it is inert, and never read as markup.

    On a terminal long lines are folded behind an indent. Elsewhere a finding is one line, for
    `grep`, and no line begins with recorded text, which the log of a CI job might obey.
    """
    told = ""
    for judged in report.recordings:
        contract = judged.contract
        line = f"contract  {contract.name}, {judged.chosen} ({contract.origin})"
        if line != told:  # once where it is the same for those that follow
            _line(console, inert(line))
            for doubt in contract.doubts[:MAX_SHOWN]:
                _folded(console, inert(str(doubt), 600))
            told = line
        _recording(judged, report, console)
    if len(report.recordings) > 1:
        _which(report, console)
    verdict = Text("verdict   ")
    verdict.append(report.verdict, STYLE[report.verdict])
    numbers = tally(report.findings())
    verdict.append(f": {numbers}" if numbers else "")
    for part in report.limits():
        _folded(console, f"part      {inert(part)}", indent=0)
    console.print(verdict, soft_wrap=True)


def _which(report: Report, console: Console) -> None:
    """Of several recordings, say which did not pass: their findings may be screens above."""
    others = [each for each in report.recordings if each.outcome.verdict != "pass"]
    passed = len(report.recordings) - len(others)
    _line(console, f"passed    {passed:,} of {plural(len(report.recordings), 'recording')}")
    for judged in others[:MAX_CAUSES]:
        line = Text("  ").append(judged.outcome.verdict, STYLE[judged.outcome.verdict])
        numbers = tally(judged.outcome.all_findings())
        line.append(f" {inert(judged.path)}{': ' if numbers else ''}{numbers}")
        _line(console, line)
    if len(others) > MAX_CAUSES:
        _line(console, f"  … and {len(others) - MAX_CAUSES:,} more")


def _line(console: Console, text: str | Text) -> None:
    console.print(text, soft_wrap=True, markup=False, highlight=False)


def _folded(console: Console, text: str, indent: int = 2) -> None:
    """Print one inert line, with what does not fit on a terminal's line further in below it."""
    first, rest = " " * indent, " " * (indent + 4)
    if not console.is_terminal:
        _line(console, first + text)
        return
    room = max(console.width - len(rest), 20)
    for number, line in enumerate(Text(text, overflow="fold").wrap(console, room)):
        _line(console, Text.assemble(rest if number else first, line))


def _recording(judged: Judged, report: Report, console: Console) -> None:
    outcome = judged.outcome
    _line(
        console,
        f"recording {inert(judged.path)}: {plural(len(outcome.sessions), 'session')}, "
        f"{plural(outcome.messages, 'message')}, {plural(outcome.events, 'event')}",
    )
    if outcome.sessions:
        console.print()
        for part in matrix(outcome, judged.contract, console.width):
            if isinstance(part, str):
                _folded(console, part.lstrip(), indent=4)
            else:
                console.print(part)
    _findings(judged, console)
    if outcome.latency:
        console.print()
        console.print(latency_table(outcome.latency, judged.contract))
        if not all(row.times.exact for row in outcome.latency):
            _line(console, f"~ percentiles of many samples, exact to {ERROR:.0%}")
    console.print()
    for sentence in _left_out(outcome, report):
        _folded(console, sentence, indent=0)


def _findings(judged: Judged, console: Console) -> None:
    groups = by_cause(judged.outcome.all_findings())
    for group in groups[:MAX_CAUSES]:
        console.print()
        _group(group, console)
    for group in groups[MAX_CAUSES:]:
        _line(console, _head(group))
    concerned = next((group.sessions[0] for group in groups if group.sessions), None)
    if concerned is not None:
        path = inert(judged.path)
        _line(console, f"\nlook closer: wsrec show {shlex.quote(path)} {concerned}")


def _head(group: Group) -> Text:
    head = Text(f"{group.severity} ", _STYLE[group.severity])
    head.append(group.code, "bold")
    head.append(f" {inert(group.event, 60)}" if group.event else "")
    number, sessions = len(group.findings), group.sessions
    if number > 1:
        head.append(f"  x{number}")
        head.append(f" in {len(sessions)} sessions: {ranges(sessions)}" if sessions[1:] else "")
    return head


def _group(group: Group, console: Console) -> None:
    _line(console, _head(group))
    for found in group.findings[:MAX_SHOWN]:
        _folded(console, place(found) + inert(found.message, 600))
        for name, text in details(found):
            _folded(console, f"{name}: {inert(text, 200)}", indent=6)
    if len(group.findings) > MAX_SHOWN:
        _line(console, f"  … and {len(group.findings) - MAX_SHOWN:,} more")
    _folded(console, f"= {group.meaning}: {read_on(group.code)}")


# What was not judged, and why.


def _left_out(outcome: Outcome, report: Report) -> Iterator[str]:
    beyond: dict[str, int] = {}
    reasons: dict[tuple[str, str], list[int]] = {}
    for session in outcome.sessions:
        for code, number in session.suppressed.items():
            beyond[code] = beyond.get(code, 0) + number
        for reason in session.reasons:
            reasons.setdefault(("not fully judged", reason), []).append(session.id)
    for skipped in outcome.skipped:
        reasons.setdefault(("skipped", skipped.reason), []).append(skipped.id)
    kept = report.scope.max_findings
    for code, number in sorted(beyond.items()):
        yield f"{number:,} more {code} not kept: beyond the first {kept:,} of a session"
    for (what, why), ids in sorted(reasons.items()):
        yield f"{plural(len(ids), 'session')} {what} ({ranges(ids)}): {inert(why)}"
    if outcome.vacuous is not None:
        yield f"nothing was validated: {inert(outcome.vacuous)}"
