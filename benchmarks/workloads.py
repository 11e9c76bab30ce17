"""What the load does, and what is counted as one event of it."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["WORKLOADS", "Workload"]


@dataclass(frozen=True, slots=True)
class Workload:
    """One way to load a proxy; `options` are those of native/load.c."""

    name: str
    about: str
    mode: str
    events: str
    """What is counted, for the headings."""
    options: dict[str, int] = field(default_factory=dict)
    latency: bool = True
    """Whether an event's age says something: in a flood it is the depth of the buffers."""
    memory: bool = False
    """Measure memory instead of speed."""

    @property
    def connections(self) -> int:
        """How many connections are open at once."""
        return self.options.get("connections", 1) + self.options.get("idle", 0)

    def arguments(self, port: int, seconds: float, grace: float) -> list[str]:
        """Return the command line of the load, without its program."""
        options = {**self.options, "seconds": seconds, "grace": grace, "wait": 1}
        return [str(port), self.mode, *(f"{name}={value}" for name, value in options.items())]


_ALL = (
    Workload(
        "pingpong1",
        "1 connection, 200 B text there and back, one at a time",
        "echo",
        "round trips",
        {"connections": 1, "size": 200},
    ),
    Workload(
        "pingpong100",
        "100 connections, each 200 B text there and back, one at a time",
        "echo",
        "round trips",
        {"connections": 100, "size": 200},
    ),
    Workload(
        "stream25",
        "25 sessions: a request, then 40 events of 300 B, one send() each; again",
        "stream",
        "events",
        {"connections": 25, "count": 40, "size": 300},
    ),
    Workload(
        "stream100",
        "100 sessions: a request, then 40 events of 300 B, one send() each; again",
        "stream",
        "events",
        {"connections": 100, "count": 40, "size": 300},
    ),
    Workload(
        "paced100",
        "100 sessions, 20 events of 300 B a second each, evenly spread",
        "paced",
        "events",
        {"connections": 100, "rate": 20, "size": 300},
    ),
    Workload(
        "flood_up",
        "1 connection, 100 B frames from the client as fast as they go",
        "sink",
        "frames",
        {"connections": 1, "size": 100},
        latency=False,
    ),
    Workload(
        "flood_down",
        "1 connection, 100 B frames from the agent as fast as they go",
        "flood",
        "frames",
        {"connections": 1, "size": 100},
        latency=False,
    ),
    Workload(
        "echo1m",
        "1 connection, 1 MiB binary there and back, 2 under way",
        "echo",
        "2 MiB round trips",
        {"connections": 1, "size": 1 << 20, "flight": 2, "binary": 1},
    ),
    Workload(
        "idle",
        "memory with 1000 idle connections and 100 that get 20 events of 300 B a second",
        "paced",
        "events",
        {"connections": 100, "idle": 1000, "rate": 20, "size": 300},
        memory=True,
    ),
)

WORKLOADS = {workload.name: workload for workload in _ALL}
