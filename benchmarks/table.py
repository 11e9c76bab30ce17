"""The runs as Markdown tables: medians, ranges, and ratios to the reference in the same rounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from .measure import Run
from .workloads import WORKLOADS, Workload

__all__ = ["REFERENCE", "render"]

REFERENCE = "nginx"

LOAD_BOUND = 0.9
"""A load that uses this much of its core, and more than the proxy of its own, sets the pace."""

FOOTNOTES = """\
Medians over the rounds, [lowest–highest]. "Sustained" counts the time until the recorder had
written everything and ended. CPU µs per event are CPU seconds per million events, of all the
proxy's processes, the recorder's drain included. "×" is the ratio to nginx in the same rounds.
`*`: the agent's and the load's core was the fuller one; compare CPU per event, not rates.
`recorded`: data frames in the recording, equal by count, bytes and CRC-32 to what passed."""

Runs = Sequence[Run]
Cell = Callable[[Runs, Runs], str]
"""A target's cell, from its runs and those of the reference; neither holds failed ones."""


def render(runs: Runs, targets: Sequence[str], workloads: Sequence[str]) -> str:
    """Return one table for each workload, in the order given, and the footnotes."""
    sections = []
    for name in workloads:
        workload = WORKLOADS[name]
        chosen = {
            target: [run for run in runs if run.workload == name and run.target == target]
            for target in targets
        }
        columns = _memory_columns(workload) if workload.memory else _speed_columns(workload)
        sections.append(f"### {name}\n\n{workload.about}\n\n{_markdown(_rows(chosen, columns))}")
        sections += _failures(chosen)
    return "\n\n".join([*sections, FOOTNOTES])


def _speed_columns(workload: Workload) -> dict[str, Cell]:
    columns: dict[str, Cell] = {
        f"{workload.events}/s": lambda runs, _: _spread(runs, lambda run: run.rate) + _bound(runs),
        "sustained": lambda runs, _: _middle(runs, lambda run: run.sustained),
        "×": lambda runs, base: _ratio(runs, base, lambda run: run.sustained),
        "MB/s": lambda runs, _: _middle(runs, lambda run: run.payload_mb_s),
    }
    if workload.latency:
        columns["p50 µs"] = lambda runs, _: _middle(runs, lambda run: run.p50_us)
        columns["p99 µs"] = lambda runs, _: _spread(runs, lambda run: run.p99_us)
    columns["CPU µs"] = lambda runs, _: _middle(runs, lambda run: run.cpu_us)
    columns["CPU ×"] = lambda runs, base: _ratio(runs, base, lambda run: run.cpu_us)
    columns["proxy %"] = lambda runs, _: _middle(runs, lambda run: run.proxy_busy * 100)
    columns["load %"] = lambda runs, _: _middle(runs, lambda run: run.load_busy * 100)
    columns["peak MB"] = lambda runs, _: _middle(runs, lambda run: run.peak_rss_kb / 1024)
    columns["recorded"] = lambda runs, _: _recorded(runs)
    return columns


def _memory_columns(workload: Workload) -> dict[str, Cell]:
    def each(run: Run) -> float:
        return max(0.0, (run.loaded_pss_kb - run.base_pss_kb) / workload.connections)

    return {
        "PSS at rest MB": lambda runs, _: _middle(runs, lambda run: run.base_pss_kb / 1024),
        "PSS with all MB": lambda runs, _: _middle(runs, lambda run: run.loaded_pss_kb / 1024),
        "kB per connection": lambda runs, _: _spread(runs, each),
        "p99 µs": lambda runs, _: _spread(runs, lambda run: run.p99_us),
        "recorded": lambda runs, _: _recorded(runs),
    }


def _rows(chosen: dict[str, list[Run]], columns: dict[str, Cell]) -> list[list[str]]:
    base = _good(chosen.get(REFERENCE, []))
    rows = [["proxy", *columns]]
    for target, runs in chosen.items():
        good = _good(runs)
        blank = "failed" if runs else "not run"
        cells = [cell(good, base) if good else blank for cell in columns.values()]
        rows.append([target, *cells])
    return rows


def _good(runs: Runs) -> list[Run]:
    return [run for run in runs if run.error is None]


def _failures(chosen: dict[str, list[Run]]) -> list[str]:
    """Name the targets that failed, with the first reason."""
    lines = []
    for target, runs in chosen.items():
        errors = [run.error for run in runs if run.error is not None]
        if errors:
            lines.append(f"{target}: {len(errors)} of {len(runs)} runs failed: {errors[0]}")
    return lines


def _middle(runs: Runs, value: Callable[[Run], float]) -> str:
    return _number(median(value(run) for run in runs))


def _spread(runs: Runs, value: Callable[[Run], float]) -> str:
    values = [value(run) for run in runs]
    if len(values) == 1:
        return _number(values[0])
    return f"{_number(median(values))} [{_number(min(values))}–{_number(max(values))}]"


def _ratio(runs: Runs, base: Runs, value: Callable[[Run], float]) -> str:
    mine = median(value(run) for run in runs)
    theirs = median(value(run) for run in base) if base else 0.0
    return f"×{mine / theirs:.2f}" if mine > 0 and theirs > 0 else "–"


def _bound(runs: Runs) -> str:
    """Mark a rate that the load has set. Without a proxy it always has."""
    load = median(run.load_busy for run in runs)
    busy = median(run.proxy_busy for run in runs)
    return "*" if load > max(LOAD_BOUND, busy) else ""


def _number(value: float) -> str:
    """Three significant digits or more, thousands apart; a dash for nothing."""
    if value == 0:
        return "–"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _recorded(runs: Runs) -> str:
    counts = [run.frames_recorded for run in runs if run.frames_recorded is not None]
    return f"{sum(counts):,} equal" if counts else "–"


def _markdown(rows: list[list[str]]) -> str:
    widths = [max(3, *(len(cell) for cell in column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append(f"| {' | '.join(padded)} |")
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)
