"""The life of `wsrec proxy`: start, tell where, run until told to stop, end cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import signal
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from ..net.fault import reason
from ..net.upstream import Upstream
from ..store.errors import RecordingError
from .caretaker import warn
from .headroom import Notice
from .options import Options
from .server import Proxy

__all__ = ["run_proxy"]

_STOP_SIGNALS = tuple(
    signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
_SWITCH_INTERVAL = 0.001
"""Seconds for which the recorder's thread may keep the event loop waiting. With the usual 0.005, an
exchange beside a flood of tiny frames took 11 ms, with this 2.5, and all rates stayed the same."""
_PATIENCE = 10.0  # seconds that a command has to end after a signal, before the next one


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
    _open_standard_streams()
    logging.basicConfig(level=logging.WARNING, format="wsrec: %(message)s", stream=sys.stderr)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        tell = _tell_machines if format == "json" else warn
        return runner.run(_run(Proxy(upstream, output, options, tell), format, command))


async def _run(proxy: Proxy, format: str, command: Sequence[str]) -> int:  # noqa: A002
    stop: asyncio.Queue[int] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    for number in _STOP_SIGNALS:
        if signal.getsignal(number) is signal.SIG_IGN:
            continue  # as `nohup` has it
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C raises instead
            loop.add_signal_handler(number, _first_then_default, loop, stop, number)
    faults: list[object] = []
    loop.set_exception_handler(lambda loop, context: _on_fault(loop, context, faults))
    try:
        await proxy.__aenter__()
    except RecordingError as error:
        return _fail(3, str(error))
    except UnicodeError:
        return _fail(2, f"cannot listen on {proxy.address}: not a host name")
    except OSError as error:
        return _fail(2, f"cannot listen on {proxy.address}: {reason(error)}")
    _tune_collector()
    sys.setswitchinterval(_SWITCH_INTERVAL)
    try:
        _announce(proxy, format)
        status = await (_command(proxy, command, stop) if command else _wait(proxy, stop))
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


async def _command(proxy: Proxy, command: Sequence[str], stop: asyncio.Queue[int]) -> int:
    """Run the command with WSREC_URL set; pass a signal on to it; return its exit status."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command, env={**os.environ, "WSREC_URL": proxy.url}
        )
    except OSError as error:
        return _fail(2, f"{command[0]}: {error.strerror}")
    ended = asyncio.ensure_future(process.wait())
    signalled = asyncio.ensure_future(stop.get())
    failed = asyncio.ensure_future(proxy.failed.wait())
    await asyncio.wait((ended, signalled, failed), return_when=asyncio.FIRST_COMPLETED)
    if not ended.done():
        number = signalled.result() if signalled.done() else signal.SIGTERM
        if not (number == signal.SIGINT and _in_the_foreground()):
            process.send_signal(number)
        for end in (process.terminate, process.kill):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(ended), _PATIENCE)
                break
            end()
    status = await ended
    signalled.cancel()
    failed.cancel()
    return 128 - status if status < 0 else status


def _in_the_foreground() -> bool:
    """Whether a terminal's Ctrl-C reaches the command as it reaches this process."""
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


def _announce(proxy: Proxy, format: str) -> None:  # noqa: A002
    """Tell where to connect: one line of JSON for machines, a sentence for people."""
    if format == "json":
        where = proxy.address
        line = {
            "event": "listening",
            "url": proxy.url,
            **(
                {"host": where.host, "port": where.port}
                if where.path is None
                else {"path": str(where.path.absolute())}
            ),
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


def _open_standard_streams() -> None:
    """Put the null device where a standard stream was closed: sockets would take its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _first_then_default(
    loop: asyncio.AbstractEventLoop, stop: asyncio.Queue[int], number: int
) -> None:
    """End cleanly at the first signal; leave the second one to do what it does by default."""
    stop.put_nowait(number)
    for each in _STOP_SIGNALS:
        if loop.remove_signal_handler(each):
            signal.signal(each, signal.SIG_DFL)


def _on_fault(
    loop: asyncio.AbstractEventLoop, context: dict[str, Any], faults: list[object]
) -> None:
    """Tell of a fault in here, with its traceback; a peer that goes away is none."""
    if not isinstance(context.get("exception"), ConnectionError | ssl.SSLError | TimeoutError):
        faults.append(context)
        loop.default_exception_handler(context)


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.Loop


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
