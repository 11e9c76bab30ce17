"""A report as Markdown, for a page that renders it: every recorded text stands in a code span.

Nothing inside a code span is Markdown, HTML, a link, a mention of somebody or a formula.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ..checks.outcome import Outcome
from .groups import Group, by_cause, details, place, plural, ranges, read_on, tally
from .inert import inert
from .latency import allowed, figures
from .model import Judged, Report

__all__ = ["MAX_SHOWN", "code", "to_markdown"]

MAX_SHOWN: Final = 10
"""Findings of one cause shown one by one."""


def to_markdown(report: Report, limit: int) -> str:
    """Return the report in no more than `limit` bytes; what has no room is counted."""
    blocks = list(_blocks(report))
    sizes = [len(block.encode()) for block in blocks]
    if sum(sizes) <= limit:
        return "".join(blocks)
    kept, room = [], limit - _CUT
    for block, size in zip(blocks, sizes, strict=True):
        room -= size
        if room < 0:
            break
        kept.append(block)
    cut = f"\n{len(blocks) - len(kept)} of {len(blocks)} parts of this page had no room.\n"
    return "".join([*kept, cut]) if limit >= _CUT else ""


_CUT: Final = 100
"""Bytes kept for the sentence that says that something had no room."""


def code(text: str, limit: int | None = None) -> str:
    """Return recorded text as a code span; in a cell of a table, `|` needs a backslash more."""
    text = inert(text, limit)
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    # A renderer drops one space at each end, if there are two; and an empty span is none.
    pad = " " if not text or {text[0], text[-1]} & {"`", " "} else ""
    return f"{fence}{pad}{text or '-'}{pad}{fence}"


def _blocks(report: Report) -> Iterator[str]:
    numbers = tally(report.findings())
    yield f"## wsrec: {report.verdict}{', ' if numbers else ''}{numbers}\n"
    for part in report.limits():
        yield f"\nA part only: {code(part)}\n"
    for judged in report.recordings:
        yield from _recording(judged)


def _recording(judged: Judged) -> Iterator[str]:
    outcome, contract = judged.outcome, judged.contract
    yield f"\n### {code(judged.path)}: {outcome.verdict}\n"
    yield (
        f"\n{plural(len(outcome.sessions), 'session')}, {plural(outcome.messages, 'message')}, "
        f"{plural(outcome.events, 'event')}; contract {code(contract.name)}, "
        f"{code(judged.chosen)} ({code(contract.origin)})\n"
    )
    yield from _left_out(outcome)
    for group in by_cause(outcome.all_findings()):
        yield _group(group)
    if outcome.latency:
        yield "\n| latency | samples | p50 | p95 | p99 | max | allowed |\n"
        yield "|---|--:|--:|--:|--:|--:|---|\n"
        for row in outcome.latency:
            cells = [
                code(f"{row.span} {row.kind}").replace("|", "\\|"),
                *figures(row),
                allowed(row, contract),
            ]
            yield f"| {' | '.join(cells)} |\n"


def _left_out(outcome: Outcome) -> Iterator[str]:
    groups: dict[str, list[int]] = {}
    for session in outcome.sessions:
        for reason in session.reasons:
            groups.setdefault(f"not fully judged: {reason}", []).append(session.id)
    for skipped in outcome.skipped:
        groups.setdefault(f"skipped: {skipped.reason}", []).append(skipped.id)
    if outcome.vacuous is not None:
        yield f"\nNothing was validated: {code(outcome.vacuous)}\n"
    for reason, ids in sorted(groups.items()):
        yield f"\n{plural(len(ids), 'session')} {code(reason)}: {ranges(ids)}\n"


def _group(group: Group) -> str:
    event = f" {code(group.event, 60)}" if group.event else ""
    number = f" ×{len(group.findings)}" if len(group.findings) > 1 else ""
    lines = [
        f"\n#### {group.severity} `{group.code}`{event}{number}\n",
        f"{group.meaning} (`{read_on(group.code)}`)\n",
    ]
    for found in group.findings[:MAX_SHOWN]:
        lines.append(f"- {code(place(found) + inert(found.message, 600))}")
        lines += [f"  - {name}: {code(text, 200)}" for name, text in details(found)]
    if len(group.findings) > MAX_SHOWN:
        lines.append(f"- … and {len(group.findings) - MAX_SHOWN:,} more")
    return "\n".join(lines) + "\n"
