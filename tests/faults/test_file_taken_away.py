"""Somebody deletes the recording, or gives it another name, while it is being written."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.modes import start_in
from support.numbered import traffic
from support.proxying import ProxyProcess
from support.raw import backend, conversation_with_process

from .failing import fails_closed


@contextlib.contextmanager
def renamed(proxy: ProxyProcess) -> Iterator[None]:
    """Give it another name, and later its own again."""
    away = proxy.recording.with_suffix(".away")
    proxy.recording.rename(away)
    try:
        yield
    finally:
        away.rename(proxy.recording)


@contextlib.contextmanager
def deleted(proxy: ProxyProcess) -> Iterator[None]:
    proxy.recording.unlink()
    yield


@conversation_with_process
async def test_a_file_that_comes_back(safe: str, recording: Path) -> None:
    await fails_closed(safe, recording, renamed)


@pytest.mark.faults
@conversation_with_process
async def test_a_file_that_does_not(safe: str, recording: Path) -> None:
    await fails_closed(safe, recording, deleted, returns=False)


@pytest.mark.faults
@conversation_with_process
async def test_it_is_said_at_the_end_at_the_latest(mode: str, recording: Path) -> None:
    async with backend() as behind:
        proxy = start_in(mode, behind.url, recording, "--close-timeout", "500ms")
        async with traffic(proxy.port, behind, seed=7) as flow:
            await flow.arrived(10_000)
            await asyncio.to_thread(recording.unlink)
            proxy.process.terminate()
            status, errors = await proxy.over()
    assert status == 3
    assert f"{recording}: " in errors
    assert "taken away" in errors
