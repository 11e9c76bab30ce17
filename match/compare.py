"""Whether a live message is the recorded one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl, unquote

from ..wire.utterance import Utterance
from .difference import Change
from .ids import Binding, Ids
from .line import Line, Role
from .parse import Contracted, Objects, Parsed, Stream, parse_plainly
from .pieces import Counters
from .rules import Matching
from .skeleton import Skeleton
from .usual import cache_buster
from .walk import MAX_CHANGES, Walk
from .yardstick import Yardstick

__all__ = ["Comparer", "Comparison", "Parsed", "Stream"]

_FULLY: Final = 20
"""Of recorded messages that may be the nearest, so many are compared in full."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two messages have in common, and what not."""

    changes: tuple[Change, ...]
    """None: the live one is the recorded one. Of very different ones not all are told."""
    bindings: tuple[Binding, ...]
    """What has to be bound for it."""
    likeness: float
    """From 0, nothing in common, to 1, equal: which recorded message comes closest."""

    @property
    def equal(self) -> bool:
        """Whether the live message is the recorded one."""
        return not self.changes


class Comparer:
    """Compares messages as one `Matching` says; holds no state of a session."""

    def __init__(self, matching: Matching) -> None:
        self._contract = None if matching.contract is None else Contracted(matching.contract)
        self._rules = Yardstick(matching)
        self._piece_rules = Yardstick(matching, Counters(matching))
        self._usual = matching.usual
        self._skeleton = Skeleton(matching)

    def parse(self, sender: Role, said: Utterance) -> Parsed:
        """Read an utterance; never raises."""
        if self._contract is None:
            return parse_plainly(said)
        return self._contract.parse(sender, said)

    def rest(self, parsed: Parsed, piece: Stream) -> object:
        """Return what is left of a piece without its text, ids and what is ignored.

        `skeleton.within` tells whether a piece has something that another one has not.
        """
        return self._skeleton.rest(parsed, piece)

    def compare(self, line: Line, recorded: Parsed, live: Parsed, ids: Ids) -> Comparison:
        """Hold a live utterance against a recorded one; `ids` is read, and not changed.

        Of streams, only what is not their text is compared.
        """
        pieces = recorded.stream is not None and live.stream is not None
        rules = self._piece_rules if pieces else self._rules
        walk = Walk(rules, ids, line.seq, (recorded.keys, live.keys))
        if recorded.said.kind != live.said.kind:
            walk.change((), f"a {recorded.said.kind} message", f"a {live.said.kind} message")
        if recorded.stream is not None and live.stream is not None:
            walk.values(recorded.stream.rest, live.stream.rest)
        elif isinstance(recorded.value, Objects) and isinstance(live.value, Objects):
            place = ("buffers",) if isinstance(recorded.beside, bytes) else ()
            walk.values(recorded.beside, live.beside, place)
            if len(recorded.value) == len(live.value) == 1:
                walk.values(recorded.value[0], live.value[0])
            else:
                walk.several(recorded.value, live.value)
        else:
            walk.values(_whole(recorded), _whole(live))
        walk.settle()
        return _comparison(walk, recorded.event, live.event)

    def same_stream(self, line: Line, recorded: Parsed, live: Parsed, ids: Ids) -> Comparison:
        """Say whether two pieces are of one text: of the same span and event, keys being ids.

        Equal: they are, if what it says is bound. Nothing else of the messages is compared.
        """
        walk = Walk(self._rules, ids, line.seq, (recorded.keys, live.keys))
        ours, theirs = recorded.stream, live.stream
        if ours is None or theirs is None or ours.key[:2] != theirs.key[:2]:
            walk.change((), recorded.event, live.event)
        elif self._contract is not None:
            paths = self._contract.key_paths(str(ours.key[0]))
            for path, left, right in zip(paths, ours.key[2:], theirs.key[2:], strict=True):
                walk.values(left, right, path)
        walk.settle()
        return _comparison(walk, recorded.event, live.event)

    def compare_target(self, recorded: str, live: str, ids: Ids) -> Comparison:
        """Hold what a live client asks for against the recorded request target.

        Segments of the path are `/path/0` and on, parameters of the query `/query/NAME`, or
        `/query/NAME/0` and on where they are given again; what is bound has 0 for its frame.
        """
        walk = Walk(self._rules, ids, 0, (frozenset(), frozenset()))
        path, query = _target(recorded, usual=self._usual)
        segments, given = _target(live, usual=self._usual)
        segments = segments[: len(path) + MAX_CHANGES]  # of what is added no more is told
        walk.values({"path": path, "query": query}, {"path": segments, "query": given})
        walk.settle()
        return _comparison(walk, None, None)

    def nearest(
        self, live: Parsed, lines: Sequence[tuple[Line, Parsed]], ids: Ids
    ) -> tuple[int, Comparison] | None:
        """Return which of the recorded ones comes closest to a live one, and how close.

        Those of the same event before others; of equally close ones the first. None: there are no
        recorded ones.
        """
        numbers = [n for n, (_, parsed) in enumerate(lines) if parsed.event == live.event]
        best: tuple[int, Comparison] | None = None
        for number in (numbers or range(len(lines)))[:_FULLY]:
            line, recorded = lines[number]
            found = self.compare(line, recorded, live, ids)
            if best is None or found.likeness > best[1].likeness:
                best = number, found
                if found.equal:
                    break
        return best


def _whole(parsed: Parsed) -> object:
    """Return what is compared of a message that only one of both sides can decode."""
    return parsed.said.data if isinstance(parsed.value, Objects) else parsed.value


@lru_cache(maxsize=4)  # a live one is compared with those of many sessions in turn
def _target(target: str, *, usual: bool) -> tuple[list[str], dict[str, str | list[str]]]:
    """Return the segments of a path, and the parameters of a query."""
    path, _, query = target.partition("?")
    members: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        members.setdefault(name, []).append(value)
    left_out = cache_buster(members) if usual else None
    given: dict[str, str | list[str]] = {
        name: values if len(values) > 1 else values[0]
        for name, values in members.items()
        if name != left_out
    }
    return [unquote(each) for each in path.split("/")[1:]], given


def _comparison(walk: Walk, recorded: str | None, live: str | None) -> Comparison:
    """Return what was found; `recorded` and `live` are names of events."""
    if not walk.changes:
        return Comparison((), walk.bindings, 1.0)
    likeness = walk.same / (walk.same + walk.differing)
    if recorded is not None or live is not None:
        likeness = (likeness + (recorded == live)) / 2
    return Comparison(tuple(walk.changes), walk.bindings, likeness)
