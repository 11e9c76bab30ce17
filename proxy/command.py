"""The life of `wsrec proxy`: start, tell where, run until told to stop, end cleanly."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from ..net.child import Child
from ..net.errors import SettingError
from ..net.fault import reason
from ..net.life import loop_factory, note_faults, open_standard_streams, stop_signals
from ..net.upstream import Upstream
from ..store.errors import RecordingError
from .caretaker import warn
from .headroom import Notice
from .options import Options
from .server import Proxy

__all__ = ["run_proxy"]

_SWITCH_INTERVAL = 0.001
"""Seconds for which the recorder's thread may keep the event loop waiting. With the usual 0.005, an
exchange beside a flood of tiny frames took 11 ms, with this 2.5, and all rates stayed the same."""


def run_proxy(
    upstream: Upstream,
    output: Path,
    options: Options,
    *,
    format: Literal["text", "json"] = "text",  # noqa: A002
    command: Sequence[str] = (),
) -> int:
    """Run the proxy until SIGINT, SIGTERM or SIGHUP, or until `command` ends.

    Returns the exit status: 0 after a clean end, `command`'s own when there is one, 2 when the
    address cannot be listened on, 3 when the recording cannot be opened or written, 1 after a
    fault in wsrec itself.
    """
    open_standard_streams()
    logging.basicConfig(level=logging.WARNING, format="wsrec: %(message)s", stream=sys.stderr)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        tell = _tell_machines if format == "json" else warn
        return runner.run(_run(Proxy(upstream, output, options, tell), format, command))


async def _run(proxy: Proxy, format: str, command: Sequence[str]) -> int:  # noqa: A002
    loop = asyncio.get_running_loop()
    stop = stop_signals(loop)
    faults = note_faults(loop)
    try:
        await proxy.__aenter__()
    except RecordingError as error:
        return _fail(3, str(error))
    except SettingError as error:
        return _fail(2, str(error))
    except OSError as error:
        return _fail(2, f"cannot listen on {proxy.address}: {reason(error)}")
    _tune_collector()
    sys.setswitchinterval(_SWITCH_INTERVAL)
    try:
        _announce(proxy, format)
        if command:
            status = await Child.run(command, proxy.url, stop, proxy.failed)
        else:
            status = await _wait(proxy, stop)
    except SettingError as error:
        status = _fail(2, str(error))
    finally:
        await proxy.__aexit__(None, None, None)
    if proxy.failure is not None:
        return _fail(3, str(proxy.failure))
    return status or (1 if faults else 0)


async def _wait(proxy: Proxy, stop: asyncio.Queue[int]) -> int:
    """Wait for a signal, or for the recording to fail."""
    waits = [asyncio.ensure_future(each) for each in (stop.get(), proxy.failed.wait())]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    return 0


def _announce(proxy: Proxy, format: str) -> None:  # noqa: A002
    """Tell where to connect: one line of JSON for machines, a sentence for people."""
    if format == "json":
        line = {
            "event": "listening",
            "url": proxy.url,
            **proxy.address.fields(),
            "upstream": str(proxy.upstream),
            "recording": str(proxy.recording),
        }
        print(json.dumps(line), flush=True)
    else:
        print(
            f"wsrec: {proxy.url} -> {proxy.upstream}, recording to {proxy.recording}; Ctrl-C ends",
            file=sys.stderr,
            flush=True,
        )


def _tell_machines(notice: Notice) -> None:
    """Tell of what happens while the proxy runs: for people too, and a line of JSON."""
    warn(notice)
    print(json.dumps({"event": notice.event, "text": notice.text, **notice.fields}), flush=True)


def _tune_collector() -> None:
    """Keep the cycle collector from walking the backlog again and again.

    Rows, chunks and ended sessions hold no cycles; with the default thresholds, splitting a frame
    off took 0.9 µs instead of 0.5.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def _fail(status: int, text: str) -> int:
    print(f"wsrec: {text}", file=sys.stderr)
    return status
