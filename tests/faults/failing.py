"""What a proxy does while its recording cannot be written, and after: the same for every cause."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from support.modes import start_in
from support.numbered import RefusedError, Talk, Traffic, traffic
from support.promise import compare, intact, stated
from support.proxying import ProxyProcess
from support.raw import backend

__all__ = ["SETTINGS", "Fault", "fails_closed", "goes_on", "is_never_silent", "opens_again"]

Fault = Callable[[ProxyProcess], AbstractContextManager[object]]
"""Lets every write of a proxy fail for the time of a block."""

_SOON = 10.0
_FAILED = 1011
SETTINGS = ("--close-timeout", "500ms", "--min-free", "0")
"""Disks here are small: that there is little room is not what is to be said."""


def _heard(proxy: ProxyProcess) -> str:
    """Return what is on standard error, once something is."""
    assert proxy.process.stderr is not None
    fd = proxy.process.stderr.fileno()
    assert select.select([fd], [], [], _SOON)[0], "nothing was said"
    return os.read(fd, 1 << 16).decode()


async def fails_closed(
    mode: str, recording: Path, fault: Fault, *settings: str, returns: bool = True
) -> Traffic:
    """Expect that nothing is forwarded that is not kept; and all is well again, if it `returns`.

    Returns what the peers have received, for those that have to look elsewhere first.
    """
    async with backend() as behind:
        proxy = start_in(mode, behind.url, recording, *SETTINGS, *settings)
        async with traffic(proxy.port, behind, seed=1) as flow:
            await flow.arrived(10_000)
            with fault(proxy):
                await asyncio.gather(*(talk.over for talk in flow.talks))
                for talk in flow.talks:
                    ends = {line.end for line in talk.lines.values()}
                    assert ends <= {_FAILED, 0}, (talk.target, ends)
                line = await asyncio.to_thread(_heard, proxy)
                assert line.startswith(f"wsrec: {recording}: ")
                assert "Traceback" not in line, line
                with contextlib.suppress(RefusedError):
                    await flow.open()
                    raise AssertionError("a session was let through")
            if returns:
                talk = await opens_again(flow)
                await flow.arrived(10_000, [talk])
                await flow.quiet()
        proxy.signal(signal.SIGTERM)
        status, errors = await proxy.over()
        assert status == 3
        said = "could not be written for a while" if returns else "recording failed"
        assert errors.splitlines()[-1].startswith(f"wsrec: {recording}: {said}: ")
    if returns:
        assert compare(recording, flow.talks).missing == []
        intact(recording)
    return flow


async def opens_again(flow: Traffic) -> Talk:
    """Open a session as soon as the proxy lets one through."""
    end = time.monotonic() + _SOON
    while True:
        try:
            return await flow.open()
        except RefusedError:
            assert time.monotonic() < end, "the proxy has not come round"
            await asyncio.sleep(0.1)


async def goes_on(mode: str, recording: Path, fault: Fault, *settings: str) -> None:
    """Expect that peers notice nothing, and that the recording says exactly what it lacks."""
    async with backend() as behind:
        proxy = start_in(mode, behind.url, recording, *SETTINGS, *settings)
        async with traffic(proxy.port, behind, seed=2) as flow:
            await flow.arrived(10_000)
            with fault(proxy):
                await asyncio.to_thread(_heard, proxy)
                meanwhile = await flow.open()
                await flow.arrived(20_000)
                assert meanwhile.lines["client"].received
            talk = await flow.open()
            await flow.arrived(10_000, [talk])
            await flow.quiet()
            proxy.signal(signal.SIGTERM)
            await flow.ended()
        assert (await proxy.over())[0] == 3
    lost = stated(recording, flow.talks)
    print(f"\n{lost} frames were not recorded, and the recording says which")
    assert lost
    intact(recording)


async def is_never_silent(mode: str, recording: Path, fault: Fault, *settings: str) -> None:
    """Expect that a failure that stays is said, and that what is in the recording can be read."""
    async with backend() as behind:
        proxy = start_in(mode, behind.url, recording, *SETTINGS, *settings)
        async with traffic(proxy.port, behind, seed=3) as flow:
            await flow.arrived(10_000)
            with fault(proxy):
                line = await asyncio.to_thread(_heard, proxy)
                assert line.startswith(f"wsrec: {recording}: ")
                proxy.signal(signal.SIGTERM)
                status, errors = await proxy.over()
                assert status == 3, errors
                assert "Traceback" not in errors, errors
    intact(recording)
