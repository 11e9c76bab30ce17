"""`wsrec diff`: two recordings held against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Final, TextIO

from rich.console import Console

from ..checks.scope import Scope
from ..judge.asked import require_sessions
from ..judge.progress import Progress, Tick, interruptible
from ..judge.reports import Wanted, put
from ..match.compare import Comparer
from ..match.contrast import Contrast, SessionContrast
from ..match.delays import Delays, changes
from ..match.envelope import path_of
from ..match.ids import Ids
from ..match.outline import Outliner
from ..match.pairing import Profile, pair
from ..match.rules import Matching
from ..match.usual import COUNTERS, DURATIONS, IDS, NOISE, TIMES
from ..report.diff import print_diff
from ..report.diff_json import diff_to_json
from ..store.model import Session
from ..store.reader import Recording
from ..store.verify import require_intact
from .contrasting import Pair
from .half import Half

__all__ = ["DIFFERENT", "SAME", "Wish", "diff", "exit_code", "show", "write"]

SAME: Final = 0
DIFFERENT: Final = 1

_TICK: Final = 500


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for."""

    scope: Scope
    """Which sessions of A, and how many differences of one kind are kept of one session."""
    min_samples: int = 5
    """Of an event in each recording, for its times to be compared."""
    max_slower: float | None = None
    """How many times as long p95 of an event may take in B; None: any."""


@dataclass(frozen=True, slots=True)
class _Side:
    recording: Recording
    sessions: list[Session]
    profiles: list[Profile]

    def half(self, place: int, comparer: Comparer) -> Half:
        return Half(self.recording, self.sessions[place], self.profiles[place].outline, comparer)


def diff(
    a: Path,
    b: Path,
    rules: Callable[[Path, Mapping[str, str]], Matching],
    wish: Wish,
    *,
    show: bool = True,
) -> Contrast:
    """Return what differs between two recordings.

    `rules` is asked with the path of A and its table `meta`. Of each message some fifty bytes are
    held; messages are read again where they are compared. With `show` a bar on the terminal says
    how far a long work has come.

    Raises:
        RecordingError: one cannot be read, or is not what was recorded; in one line.
        UnknownSessionError: A has not all the sessions that were asked for.
        ContractError: the contract that is stored in A cannot be used.
        KeyboardInterrupt: Ctrl-C.
    """
    with interruptible() as check, Recording.open(a) as ours, Recording.open(b) as theirs:
        require_sessions(ours, wish.scope)
        matching = rules(a, ours.meta)
        held = ours.hold(), theirs.hold()
        for recording in (ours, theirs):
            require_intact(recording)
        sides = []
        for recording, sessions in zip((ours, theirs), held, strict=True):
            with Progress(recording, check, "reading", show=show) as tick:
                sides.append(_read(recording, sessions, matching, tick))
        with Progress(ours, check, "comparing", show=show) as tick:
            return _contrast(sides[0], sides[1], matching, wish, tick)


def write(contrast: Contrast, wanted: Wanted, out: TextIO) -> None:
    """Write it as it is wanted; `out` is standard output."""
    if wanted.format == "json":
        text = diff_to_json(contrast)
    elif wanted.path is None:
        show(contrast, out)
        return
    else:
        plain = StringIO()
        show(contrast, plain)
        text = plain.getvalue()
    if wanted.path is None:
        out.write(text)
    else:
        put(wanted.path, text)


def show(contrast: Contrast, out: TextIO) -> None:
    """Write it for people; plain text where `out` is no terminal."""
    print_diff(contrast, Console(file=out, width=None if out.isatty() else 120, highlight=False))


def exit_code(contrast: Contrast) -> int:
    """Return 0 where nothing differs, else 1: also where there was nothing to compare."""
    return SAME if contrast.same else DIFFERENT


def _read(recording: Recording, sessions: list[Session], matching: Matching, tick: Tick) -> _Side:
    comparer = Comparer(matching)
    profiles: list[Profile] = []
    for session in sessions:
        heartbeats = matching.heartbeats_of(session.subprotocol, session.target)
        outliner = Outliner(matching, comparer, heartbeats)
        for number, message in enumerate(recording.messages(session.id), 1):
            outliner.add(message)
            if not number % _TICK:
                tick(_TICK)
        outline = outliner.outline()
        profiles.append(Profile(path_of(session), session.subprotocol, session.status, outline))
    return _Side(recording, sessions, profiles)


def _contrast(a: _Side, b: _Side, matching: Matching, wish: Wish, tick: Tick) -> Contrast:
    comparer = Comparer(matching)
    pairs = dict(pair(a.profiles, b.profiles))
    delays = Delays(), Delays()
    around = Ids()
    found: list[SessionContrast] = []
    for i, session in enumerate(a.sessions):
        if not wish.scope.judges(session.id):
            continue
        j = pairs.get(i)
        if j is None:
            found.append(SessionContrast(session.id, None, session.target))
            continue
        halves = a.half(i, comparer), b.half(j, comparer)
        for half, times in zip(halves, delays, strict=True):
            times.update(half.outline.delays)
        most = wish.scope.max_findings
        found.append(Pair(*halves, matching, comparer, around, most).contrast(tick))
    if not wish.scope.sessions:
        found += _only(b, set(pairs.values()))
    rows = changes(*delays, wish.min_samples, wish.max_slower)
    return Contrast(
        str(a.recording.path),
        str(b.recording.path),
        matching,
        tuple(_ignored(matching)),
        tuple(found),
        tuple(rows),
        wish.min_samples,
        wish.max_slower,
    )


def _only(b: _Side, taken: set[int]) -> Iterator[SessionContrast]:
    for j, session in enumerate(b.sessions):
        if j not in taken:
            yield SessionContrast(None, session.id, session.target)


def _ignored(matching: Matching) -> Iterator[str]:
    yield from map(str, matching.ignore)
    if matching.usual:
        yield from sorted(TIMES | DURATIONS | IDS | COUNTERS | NOISE)
