"""Whether a session might be the one in which all that was said so far; as far as its beginning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ..match.compare import Comparer, Comparison, Parsed
from ..match.heartbeats import Heartbeat, Watch
from ..match.ids import Ids
from ..match.line import Line, Role
from ..match.order import CROSSED_NS
from ..match.rules import Matching
from ..wire.utterance import Utterance
from .script import Script

__all__ = ["BYTES", "LINES", "Beginning", "Beginnings", "Said", "Trial"]

LINES: Final = 512
BYTES: Final = 256 << 10
"""How much of a session is looked at."""
_KEPT: Final = 32 << 20
"""Bytes of the beginnings that are kept."""


class Said:
    """What was said live."""

    __slots__ = ("at_ns", "parsed", "said", "who")

    def __init__(self, who: Role, said: Utterance, at_ns: int, comparer: Comparer) -> None:
        self.who: Final = who
        self.said: Final = said
        self.at_ns: Final = at_ns
        self.parsed: Final = comparer.parse(who, said)


class Beginning:
    """The first lines of a session; each is read once as it is compared."""

    def __init__(
        self,
        lines: Sequence[Line],
        comparer: Comparer,
        *,
        whole: bool,
        heartbeats: tuple[Heartbeat, ...] = (),
    ) -> None:
        """`whole`: there are no more lines; `heartbeats`: those of the session."""
        self.lines: Final = lines
        self.whole: Final = whole
        self.size: Final = sum(len(each.said.data) for each in lines)
        self._comparer = comparer
        self._by_sender: dict[Role, list[Line]] = {"client": [], "server": []}
        self._parsed: dict[int, Parsed] = {}
        watch = Watch(heartbeats)
        for line in lines:
            if line.said.kind == "ping" and line.sender == "client":
                continue
            if not heartbeats or watch.take(line.sender, self._read(line)) is None:
                self._by_sender[line.sender].append(line)

    def line(self, who: Role, place: int) -> Line | None:
        """Return what a peer said, by place among all that it said; None: no more."""
        lines = self._by_sender[who]
        return lines[place] if place < len(lines) else None

    def compare(self, line: Line, live: Said, ids: Ids) -> Comparison:
        """Hold something that was said against a line."""
        return self._comparer.compare(line, self._read(line), live.parsed, ids)

    def _read(self, line: Line) -> Parsed:
        found = self._parsed.get(line.seq)
        if found is None:
            found = self._parsed[line.seq] = self._comparer.parse(line.sender, line.said)
        return found


class Beginnings:
    """The beginnings of the sessions that were looked at last."""

    def __init__(self, script: Script, comparer: Comparer, matching: Matching) -> None:
        self._script = script
        self._comparer = comparer
        self._heartbeats = {
            each.id: matching.heartbeats_of(each.subprotocol, each.target)
            for each in script.sessions
        }
        self._kept: dict[int, Beginning] = {}
        self._size = 0

    async def load(self, sessions: Iterable[int]) -> None:
        """Read those that are not here; raises RecordingError."""
        for session in sessions:
            if session not in self._kept:
                beginning = await self._read(session)
                if session not in self._kept:
                    self._keep(session, beginning)

    def get(self, session: int) -> Beginning | None:
        """Return one that was read; None: it was not, or is not kept any more."""
        return self._kept.get(session)

    def _keep(self, session: int, beginning: Beginning) -> None:
        self._kept[session] = beginning
        self._size += beginning.size
        while self._size > _KEPT and len(self._kept) > 1:
            self._size -= self._kept.pop(next(iter(self._kept))).size

    async def _read(self, session: int) -> Beginning:
        pages = self._script.pages(session, "server")
        lines: list[Line] = []
        size, last = 0, False
        try:
            while not last and len(lines) < LINES and size < BYTES:
                more, last = await pages.page()
                lines += more
                size += sum(len(each.said.data) for each in more)
        finally:
            pages.close()
        heartbeats = self._heartbeats[session]
        return Beginning(lines, self._comparer, whole=last, heartbeats=heartbeats)


class Trial:
    """Holds what is said against a session, strictly: each peer's messages in order, and equal.

    Whether a message that is not there is missing, changed or only moved does not matter here:
    another session may have it in its place.
    """

    def __init__(self, beginning: Beginning) -> None:
        self.beginning: Final = beginning
        self.ids: Final = Ids()
        """What stands for what if this is the session: nobody else is told."""
        self.failed = False
        """Whether it is not."""
        self._places: dict[Role, int] = {"client": 0, "server": 0}

    def fits(self, transcript: Sequence[Said]) -> bool:
        """Whether all that was said fits; what was looked at before is not looked at again."""
        done = sum(self._places.values())
        if not self.failed and not done:
            self.failed = not self._may_fit(transcript)
        for live in transcript[done:]:
            self.failed = self.failed or not self._takes(live)
        return not self.failed

    def _may_fit(self, transcript: Sequence[Said]) -> bool:
        """Whether the last thing that the client said fits: most sessions differ in that."""
        asked = [live for live in transcript if live.who == "client"]
        if not asked:
            return True
        line = self.beginning.line("client", len(asked) - 1)
        return line is not None and self.beginning.compare(line, asked[-1], Ids()).equal

    def _takes(self, live: Said) -> bool:
        line = self.beginning.line(live.who, self._places[live.who])
        if line is None or line.said.kind != live.said.kind:
            return False
        asked = self.beginning.line("client", self._places["client"])
        ahead = live.who == "server" and asked is not None and asked.seq < line.seq
        if ahead and asked is not None and line.at_ns - asked.at_ns >= CROSSED_NS:
            return False  # what it answers was not said, nor on its way
        compared = self.beginning.compare(line, live, self.ids)
        if compared.equal:
            self.ids.take(compared.bindings)
            self._places[live.who] += 1
        return compared.equal
