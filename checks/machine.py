"""A table of states and events, followed through losses without saying one twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from ..schemas.model import Machine
from .cause import END, Cause

__all__ = ["Illegal", "MachineState"]

ANY: Final = "*"
ERROR: Final = "error"


class _Place(NamedTuple):
    """Where the machine may be, and an event that is expected to come late."""

    state: str
    owed: str | None = None


class Illegal(NamedTuple):
    """An event, or the end, that the present state does not allow."""

    state: str
    allowed: tuple[str, ...]
    """What the state lets go on, `*` for anything else."""
    absent: frozenset[str]
    """Events of which one, had it come before, would have made it right."""
    after: int
    """Frame of the event that led to this state."""

    @property
    def wanted(self) -> str:
        """What would have been allowed, in words."""
        words = ("any other event" if each == ANY else each for each in self.allowed)
        return " or ".join(words) or "no event"

    def cause(self, event: str | None, seq: int | None) -> Cause:
        """Return what it supposes went wrong; no `event`: the end was not allowed."""
        names = self.absent if event is None else self.absent | {event}
        before = END if event is None or seq is None else seq
        return Cause(None if ANY in names else names, self.after, before)


class MachineState:
    """Where one machine stands.

    After an illegal event it is not known whether that event was one too many, came too
    early, or whether another was lost before it. So from then on every state that one such
    fault leads to is kept, until what follows fits none of them: one fault is said once.
    """

    def __init__(self, rule: Machine) -> None:
        self._rule = rule
        self._named = frozenset(name for row in rule.states.values() for name in row) - {ANY}
        self._open = any(ANY in row for row in rule.states.values())
        self._places = {_Place(rule.start)}
        self._seq = 0
        """Frame of the event that led there: one that was lost may have come ever since."""

    def _next(self, state: str, name: str) -> str | None:
        row = self._rule.states.get(state, {})
        target = row.get(name, row.get(ANY))
        return None if target == ERROR else target

    def _steps(self, state: str) -> Iterator[tuple[str, str]]:
        row = self._rule.states.get(state, {})
        return ((name, target) for name, target in row.items() if target != ERROR)

    def matters(self, name: str, *, boundary: bool) -> bool:
        """Say whether an event is anything to it; `*` does not mean what opens or closes."""
        return name in self._named or (self._open and not boundary)

    def lost(self) -> None:
        """Frames are missing here: from now on it may be anywhere."""
        self._places = {_Place(state) for state in self._rule.states}

    def feed(self, name: str, seq: int) -> Illegal | None:
        """Take an event that matters."""
        moved = set()
        for place in self._places:
            if place.owed == name:
                moved.add(_Place(place.state))
            target = self._next(place.state, name)
            if target is not None:
                moved.add(_Place(target, place.owed))
        if moved:
            if moved != self._places:
                self._places, self._seq = moved, seq
            return None
        states = sorted({place.state for place in self._places})
        found = Illegal(
            " or ".join(states),
            tuple(dict.fromkeys(each for state in states for each, _ in self._steps(state))),
            frozenset(
                step
                for state in states
                for step, target in self._steps(state)
                if self._next(target, name) is not None
            ),
            self._seq,
        )
        self._places, self._seq = set(self._repairs(states, name)), seq
        return found

    def _repairs(self, states: list[str], name: str) -> Iterator[_Place]:
        near = False
        for state in states:
            yield _Place(state)  # one too many
            for step, target in self._steps(state):
                yield _Place(target)  # it came in the place of another
                beyond = self._next(target, name)
                if beyond is not None:
                    near = True
                    yield _Place(beyond, None if step == ANY else step)  # one was lost, or is late
        if not near:
            for state in self._rule.states:
                beyond = self._next(state, name)
                if beyond is not None:
                    yield _Place(beyond)

    def settle(self) -> Illegal | None:
        """Take the end."""
        ends = self._rule.end
        states = sorted({place.state for place in self._places})
        if not ends or any(state in ends for state in states):
            return None
        return Illegal(
            " or ".join(states),
            ends,
            frozenset(
                step for state in states for step, target in self._steps(state) if target in ends
            ),
            self._seq,
        )
