"""What differs between two recordings, for people: the sessions, what differs, times, omissions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..checks.samples import ERROR, Quantiles
from ..match.contrast import (
    KINDS,
    Changed,
    Contrast,
    Divergence,
    Kind,
    LatencyChange,
    Row,
    Said,
    SessionContrast,
)
from ..schemas.durations import show_duration
from .groups import plural
from .inert import inert
from .matrix import in_lines

__all__ = ["MAX_SHOWN", "print_diff"]

MAX_SHOWN: Final = 20
"""Differences of one kind, and ids, shown of one session; the rest is counted."""

_STYLE: Final[dict[Kind | None, str]] = {
    "handshake": "yellow",
    "missing": "red",
    "extra": "green",
    "reordered": "cyan",
    "changed": "yellow",
    "close": "yellow",
    None: "",
}
_MARK: Final[dict[Kind | None, str]] = {"missing": "-", "extra": "+", "reordered": ">", None: " "}
_WIDE: Final = 10_000
"""Columns: as many as any table may want."""
_ARROW: Final = {"client": "→", "server": "←"}


def print_diff(contrast: Contrast, console: Console) -> None:
    """Print it; recorded text in it is inert, never read as markup, and begins no line."""

    def line(text: str | Text = "") -> None:
        console.print(text, soft_wrap=True, markup=False, highlight=False)

    contract = contrast.matching.contract
    line(f"A         {inert(contrast.a)}")
    line(f"B         {inert(contrast.b)}")
    named = "none: messages are compared by their shape"
    line(f"contract  {inert(f'{contract.name} ({contract.origin})') if contract else named}")
    detailed = True
    for session in contrast.sessions:
        told = list(_session(session))
        if detailed or len(told) > 1:
            line()
        detailed = len(told) > 1
        for text in told:
            line(text)
    if contrast.latency:
        line()
        table = _latency(contrast)
        wide = console.options.update(max_width=_WIDE)
        if console.measure(table, options=wide).maximum > console.width:
            table = _latency(contrast, narrow=True)
        console.print(table)
        if not all(row.a.exact and row.b.exact for row in contrast.latency):
            line(f"~ percentiles of many samples, exact to {ERROR:.0%}")
    line()
    line(f"ignored   {_ignored(contrast)}")
    line(Text("verdict   ").append(*_verdict(contrast)).append(_unmeasured(contrast)))


def _session(session: SessionContrast) -> Iterator[str | Text]:
    yield _title(session)
    if session.first:
        yield "  first difference"
        width = max(len(_place(row)) for row in session.first)
        for row in session.first:
            yield from _row(row, width)
    for kind in KINDS:
        shown = [each for each in session.divergences if each.kind == kind]
        total = (session.counts or {}).get(kind, 0)
        if shown:
            yield Text(f"  {kind}", _STYLE[kind])
        for each in shown[:MAX_SHOWN]:
            yield from _divergence(each)
        rest = total - sum(each.count for each in shown[:MAX_SHOWN])
        if rest:
            yield f"    … and {rest:,} more"
    if session.bindings:
        yield "  ids of A and what stands for them in B"
        for bound in session.bindings[:MAX_SHOWN]:
            place = f"frame {bound.seq}" if bound.seq else "handshake"
            text = f"{bound.recorded} -> {bound.live} at {bound.pointer}, {place}"
            yield f"    {inert(text, 300)}"
        if len(session.bindings) > MAX_SHOWN:
            yield f"    … and {len(session.bindings) - MAX_SHOWN:,} more"
    if session.recut:
        first = session.recut[0]
        yield (
            f"  {plural(len(session.recut), 'equal text')} in another number of pieces, such as"
            f" {inert(str(first.event), 80)}: {first.a_pieces:,} in A, {first.b_pieces:,} in B"
        )
    if any(session.heartbeats):
        a, b = session.heartbeats
        yield f"  heartbeats, which are not compared: {a:,} in A, {b:,} in B"
    for note in session.notes:
        yield f"  {inert(note)}"


def _title(session: SessionContrast) -> Text:
    target = inert(session.target, 120)
    if session.a is None or session.b is None:
        number, where = (session.b, "B") if session.a is None else (session.a, "A")
        return Text(f"session {number} of {where} {target}: ").append(f"only in {where}", "red")
    counts = session.counts or {}
    said = ", ".join(f"{counts[kind]:,} {kind}" for kind in KINDS if counts.get(kind))
    head = f"session {session.a} of A, {session.b} of B {target}: {session.equal:,} equal"
    return Text(head).append(f", {said}" if said else "", "red")


def _place(row: Row) -> str:
    parts = []
    for name, said in (("A", row.a), ("B", row.b)):
        parts.append(f"{name} {said.seq if said else '-'}".ljust(8))
    return "".join(parts).rstrip()


def _row(row: Row, width: int) -> Iterator[Text]:
    place = _place(row).ljust(width)
    shown = row.a or row.b
    if shown is None:
        return
    if row.kind == "changed" and row.b is not None:
        yield Text(f"  - {place} {_said(shown)}", "red")
        yield Text(f"  + {' ' * width} {_said(row.b)}", "green")
    else:
        yield Text(f"  {_MARK[row.kind]} {place} {_said(shown)}", _STYLE[row.kind])


def _said(said: Said, limit: int = 120) -> str:
    pieces = f" x{said.pieces:,}" if said.pieces > 1 else ""
    event = f" {inert(said.event, 60)}" if said.event else ""
    return f"{_ARROW[said.sender]} {said.sender}{event}{pieces}  {inert(said.text, limit)}"


def _frames(said: Said) -> str:
    if said.last_seq == said.seq:
        return f"frame {said.seq}"
    return f"frames {said.seq} to {said.last_seq}"


def _divergence(each: Divergence) -> Iterator[str]:
    if each.a is not None and each.b is not None:
        what = f"{_said(each.a, 60)}" if each.kind == "reordered" else _head(each.a)
        yield f"    A {_frames(each.a)}, B {_frames(each.b)}: {what}"
    elif each.a is not None or each.b is not None:
        name, said = ("A", each.a) if each.a is not None else ("B", each.b)
        if said is not None and each.last is not None:
            yield from _series(name, said, each, each.last)
        elif said is not None:
            yield f"    {name} {_frames(said)}: {_said(said)}"
    indent = "      " if each.a is not None else "    "
    for change in each.changes[:MAX_SHOWN]:
        yield f"{indent}{_change(change)}"
    if len(each.changes) > MAX_SHOWN:
        yield f"{indent}… and {len(each.changes) - MAX_SHOWN:,} more"


def _series(name: str, first: Said, each: Divergence, last: Said) -> Iterator[str]:
    ends = [inert(said.event, 60) for said in (first, last) if said.event]
    between = f", {' to '.join(ends)}" if len(ends) == 2 else ""
    head = f"{name} frames {first.seq} to {last.last_seq}"
    yield f"    {head}: {each.count:,} messages{between}"
    for said in (first, *each.then):
        yield f"      {_said(said)}"
    rest = each.count - 1 - len(each.then)
    if rest:
        yield f"      … and {rest:,} more"


def _head(said: Said) -> str:
    event = f" {inert(said.event, 60)}" if said.event else ""
    return f"{_ARROW[said.sender]} {said.sender}{event}"


def _change(change: Changed) -> str:
    a, b = ("nothing" if each is None else inert(each, 400) for each in (change.a, change.b))
    note = f" ({inert(change.note, 120)})" if change.note else ""
    return f"{inert(change.pointer, 120) or 'the whole'}: {a} -> {b}{note}"


def _latency(contrast: Contrast, *, narrow: bool = False) -> Table:
    """Return a table, a row for each event; where that is `narrow`, of several lines."""
    asked, to = ("p95 since\nasked", " ->\n") if narrow else ("p95 since asked", " -> ")
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("latency", overflow="fold")
    for name in ("samples", "p50 A", "p50 B", "p95 A", "p95 B", "p95 B/A", asked):
        table.add_column(name, justify="right", no_wrap=True)
    for row in contrast.latency:
        event = in_lines(row.event) if narrow else inert(row.event, 40)
        measured = f"{event}{'' if row.measure == 'step' else f' {row.measure}'}"
        table.add_row(
            Text(measured),
            f"{row.a.count:,}/{row.b.count:,}",
            *_times(row),
            Text(_ratio(row, contrast.min_samples), "red" if row.slower else ""),
            to.join(_time(of, of.p95) for of in (row.asked_a, row.asked_b)) if row.ends else "",
        )
    return table


def _times(row: LatencyChange) -> tuple[str, ...]:
    pairs = ((row.a, row.a.p50), (row.b, row.b.p50), (row.a, row.a.p95), (row.b, row.b.p95))
    return tuple(_time(of, ns) for of, ns in pairs)


def _time(of: Quantiles, ns: int) -> str:
    return f"{'' if of.exact else '~'}{show_duration(ns)}"


def _ratio(row: LatencyChange, min_samples: int) -> str:
    if not row.enough:
        return f"fewer than {min_samples}"
    ratio = f"x{row.b.p95 / row.a.p95:.2f}" if row.a.p95 else "-"
    return f"{ratio} slower" if row.slower else ratio


def _ignored(contrast: Contrast) -> str:
    named = [inert(str(each), 80) for each in contrast.matching.ignore]
    if contrast.matching.usual:
        named.append("the usual times, durations, counters and ids of events")
    return ", ".join(named) or "nothing"


def _unmeasured(contrast: Contrast) -> str:
    """Say of how many events the times were to be compared and are not."""
    few = len({row.event for row in contrast.latency if not row.enough})
    if contrast.max_slower is None or not few:
        return ""
    why = f"fewer than {plural(contrast.min_samples, 'sample')}: --min-samples"
    return f"; times of {plural(few, 'event')} were not compared ({why})"


def _verdict(contrast: Contrast) -> tuple[str, str]:
    if contrast.same:
        return "same", "green"
    if not contrast.sessions:
        return "nothing compared: neither A nor B has a session", "yellow"
    counts: Counter[str] = Counter()
    for session in contrast.sessions:
        if session.counts is None:
            counts["A" if session.b is None else "B"] += 1
        counts.update(session.counts or {})
    said = [f"{counts[kind]:,} {kind}" for kind in KINDS if counts[kind]]
    said += [f"{plural(counts[side], 'session')} only in {side}" for side in "AB" if counts[side]]
    slower = sum(row.slower for row in contrast.latency)
    said += [f"{slower:,} slower"] if slower else []
    return f"differs: {', '.join(said)}", "red"
