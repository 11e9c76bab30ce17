"""A report for people: verdict, sessions by event, findings by cause, latency, omissions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..checks.finding import Finding
from ..checks.outcome import LatencyRow, Outcome, SessionOutcome
from ..checks.samples import ERROR
from ..schemas.durations import show_duration
from ..schemas.model import Contract, Limits
from .inert import inert
from .model import Judged, Report

__all__ = ["MAX_ROWS", "print_report"]

MAX_ROWS: Final = 30
"""Sessions shown one by one; passing ones are folded into a line first."""
MAX_SHOWN: Final = 10
"""Findings of one cause shown one by one."""

_STYLE: Final = {
    "pass": "bold green",
    "fail": "bold red",
    "inconclusive": "bold yellow",
    "error": "red",
    "warning": "yellow",
    "info": "cyan",
}


def print_report(report: Report, console: Console) -> None:
    """Print the report; recorded text in it is inert, and never read as markup."""
    told = ""
    for judged in report.recordings:
        contract = judged.contract
        line = f"contract  {contract.name}, {judged.chosen} ({contract.origin})"
        if line != told:  # once where it is the same for those that follow
            _line(console, inert(line))
            told = line
        _recording(judged, contract, console)
    verdict = Text("verdict   ")
    verdict.append(report.verdict, _STYLE[report.verdict])
    verdict.append(_tally(report.findings()))
    console.print(verdict, soft_wrap=True)


def _line(console: Console, text: str | Text) -> None:
    console.print(text, soft_wrap=True, markup=False, highlight=False)


def _plural(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def _tally(findings: Iterable[Finding]) -> str:
    numbers: dict[str, int] = {}
    for found in findings:
        numbers[found.severity] = numbers.get(found.severity, 0) + 1
    parts = [_plural(numbers[level], level) for level in ("error", "warning") if level in numbers]
    return ": " + ", ".join(parts) if parts else ""


def _recording(judged: Judged, contract: Contract, console: Console) -> None:
    outcome = judged.outcome
    _line(
        console,
        f"recording {inert(judged.path)}: {_plural(len(outcome.sessions), 'session')}, "
        f"{_plural(outcome.messages, 'message')}, {_plural(outcome.events, 'event')}",
    )
    if outcome.sessions:
        console.print()
        console.print(_matrix(outcome, contract))
        _folded(outcome.sessions, console)
    _findings(outcome.all_findings(), outcome, console)
    if outcome.latency:
        console.print()
        console.print(_latency(outcome.latency, contract))
        if not all(row.times.exact for row in outcome.latency):
            _line(console, f"~ percentiles of many samples, exact to {ERROR:.0%}")
    console.print()
    _left_out(outcome, console)


# Sessions by event.


def _columns(contract: Contract) -> list[str]:
    """Return the events that the contract promises, in the order in which it names them."""
    names: list[str] = list(contract.session.inside.requires)
    for span in contract.spans:
        if span.parent is None:
            names += [trigger.event for trigger in span.open]
            names += span.inside.requires
    return [name for name in dict.fromkeys(names) if name != "*"][:12]


def _shown(sessions: Sequence[SessionOutcome]) -> list[SessionOutcome]:
    if len(sessions) <= MAX_ROWS:
        return list(sessions)
    notable = [session for session in sessions if session.verdict != "pass"]
    return notable[:MAX_ROWS] or list(sessions[:3])


def _matrix(outcome: Outcome, contract: Contract) -> Table:
    columns = _columns(contract)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("session", justify="right", no_wrap=True)
    for name in columns:
        # Broken at its underscores, so that five events fit on 80 columns.
        table.add_column(Text(inert(name, 40).replace("_", "_\n")), justify="right")
    table.add_column("findings", justify="right")
    table.add_column("verdict", no_wrap=True)
    for session in _shown(outcome.sessions):
        cells = []
        for name in columns:
            number = session.events.get(name, 0)
            cells.append(Text(f"{number:,}") if number else Text("-", "red"))
        number = len(session.findings) + sum(session.suppressed.values())
        verdict = Text(session.verdict, _STYLE[session.verdict])
        table.add_row(str(session.id), *cells, Text(f"{number:,}" if number else ""), verdict)
    return table


def _folded(sessions: Sequence[SessionOutcome], console: Console) -> None:
    shown = {session.id for session in _shown(sessions)}
    rest: dict[str, int] = {}
    for session in sessions:
        if session.id not in shown:
            rest[session.verdict] = rest.get(session.verdict, 0) + 1
    for verdict, number in sorted(rest.items()):
        _line(console, f"    … and {number:,} more: {verdict}")


# Findings by cause.


def _findings(findings: Sequence[Finding], outcome: Outcome, console: Console) -> None:
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for found in findings:
        groups.setdefault((found.severity, found.code, found.event or ""), []).append(found)
    order = list(_STYLE)
    for (severity, code, event), group in sorted(
        groups.items(), key=lambda item: (order.index(item[0][0]), item[0])
    ):
        console.print()
        head = Text(f"{severity} ", _STYLE[severity])
        head.append(code, "bold")
        head.append(f" {inert(event, 60)}" if event else "")
        head.append(f"  x{len(group)}" if len(group) > 1 else "")
        _line(console, head)
        for found in group[:MAX_SHOWN]:
            _line(console, "  " + _place(found) + inert(found.message, 600))
            if found.nearest and found.nearest not in found.message:
                _line(console, f"      nearest: {inert(found.nearest, 200)}")
        if len(group) > MAX_SHOWN:
            _line(console, f"  … and {len(group) - MAX_SHOWN:,} more")
    beyond = sum(sum(session.suppressed.values()) for session in outcome.sessions)
    if beyond:
        _line(console, f"\n{_plural(beyond, 'more finding')} of the same kinds not kept")


def _place(found: Finding) -> str:
    if found.session is None:
        return ""
    frame = "" if found.seq is None else f" frame {found.seq}"
    return f"session {found.session}{frame}: "


# Latency.


def _limits(row: LatencyRow, contract: Contract) -> str:
    limits: Limits | None = None
    if row.span == "session" and row.kind == "proxy_added":
        limits = contract.session.proxy_added
    elif row.span == "session" and contract.session.reconnect is not None:
        return f"max {show_duration(contract.session.reconnect.max)}"
    for span in contract.spans:
        if span.name == row.span and row.kind in ("first", "gap", "total"):
            limits = getattr(span.latency, row.kind)
    if limits is None:
        return ""
    parts = [f"p{percent} {show_duration(ns)}" for percent, ns in limits.percentiles]
    parts += [f"max {show_duration(limits.max)}"] if limits.max is not None else []
    return ", ".join(parts)


def _latency(rows: Sequence[LatencyRow], contract: Contract) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("latency")
    for name in ("samples", "p50", "p95", "p99", "max"):
        table.add_column(name, justify="right")
    table.add_column("allowed", no_wrap=True)
    for row in rows:
        times = row.times
        about = "" if times.exact else "~"
        table.add_row(
            Text(f"{inert(row.span, 40)} {row.kind}"),
            f"{times.count:,}",
            *(about + show_duration(ns) for ns in (times.p50, times.p95, times.p99)),
            show_duration(times.max),
            _limits(row, contract),
        )
    return table


# What was not judged, and why.


def _left_out(outcome: Outcome, console: Console) -> None:
    reasons: dict[str, list[int]] = {}
    for skipped in outcome.skipped:
        reasons.setdefault(f"skipped, {skipped.reason}", []).append(skipped.id)
    for session in outcome.sessions:
        for reason in session.reasons:
            reasons.setdefault(f"not fully judged, {reason}", []).append(session.id)
    for reason, ids in reasons.items():
        which = ", ".join(map(str, ids[:10])) + (", …" if len(ids) > 10 else "")
        _line(console, f"{_plural(len(ids), 'session')} {inert(reason)}: {which}")
    if outcome.vacuous is not None:
        _line(console, f"nothing was validated: {inert(outcome.vacuous)}")
