"""What the sessions of one replay have in common."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import Final

from ..checks.samples import Samples
from ..match.compare import Comparer
from ..match.ids import Ids
from ..match.rules import CAUSAL, Matching, Pacing, Patience
from ..net.upstream import Upstream
from ..store.errors import RecordingError
from ..store.recorder import Recorder
from .opening import Replacements
from .script import Script

__all__ = ["Settings", "Stage"]

_BY_SHAPE: Final = Matching()
_PATIENT: Final = Patience()
_AS_RECORDED: Final = Replacements()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How sessions are played. The defaults are those of the command line."""

    matching: Matching = _BY_SHAPE
    pacing: Pacing = CAUSAL
    patience: Patience = _PATIENT
    connect: float = 10.0
    """Seconds for a connection and the answer to its opening handshake."""
    tls: ssl.SSLContext | None = None
    """How a wss or https server is connected to; None trusts the system's authorities."""
    replacements: Replacements = _AS_RECORDED
    concurrency: int | None = None
    """Sessions at once; None: as many as there were."""


class Stage:
    """Where sessions are played; on an event loop."""

    def __init__(
        self,
        script: Script,
        upstream: Upstream,
        settings: Settings,
        recorder: Recorder | None,
        stopped: asyncio.Event,
    ) -> None:
        """Join what is shared.

        Args:
            script: open.
            upstream: the live server.
            settings: how sessions are played.
            recorder: records what is said now; None: nobody does.
            stopped: set to have sessions closed with 1001, and none begun.
        """
        self.script = script
        self.upstream = upstream
        self.settings = settings
        self.recorder = recorder
        self.comparer = Comparer(settings.matching)
        self.ids = Ids()
        """What all sessions know of each other."""
        self.lateness = Samples()
        """How long after its time each thing was said."""
        self.stopped = stopped
        self.answered = False
        """Whether the server has answered an opening handshake."""
        self.unreachable: str | None = None
        """Why it did not answer the first that it has not answered; None: it has answered all."""
        self.failure: RecordingError | None = None
        """Why the recording could not be read on; None: it could."""

    def fail(self, error: RecordingError) -> None:
        """Have all of it end: the recording cannot be read on."""
        self.failure = self.failure or error
        self.stopped.set()
