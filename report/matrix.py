"""Which events came in which session: a row for each way a session went."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich.table import Table
from rich.text import Text

from ..checks.finding import Verdict
from ..checks.outcome import Outcome, SessionOutcome
from ..schemas.model import Contract
from .groups import plural, ranges
from .inert import inert

__all__ = ["MAX_ROWS", "STYLE", "in_lines", "matrix"]

MAX_ROWS: Final = 30
"""Rows shown; of more, those of sessions that did not pass come first."""

STYLE: Final = {"pass": "bold green", "fail": "bold red", "inconclusive": "bold yellow"}

_LINE: Final = 14
"""Characters of an event's name in one line of its column's head."""


@dataclass(frozen=True, slots=True)
class _Row:
    """Sessions with the same numbers in every column."""

    sessions: list[SessionOutcome]
    counts: tuple[int, ...]
    findings: int
    verdict: Verdict

    @property
    def label(self) -> str:
        number = len(self.sessions)
        ids = ranges((session.id for session in self.sessions), limit=2)
        return ids if number <= 2 else f"{ids} ({number:,})"


def matrix(outcome: Outcome, contract: Contract, width: int) -> Iterator[Table | str]:
    """Yield the table, no wider than `width` where that can be, and lines about what it omits."""
    names = _promised(contract)
    rows = _rows(outcome.sessions, names)
    shown = _notable(rows)
    room = width - len("findings  ")
    for part in (
        ["session", *(row.label for row in shown)],
        ["verdict", *(r.verdict for r in shown)],
    ):
        room -= max(map(len, part)) + 1
    fitting = _fitting(names, rows, room)
    yield _table([names[each] for each in fitting], fitting, shown)
    omitted = [inert(names[each], 40) for each in range(len(names)) if each not in fitting]
    if omitted:
        rest = ", …" if len(omitted) > 8 else ""
        yield f"    no room for {plural(len(omitted), 'event')}: {', '.join(omitted[:8])}{rest}"
    folded: dict[str, int] = {}
    for row in rows:
        if row not in shown:
            folded[row.verdict] = folded.get(row.verdict, 0) + len(row.sessions)
    for verdict, number in sorted(folded.items()):
        yield f"    … and {plural(number, 'more session')}: {verdict}"


def _promised(contract: Contract) -> list[str]:
    """Return the events that the contract promises, in the order in which it names them."""
    names: list[str] = list(contract.session.inside.requires)
    for span in contract.chief:
        names += [trigger.event for trigger in span.open]
        names += span.inside.requires
        if span.must_close and len(span.close) == 1:  # of several one comes, and nobody knows which
            names.append(span.close[0].event)
    return [name for name in dict.fromkeys(names) if name != "*"]


def _rows(sessions: Sequence[SessionOutcome], names: Sequence[str]) -> list[_Row]:
    rows: dict[tuple[tuple[int, ...], int, Verdict], _Row] = {}
    for session in sessions:
        counts = tuple(session.events.get(name, 0) for name in names)
        number = len(session.findings) + sum(session.suppressed.values())
        key = counts, number, session.verdict
        rows.setdefault(key, _Row([], *key)).sessions.append(session)
    return list(rows.values())


def _notable(rows: list[_Row]) -> list[_Row]:
    if len(rows) <= MAX_ROWS:
        return rows
    notable = [row for row in rows if row.verdict != "pass"]
    return notable[:MAX_ROWS] or rows[:3]


def in_lines(name: str) -> str:
    """Return an event's name, inert, in short lines that are broken where its words end."""
    lines = [""]
    for word in re.findall(r".[^_./:-]*[_./:-]*", inert(name, 60)):
        for piece in (word[at : at + _LINE] for at in range(0, len(word), _LINE)):
            if lines[-1] and len(lines[-1] + piece) > 10:
                lines.append("")
            lines[-1] += piece
    return "\n".join(lines)


def _fitting(names: Sequence[str], rows: Sequence[_Row], room: int) -> list[int]:
    """Return which columns there is room for: those first in which a session lacks the event."""
    complete = [all(row.counts[each] for row in rows) for each in range(len(names))]
    chosen: list[int] = []
    for each in sorted(range(len(names)), key=lambda each: complete[each]):
        figures = max(len(f"{row.counts[each]:,}") for row in rows)
        room -= max(figures, *map(len, in_lines(names[each]).split("\n"))) + 1
        if room < 0 and chosen:
            break
        chosen.append(each)
    return sorted(chosen)


def _table(names: Sequence[str], columns: Sequence[int], rows: Sequence[_Row]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("session", justify="right", no_wrap=True)
    for name in names:
        table.add_column(Text(in_lines(name)), justify="right", no_wrap=True)
    table.add_column("findings", justify="right")
    table.add_column("verdict", no_wrap=True)
    for row in rows:
        numbers = (row.counts[each] for each in columns)
        cells = (Text(f"{number:,}") if number else Text("-", "red") for number in numbers)
        findings = Text(f"{row.findings:,}" if row.findings else "")
        table.add_row(row.label, *cells, findings, Text(row.verdict, STYLE[row.verdict]))
    return table
