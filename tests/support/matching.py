"""Messages held against recorded ones, as one half of a session sees them."""

from __future__ import annotations

import json
from typing import Any

from wsrec.match.compare import Comparer, Comparison
from wsrec.match.ids import Ids
from wsrec.match.line import Line
from wsrec.match.members import read_members
from wsrec.match.rules import Matching
from wsrec.wire.utterance import Utterance

__all__ = ["Half", "rules", "utterance"]


def utterance(data: Any) -> Utterance:
    """A text, bytes, or a value sent as JSON."""
    if isinstance(data, bytes):
        return Utterance("binary", data)
    return Utterance("text", data if isinstance(data, str) else json.dumps(data))


def rules(*, ignore: str = "", bind: str = "", **more: Any) -> Matching:
    """`ignore` and `bind`: names and pointers with spaces between them."""
    return Matching(
        ignore=tuple(map(read_members, ignore.split())),
        bind=tuple(map(read_members, bind.split())),
        **more,
    )


class Half:
    """Whoever plays the client of a session: hears its server, and says what it said."""

    def __init__(self, matching: Matching | None = None, ids: Ids | None = None) -> None:
        self._comparer = Comparer(matching or Matching())
        self.ids = ids or Ids()
        self._seq = 0

    def compare(self, recorded: Any, live: Any) -> Comparison:
        self._seq += 1
        line = Line(self._seq, "server", 0, utterance(recorded))
        ours = self._comparer.parse("server", line.said)
        theirs = self._comparer.parse("server", utterance(live))
        return self._comparer.compare(line, ours, theirs, self.ids)

    def hears(self, recorded: Any, live: Any) -> list[str]:
        """Return where it differs; what is bound is bound."""
        found = self.compare(recorded, live)
        if found.equal:
            self.ids.take(found.bindings)
        return [each.pointer for each in found.changes]

    def says(self, recorded: Any) -> Any:
        """Return what is said instead: decoded, where it was given as a value."""
        data = self.ids.rewrite(utterance(recorded)).data
        return data if isinstance(recorded, str | bytes) else json.loads(data)

    @property
    def bound(self) -> dict[Any, Any]:
        return {each.recorded: each.live for each in self.ids}
