"""Measured times beside what the contract allows."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from ..checks.outcome import LatencyRow
from ..schemas.durations import show_duration
from ..schemas.model import Contract, Limits
from .inert import inert

__all__ = ["allowed", "figures", "latency_table"]


def figures(row: LatencyRow) -> tuple[str, ...]:
    """Return the number of samples, p50, p95, p99 and the greatest, for people."""
    times = row.times
    about = "" if times.exact else "~"
    percentiles = (about + show_duration(ns) for ns in (times.p50, times.p95, times.p99))
    return f"{times.count:,}", *percentiles, show_duration(times.max)


def allowed(row: LatencyRow, contract: Contract) -> str:
    """Return what the contract allows of the times of one row; empty: anything."""
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


def latency_table(rows: Sequence[LatencyRow], contract: Contract) -> Table:
    """Return a table, a row for each distribution."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("latency", overflow="fold")
    for name in ("samples", "p50", "p95", "p99", "max"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("allowed")
    for row in rows:
        measured = Text(f"{inert(row.span, 40)} {row.kind}")
        table.add_row(measured, *figures(row), allowed(row, contract))
    return table
