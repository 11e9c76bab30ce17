"""There is no room for the recording any more, and then there is again."""

from __future__ import annotations

import contextlib
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.disks import tmpfs
from support.frames import KEY, wire
from support.modes import start_in
from support.numbered import Traffic
from support.promise import intact
from support.proxying import ProxyProcess
from support.raw import backend, conversation_with_process, open_session

from .failing import SETTINGS, fails_closed, goes_on, is_never_silent, opens_again

ROUNDS = 10


@contextlib.contextmanager
def no_file_may_grow(proxy: ProxyProcess) -> Iterator[None]:
    """Let every write of the process fail; what it has open stays open."""
    pid, kind = proxy.process.pid, resource.RLIMIT_FSIZE
    soft, hard = resource.prlimit(pid, kind)
    resource.prlimit(pid, kind, (0, hard))
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, kind, (soft, hard))


@conversation_with_process
async def test_nothing_is_forwarded_that_is_not_kept(safe: str, recording: Path) -> None:
    await fails_closed(safe, recording, no_file_may_grow)


@conversation_with_process
async def test_async_goes_on_and_says_what_it_lacks(recording: Path) -> None:
    await goes_on("async", recording, no_file_may_grow)


@conversation_with_process
async def test_the_others_do_so_when_told(safe: str, recording: Path) -> None:
    await goes_on(safe, recording, no_file_may_grow, "--on-recorder-failure", "forward")


@pytest.mark.faults
@conversation_with_process
async def test_async_ends_sessions_when_told(recording: Path) -> None:
    await fails_closed("async", recording, no_file_may_grow, "--on-recorder-failure", "close")


@pytest.mark.faults
@conversation_with_process
async def test_a_failure_that_stays(mode: str, recording: Path) -> None:
    await is_never_silent(mode, recording, no_file_may_grow)


@pytest.mark.faults
@conversation_with_process
async def test_a_full_file_system(safe: str, tmp_path: Path) -> None:
    with tmpfs(tmp_path / "disk", "96m") as disk:

        @contextlib.contextmanager
        def full(proxy: ProxyProcess) -> Iterator[None]:
            ballast = disk.fill()
            try:
                yield
            finally:
                ballast.unlink()

        await fails_closed(safe, disk.folder / "session.db", full)


@pytest.mark.faults
@conversation_with_process
async def test_again_and_again(safe: str, recording: Path) -> None:
    """Nothing is left of a failure that is over: no file that is open, no thread."""
    async with backend() as behind:
        proxy = start_in(safe, behind.url, recording, *SETTINGS)
        held = []
        for _ in range(ROUNDS):
            client, server = await open_session(proxy.port, behind)
            with no_file_may_grow(proxy):
                await client.send(wire(1, b"hello", mask=KEY))
                assert (await server.rest())[:1] == b"\x88"
                await client.rest()
                await client.close()
                await server.close()
            flow = Traffic(proxy.port, behind, seed=4)
            await opens_again(flow)
            await flow.arrived(1000)
            await flow.quiet()
            held.append((proxy.open_files(), threads(proxy)))
        proxy.signal(signal.SIGTERM)
        assert (await proxy.over())[0] == 3
    assert max(files for files, _ in held[2:]) <= held[1][0] + 2, held
    assert {count for _, count in held[1:]} == {held[1][1]}, held
    intact(recording)


def threads(proxy: ProxyProcess) -> int:
    return len(list(Path(f"/proc/{proxy.process.pid}/task").iterdir()))
