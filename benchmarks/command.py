"""The command line: chooses the runs, makes them in shuffled rounds, and keeps the results."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import random
import resource
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from .measure import Run, Settings, measure, stop_cost
from .peers import build
from .processes import MeasureError
from .table import render
from .targets import TARGETS
from .workloads import WORKLOADS

__all__ = ["main"]

RESULTS = Path(__file__).resolve().parent / "results"

GRACE_SECONDS = 10.0
"""A proxy that holds back more than this much traffic at the end of a run has failed it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the comparison; 0 if every run was made and nothing was lost, else 1."""
    options = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # children are stopped on the way out
    try:
        build()
        settings, targets, workloads = _choices(options)
    except MeasureError as failure:
        print(f"benchmarks: {failure}", file=sys.stderr)
        return 2
    versions = _versions(targets)
    machine = _machine(settings)
    for name, value in {**machine, **versions}.items():
        print(f"{name}: {value}", file=sys.stderr)

    runs: list[Run] = []
    shuffler = random.Random(options.seed)
    with contextlib.suppress(KeyboardInterrupt):
        if "wsrec" in versions:
            settings = replace(settings, stop_cpu_s=_stop_cpu(settings, options.work))
        for number in range(1, options.rounds + 1):
            pairs = [(target, name) for target in versions for name in workloads]
            shuffler.shuffle(pairs)
            for target, name in pairs:
                with _folder(options.work) as folder:
                    run = measure(TARGETS[target], WORKLOADS[name], number, settings, folder)
                runs.append(run)
                print(_progress(run), file=sys.stderr, flush=True)

    print(render(runs, list(versions), workloads))
    path = options.json or RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "machine": machine,
        "versions": versions,
        "settings": {**asdict(settings), "seed": options.seed},
        "runs": [asdict(run) for run in runs],
    }
    path.write_text(json.dumps(content, indent=1) + "\n")
    print(f"\nkept in {path}", file=sys.stderr)
    wanted = options.rounds * len(versions) * len(workloads)
    return 0 if len(runs) == wanted and all(run.error is None for run in runs) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python benchmarks/run.py",
        description="Compare wsrec, recording, with no proxy and with those that are installed: "
        f"{', '.join(name for name in TARGETS if name not in ('direct', 'wsrec'))}.",
        epilog=f"Workloads: {', '.join(WORKLOADS)}. See benchmarks/README.md.",
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often each run is made (3)")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each run loads (3)")
    parser.add_argument(
        "--only",
        default="",
        metavar="NAME,…",
        help="these workloads, these proxies, or some of each",
    )
    parser.add_argument("--quick", action="store_true", help="one round of half a second")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the results are kept")
    parser.add_argument("--seed", type=int, default=1, help="of the order of the runs (1)")
    parser.add_argument(
        "--work", type=Path, default=RESULTS, metavar="DIR", help="where recordings are written"
    )
    return parser


def _choices(options: argparse.Namespace) -> tuple[Settings, list[str], list[str]]:
    if options.quick:
        options.rounds, options.seconds = 1, 0.5
    if options.rounds < 1 or not 0.1 <= options.seconds <= 600:
        raise MeasureError("--rounds is at least 1, --seconds from 0.1 to 600")
    names = [name for name in options.only.split(",") if name]
    unknown = [name for name in names if name not in WORKLOADS and name not in TARGETS]
    if unknown:
        raise MeasureError(f"neither a workload nor a proxy: {', '.join(unknown)}")
    options.work.mkdir(parents=True, exist_ok=True)
    _raise_file_limit()
    cpus = sorted(os.sched_getaffinity(0))
    settings = Settings(options.seconds, grace=GRACE_SECONDS, proxy_cpu=cpus[0], load_cpu=cpus[-1])
    targets = [name for name in TARGETS if name in names] or list(TARGETS)
    workloads = [name for name in WORKLOADS if name in names] or list(WORKLOADS)
    return settings, targets, workloads


def _versions(targets: Sequence[str]) -> dict[str, str]:
    """Return the proxies that are installed, with their versions."""
    found = {name: TARGETS[name].version() for name in targets}
    for name, version in found.items():
        if version is None:
            print(f"{name}: not installed", file=sys.stderr)
    return {name: version for name, version in found.items() if version is not None}


def _stop_cpu(settings: Settings, work: Path) -> float:
    """Return the least CPU time of a few idle stops; wsrec's runs tell why it cannot start."""
    costs = []
    for _ in range(3):
        with _folder(work) as folder, contextlib.suppress(MeasureError):
            costs.append(stop_cost(TARGETS["wsrec"], settings, folder))
    return min(costs, default=0.0)


@contextlib.contextmanager
def _folder(work: Path) -> Iterator[Path]:
    """Give a run an empty folder on the disk that recordings would be on."""
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=work))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _raise_file_limit() -> None:
    """Let our children open as many files as the system allows: idle takes 2200 in a proxy."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _machine(settings: Settings) -> dict[str, str]:
    model = platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    pinned = f"proxy on CPU {settings.proxy_cpu}, agent and load on CPU {settings.load_cpu}"
    return {
        "cpu": f"{os.cpu_count()} × {model}; {pinned}",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _progress(run: Run) -> str:
    what = f"round {run.round}  {run.workload:<12} {run.target:<10}"
    if run.error is not None:
        return f"{what} failed: {run.error}"
    return (
        f"{what} {run.sustained:>12,.0f}/s  p99 {run.p99_us:>10,.0f} µs  cpu {run.cpu_us:>8.2f} µs"
    )
