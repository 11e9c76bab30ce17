"""Compare `wsrec validate` with plain loops over the same recording: `validate.py --help`.

It makes a recording of agents' sessions with the real recorder, and reads it in turn with

- `oneOf`: sqlite3, json.loads, and jsonschema with the union of the five events' schemas;
- `dispatch`: the same, but with the schema of the event's type alone;
- wsrec with one job, and with two: the hash chain verified, events paired, ordered and timed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PACK = ROOT / "schemas" / "packs" / "agent-events"
TYPES = ("agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed")
RUN_EVENTS = 8
WORDS = ("the agent", "reads a page", "and finds", "that some items", "were sent late")


class Measured(NamedTuple):
    """One way to go through the events, measured once."""

    name: str
    events: int
    seconds: float
    cpu_seconds: float
    peak_mb: float


def frame(data: bytes, opcode: int = 1, *, masked: bool = False) -> bytes:
    """Return one WebSocket frame; its mask is zero, which is allowed and costs nothing to make."""
    size = len(data)
    bit = 0x80 if masked else 0
    head = (
        bytes([0x80 | opcode, bit | size])
        if size < 126
        else struct.pack(">BBH", 0x80 | opcode, bit | 126, size)
    )
    return head + (bytes(4) if masked else b"") + data


def run_of(number: int, session: int, chance: random.Random) -> Iterator[tuple[str, Any]]:
    """Yield what is said in one run of an agent: who says it, and what."""

    def text(words: int) -> str:
        return " ".join(chance.choices(WORDS, k=words))

    own = {
        "run_id": f"run_{number:08x}",
        "user_id": f"user-{session}",
        "thread_id": f"thread-{session}",
        "timestamp": 1_763_800_000 + number / 10,
    }
    call = {"tool_name": "search", "execution_id": f"call_{number:x}"}
    found = [{"id": n, "title": text(4), "score": chance.random()} for n in range(3)]
    yield "client", {"type": "user_message", "user_id": own["user_id"], "text": text(12)}
    yield "server", {"type": "agent_started", **own, "agent_name": "planner"}
    yield "server", {"type": "agent_thinking", **own, "thought": text(25), "step": 1}
    yield "server", {"type": "agent_thinking", **own, "thought": text(25), "step": 2}
    yield "server", {"type": "tool_executing", **own, **call, "arguments": {"query": text(5)}}
    yield "server", {"type": "tool_completed", **own, **call, "result": {"items": found}}
    yield "server", {"type": "agent_thinking", **own, "thought": text(25), "step": 3}
    yield "server", {"type": "agent_completed", **own, "result": text(20), "usage": {"tokens": 965}}


def make(path: Path, events: int, sessions: int) -> None:
    """Record `events` events in `sessions` sessions that take turns."""
    from wsrec.store.recorder import Recorder

    chance = random.Random(1)
    recorder = Recorder(path)
    try:
        taps = []
        for number in range(sessions):
            tap = recorder.session("192.0.2.1:4711", f"/ws?user={number}", [("Host", "example")])
            tap.answered(101, [("Upgrade", "websocket")], None, None)
            taps.append((tap, {"client": tap.stream("client"), "server": tap.stream("server")}))
        for number in range(events // RUN_EVENTS):
            session = number % sessions
            for sender, value in run_of(number, session, chance):
                data = frame(json.dumps(value).encode(), masked=sender == "client")
                now = time.monotonic_ns()
                taps[session][1][sender](now, now + 1000, data)
            while recorder.backlog.is_full():
                time.sleep(0.001)
        for tap, streams in taps:
            now = time.monotonic_ns()
            streams["client"](now, now + 1000, frame(struct.pack(">H", 1000), 8, masked=True))
            tap.ended()
    finally:
        recorder.close()
    if recorder.failure is not None:
        raise recorder.failure


def plain(path: Path, events: int, *, union: bool) -> int:
    """Go through the first events as one would without wsrec; return how many do not match."""
    from jsonschema import Draft202012Validator
    from referencing import Registry, Resource

    registry: Registry[Any] = Registry().with_resources(
        (file.name, Resource.from_contents(json.loads(file.read_text())))
        for file in PACK.glob("*.schema.json")
    )
    alternatives = {
        name: {
            "properties": {"type": {"const": name}},
            "required": ["type"],
            "allOf": [{"$ref": f"{name}.schema.json"}],
        }
        for name in TYPES
    }
    whole = Draft202012Validator({"oneOf": list(alternatives.values())}, registry=registry)
    each = {
        name: Draft202012Validator(schema, registry=registry)
        for name, schema in alternatives.items()
    }
    rows = sqlite3.connect(f"file:{path}?mode=ro", uri=True).execute(
        "SELECT sender, data FROM messages LIMIT ?", (events,)
    )
    wrong = 0
    for sender, data in rows:
        event = json.loads(data)
        if sender == "server":
            wrong += not (whole if union else each[event["type"]]).is_valid(event)
    return wrong


def measured(name: str, events: int, command: Sequence[str]) -> Measured:
    """Return what a command took, with all its processes; raises RuntimeError if it failed."""
    from benchmarks.usage import pss_kb

    begun = time.monotonic()
    # As a user has it: what was compiled once is kept, and not compiled again by each process.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    )
    peak = 0
    over = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(1):  # more often, it would take a tenth of one of the two cores
            peak = max(peak, pss_kb(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    finally:
        over.set()
        watcher.join()
    seconds = time.monotonic() - begun
    if process.returncode != 0:
        raise RuntimeError(f"{name} ended with {process.returncode}: {said[-300:]}")
    return Measured(name, events, seconds, usage.ru_utime + usage.ru_stime, peak / 1024)


def ways(path: Path, events: int, plain_events: int) -> dict[str, Callable[[], Measured]]:
    """Return the ways to go through a recording, by name."""
    some = min(events, plain_events)
    script = [sys.executable, str(Path(__file__).resolve()), "--plain"]
    wsrec = [sys.executable, "-m", "wsrec", "validate", str(path), "-o", os.devnull, "--jobs"]

    def way(name: str, number: int, command: list[str]) -> Callable[[], Measured]:
        return lambda: measured(name, number, command)

    return {
        "oneOf": way("oneOf", some, [*script, "oneOf", str(path), str(some)]),
        "dispatch": way("dispatch", some, [*script, "dispatch", str(path), str(some)]),
        "wsrec --jobs 1": way("wsrec --jobs 1", events, [*wsrec, "1"]),
        "wsrec --jobs 2": way("wsrec --jobs 2", events, [*wsrec, "2"]),
    }


def table(runs: list[Measured]) -> str:
    """Return the medians of the runs as a table."""
    names = list(dict.fromkeys(run.name for run in runs))
    rates = {
        name: statistics.median(run.events / run.seconds for run in runs if run.name == name)
        for name in names
    }
    lines = [
        "| | events | events/s | × oneOf | × dispatch | CPU µs an event | peak MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in names:
        own = [run for run in runs if run.name == name]
        cpu = statistics.median(run.cpu_seconds / run.events * 1e6 for run in own)
        lines.append(
            f"| {name} | {own[0].events:,} | {rates[name]:,.0f} | "
            f"{rates[name] / rates['oneOf']:.1f} | {rates[name] / rates['dispatch']:.1f} | "
            f"{cpu:.1f} | {max(run.peak_mb for run in own):.0f} |"
        )
    return "\n".join(lines)


def main() -> int:
    """Make the recordings, go through them in turn, and print a table for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", default="100000,1000000", help="of the recordings made")
    parser.add_argument("--sessions", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plain-events", type=int, default=50_000, help="plain loops stop there")
    parser.add_argument("--work", type=Path, help="where recordings are made, and deleted again")
    parser.add_argument("--plain", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.plain:
        way, path, number = options.plain
        return int(plain(Path(path), int(number), union=way == "oneOf") > 0)
    for text in options.events.split(","):
        events = int(text) // RUN_EVENTS * RUN_EVENTS
        with tempfile.TemporaryDirectory(dir=options.work) as folder:
            path = Path(folder) / "session.db"
            make(path, events, options.sessions)
            print(f"\n{events:,} events, {path.stat().st_size / 1e6:.0f} MB", flush=True)
            runs = []
            for _ in range(options.rounds):
                for go in ways(path, events, options.plain_events).values():
                    runs.append(go())
                    print(f"{runs[-1]}", file=sys.stderr, flush=True)
            print(table(runs), flush=True)
    return 0


if __name__ == "__main__":
    sys.path[0] = str(ROOT)
    sys.exit(main())
