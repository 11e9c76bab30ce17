"""Full rate for as long as one likes: memory stays flat, and all of it is recorded."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from support.frames import KEY, wire
from support.modes import start_in
from support.promise import intact
from support.proxying import ProxyProcess
from support.raw import Peer, backend, conversation_with_process, open_session

SESSIONS = 8
GROWTH = 96 << 20
"""Bytes of memory more than at the beginning: backlogs, a cache of pages, nothing that goes on."""
MINUTES = float(os.environ.get("WSREC_SOAK_MINUTES", "3"))
BUDGET = 8 << 30
"""Bytes of recording; a faster machine stops earlier."""


def memory(proxy: ProxyProcess) -> int:
    pages = Path(f"/proc/{proxy.process.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def hundred(mask: bytes | None) -> bytes:
    """Return a hundred messages of an agent's size."""
    return b"".join(
        wire(1, f"{number:02d} ".encode() + b"x" * (number * 7 % 600), mask=mask)
        for number in range(100)
    )


class Flood:
    """One direction: sends without a pause, counts what comes out."""

    def __init__(self, sender: Peer, far_end: Peer, mask: bytes | None) -> None:
        self.messages = self.received = self._sent = 0
        self.going = True
        self.arrived = asyncio.Event()
        self._data = hundred(mask)
        self.sending = asyncio.ensure_future(self._send(sender))
        self.receiving = asyncio.ensure_future(self._receive(far_end))

    async def all_there(self) -> None:
        """Wait for what is under way."""
        await self.sending
        while self.received < self._sent:
            self.arrived.clear()
            await self.arrived.wait()

    async def _send(self, peer: Peer) -> None:
        while self.going:
            await peer.send(self._data)
            self.messages += 100
            self._sent += len(self._data)
            await asyncio.sleep(0)  # a buffer with room does not let the others come in

    async def _receive(self, peer: Peer) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await peer.some():
                self.received += len(data)
                self.arrived.set()
        await peer.close()


async def soak(mode: str, recording: Path, seconds: float) -> None:
    """Stream both ways, look at the memory; then count."""
    async with backend() as behind:
        proxy = start_in(mode, behind.url, recording, "--close-timeout", "500ms")
        floods = []
        for _ in range(SESSIONS):
            client, server = await open_session(proxy.port, behind)
            floods += [Flood(client, server, KEY), Flood(server, client, None)]
        begun = time.monotonic()
        sizes = []
        while time.monotonic() - begun < seconds and size(recording) < BUDGET:
            await asyncio.sleep(min(1.0, seconds / 10))
            sizes.append(memory(proxy))
        for flood in floods:
            flood.going = False
        for flood in floods:
            await flood.all_there()
        took = time.monotonic() - begun
        proxy.signal(signal.SIGTERM)
        await asyncio.gather(*(flood.receiving for flood in floods))
        assert await proxy.over() == (0, "")

    settled = sizes[len(sizes) // 5]
    messages = sum(flood.messages for flood in floods)
    received = sum(flood.received for flood in floods)
    print(
        f"\nsoak, {mode}: {took:.0f} s, {messages / took:.0f} messages a second,"
        f" {received / took / 1e6:.0f} MB a second, memory {settled >> 20} MB after a fifth of the"
        f" time, {max(sizes) >> 20} MB at most, {size(recording) >> 20} MB of recording"
    )
    assert max(sizes) - settled < GROWTH
    with closing(sqlite3.connect(recording)) as connection:
        (counted,) = connection.execute(
            "SELECT sum(client_frames + server_frames) FROM sessions WHERE clean"
        ).fetchone()
        (rows,) = connection.execute(
            "SELECT count(*) FROM frames WHERE coalesce(anomalies, '') NOT LIKE '%synthetic%'"
        ).fetchone()
    assert counted == rows == messages
    intact(recording)
    recording.unlink()  # noqa: ASYNC240


def size(recording: Path) -> int:
    """Return how large it is, with all that lies beside it."""
    return sum(path.stat().st_size for path in recording.parent.rglob("*") if path.is_file())


@pytest.mark.faults
@conversation_with_process
async def test_at_full_rate(mode: str, recording: Path) -> None:
    await soak(mode, recording, 1.0)


@pytest.mark.faults
@pytest.mark.timeout(60 + 180 * MINUTES)
def test_at_full_rate_for_minutes(mode: str, recording: Path) -> None:
    asyncio.run(soak(mode, recording, 60 * MINUTES))
