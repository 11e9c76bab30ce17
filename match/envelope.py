"""How a session began and ended, held against another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl

from ..redaction.marks import is_mark
from ..schemas.pointers import ABSENT
from ..store.model import Session
from .difference import Change
from .ids import Binding, Ids
from .members import Places
from .reading import pointer
from .rules import Matching
from .shape import alike
from .usual import cache_buster, is_usual

__all__ = ["Envelope", "path_of"]

_HANDSHAKE: Final = 0
"""No frame, but what is before all of them."""
_Place = tuple[str, ...]


def path_of(session: Session) -> str:
    """Return the path of a session's request target."""
    return session.target.partition("?")[0]


class Envelope:
    """What is around the messages of two sessions.

    Headers are not compared, and neither are secrets that were left out of a recording.
    """

    def __init__(self, matching: Matching, a: Session, b: Session) -> None:
        self._ignored = Places(matching.ignore)
        self._ids = Places(matching.bind)
        self._binds = matching.binds
        self._a = a
        self._b = b
        self._usual = matching.usual
        self._targets = tuple(_parts(each.target, usual=matching.usual) for each in (a, b))

    def bindings(self) -> Iterator[Binding]:
        """Yield which ids in the request targets may stand for each other."""
        ours, theirs = self._targets
        for place in sorted(ours.keys() & theirs.keys()) if self._binds else ():
            a, b = ours[place], theirs[place]
            is_id = alike(a, b) or place in self._ids
            if a != b and place not in self._ignored and is_id:
                yield Binding(a, b, pointer(place), _HANDSHAKE)

    def handshake(self, ids: Ids) -> Iterator[Change]:
        """Yield what differs of the request target, the subprotocol and the status."""
        ours, theirs = self._targets
        paths = path_of(self._a), path_of(self._b)
        differing = [
            place
            for place in sorted(ours.keys() | theirs.keys())
            if not self._same(place, ours.get(place), theirs.get(place), ids)
        ]
        if any(place[0] == "path" for place in differing):
            yield Change("/path", *paths)
        for place in differing:
            if place[0] == "query":
                values = ours.get(place, ABSENT), theirs.get(place, ABSENT)
                yield Change(pointer(place), *values)
        for name in ("subprotocol", "status"):
            values = getattr(self._a, name), getattr(self._b, name)
            if values[0] != values[1]:
                yield Change(f"/{name}", _present(values[0]), _present(values[1]))

    def close(self) -> Iterator[Change]:
        """Yield what differs of the first Close frame, and whether the end was recorded."""
        if self._a.clean != self._b.clean:
            yield Change("/recorded", self._a.clean, self._b.clean)
        if not (self._a.clean and self._b.clean):
            return
        for name in ("closed_by", "close_code", "close_reason"):
            a, b = (getattr(each, name) or None for each in (self._a, self._b))
            if a != b:
                yield Change(f"/{name}", _present(a), _present(b))

    def _same(self, place: _Place, a: str | None, b: str | None, ids: Ids) -> bool:
        if a == b or place in self._ignored:
            return True
        if a is None or b is None:
            return False
        if place[0] == "query" and self._usual and is_usual(place[1], a, b):
            return True
        return ids.live(a) == b or (is_mark(a) and is_mark(b))


def _present(value: object) -> object:
    return ABSENT if value is None else value


def _parts(target: str, *, usual: bool) -> dict[_Place, str]:
    """Return the values in a request target; of a parameter given again, by its number.

    Without one that only keeps caches from answering, if what usually differs is left out.
    """
    path, _, query = target.partition("?")
    found: dict[_Place, str] = {("path", str(n)): part for n, part in enumerate(path.split("/"))}
    parameters = parse_qsl(query, keep_blank_values=True)
    left_out = cache_buster({name for name, _ in parameters}) if usual else None
    for name, value in parameters:
        if name == left_out:
            continue
        place: _Place = ("query", name)
        number = 1
        while place in found:
            place = ("query", name, str(number))
            number += 1
        found[place] = value
    return found
