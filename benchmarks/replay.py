"""How exact `wsrec replay --pacing recorded` is, and what it holds in memory.

`python benchmarks/replay.py` records sessions with an echo server in a process of its own, replays
them to it, and prints, for 25 and for 100 sessions at once, how late messages were sent (p50, p99,
the latest); then, for recordings of 20 and of 100 MiB, the most memory that a replay ever had and
how long it took. `--seconds` says how long the paced sessions last, `--quick` makes it all small.
A session that differs ends it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

PER_SECOND = 20  # messages of each paced session
SIZE = 8 << 10  # characters of each message of a large recording
TOGETHER = 8  # sessions of a large recording

Talk = Callable[[ClientConnection], Awaitable[None]]


async def _echo(connection: ServerConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        async for message in connection:
            await connection.send(message)


async def _serve() -> None:
    async with serve(_echo, "127.0.0.1", 0, compression=None, max_size=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


def paced(seconds: float) -> Talk:
    """Return a talk of so many messages a second, spread at random."""

    async def talk(connection: ClientConnection) -> None:
        for number in range(round(seconds * PER_SECOND)):
            await connection.send(json.dumps({"type": "tick", "n": number}))
            await connection.recv()
            await asyncio.sleep(random.uniform(0.5, 1.5) / PER_SECOND)

    return talk


def large(megabytes: int) -> Talk:
    """Return a talk that, in as many sessions as there are, has messages of so many MiB."""

    async def talk(connection: ClientConnection) -> None:
        for number in range((megabytes << 20) // (2 * SIZE * TOGETHER)):
            await connection.send(json.dumps({"type": "chunk", "n": number, "text": "x" * SIZE}))
            await connection.recv()

    return talk


async def _record(port: int, path: Path, sessions: int, talk: Talk) -> None:
    words = ("proxy", f"ws://127.0.0.1:{port}", "-l", "127.0.0.1:0", "-o", str(path))
    proxy = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "wsrec", *words, "--format", "json", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert proxy.stdout is not None
        url = json.loads(await proxy.stdout.readline())["url"]

        async def session() -> None:
            async with connect(url, compression=None, max_size=None) as connection:
                await talk(connection)

        await asyncio.gather(*(session() for _ in range(sessions)))
    finally:
        proxy.terminate()
        await asyncio.wait_for(proxy.wait(), 60)


class Replay(NamedTuple):
    """What came of a replay."""

    report: dict[str, Any]
    seconds: float
    cpu: float
    """Seconds."""
    memory: int
    """The most bytes that the process ever held."""


def _replay(port: int, path: Path, *words: str) -> Replay:
    command = (sys.executable, "-m", "wsrec", "replay", str(path), *words)
    report = path.with_suffix(".json")
    began = time.monotonic()
    process = subprocess.Popen(
        (*command, "--to", f"ws://127.0.0.1:{port}", "--format", "json", "--report", str(report))
    )
    _, status, usage = os.wait4(process.pid, 0)
    took = time.monotonic() - began
    assert os.waitstatus_to_exitcode(status) in (0, 1), "not played"
    cpu = usage.ru_utime + usage.ru_stime
    return Replay(json.loads(report.read_text()), took, cpu, usage.ru_maxrss << 10)


def _lateness(port: int, folder: Path, seconds: float) -> None:
    print(f"{'sessions':>8} {'messages':>8} {'p50 ms':>7} {'p99 ms':>7} {'max ms':>7} {'CPU s':>6}")
    for sessions in (25, 100):
        path = folder / f"{sessions}.db"
        asyncio.run(_record(port, path, sessions, paced(seconds)))
        replay = _replay(port, path, "--pacing", "recorded")
        _must_match(replay)
        late = replay.report["lateness"]
        p50, p99, most = (late[name] / 1e6 for name in ("p50_ns", "p99_ns", "max_ns"))
        print(
            f"{sessions:8} {late['count']:8} {p50:7.2f} {p99:7.2f} {most:7.2f} {replay.cpu:6.2f}",
            flush=True,
        )


def _memory(port: int, folder: Path, sizes: Sequence[int]) -> None:
    print(f"\n{'recording MiB':>13} {'peak MiB':>8} {'s':>6} {'CPU s':>6}")
    for size in sizes:
        path = folder / f"{size}mb.db"
        asyncio.run(_record(port, path, TOGETHER, large(size)))
        replay = _replay(port, path)
        _must_match(replay)
        held, memory = (each / (1 << 20) for each in (path.stat().st_size, replay.memory))
        print(
            f"{held:13.0f} {memory:8.0f} {replay.seconds:6.1f} {replay.cpu:6.1f}",
            flush=True,
        )
        path.unlink()


def _must_match(replay: Replay) -> None:
    wrong = [each["id"] for each in replay.report["sessions"] if each["differences"]]
    assert not wrong, f"sessions differ: {wrong}"


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(_serve())
        return
    server = subprocess.Popen((sys.executable, __file__, "--serve"), stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        with tempfile.TemporaryDirectory() as folder:
            _lateness(port, Path(folder), 1.0 if options.quick else options.seconds)
            _memory(port, Path(folder), (1, 4) if options.quick else (20, 100))
    finally:
        server.terminate()
        server.wait(10)


if __name__ == "__main__":
    main()
