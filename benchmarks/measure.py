"""One run: a proxy, a workload, and what it took."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .peers import drive, start_agent, start_load
from .processes import Child, MeasureError
from .recording import differences
from .targets import Target
from .usage import cpu_seconds, peak_rss_kb, pss_kb
from .workloads import Workload

__all__ = ["Run", "Settings", "measure", "stop_cost"]

SETTLE_SECONDS = 0.3
STOP_SECONDS = 120.0  # a recorder that is far behind may need some


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for all runs."""

    seconds: float
    grace: float
    """How long what is under way at the end may take to arrive."""
    proxy_cpu: int
    load_cpu: int
    stop_cpu_s: float = 0.0
    """What stopping an idle recorder takes, see `stop_cost`."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run measured; zeros where `error` says why there is nothing."""

    target: str
    workload: str
    round: int
    error: str | None = None
    events: int = 0
    elapsed_s: float = 0.0
    drain_s: float = 0.0
    """From the end of the load until the recorder had ended."""
    rate: float = 0.0
    sustained: float = 0.0
    """The rate with `drain_s` counted."""
    payload_mb_s: float = 0.0
    """Both directions, 10^6 bytes, `drain_s` counted."""
    p50_us: float = 0.0
    p99_us: float = 0.0
    cpu_us: float = 0.0
    """CPU time of the proxy's processes for one event; the same as seconds for a million."""
    proxy_busy: float = 0.0
    """How much of its core the proxy used while the load ran; 1.0 is all of it."""
    load_busy: float = 0.0
    """The same of the agent's and the load's core."""
    peak_rss_kb: int = 0
    base_pss_kb: int = 0
    loaded_pss_kb: int = 0
    frames_recorded: int | None = None
    """All that passed, compared by count, bytes and checksum; None without a recording."""


def measure(
    target: Target,
    workload: Workload,
    number: int,
    settings: Settings,
    folder: Path,
) -> Run:
    """Run `workload` through `target` once, in a fresh folder."""
    os.sync()  # nobody pays for what the run before has written
    try:
        return _measure(target, workload, number, settings, folder)
    except MeasureError as failure:
        return Run(target.name, workload.name, number, error=str(failure))


def _measure(
    target: Target,
    workload: Workload,
    number: int,
    settings: Settings,
    folder: Path,
) -> Run:
    seconds, grace = settings.seconds, settings.grace
    with contextlib.ExitStack() as stack:
        agent, agent_port = start_agent(folder, settings.load_cpu)
        stack.enter_context(_stopped(agent))
        proxy = target.start(agent_port, folder, settings.proxy_cpu)
        stack.enter_context(_stopped(proxy.child))
        time.sleep(SETTLE_SECONDS)
        base_pss = pss_kb(proxy.child.pid) if proxy.child and workload.memory else 0

        load = start_load(workload, proxy.port, seconds, grace, folder, settings.load_cpu)
        stack.enter_context(_stopped(load))
        proxy_cpu, agent_cpu = _cpu(proxy.child), _cpu(agent)
        load.tell("go")
        loaded_pss = 0
        if workload.memory and proxy.child:
            time.sleep(seconds * 0.7)
            loaded_pss = pss_kb(proxy.child.pid)
        result = drive(load, seconds, grace)

        proxy_used, agent_used = _cpu(proxy.child) - proxy_cpu, _cpu(agent) - agent_cpu
        peak = peak_rss_kb(proxy.child.pid) if proxy.child else 0
        proxy_busy, drain_s, frames = proxy_used / result.elapsed_s, 0.0, None
        if proxy.child and proxy.recording:
            ended = proxy.child.stop(STOP_SECONDS)
            if ended.code != 0:
                complaint = proxy.child.complaint()
                raise MeasureError(f"{target.name} ended with {ended.code}{complaint}")
            drain_s = max(0, ended.at_ns - result.ended_ns) / 1e9
            proxy_used = max(proxy_used, ended.cpu_s - proxy_cpu - settings.stop_cpu_s)
            difference = differences(proxy.recording, result.totals)
            if difference is not None:
                raise MeasureError(difference)
            frames = sum(totals.frames for totals in result.totals.values())
        whole_s = result.elapsed_s + drain_s
        return Run(
            target=target.name,
            workload=workload.name,
            round=number,
            events=result.events,
            elapsed_s=result.elapsed_s,
            drain_s=drain_s,
            rate=result.events / result.elapsed_s,
            sustained=result.events / whole_s,
            payload_mb_s=result.payload_bytes / whole_s / 1e6,
            p50_us=result.p50_us,
            p99_us=result.p99_us,
            cpu_us=proxy_used * 1e6 / result.events,
            proxy_busy=proxy_busy,
            load_busy=(result.cpu_s + agent_used) / result.elapsed_s,
            peak_rss_kb=peak,
            base_pss_kb=base_pss,
            loaded_pss_kb=loaded_pss,
            frames_recorded=frames,
        )


def stop_cost(target: Target, settings: Settings, folder: Path) -> float:
    """Return the CPU seconds that stopping an idle recorder takes.

    A run's CPU time is read when the process has ended, because the recorder may still be writing;
    what any process needs to end is no cost of an event.
    """
    with contextlib.ExitStack() as stack:
        agent, agent_port = start_agent(folder, settings.load_cpu)
        stack.enter_context(_stopped(agent))
        proxy = target.start(agent_port, folder, settings.proxy_cpu)
        stack.enter_context(_stopped(proxy.child))
        if proxy.child is None or proxy.recording is None:
            return 0.0
        time.sleep(SETTLE_SECONDS)
        before_s = _cpu(proxy.child)
        return max(0.0, proxy.child.stop().cpu_s - before_s)


def _cpu(child: Child | None) -> float:
    return cpu_seconds(child.pid) if child else 0.0


@contextlib.contextmanager
def _stopped(child: Child | None) -> Iterator[None]:
    """Stop a child at the end, however that comes; what it says then no longer matters."""
    try:
        yield
    finally:
        if child is not None:
            with contextlib.suppress(MeasureError):
                child.stop()
