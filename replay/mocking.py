"""The life of `wsrec mock`: start, tell where, play until told to stop, say what came of it."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from ..match.difference import Difference
from ..net.child import Child
from ..net.errors import SettingError
from ..net.fault import reason
from ..net.life import loop_factory, note_faults, open_standard_streams, stop_signals
from ..report.inert import inert
from ..report.plays import Plays
from ..store.errors import RecordingError
from .mock import Mock
from .mock_options import MockOptions

__all__ = ["Mocked", "run_mock"]

log = logging.getLogger("wsrec.mock")

_QUIET: Final = 2.0
"""Seconds for sessions to end by themselves once the command has: its connections end with it."""
_LONG: Final = 500


@dataclass(frozen=True, slots=True)
class Mocked:
    """What came of a mock."""

    plays: Plays
    status: int = 0
    """The command's exit status; 0 without one."""
    faults: int = 0
    """Faults in wsrec itself, which are told on standard error."""
    failure: RecordingError | None = None
    """Why the recording could not be read on; None: it could."""

    @property
    def exit_code(self) -> int:
        """3 if it could not be read on; the command's own if that is not 0; else 0 or 1."""
        if self.failure is not None:
            return 3
        if self.status:
            return self.status
        return 0 if self.plays.verdict == "matched" and not self.faults else 1


def run_mock(
    path: Path,
    options: MockOptions,
    *,
    format: Literal["text", "json"] = "text",  # noqa: A002
    command: Sequence[str] = (),
) -> Mocked:
    """Play a recording until SIGINT, SIGTERM or SIGHUP, or until `command` ends.

    Raises:
        RecordingError: it is damaged.
        SettingError: there is nothing to play, the address cannot be listened on, or the command
            not be started.
    """
    open_standard_streams()
    logging.basicConfig(level=logging.WARNING, format="wsrec: %(message)s", stream=sys.stderr)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_run(Mock(path, options, _tell), format, command))


async def _run(mock: Mock, format: str, command: Sequence[str]) -> Mocked:  # noqa: A002
    loop = asyncio.get_running_loop()
    stop, faults = stop_signals(loop), note_faults(loop)
    try:
        await mock.__aenter__()
    except OSError as error:
        raise SettingError(f"cannot listen on {mock.address}: {reason(error)}") from error
    try:
        _announce(mock, format)
        if command:
            status = await Child.run(command, mock.url, stop)
            await mock.quiet(_QUIET)
        else:
            await stop.get()
            status = 0
    finally:
        await mock.__aexit__(None, None, None)
    return Mocked(mock.plays, status, len(faults), mock.failure)


def _announce(mock: Mock, format: str) -> None:  # noqa: A002
    """Tell where to connect: one line of JSON for machines, a sentence for people."""
    playable = mock.playable
    if format == "json":
        line = {
            "event": "listening",
            "url": mock.url,
            **mock.address.fields(),
            "recording": str(mock.path),
            "sessions": playable,
        }
        print(json.dumps(line), flush=True)
    else:
        sessions = "1 session" if playable == 1 else f"{playable} sessions"
        print(
            f"wsrec: {mock.url} plays {sessions} of {mock.path}; Ctrl-C ends",
            file=sys.stderr,
            flush=True,
        )


def _tell(found: Difference) -> None:
    """Tell of a difference as it happens, for who wonders why a client hangs."""
    where = f"session {found.session}: " if found.session else ""
    text = inert(f"{where}{found.kind}: {found.message}", _LONG)
    log.warning("%s", text)  # who does not read on does not end the session with it
