"""Others want to write the same file: a second recorder, and somebody with a SQLite tool."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.modes import start_in
from support.numbered import traffic
from support.promise import compare, intact
from support.proxying import ProxyProcess, wsrec
from support.raw import backend, conversation_with_process

from .failing import fails_closed, goes_on

HELD = 2.0
"""Seconds; SQLite's own patience is five."""


@pytest.mark.faults
@conversation_with_process
async def test_a_second_recorder_is_refused_and_the_first_goes_on(
    mode: str, recording: Path
) -> None:
    async with backend() as behind:
        proxy = start_in(mode, behind.url, recording, "--close-timeout", "500ms")
        async with traffic(proxy.port, behind, seed=5) as flow:
            await flow.arrived(10_000)
            second = await asyncio.to_thread(
                wsrec, "proxy", behind.url, "-l", "127.0.0.1:0", "-o", str(recording)
            )
            assert (second.returncode, second.stdout) == (3, "")
            assert second.stderr.count("\n") == 1
            assert str(proxy.process.pid) in second.stderr
            if mode != "async":
                recovery = await asyncio.to_thread(wsrec, "recover", str(recording))
                assert recovery.returncode == 3
                assert recovery.stderr.count("\n") == 1
            await flow.arrived(10_000)
            await flow.quiet()
            proxy.signal(signal.SIGTERM)
            await flow.ended()
        assert await proxy.over() == (0, "")
    found = compare(recording, flow.talks)
    assert (found.missing, found.recorded) == ([], found.arrived)
    intact(recording)


@pytest.mark.faults
@conversation_with_process
async def test_somebody_holds_a_transaction_for_a_while(mode: str, recording: Path) -> None:
    async with backend() as behind:
        proxy = start_in(mode, behind.url, recording, "--close-timeout", "500ms")
        async with traffic(proxy.port, behind, seed=6) as flow:
            await flow.arrived(10_000)
            with closing(sqlite3.connect(recording, isolation_level=None)) as other:
                other.execute("BEGIN EXCLUSIVE")
                await asyncio.sleep(HELD)
                other.execute("ROLLBACK")
            await flow.arrived(10_000)
            await flow.quiet()
            proxy.signal(signal.SIGTERM)
            await flow.ended()
        assert await proxy.over() == (0, "")
    found = compare(recording, flow.talks)
    assert (found.missing, found.recorded) == ([], found.arrived)
    intact(recording)


@contextlib.contextmanager
def locked(proxy: ProxyProcess) -> Iterator[None]:
    """Let nobody else write, for as long as it takes."""
    with closing(sqlite3.connect(proxy.recording, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@pytest.mark.faults
@conversation_with_process
async def test_somebody_holds_a_transaction_for_longer_than_that(
    safe: str, recording: Path
) -> None:
    await fails_closed(safe, recording, locked)


@pytest.mark.faults
@conversation_with_process
async def test_nobody_waits_who_is_told_to_go_on(mode: str, recording: Path) -> None:
    await goes_on(mode, recording, locked, "--on-recorder-failure", "forward")
