"""What came of a replay or a mock, for people: sessions, differences, what was bound or left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..checks.samples import Quantiles
from ..match.difference import Difference
from ..match.shown import shown, shown_apart
from ..schemas.durations import show_duration
from .groups import plural, ranges
from .inert import inert
from .plays import Played, Plays, PlayVerdict

__all__ = ["MAX_BOUND", "MAX_CHANGES", "MAX_DIFFERENCES", "MAX_NOTES", "MAX_ROWS", "print_plays"]

MAX_ROWS: Final = 30
"""Sessions shown in the table; of more, those that did not match come first."""
MAX_DIFFERENCES: Final = 20
"""Differences of one session shown one by one; the rest are counted."""
MAX_CHANGES: Final = 10
"""Changed values of one message shown one by one."""
MAX_BOUND: Final = 3
"""Ids of one session shown; the rest are counted."""
MAX_NOTES: Final = 10
"""Different notes shown; the rest are counted."""

_STYLE: Final[dict[PlayVerdict, str]] = {
    "matched": "bold green",
    "differs": "bold red",
    "interrupted": "bold yellow",
    "unplayed": "bold yellow",
}


def print_plays(plays: Plays, console: Console) -> None:
    """Print it; recorded text in it is inert, never read as markup, and begins no line."""

    def line(text: str | Text = "") -> None:
        console.print(text, soft_wrap=True, markup=False, highlight=False)

    done = "played to" if plays.role == "client" else "answered at"
    line(f"recording {inert(plays.recording)}: its {plays.role}, {done} {inert(plays.address)}")
    if plays.contract is not None:
        line(f"contract  {inert(plays.contract)}")
    if plays.output is not None:
        line(f"recorded  {inert(plays.output)}")
    if plays.sessions:
        line()
        console.print(_table(plays))
        if len(plays.sessions) > MAX_ROWS:
            line(f"… and {plural(len(plays.sessions) - MAX_ROWS, 'session')} more")
    beside = [*_bound(plays), *_beats(plays)]
    if beside:
        line()
    for told in beside:
        line(told)
    for played in plays.sessions:
        if played.differences:
            line()
            for each in _differences(played):
                line(each)
    line()
    for each in _remarks(plays):
        line(each)
    line(Text("verdict   ").append(plays.verdict, _STYLE[plays.verdict]).append(_tally(plays)))


def _table(plays: Plays) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("session", no_wrap=True)
    if plays.output is not None:
        table.add_column("now", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for name in ("said", "heard", "matched", "left", "differences"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for played in _notable(plays):
        counts = played.counts
        numbers = ("", "", "", "")
        if counts is not None:
            numbers = (
                f"{counts.said:,}", f"{counts.heard:,}", f"{counts.matched:,}", f"{counts.left:,}",
            )  # fmt: skip
        table.add_row(
            "-" if played.session is None else str(played.session),
            *(() if plays.output is None else ("-" if played.live is None else str(played.live),)),
            Text(played.verdict, _STYLE[played.verdict]),
            *numbers,
            f"{len(played.differences) + played.more:,}",
            Text(inert(played.why or played.target, 80)),
        )
    return table


def _notable(plays: Plays) -> list[Played]:
    if len(plays.sessions) <= MAX_ROWS:
        return list(plays.sessions)
    chosen = sorted(plays.sessions, key=lambda played: played.verdict == "matched")[:MAX_ROWS]
    return [each for each in plays.sessions if any(each is other for other in chosen)]


def _differences(played: Played) -> Iterator[Text | str]:
    number = len(played.differences) + played.more
    whose = "a live peer" if played.session is None else f"session {played.session}"
    yield Text(f"{whose}: {plural(number, 'difference')}", "bold")
    for found in played.differences[:MAX_DIFFERENCES]:
        yield Text(f"  {found.kind}", "red").append(f"  {inert(found.message, 600)}", "default")
        yield from _changes(found)
    if number > MAX_DIFFERENCES:
        yield f"  … and {number - MAX_DIFFERENCES:,} more"


def _changes(found: Difference) -> Iterator[str]:
    if found.kind == "changed" and len(found.changes) == 1:
        return  # its message tells it
    for change in found.changes[:MAX_CHANGES]:
        pair = shown_apart(change.recorded, change.live)
        values = " -> ".join(inert(each, 80) for each in pair)
        note = f"  ({inert(change.note, 120)})" if change.note else ""
        yield f"      {inert(change.pointer, 120) or 'all'}: {values}{note}"
    if len(found.changes) > MAX_CHANGES:
        yield f"      … and {plural(len(found.changes) - MAX_CHANGES, 'value')} more"


def _bound(plays: Plays) -> Iterator[str]:
    bound = [played for played in plays.sessions if played.bindings]
    for played in bound[:MAX_ROWS]:
        few = [
            f"{inert(shown(each.recorded), 40)} is {inert(shown(each.live), 40)}"
            for each in played.bindings[:MAX_BOUND]
        ]
        more = len(played.bindings) - len(few)
        rest = f", and {more:,} more (--format json has all)" if more else ""
        yield f"bound     session {played.session}: {', '.join(few)}{rest}"
    if len(bound) > MAX_ROWS:
        more_sessions = plural(len(bound) - MAX_ROWS, "more session")
        yield f"bound     in {more_sessions}, too (--format json has all)"


def _beats(plays: Plays) -> Iterator[str]:
    counts = [played.counts.beats for played in plays.sessions if played.counts is not None]
    recorded, heard, said = map(sum, zip(*counts, strict=True)) if counts else (0, 0, 0)
    if recorded or heard or said:
        told = f"{recorded:,} recorded, {heard:,} heard, {said:,} said"
        yield f"left out  heartbeats: {told}"


def _remarks(plays: Plays) -> Iterator[str]:
    for each in plays.ignored:
        yield f"ignored   {inert(each)}"
    notes: dict[str, list[int]] = {}
    for played in plays.sessions:
        for note in played.notes:
            notes.setdefault(note, []).append(played.session or 0)
    for note, ids in islice(notes.items(), MAX_NOTES):
        yield f"otherwise {inert(note)}: session {ranges(sorted(set(ids)))}"
    if len(notes) > MAX_NOTES:
        yield f"otherwise {len(notes) - MAX_NOTES} notes more (--format json has all)"
    if plays.lateness is not None and plays.lateness.count:
        yield f"timing    {_late(plays.lateness)}"


def _late(times: Quantiles) -> str:
    about = "" if times.exact else "~"
    return (
        f"{plural(times.count, 'line')} said; late by {about}{show_duration(times.p50)} (p50), "
        f"{about}{show_duration(times.p99)} (p99), at most {show_duration(times.max)}"
    )


def _tally(plays: Plays) -> str:
    if not plays.sessions:
        return ": no session was played"
    numbers = Counter(played.verdict for played in plays.sessions)
    kinds = Counter(found.kind for played in plays.sessions for found in played.differences)
    parts = [f"{numbers[each]:,} {each}" for each in _STYLE if numbers[each]]
    found = ", ".join(f"{number:,} {kind}" for kind, number in sorted(kinds.items()))
    return f": of {plural(len(plays.sessions), 'session')} {', '.join(parts)}" + (
        f" ({found})" if found else ""
    )
