"""Two decoded objects, held against each other member by member."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Final

from ..redaction.marks import may_be_one
from ..schemas.pointers import ABSENT
from .difference import Change
from .ids import Binding, Id, Ids
from .reading import pointer
from .shape import LONG, alike, by_chance, is_id, kind, names_id, word
from .yardstick import Path, Yardstick, equal_as_json

__all__ = ["MAX_CHANGES", "Walk"]

MAX_CHANGES: Final = 50
"""Of one message that are told."""


class Walk:
    """What two messages have in common, gathered while walking through both.

    It recurses as deep as the values are, which the decoder bounds.
    """

    def __init__(
        self, rules: Yardstick, ids: Ids, seq: int, keys: tuple[frozenset[Id], frozenset[Id]]
    ) -> None:
        """`keys`: values of the contract's key fields in the recorded message, and in the live."""
        self._rules = rules
        self._ids = ids
        self._seq = seq
        self._keys = keys
        self._new: dict[tuple[str, Id], Binding] = {}
        self._taken: dict[tuple[str, Id], Id] = {}
        self._texts: list[tuple[str, Path, str, str]] = []
        """Differing texts, which may differ in ids that are only met behind them."""
        self._object = ""
        """Which of several it is, as the pointers to what is in it begin."""
        self._asks = False
        """Whether it is a request, which its sender numbers."""
        self.changes: list[Change] = []
        self.same = 0
        self.differing = 0

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """What has to be bound."""
        return tuple(self._new.values())

    def values(self, recorded: object, live: object, path: Path = ()) -> None:
        """Compare two values at one place."""
        if isinstance(recorded, dict) and isinstance(live, dict):
            if path not in self._rules.ignore:
                self._objects(recorded, live, path)
        elif isinstance(recorded, list) and isinstance(live, list):
            if path not in self._rules.ignore:
                self._lists(recorded, live, path)
        else:
            self._leaves(recorded, live, path)

    def several(self, recorded: Sequence[object], live: Sequence[object]) -> None:
        """Compare messages of several objects: each is told by its number, before the pointer."""
        for number in range(max(len(recorded), len(live))):
            self._object = f"/{number}"
            if number >= len(live):
                self.change((), recorded[number], ABSENT)
            elif number >= len(recorded):
                self.change((), ABSENT, live[number])
            else:
                self.values(recorded[number], live[number])
        self._object = ""

    def settle(self) -> None:
        """Decide what was put off: call it when all is compared."""
        if not self._texts:
            return
        replaced = self._ids.replacing(self._new.values())
        for number, path, recorded, live in self._texts:
            self._object = number
            if replaced(recorded) == live:
                self.same += 1
            else:
                self.change(path, recorded, live)
        self._texts.clear()
        self._object = ""

    def change(self, path: Path, recorded: object, live: object, note: str = "") -> None:
        """Take a difference."""
        self.differing += 1
        if len(self.changes) < MAX_CHANGES:
            self.changes.append(Change(self._object + pointer(path), recorded, live, note))

    # Objects and lists.

    def _objects(self, recorded: dict[str, Any], live: dict[str, Any], path: Path) -> None:
        if not path:
            self._asks = "method" in recorded and "method" in live
        missing: list[str] = []
        known: set[str] = set()
        for name, value in recorded.items():
            other = self._live_name(name, live)
            if other in live and other not in known:
                known.add(other)
                self.values(value, live[other], (*path, name))
            else:
                missing.append(name)
        if len(known) == len(live) and not missing:
            return
        added = dict.fromkeys(name for name in live if name not in known)
        fresh = self._by_kind(added) if missing else {}
        for name in missing:
            partner = self._partner(name, fresh, path)
            if partner is not None:
                del added[partner]
                self.values(recorded[name], live[partner], (*path, name))
            elif (*path, name) not in self._rules.ignore:
                self.change((*path, name), recorded[name], ABSENT)
        for name in added:
            if (*path, name) not in self._rules.ignore:
                self.change((*path, name), ABSENT, live[name])

    def _live_name(self, name: str, live: dict[str, Any]) -> str:
        if len(name) < LONG:
            return name
        found = self._live(name, "")
        if isinstance(found, str):
            return found
        return name if name in live or not self._ids.any else self._ids.replacing(())(name)

    def _by_kind(self, names: Iterable[str]) -> dict[str, deque[str]]:
        """Return names that look like ids and stand for none yet, by what they look like."""
        found: dict[str, deque[str]] = {}
        for name in names:
            sort = kind(name) if self._rules.binds else None
            if sort is not None and self._recorded(name, "") is None:
                found.setdefault(sort, deque()).append(name)
        return found

    def _partner(self, name: str, fresh: dict[str, deque[str]], path: Path) -> str | None:
        """Return the first name that an id which is a name may stand for, and bind it."""
        sort = kind(name) if fresh else None
        waiting = None if sort is None else fresh.get(sort)
        if not waiting or self._live(name, "") is not None or self._ids.ours(name):
            return None
        found = waiting.popleft()
        self._bind(name, found, (*path, name), "")
        return found

    def _lists(self, recorded: list[Any], live: list[Any], path: Path) -> None:
        for number, (left, right) in enumerate(zip(recorded, live, strict=False)):
            self.values(left, right, (*path, str(number)))
        for number in range(len(live), len(recorded)):
            if (*path, str(number)) not in self._rules.ignore:
                self.change((*path, str(number)), recorded[number], ABSENT)
        for number in range(len(recorded), len(live)):
            if (*path, str(number)) not in self._rules.ignore:
                self.change((*path, str(number)), ABSENT, live[number])

    # What is no object and no list.

    def _leaves(self, recorded: object, live: object, path: Path) -> None:
        name = path[-1] if path else ""
        equal = equal_as_json(recorded, live)
        if not equal and may_be_one(recorded, live):
            self.same += 1
        elif (isinstance(recorded, str) and isinstance(live, str)) or (
            type(recorded) is int
            and type(live) is int
            and (names_id(path) or path in self._rules.bind)
        ):
            self._may_be_ids(recorded, live, path, name, equal=equal)
        elif equal or self._rules.ignores(recorded, live, path) or self._rules.near(recorded, live):
            self.same += 1
        else:
            self.change(path, recorded, live)

    def _may_be_ids(self, recorded: Id, live: Id, path: Path, name: str, *, equal: bool) -> None:
        if self._rules.ignores(recorded, live, path):
            self.same += 1
            return
        rules, ids = self._rules, self._ids
        asked = rules.binds and path in rules.bind
        place = asked or (rules.binds and self._is_place(recorded, live, path))
        wanted = self._live(recorded, name)
        if wanted is not None:
            if (
                wanted == live
                or (equal and isinstance(live, int) and ids.ours(recorded, name))
                or (equal and not place)
            ):
                self.same += 1
            elif place and self._is_free(recorded, live, name):
                self._bind(recorded, live, path, name)
            else:
                self.change(path, recorded, live, f"{_brief(recorded)} is {_brief(wanted)} here")
            return
        if not place:
            self._not_ids(recorded, live, path, equal=equal)
            return
        holder = self._recorded(live, name)
        if holder is not None:
            note = f"{_brief(live)} stands for {_brief(holder)} here"
            self.change(path, recorded, live, note)
        elif equal or asked or not ids.ours(recorded, name) or (self._asks and path == ("id",)):
            self._bind(recorded, live, path, name)
        else:
            self.change(path, recorded, live, f"{_brief(recorded)} was said to the peer")

    def _not_ids(self, recorded: Id, live: Id, path: Path, *, equal: bool) -> None:
        if equal or self._rules.near(recorded, live):
            self.same += 1
        elif isinstance(recorded, str) and isinstance(live, str) and len(recorded) > LONG:
            self._texts.append((self._object, path, recorded, live))
        else:
            self.change(path, recorded, live)

    # Ids.

    def _is_place(self, recorded: Id, live: Id, path: Path) -> bool:
        """Say whether one may stand for the other, by where they are and what they look like."""
        if isinstance(recorded, int) or isinstance(live, int):
            return names_id(path) and not path[-1].isdecimal()
        if not (is_id(recorded) and is_id(live)):
            return False
        if alike(recorded, live):
            return True
        if (word(recorded) or word(live)) and not by_chance(recorded, live):
            return False
        return names_id(path) or (recorded in self._keys[0] and live in self._keys[1])

    def _live(self, recorded: Id, name: str) -> Id | None:
        new = self._new.get(_key(recorded, name))
        return self._ids.live(recorded, name) if new is None else new.live

    def _recorded(self, live: Id, name: str) -> Id | None:
        new = self._taken.get(_key(live, name))
        return self._ids.recorded(live, name) if new is None else new

    def _is_free(self, recorded: Id, live: Id, name: str) -> bool:
        """Say whether only another session knows what stands for it: this one may differ."""
        return (
            _key(recorded, name) not in self._new
            and self._ids.own(recorded, name) is None
            and self._recorded(live, name) is None
            and not self._ids.ours(recorded, name)
        )

    def _bind(self, recorded: Id, live: Id, path: Path, name: str) -> None:
        place = self._object + pointer(path)
        self._new[_key(recorded, name)] = Binding(recorded, live, place, self._seq)
        self._taken[_key(live, name)] = recorded
        self.same += 1


def _key(value: Id, name: str) -> tuple[str, Id]:
    return ("", value) if isinstance(value, str) else (name, value)


def _brief(value: Id) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:39] + "…"
