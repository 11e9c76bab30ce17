"""The names of recordings that follow one another: from a pattern, by date and by number."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

__all__ = ["Series"]

# Only numbers of a known length: no directive stands for any text, so that no pattern takes in
# the names of files that were not made by it.
_DIRECTIVES = {
    "Y": "[0-9]{4}",
    "y": "[0-9]{2}",
    "m": "(?:0[1-9]|1[0-2])",
    "d": "(?:0[1-9]|[12][0-9]|3[01])",
    "H": "(?:[01][0-9]|2[0-3])",
    "M": "[0-5][0-9]",
    "S": "[0-5][0-9]",
    "j": "(?:[0-2][0-9]{2}|3[0-6][0-9])",
    "F": "[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])",
    "G": "[0-9]{4}",
    "V": "(?:0[1-9]|[1-4][0-9]|5[0-3])",
    "%": "%",
}
_DIRECTIVE = re.compile("%(.?)", re.DOTALL)
_NUMBER = "(?:[2-9]|[1-9][0-9]{1,8})"
_BESIDE = "(?:-wal|-shm|-journal|-spool|-unfinished|[.]lock)?"
"""What ends the name of a file that belongs to a recording, or to one that was there."""


class Series:
    """What `-o` says: the recordings of one output, all in one folder.

    The name may hold strftime's directives: then it is expanded, in UTC, whenever a recording is
    begun. A number makes it another name, `session-2.db`, `rec-20260101-2.db`. Pure: whoever uses
    it knows the time, and which names are taken.
    """

    def __init__(self, output: Path) -> None:
        """Read `output`, a path whose last part may be a pattern.

        Raises:
            ValueError: a directive that is not known, or one in a folder's name; one line.
        """
        self.folder = output.parent
        self.pattern = output.name
        """The name as it was given; `meta` has it as `output`."""
        self.dated = False
        """Whether there is a directive in it."""
        # A folder called 100% is nothing but that.
        if any(each in _DIRECTIVES for each in _DIRECTIVE.findall(str(self.folder))):
            raise ValueError(
                f"{output}: a date may be in the file's name, not in its folder's: all recordings"
                " of an output are in one folder"
            )
        for directive in _DIRECTIVE.findall(self.pattern):
            if directive not in _DIRECTIVES:
                raise ValueError(
                    f"{output}: %{directive} is not known here; a name may hold the UTC date as"
                    f" {', '.join(f'%{each}' for each in _DIRECTIVES if each != '%')},"
                    " and %% for a percent sign"
                )
            self.dated = self.dated or directive != "%"
        self._stem, self._suffix = Path(self.pattern).stem, Path(self.pattern).suffix
        self._all = re.compile(f"{_regex(self._stem)}(?:-{_NUMBER})?{_regex(self._suffix)}")

    def first(self, now: datetime) -> Path:
        """Return the name without a number; `now` is a time in UTC."""
        return self.folder / f"{_expand(self._stem, now)}{_expand(self._suffix, now)}"

    def last(self, now: datetime, names: Iterable[str]) -> Path | None:
        """Return the recording with the greatest number among the `names` that are in the folder.

        Only of those that `now` makes; None if there is none.
        """
        numbers = self._numbers(now, names, "")
        return self._numbered(now, max(numbers)) if numbers else None

    def following(self, now: datetime, names: Iterable[str]) -> Path:
        """Return a name that no file has, nor one that belongs to a recording; `names` are taken.

        Numbers go up, also where former recordings have been deleted.
        """
        return self._numbered(now, max(self._numbers(now, names, _BESIDE), default=0) + 1)

    def matches(self, name: str) -> bool:
        """Say whether this output may have made a recording of this name, at whatever time."""
        return self._all.fullmatch(name) is not None

    def _numbered(self, now: datetime, number: int) -> Path:
        if number == 1:
            return self.first(now)
        stem, suffix = _expand(self._stem, now), _expand(self._suffix, now)
        return self.folder / f"{stem}-{number}{suffix}"

    def _numbers(self, now: datetime, names: Iterable[str], beside: str) -> list[int]:
        stem, suffix = _expand(self._stem, now), _expand(self._suffix, now)
        taken = re.compile(f"{re.escape(stem)}(?:-({_NUMBER}))?{re.escape(suffix)}{beside}")
        return [int(match[1] or 1) for match in map(taken.fullmatch, names) if match]


def _expand(pattern: str, now: datetime) -> str:
    # One by one: the C library need not see the text around them.
    return _DIRECTIVE.sub(lambda match: now.strftime(match[0]), pattern)


def _regex(pattern: str) -> str:
    pieces = _DIRECTIVE.split(pattern)  # text, directive, text, ...
    return "".join(
        _DIRECTIVES[piece] if place % 2 else re.escape(piece) for place, piece in enumerate(pieces)
    )
