"""Bytes that wait for the disk: nothing overtakes them, and nothing is lost behind them."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.proxying import in_process, recorded, sessions
from support.raw import backend, conversation, open_session
from wsrec.judge.verify import verify
from wsrec.proxy.options import Options
from wsrec.store.durability import Durability
from wsrec.store.reader import Recording

HELLO = b"\x81\x05hello"
MASKED_HELLO = b"\x81\x85\0\0\0\0hello"
LARGE = b"\x82\xfe\xff\xff\0\0\0\0" + bytes(0xFFFF)
POWER = Options(durability=Durability.POWER, close_timeout=0.5)


class Disk:
    """A disk that syncs only when it is told to, or answers with an error."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.going = threading.Event()
        self.going.set()
        self.broken = False

    def sync(self, fd: int) -> None:
        self.asked.set()
        assert self.going.wait(30)
        if self.broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        os.fsync(fd)

    def stands(self) -> None:
        """Sync nothing from now on."""
        self.going.clear()
        self.asked.clear()

    async def is_asked(self) -> None:
        """Wait until somebody waits for it."""
        assert await asyncio.to_thread(self.asked.wait, 10)
        await asyncio.sleep(0.05)  # what came behind is held too


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """Return the disk that the spool lies on."""
    disk = Disk()
    monkeypatch.setattr("wsrec.store.spool._sync", disk.sync)
    yield disk
    disk.broken = False
    disk.going.set()


async def eventually(what: object) -> None:
    assert callable(what)
    for _ in range(500):
        if what():
            return
        await asyncio.sleep(0.02)
    pytest.fail("it did not come to pass")


def faults() -> list[object]:
    """Return what the event loop is told of from now on."""
    found: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: found.append(context))
    return found


@pytest.mark.parametrize("how", ["close", "reset"])
@conversation
async def test_both_peers_leave_while_their_bytes_are_held(
    recording: Path, disk: Disk, how: str
) -> None:
    found = faults()
    async with backend() as behind, in_process(behind.url, recording, POWER) as proxy:
        client, server = await open_session(proxy.port, behind)
        disk.stands()
        await client.send(MASKED_HELLO)
        await disk.is_asked()
        await server.send(HELLO)
        for peer in (client, server):
            if how == "reset":
                peer.reset()
            else:
                await peer.close()
        await asyncio.sleep(0.05)
        disk.going.set()
        await eventually(lambda: not proxy.sessions)
    assert [each.clean for each in sessions(recording)] == [True]
    assert recorded(recording) == {"client": ["hello"], "server": ["hello"]}
    assert found == []


@conversation
async def test_both_peers_end_their_streams_while_their_bytes_are_held(
    recording: Path, disk: Disk
) -> None:
    async with backend() as behind, in_process(behind.url, recording, POWER) as proxy:
        client, server = await open_session(proxy.port, behind)
        disk.stands()
        await client.send(MASKED_HELLO)
        await server.send(HELLO)
        client.half_close()
        server.half_close()
        await disk.is_asked()
        disk.going.set()
        assert await client.rest() == HELLO
        assert await server.rest() == MASKED_HELLO
        await eventually(lambda: not proxy.sessions)
    assert [each.clean for each in sessions(recording)] == [True]


@conversation
async def test_the_proxy_ends_while_bytes_are_held(recording: Path, disk: Disk) -> None:
    """The disk comes back in time: they are there before the Close frame."""
    async with backend() as behind:
        async with in_process(behind.url, recording, POWER) as proxy:
            client, server = await open_session(proxy.port, behind)
            disk.stands()
            await client.send(MASKED_HELLO)
            await disk.is_asked()
            asyncio.get_running_loop().call_later(0.2, disk.going.set)
        data = await server.rest()
        assert data.startswith(MASKED_HELLO + b"\x88")
        assert (await client.rest())[:1] == b"\x88"
    (session,) = sessions(recording)
    assert (session.clean, session.closed_by) == (True, "proxy")


@conversation
async def test_the_disk_stands_for_longer_than_the_proxy_waits(recording: Path, disk: Disk) -> None:
    """What could not be forwarded is recorded as that; the session has its end."""
    async with backend() as behind:
        async with in_process(behind.url, recording, POWER) as proxy:
            client, server = await open_session(proxy.port, behind)
            disk.stands()
            await client.send(MASKED_HELLO)
            await disk.is_asked()
            asyncio.get_running_loop().call_later(2.5, disk.going.set)
        assert await server.rest() == b""
    (session,) = sessions(recording)
    assert session.clean
    with Recording.open(recording) as opened:
        (frame,) = opened.frames(1)
    assert (frame.payload, frame.forwarded_ns) == (b"hello", None)
    assert not recording.with_name(recording.name + "-spool").exists()


@pytest.mark.parametrize("data", [LARGE, b"\x82\x80\0\0\0\0"], ids=["large", "tiny"])
@conversation
async def test_a_fast_sender_is_paused_while_the_disk_stands(
    recording: Path, disk: Disk, data: bytes
) -> None:
    options = replace(POWER, buffer=256 << 10)
    async with backend() as behind, in_process(behind.url, recording, options) as proxy:
        client, server = await open_session(proxy.port, behind)
        disk.stands()
        whole = data * ((10 << 20) // len(data))
        await client.stalls(whole)
        (current,) = proxy._recordings._all()
        assert current.recorder.backlog.held < 5 << 20
        disk.going.set()
        got = 0
        while got < len(whole):
            got += len(await server.some())
        await client.close()
        await server.close()
        await eventually(lambda: not proxy.sessions)
    (session,) = sessions(recording)
    assert session.client_frames == len(whole) // len(data)


@conversation
async def test_a_sync_that_fails_keeps_nothing_from_those_who_said_forward(
    recording: Path, disk: Disk
) -> None:
    options = Options(durability=Durability.POWER, goes_on=True, close_timeout=0.5)
    async with backend() as behind, in_process(behind.url, recording, options) as proxy:
        client, server = await open_session(proxy.port, behind)
        for broken in (False, True, False):
            disk.broken = broken
            for _ in range(5):
                await client.send(MASKED_HELLO)
                assert await server.exactly(len(MASKED_HELLO)) == MASKED_HELLO
                await server.send(HELLO)
                assert await client.exactly(len(HELLO)) == HELLO
        await client.close()
        assert await server.rest() == b""
        await server.close()
        await eventually(lambda: not proxy.sessions)
    assert recorded(recording) == {"client": ["hello"] * 15, "server": ["hello"] * 15}
    assert proxy.failure is not None
    assert verify([recording], io.StringIO(), "text") == 0


@conversation
async def test_nothing_of_a_failed_sync_is_forwarded(recording: Path, disk: Disk) -> None:
    async with backend() as behind, in_process(behind.url, recording, POWER) as proxy:
        client, server = await open_session(proxy.port, behind)
        disk.broken = True
        await client.send(MASKED_HELLO)
        close = b"\x03\xf3the recording failed"  # 1011
        assert (await server.rest()).startswith(b"\x88")
        assert await client.rest() == b"\x88" + bytes([len(close)]) + close
        disk.broken = False
    assert recorded(recording)["client"] == []
