"""How a process that runs an event loop begins, is told to stop, and tells of faults in itself."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import ssl
import sys
from typing import Any

__all__ = ["loop_factory", "note_faults", "open_standard_streams", "stop_signals"]

_STOP_SIGNALS = tuple(
    signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


def open_standard_streams() -> None:
    """Put the null device where a standard stream was closed: sockets would take its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    """Return what makes the event loop; None: what Python comes with."""
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.Loop


def stop_signals(loop: asyncio.AbstractEventLoop) -> asyncio.Queue[int]:
    """Return where SIGINT, SIGTERM and SIGHUP arrive from now on.

    The first one does; a second one does what it does by default. One that is ignored, as `nohup`
    has it, stays ignored.
    """
    stop: asyncio.Queue[int] = asyncio.Queue()
    for number in _STOP_SIGNALS:
        if signal.getsignal(number) is signal.SIG_IGN:
            continue
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C raises instead
            loop.add_signal_handler(number, _first_then_default, loop, stop, number)
    return stop


def _first_then_default(
    loop: asyncio.AbstractEventLoop, stop: asyncio.Queue[int], number: int
) -> None:
    stop.put_nowait(number)
    for each in _STOP_SIGNALS:
        if loop.remove_signal_handler(each):
            signal.signal(each, signal.SIG_DFL)


def note_faults(loop: asyncio.AbstractEventLoop) -> list[object]:
    """Return a list of the faults in here, told with their tracebacks as they happen.

    A peer that goes away is none.
    """
    faults: list[object] = []

    def on_fault(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        gone = ConnectionError | ssl.SSLError | TimeoutError
        if not isinstance(context.get("exception"), gone):
            faults.append(context)
            loop.default_exception_handler(context)

    loop.set_exception_handler(on_fault)
    return faults
