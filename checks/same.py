"""A field whose value must not change in one place."""

from __future__ import annotations

from typing import Final, NamedTuple

from ..schemas.model import Same, Scalar
from .decode import alike
from .events import Event

__all__ = ["MAX_VALUES", "Changed", "SameState"]

MAX_VALUES: Final = 50
"""Different values of one field that are reported one by one."""


class Changed(NamedTuple):
    """A value that is not the first one."""

    first: Scalar | None
    """None: at first the field was absent."""
    since: int
    """The frame of the first one."""
    value: Scalar | None


class SameState:
    """One field in one place."""

    value: Scalar | None = None
    """The first one; None: it was absent, or nothing came yet."""
    _since: int | None = None

    def __init__(self, rule: Same) -> None:
        self.field = rule.field
        self.absent = rule.absent
        self._others: list[Scalar | None] = []

    def feed(self, value: Scalar | None, event: Event, *, plays: bool) -> Changed | None:
        """Take the value in an event; return it when it differs, and that was not yet said.

        An event that `plays` a part here is expected to carry the field.
        """
        if value is None and not (plays and self._says()):
            return None
        if self._since is None:
            self.value, self._since = value, event.seq
        others = self._others
        if alike(value, self.value) or len(others) >= MAX_VALUES or self.field in event.differing:
            return None
        if any(alike(value, other) for other in others):
            return None
        others.append(value)
        event.differing |= {self.field}
        return Changed(self.value, self._since, value)

    def _says(self) -> bool:
        """Say whether the absence of the field is a value here."""
        return self.absent == "differs" or (self.absent == "first" and self._since is None)
