"""There is no room for the recording any more, and then there is again."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from pathlib import Path

from support.disks import tmpfs
from support.proxying import ProxyProcess
from support.raw import conversation_with_process

from .failing import fails_closed, goes_on, is_never_silent


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


@conversation_with_process
async def test_async_ends_sessions_when_told(recording: Path) -> None:
    await fails_closed("async", recording, no_file_may_grow, "--on-recorder-failure", "close")


@conversation_with_process
async def test_a_failure_that_stays(mode: str, recording: Path) -> None:
    await is_never_silent(mode, recording, no_file_may_grow)


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
