"""What a verification finds, and how it is said: one line, without recorded text in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .pruned import ranges_of

__all__ = ["Broken", "Fault", "changed", "frames_between", "missing", "span", "unreadable"]

_SHOWN = 5
"""Stretches of frames in a line."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a session, or with a recording; `str` of it is one line for people."""

    session: int | None
    """None: with the recording."""
    what: str
    """Never holds recorded text raw."""
    first_seq: int | None = None
    """The frames it is about, with `last_seq`; None there: and all that follow."""
    last_seq: int | None = None
    damage: bool = True
    """False: the recording of this session was interrupted, or still goes on; all else fits."""

    def __str__(self) -> str:
        """Return `session 3: frames 12-19 are not what was recorded`."""
        return self.what if self.session is None else f"session {self.session}: {self.what}"


class Broken(Exception):  # noqa: N818 - it never leaves a verification
    """Where a session's chain breaks."""

    def __init__(self, what: str, first: int | None = None, last: int | None = None) -> None:
        self.what, self.first, self.last = what, first, last


def changed(seqs: Sequence[int]) -> Broken:
    """Return that these frames, at least one, are other ones; a range costs no more than one."""
    verb = "is" if len(seqs) == 1 else "are"
    return Broken(f"{_list(seqs)} {verb} not what was recorded", seqs[0], seqs[-1])


def missing(first: int, last: int) -> Broken:
    """Return that frames from first to last are not there."""
    return Broken(f"{span('frame', first, last)} missing", first, last)


def span(what: str, first: int, last: int) -> str:
    """Return `frame 3 is` or `frames 3-9 are`."""
    return f"{_stretch(what, first, last)} {'is' if first == last else 'are'}"


def frames_between(first: int, last: int) -> str:
    """Return `frame 3` or `frames 3-9`."""
    return _stretch("frame", first, last)


def unreadable(error: Exception, what: str = "") -> str:
    """Return that something, or all of it, cannot be read."""
    # SQLite quotes what it cannot decode: no recorded text reaches a terminal raw.
    why = f"cannot be read: {repr(str(error))[1:-1]}"
    return f"{what} {why}" if what else why


def _stretch(what: str, first: int, last: int) -> str:
    return f"{what} {first}" if first == last else f"{what}s {first}-{last}"


def _list(seqs: Sequence[int]) -> str:
    if isinstance(seqs, range):
        return frames_between(seqs[0], seqs[-1])
    ranges = ranges_of(seqs)
    if len(ranges) == 1:
        return frames_between(*ranges[0])
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in ranges[:_SHOWN]]
    rest = sum(last - first + 1 for first, last in ranges[_SHOWN:])
    last_one = f"{rest} more" if rest else shown.pop()
    return f"frames {', '.join(shown)} and {last_one}"
