"""The agent and the load: compiled from C, so that they are not what is measured."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .processes import Child, MeasureError
from .recording import Totals
from .workloads import Workload

__all__ = ["Result", "build", "drive", "start_agent", "start_load"]

HERE = Path(__file__).resolve().parent
BIN = HERE / "bin"
PROGRAMS = {"agent": ("agent.c",), "load": ("load.c", "client.c")}
"""What is compiled, and from which sources beside those that both share."""

START_SECONDS = 10.0
OPENING_SECONDS = 65.0  # the load gives up after 60
CLOSING_SECONDS = 15.0  # and here after 10


@dataclass(frozen=True, slots=True)
class Result:
    """What the load reports of one run."""

    elapsed_s: float
    """Until the last connection's totals had come back from the agent."""
    ended_ns: int
    events: int
    payload_bytes: int
    p50_us: float
    p99_us: float
    cpu_s: float
    totals: dict[str, Totals]
    """The data frames that crossed the proxy, by sender."""


def build() -> None:
    """Compile what is missing or older than its sources."""
    sources = HERE / "native"
    own = {name for names in PROGRAMS.values() for name in names}
    shared = [path for path in sorted(sources.glob("*.c")) if path.name not in own]
    newest = max(path.stat().st_mtime for path in sources.iterdir())
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    BIN.mkdir(exist_ok=True)
    for name, names in PROGRAMS.items():
        program = BIN / name
        if program.exists() and program.stat().st_mtime > newest:
            continue
        if compiler is None:
            raise MeasureError("no C compiler: install gcc, or set CC")
        files = [str(path) for path in (*(sources / name for name in names), *shared)]
        argv = [compiler, "-std=gnu11", "-O2", "-Wall", "-Wextra", "-o", str(program), *files]
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise MeasureError(f"{compiler}: {error}") from None
        if done.returncode != 0:
            raise MeasureError(f"{compiler} failed:\n{done.stderr}")


def start_agent(folder: Path, cpu: int) -> tuple[Child, int]:
    """Start the agent; return it and its port."""
    agent = Child([str(BIN / "agent")], cpu=cpu, folder=folder, talks=True)
    try:
        return agent, int(json.loads(agent.line(START_SECONDS))["port"])
    except MeasureError:
        agent.stop()
        raise


def start_load(
    workload: Workload, port: int, seconds: float, grace: float, folder: Path, cpu: int
) -> Child:
    """Start the load; it returns with all connections open, waiting to be told to go."""
    argv = [str(BIN / "load"), *workload.arguments(port, seconds, grace)]
    load = Child(argv, cpu=cpu, folder=folder, talks=True)
    try:
        opened = json.loads(load.line(OPENING_SECONDS))["connections"]
    except MeasureError:
        load.stop()
        raise
    if opened != workload.connections:
        load.tell("go")  # its result says why
        try:
            drive(load, seconds, grace)
        finally:
            load.stop()
        raise MeasureError(f"{opened} of {workload.connections} connections opened")
    return load


def drive(load: Child, seconds: float, grace: float) -> Result:
    """Wait for the load's result; any frame that was wrong is a MeasureError."""
    report = json.loads(load.line(seconds + grace + CLOSING_SECONDS))
    if report["errors"]:
        more = f", and {report['errors'] - 1} more" if report["errors"] > 1 else ""
        raise MeasureError(report["first_error"] + more)
    if load.wait(CLOSING_SECONDS).code != 0:
        raise MeasureError("the load failed")
    if report["events"] == 0:
        raise MeasureError("no event arrived")
    return Result(
        elapsed_s=report["elapsed_s"],
        ended_ns=report["ended_ns"],
        events=report["events"],
        payload_bytes=report["payload_bytes"],
        p50_us=report["latency_us"]["p50"],
        p99_us=report["latency_us"]["p99"],
        cpu_s=report["cpu_s"],
        totals={sender: Totals(**report[sender]) for sender in ("client", "server")},
    )
