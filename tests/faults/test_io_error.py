"""The disk answers every write and every sync with EIO, for a while."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.proxying import ProxyProcess
from support.raw import conversation_with_process

from .failing import Fault, fails_closed, goes_on, is_never_silent

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="no strace")
WRITES = "write,pwrite64,writev,pwritev"
SYNCS = "fsync,fdatasync"


def io_error(calls: str) -> Fault:
    """Let these calls fail on whatever is beside the recording; sockets go on."""

    @contextlib.contextmanager
    def fault(proxy: ProxyProcess) -> Iterator[None]:
        folder = proxy.recording.parent
        paths = [
            argument for path in (folder, *folder.rglob("*")) for argument in ("-P", str(path))
        ]
        command = ["strace", "-f", "-p", str(proxy.process.pid), *paths]
        command += ["-e", f"trace={calls}", "-e", f"inject={calls}:error=EIO", "-o", "/dev/null"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
            try:
                assert tracer.stderr is not None
                said = tracer.stderr.readline()
                if "attached" not in said:
                    pytest.skip(f"nobody may trace here: {said.strip()}")
                yield
            finally:
                tracer.send_signal(signal.SIGINT)  # it lets go of the process
                tracer.communicate(timeout=10)

    return fault


@pytest.mark.parametrize("calls", [WRITES, SYNCS])
@conversation_with_process
async def test_power_forwards_nothing_that_is_not_synced(recording: Path, calls: str) -> None:
    await fails_closed("power", recording, io_error(calls))


@pytest.mark.faults
@conversation_with_process
async def test_process_forwards_nothing_that_is_not_written(recording: Path) -> None:
    await fails_closed("process", recording, io_error(WRITES))


@pytest.mark.faults
@conversation_with_process
async def test_async_goes_on_and_says_what_it_lacks(recording: Path) -> None:
    await goes_on("async", recording, io_error(WRITES))


@pytest.mark.faults
@conversation_with_process
async def test_a_failure_that_stays(mode: str, recording: Path) -> None:
    await is_never_silent(mode, recording, io_error(WRITES))
