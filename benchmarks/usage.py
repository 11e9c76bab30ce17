"""What a process tree has used, from /proc."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from .processes import tree

__all__ = ["cpu_seconds", "peak_rss_kb", "pss_kb"]

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(root: int) -> float:
    """Return the CPU time of a process and its descendants so far."""
    return sum(_process_cpu(pid) for pid in tree(root))


def _process_cpu(pid: int) -> float:
    """Return the CPU time of one process.

    `schedstat` counts nanoseconds, but of the threads that still run; `stat` counts all threads,
    in ticks of 10 ms. Both only ever miss some, so the greater is the better.
    """
    process = Path("/proc", str(pid))
    exact, coarse = 0, 0
    with contextlib.suppress(OSError):
        for thread in (process / "task").iterdir():
            with contextlib.suppress(OSError):
                exact += int((thread / "schedstat").read_text().split()[0])
    with contextlib.suppress(OSError):
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        coarse = int(fields[11]) + int(fields[12])
    return max(exact / 1e9, coarse / _TICKS)


def peak_rss_kb(root: int) -> int:
    """Return the sum of the peaks of resident memory: at least the peak of the sum."""
    return sum(_kilobytes(pid, "status", "VmHWM:") for pid in tree(root))


def pss_kb(root: int) -> int:
    """Return the resident memory of a tree, pages that it shares counted once."""
    return sum(_kilobytes(pid, "smaps_rollup", "Pss:") for pid in tree(root))


def _kilobytes(pid: int, file: str, field: str) -> int:
    with contextlib.suppress(OSError):
        for line in Path("/proc", str(pid), file).read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1])
    return 0
