"""The proxy is killed at any instant: what a peer has received from it is in the recording."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
import signal
import sys
import time
from pathlib import Path

import pytest
from support.modes import recover, start_in
from support.numbered import Traffic, traffic
from support.promise import compare, intact
from support.proxying import wsrec
from support.raw import backend, conversation_with_process

LATEST = 1.0
"""Seconds before a kill from which on the frames of async may be missing; it promises 0.1."""


async def killed(mode: str, recording: Path, noise: random.Random) -> tuple[Traffic, int]:
    """Let peers talk, kill the proxy at some instant; return them, and when that was."""
    async with backend() as behind:
        proxy = start_in(mode, behind.url, recording)
        async with traffic(proxy.port, behind, seed=noise.randrange(1 << 30)) as flow:
            await asyncio.sleep(noise.uniform(0.2, 1.2))
            proxy.signal(signal.SIGKILL)
            kill_ns = time.monotonic_ns()
            await flow.ended()
            assert (await proxy.over())[0] == -signal.SIGKILL
    return flow, kill_ns


async def survive(mode: str, recording: Path, rounds: int) -> None:
    """Kill a proxy as often as asked for, and look at each recording."""
    seed = random.randrange(1 << 30)
    noise = random.Random(seed)
    frames = lost = 0
    windows = []
    for number in range(rounds):
        path = recording.with_name(f"{number}.db")
        flow, kill_ns = await killed(mode, path, noise)
        recover(mode, path)
        found = compare(path, flow.talks)
        intact(path)
        if mode == "async":
            late = kill_ns - int(LATEST * 1e9)
            assert [each for each in found.missing if each.arrival.at_ns < late] == []
        else:
            assert found.missing == [], f"round {number} of seed {seed}"
        frames += found.arrived
        lost += len(found.missing)
        windows.append(found.window_ms(kill_ns))
        path.unlink()
    print(
        f"\nkill -9, {mode}, {rounds} rounds, seed {seed}: {frames} frames arrived, {lost} of them"
        f" are not in the recording; the first of a round arrived at most"
        f" {max(windows):.0f} ms before the kill"
    )


@conversation_with_process
async def test_what_was_forwarded_is_recorded(mode: str, recording: Path) -> None:
    await survive(mode, recording, 3)


@pytest.mark.faults
@pytest.mark.timeout(600)
def test_what_was_forwarded_is_recorded_each_time(mode: str, recording: Path) -> None:
    asyncio.run(asyncio.wait_for(survive(mode, recording, 50), 580))


def contents(folder: Path) -> dict[str, str]:
    """Return every file below a folder, and what tells whether it was written to."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith("-shm")  # an index of the -wal
    }


@conversation_with_process
async def test_readers_see_it_before_it_is_recovered(safe: str, recording: Path) -> None:
    flow, _ = await killed(safe, recording, random.Random(1))
    before = contents(recording.parent)
    assert "intact" in intact(recording)
    shown = wsrec("sessions", str(recording), "--format", "json")
    assert shown.returncode == 0
    assert all(talk.target in shown.stdout for talk in flow.talks)
    assert contents(recording.parent) == before

    recover(safe, recording)
    assert compare(recording, flow.talks).missing == []
    assert "intact" in intact(recording)


@conversation_with_process
async def test_the_next_run_recovers_it(safe: str, recording: Path) -> None:
    first, _ = await killed(safe, recording, random.Random(2))
    second, _ = await killed(safe, recording, random.Random(3))
    recover(safe, recording)
    assert compare(recording, [*first.talks, *second.talks]).missing == []
    intact(recording)


@pytest.mark.faults
@conversation_with_process
async def test_recovering_twice_changes_nothing(safe: str, recording: Path) -> None:
    flow, _ = await killed(safe, recording, random.Random(4))
    recover(safe, recording)
    once = compare(recording, flow.talks)
    recover(safe, recording)
    assert compare(recording, flow.talks) == once


@pytest.mark.faults
@conversation_with_process
async def test_a_recovery_that_is_killed_is_done_again(safe: str, recording: Path) -> None:
    noise = random.Random(5)
    flow, _ = await killed(safe, recording, noise)
    for _ in range(3):
        recovery = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "wsrec", "recover", str(recording),
            stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        await asyncio.sleep(noise.uniform(0.1, 0.5))
        with contextlib.suppress(ProcessLookupError):
            recovery.kill()
        await recovery.wait()
    recover(safe, recording)
    assert compare(recording, flow.talks).missing == []
    intact(recording)
