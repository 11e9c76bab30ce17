"""The power fails: what was not synced is lost, and in one mode nothing was forwarded before."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from support.disks import ext4
from support.modes import recover, start_in
from support.numbered import Traffic, traffic
from support.promise import compare, intact
from support.raw import backend, conversation_with_process

CONTROL = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode = WAL")
connection.execute("PRAGMA synchronous = NORMAL")
connection.execute("CREATE TABLE rows (n)")
connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
n = 0
while True:
    n += 1
    connection.execute("INSERT INTO rows VALUES (?)", (n,))
    print(n, flush=True)
"""
"""A writer that believes in a commit which was not synced: the fault must be seen to be one."""


async def cut(mode: str, folder: Path, noise: random.Random) -> tuple[Traffic, int, int]:
    """Let peers talk, cut the power at some instant; return them, what is missing, and the time."""
    with ext4(folder, 256) as disk:
        recording = disk.folder / "session.db"
        async with backend() as behind:
            proxy = start_in(mode, behind.url, recording)
            async with traffic(proxy.port, behind, seed=noise.randrange(1 << 30)) as flow:
                await asyncio.sleep(noise.uniform(0.2, 1.2))
                cut_ns = time.monotonic_ns()
                disk.cut_power()
                proxy.process.kill()  # it shares the machine's fate
                await flow.ended()
                await proxy.over()
        disk.mount_again()
        recover(mode, recording)
        found = compare(recording, flow.talks)
        intact(recording)
        # The proxy outlives this cut by some milliseconds, in which a sync may still say yes: what
        # arrives then could not have been sent by a machine without power.
        lost = [each for each in found.missing if each.arrival.at_ns < cut_ns]
        if mode == "power":
            assert lost == []
        print(
            f"\npower cut, {mode}: {found.arrived} frames arrived,"
            f" {len(lost)} are missing,"
            f" the first of them from {found.window_ms(cut_ns):.0f} ms before the cut"
        )
    return flow, found.arrived, len(lost)


@conversation_with_process
async def test_power_loses_nothing(tmp_path: Path) -> None:
    await cut("power", tmp_path / "disk", random.Random(8))


def control(folder: Path) -> int:
    """Return how many rows a writer that does not sync has lost of those it had spoken of."""
    with ext4(folder, 256) as disk:
        path = disk.folder / "control.db"
        command = [sys.executable, "-c", CONTROL, str(path)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as writer:
            assert writer.stdout is not None
            for _ in range(500):
                acknowledged = int(writer.stdout.readline())
            disk.cut_power()
            writer.kill()
        disk.mount_again()
        with closing(sqlite3.connect(path)) as connection:
            (kept,) = connection.execute("SELECT coalesce(max(n), 0) FROM rows").fetchone()
    return acknowledged - int(kept)


def test_a_writer_that_does_not_sync_loses_something(tmp_path: Path) -> None:
    assert control(tmp_path / "disk") > 0


@pytest.mark.faults
@pytest.mark.timeout(600)
def test_power_loses_nothing_each_time(mode: str, tmp_path: Path) -> None:
    if mode == "process":
        pytest.skip("promises nothing of power cuts")
    seed = random.randrange(1 << 30)
    noise = random.Random(seed)
    lost = frames = 0
    for number in range(15):
        _, arrived, missing = asyncio.run(
            asyncio.wait_for(cut(mode, tmp_path / f"{number}", noise), 30)
        )
        frames += arrived
        lost += missing
    print(f"\n15 power cuts, {mode}, seed {seed}: {frames} frames arrived, {lost} are missing")
