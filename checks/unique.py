"""Values that must not come twice in one place."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from ..schemas.model import Scalar
from .events import Event
from .rules import Part, part

__all__ = ["MAX_UNIQUE", "UniqueState"]

MAX_UNIQUE: Final = 100_000
"""Values of one field remembered in one place; the oldest are forgotten beyond."""
AFTER_CLOSE: Final = 1_000
"""Values still remembered when the place is closed."""


class UniqueState:
    """One field in one place."""

    def __init__(self, field: str) -> None:
        self.field = field
        self._seen: OrderedDict[Part, int] = OrderedDict()
        self.forgot = self.told = False

    def before(self, event: Event) -> tuple[Scalar, int] | None:
        """Return the value and the frame where it came before; else remember it."""
        value = event.fields.get(self.field)
        if value is None or event.malformed:
            return None
        known = part(value)
        seq = self._seen.get(known)
        if seq is not None:
            return value, seq
        self._seen[known] = event.seq
        self._keep(MAX_UNIQUE)
        return None

    def closed(self) -> None:
        """Keep only as much as a repeated last event needs."""
        while len(self._seen) > AFTER_CLOSE:
            self._seen.popitem(last=False)

    def _keep(self, most: int) -> None:
        if len(self._seen) > most:
            self._seen.popitem(last=False)
            self.forgot = True


def repeated(states: Sequence[UniqueState], event: Event) -> tuple[str, Scalar, int] | None:
    """Return the first field whose value came before: its name, the value and that frame."""
    for state in states:
        before = state.before(event)
        if before is not None:
            return state.field, *before
    return None
