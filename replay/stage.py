"""What the sessions of one replay have in common."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from ..checks.samples import Samples
from ..match.compare import Comparer
from ..match.dialogue import Dialogue
from ..match.ids import Ids
from ..match.rules import CAUSAL, Matching, Pacing, Patience
from ..net.upstream import Upstream
from ..store.errors import RecordingError
from ..store.model import Session
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
        self._playing: dict[Dialogue, Session] = {}
        self.heard = asyncio.Event()
        """Wakes those who wait for what others hear: set and cleared with each thing heard."""
        self.stopped = stopped
        self.answered = False
        """Whether the server has answered an opening handshake."""
        self.unreachable: str | None = None
        """Why it did not answer the first that it has not answered; None: it has answered all."""
        self.failure: RecordingError | None = None
        """Why the recording could not be read on; None: it could."""

    @contextmanager
    def at_play(self, dialogue: Dialogue, session: Session) -> Iterator[None]:
        """Know of a dialogue while it goes on."""
        self._playing[dialogue] = session
        try:
            yield
        finally:
            del self._playing[dialogue]
            self.went_on()

    def went_on(self) -> None:
        """Wake those who wait for what others hear."""
        self.heard.set()
        self.heard.clear()

    def owes(self, ids: Iterable[str], began_ns: int) -> bool:
        """Whether a session that is played is still to be given one of these ids.

        `began_ns`: when that was asked for, since the recording began; it had been given before.
        """
        wanted = tuple(ids)
        for dialogue, session in self._playing.items() if wanted else ():
            at_ns = dialogue.owes(wanted)
            if at_ns is not None and session.started_ns + at_ns < began_ns:
                return True
        return False

    def fail(self, error: RecordingError) -> None:
        """Have all of it end: the recording cannot be read on."""
        self.failure = self.failure or error
        self.stopped.set()
