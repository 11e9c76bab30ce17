"""One recorded session as it is played to one client."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Final

from ..match.compare import Comparer
from ..match.dialogue import Beat, Dialogue, Over, Say, Wait
from ..match.difference import Difference
from ..match.ids import Binding, Ids
from ..match.line import Line
from ..match.rules import Matching, Pacing, Patience
from ..redaction.handshake import HandshakeRedactor
from ..store.model import Session
from .fitting import Fitting
from .script import Pages, Script
from .trial import Beginning, Said

__all__ = ["Known", "Lead", "Staging"]


class Known(Ids):
    """What all sessions know of each other: the ids that clients made up.

    Those of the server are a session's own: another one may be played at the same time whose
    client has got, as it was recorded, what stands for something else here.
    """

    def __init__(self) -> None:
        super().__init__()
        self._deaf = False

    @contextmanager
    def deaf(self) -> Iterator[None]:
        """Learn nothing of what is bound meanwhile."""
        self._deaf = True
        try:
            yield
        finally:
            self._deaf = False

    def learn(self, binding: Binding) -> None:
        """Take what a session has bound."""
        if not self._deaf:
            super().learn(binding)


@dataclass(frozen=True, slots=True)
class Staging:
    """How sessions are played."""

    script: Script
    comparer: Comparer
    matching: Matching
    fitting: Fitting
    known: Known
    fresh: Random | None
    """Makes up new ids for those of the server; None: they stay as recorded."""
    pacing: Pacing
    patience: Patience
    secrets: HandshakeRedactor
    """Keeps those of live request targets out of what is told: a recording does not hold them."""


class Lead:
    """A session, how far it has got, and what stands for its ids."""

    def __init__(
        self, staging: Staging, session: Session, bindings: Iterable[Binding], began_ns: int
    ) -> None:
        """`bindings` are those that are known before anything is said."""
        self.session: Final = session.id
        self.ids: Final = Ids(staging.known, staging.fresh)
        with staging.known.deaf():
            self.ids.take(bindings)
        self.dialogue: Final = Dialogue(
            session.id,
            "server",
            staging.comparer,
            self.ids,
            staging.pacing,
            staging.patience,
            began_ns,
            matching=staging.matching,
            heartbeats=staging.matching.heartbeats_of(session.subprotocol, session.target),
        )
        self.last_ns = 0
        """When the last line was said that has been read, since the recorded session's start."""
        self._script = staging.script
        self._known = staging.known
        self._pages: Pages | None = None
        self._loaded = 0
        self._feeding = asyncio.Lock()

    async def feed(self) -> None:
        """Read what is wanted of the session; raises RecordingError."""
        async with self._feeding:
            while self.dialogue.hungry:
                if self._pages is None:
                    self._pages = self._script.pages(self.session, "server")
                lines, last = await self._pages.page()
                self._load([each for each in lines if each.seq > self._loaded], last=last)

    def next(self, now_ns: int) -> Say | Beat | Wait | Over:
        """Return what to do now."""
        with self._known.deaf():
            return self.dialogue.next(now_ns)

    def catch_up(self, beginning: Beginning, transcript: Iterable[Said]) -> Iterator[Difference]:
        """Go as far as what was heard and said already; yield what is wrong with it."""
        self._load(beginning.lines, last=beginning.whole)
        self._loaded = beginning.lines[-1].seq if beginning.lines else 0
        said = 0
        for live in transcript:
            if live.who == "client":
                yield from self.dialogue.heard(live.said, live.at_ns)
            else:
                said += 1
            # What had crossed what the client said here may only be said behind that.
            while said and self._would_say(live.at_ns):
                said -= 1

    def _would_say(self, now_ns: int) -> bool:
        """Have the dialogue say what is next if it is its turn, whatever the pauses here were."""
        with self._known.deaf():
            todo = self.dialogue.turn(now_ns)
            if isinstance(todo, Wait) and todo.until_ns is not None:
                todo = self.dialogue.turn(todo.until_ns)
            return isinstance(todo, Say)

    def _load(self, lines: Sequence[Line], *, last: bool) -> None:
        self.dialogue.load(lines, last=last)
        self.last_ns = max((self.last_ns, *(each.at_ns for each in lines)))

    def close(self) -> None:
        """Read no more."""
        if self._pages is not None:
            self._pages.close()
