"""A command that runs beside wsrec: `-- CMD...`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence
from typing import Self

from .errors import SettingError

__all__ = ["Child"]

_PATIENCE = 10.0  # seconds that a command has to end after a signal, before the next one
_AGAIN = 0.02  # seconds between two looks at a group: nothing tells when it is empty


class Child:
    """A running command. Its standard streams are this process's own."""

    def __init__(self, process: asyncio.subprocess.Process, *, group: bool) -> None:
        self._process = process
        self._group = group
        self._ended = asyncio.ensure_future(process.wait())

    @classmethod
    async def start(
        cls, command: Sequence[str], *, group: bool = False, **environment: str
    ) -> Self:
        """Start a command, with these variables beside those of this process.

        `group`: in a session of its own, so that `stop` ends all that it has started: a
        shell or npm ends without the server that it runs. It has no terminal then.

        Raises:
            SettingError: it cannot be started.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                env={**os.environ, **environment},
                start_new_session=group,
            )
        except OSError as error:
            raise SettingError(f"{command[0]}: {error.strerror}") from error
        return cls(process, group=group)

    @classmethod
    async def run(
        cls,
        command: Sequence[str],
        url: str,
        stop: asyncio.Queue[int],
        over: asyncio.Event | None = None,
    ) -> int:
        """Run a command with WSREC_URL set until it ends; return its exit status.

        A signal in `stop` is passed on to it; once `over` is set, SIGTERM is.

        Raises:
            SettingError: it cannot be started.
        """
        child = await cls.start(command, WSREC_URL=url)
        signalled = asyncio.ensure_future(stop.get())
        waits = [asyncio.ensure_future(child.wait()), signalled]
        if over is not None:
            waits.append(asyncio.ensure_future(over.wait()))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            number = signalled.result() if signalled.done() else signal.SIGTERM
            return await child.stop(number)
        finally:
            for wait in waits:
                wait.cancel()

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self._ended.done()

    async def ends(self, seconds: float) -> bool:
        """Wait for its end, for so long at most; return whether it has ended."""
        await asyncio.wait((self._ended,), timeout=seconds)
        return self.ended

    async def wait(self) -> int:
        """Wait for its end; return its exit status, 128 and the signal's number if one ended it."""
        status = await asyncio.shield(self._ended)
        return 128 - status if status < 0 else status

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """Pass a signal on to it unless the terminal has, and insist; return its exit status.

        It has ten seconds after the signal, and ten after SIGTERM before SIGKILL.
        """
        if not self.ended and not (number == signal.SIGINT and _in_the_foreground()):
            self._send(number)
        for harder in (signal.SIGTERM, signal.SIGKILL):
            if number == harder:
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wait(), _PATIENCE)
                break
            self._send(harder)
        status = await self.wait()
        if self._group:
            await self._end_group()
        return status

    async def _end_group(self) -> None:
        """End what the command has left, which may never have heard the signal."""
        self._send(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                while self._send(0):  # noqa: ASYNC110 - nobody is told of their end
                    await asyncio.sleep(_AGAIN)
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> bool:
        """Return whether there was anybody to send it to."""
        try:
            if self._group:
                os.killpg(self._process.pid, number)
            else:
                self._process.send_signal(number)
        except ProcessLookupError:  # it has ended just now
            return False
        return True


def _in_the_foreground() -> bool:
    """Whether a terminal's Ctrl-C reaches the command as it reaches this process."""
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False
