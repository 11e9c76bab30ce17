"""Recorded sessions written down as scripts, half of them played against a live peer."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any, Literal

from wsrec.match.compare import Comparer
from wsrec.match.dialogue import Beat, Dialogue, Over, Say, Wait
from wsrec.match.difference import Difference
from wsrec.match.heartbeats import Heartbeat
from wsrec.match.ids import Ids
from wsrec.match.line import Line, Role
from wsrec.match.rules import CAUSAL, Matching, Pacing, Patience
from wsrec.wire.utterance import Utterance

MS = 1_000_000
SECOND = 1000 * MS
STEP = 50 * MS
"""Between two lines, unless a pause is put between them."""
BEGAN = 7 * SECOND

Said = tuple[Literal["C", "S"], Any]


def close(code: int = 1000, reason: str = "") -> Utterance:
    return Utterance("close", struct.pack("!H", code) + reason.encode())


PING = Utterance("ping", b"")
PONG = Utterance("pong", b"")


def utterance(value: Any) -> Utterance:
    """Text and bytes as they are, anything else as JSON."""
    if isinstance(value, Utterance):
        return value
    if isinstance(value, bytes):
        return Utterance("binary", value)
    return Utterance("text", value if isinstance(value, str) else json.dumps(value))


def event(name: str, **members: Any) -> dict[str, Any]:
    return {"type": name, **members}


def script(*talk: Said | int) -> list[Line]:
    """Return the lines of a talk; their frames are numbered 1, 2.. as they stand here."""
    lines: list[Line] = []
    now = -STEP
    pause = STEP
    for each in talk:
        if isinstance(each, int):
            pause = each
            continue
        now += pause
        pause = STEP
        sender: Role = "client" if each[0] == "C" else "server"
        lines.append(Line(len(lines) + 1, sender, now, utterance(each[1])))
    return lines


class Half:
    """One half of a script, and what is found wrong with the other, live one."""

    def __init__(
        self,
        lines: Sequence[Line],
        role: Role = "client",
        pacing: Pacing = CAUSAL,
        matching: Matching | None = None,
        patience: Patience | None = None,
        page: int = 1000,
        *,
        heartbeats: tuple[Heartbeat, ...] = (),
    ) -> None:
        matching = matching or Matching()
        self.ids = Ids()
        self.dialogue = Dialogue(
            1,
            role,
            Comparer(matching),
            self.ids,
            pacing,
            patience or Patience(),
            BEGAN,
            matching=matching,
            heartbeats=heartbeats,
        )
        self.now = BEGAN
        self.found: list[Difference] = []
        self._lines = list(lines)
        self._page = page
        self.load()

    def load(self) -> None:
        while self.dialogue.hungry:
            page, self._lines = self._lines[: self._page], self._lines[self._page :]
            self.dialogue.load(page, last=not self._lines)

    def does(self) -> Say | Beat | Wait | Over:
        self.load()
        return self.dialogue.next(self.now)

    def says(self) -> list[Any]:
        """Say all that is due."""
        said = []
        while isinstance(act := self.does(), Say | Beat):
            said.append(plain(act.said))
            assert len(said) < 10_000
        return said

    def hears(self, *values: Any, after: int = MS) -> list[str]:
        """Hear something; return the kinds of what is wrong with it."""
        before = len(self.found)
        for value in values:
            self.now += after
            self.load()
            self.found += self.dialogue.heard(utterance(value), self.now)
        return self.kinds[before:]

    def waits(self) -> list[str]:
        """Let the time pass until there is something to do; return the kinds of what is wrong.

        What was given up may still come: that it is missing is told when nothing more is heard.
        """
        act = self.does()
        assert isinstance(act, Wait)
        assert act.until_ns is not None
        self.now = max(act.until_ns, self.now)
        before = len(self.found)
        self.found += self.dialogue.late(self.now)
        return self.kinds[before:]

    def loses(self, how: str = "reset") -> list[str]:
        before = len(self.found)
        self.found += self.dialogue.lost(self.now, how)
        return self.kinds[before:]

    def leaves(self) -> list[str]:
        """Hear nothing more; return the kinds of what is wrong by then."""
        before = len(self.found)
        self.found += self.dialogue.broken_off()
        return self.kinds[before:]

    @property
    def over(self) -> bool:
        return isinstance(self.does(), Over)

    @property
    def kinds(self) -> list[str]:
        return [found.kind for found in self.found]

    @property
    def messages(self) -> list[str]:
        return [found.message for found in self.found]

    def plays(self, live: Sequence[Line]) -> list[str]:
        """Play it against a peer that says its lines when its turn has come, as `live` has it.

        Returns the kinds of all that was found, once it is over.
        """
        role = self.dialogue.role
        there = list(live)
        for _ in range(10 * (len(live) + len(self._lines)) + 1000):
            act = self.does()
            if isinstance(act, Over):
                self.found += self.dialogue.end()
                return self.kinds
            if isinstance(act, Beat):
                continue
            if isinstance(act, Say):
                ours = next((n for n, each in enumerate(there) if each.sender == role), None)
                if ours is not None:
                    del there[ours]
            elif there and there[0].sender != role:
                self.hears(there.pop(0).said)
            else:
                self.waits()
        raise AssertionError("it does not end")


def plain(said: Utterance) -> Any:
    try:
        return json.loads(said.data)
    except ValueError:
        return said.data
