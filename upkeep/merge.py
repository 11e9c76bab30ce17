"""Several recordings as one: their sessions in order of their start by the clock on the wall.

What a recording's own clock says of the sessions in it stays exactly as it was: when they start
and end relative to each other. Between recordings, the wall clock decides.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from typing import Any

from ..store.errors import RecordingBusyError, RecordingError
from ..store.lock import RecordingLock
from ..store.seal import LAST_LINK, SEALED_SESSIONS, Sealer, Signer
from .copy import Copy, Take
from .fresh import Fresh
from .source import Source, reading
from .walltime import iso, origin_ns

__all__ = ["Merged", "merge"]


_OWN = (
    "started_at",
    "ended_at",
    "sessions",
    "pruned",
    "unrecorded",
    "derived_from",
    "redaction_runs",
)
"""What is so of one recording only."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge has made."""

    sessions: int
    frames: int
    bytes: int
    """Size of the file."""
    unsealed: int
    """Sessions that were sealed before, and are not any more."""
    contract: bool | None
    """Whether the contract stored in the sources is stored in it: not if they differ; None: none
    of them has one."""


@dataclass(slots=True)
class _Input:
    """One of the recordings, and what the merged one states of it."""

    source: Source
    place: int
    """Among the inputs."""
    origin_ns: int
    """Nanoseconds since 1970 at which its own time is zero."""
    spread_ns: int
    sha256: str
    runs: list[list[int]] = field(default_factory=list)
    """Stretches of its sessions that stay together: number there, number here, how many."""
    redactions: list[dict[str, Any]] = field(default_factory=list)
    """Of its sessions that have not been copied yet, as its `meta` has them."""
    rules: list[Any] = field(default_factory=list)
    """By which the last one was redacted."""

    @classmethod
    def of(cls, place: int, source: Source) -> _Input:
        with reading(source.path):
            origin, spread = origin_ns(source)
            redactions = json.loads(source.meta.get("redaction_runs", "[]"))
            digest = _digest(source)
        return cls(source, place, origin, spread, digest, redactions=redactions)

    def starts(self) -> Iterator[tuple[int, int, int]]:
        """Yield when each session starts, since 1970, this input's place, session's number."""
        for number, started_ns in self.source.rows(
            "SELECT id, started_ns FROM sessions ORDER BY id"
        ):
            yield self.origin_ns + started_ns, self.place, number

    def rules_of(self, number: int) -> list[Any]:
        """Return what was redacted from a session; asked in order of their numbers."""
        while self.redactions and self.redactions[0]["from_session"] <= number:
            self.rules = self.redactions.pop(0)["rules"]
        return self.rules

    def became(self, number: int, here: int) -> None:
        """Note the number that a session has in the merged recording."""
        if self.runs:
            run = self.runs[-1]
            if (number, here) == (run[0] + run[2], run[1] + run[2]):
                run[2] += 1
                return
        self.runs.append([number, here, 1])

    def statement(self, base: int) -> dict[str, Any]:
        return {
            "name": self.source.path.name,
            "sessions": self.runs,
            "sha256": self.sha256,
            "started_at": iso(self.origin_ns),
            "later_ns": self.origin_ns - base,
            "clock_spread_ns": self.spread_ns,
            # The contract is as long as all the rest, and the same for all, or in none.
            "meta": {key: self.source.meta[key] for key in self.source.meta if key != "contract"},
        }


def merge(
    sources: Sequence[Source],
    out: Path,
    meta: Mapping[str, str],
    signer: Signer | None = None,
) -> Merged:
    """Make a new recording of the sessions of all sources, renumbered from 1.

    Sessions without an end record, interrupted or still open, stay without.

    Args:
        sources: recordings found to be intact.
        out: the new file; when this raises, there is none.
        meta: to be stated beside what all the sources state.
        signer: seals all of it anew: the seals of the sources are of other numbers and starts.

    Raises:
        OSError: `out` exists, or there is no place for it.
        RecordingError: sources that are the same, or damaged after all; a full disk.
    """
    seals = sum(number for source in sources for (number,) in source.rows(SEALED_SESSIONS))
    inputs = [_Input.of(place, source) for place, source in enumerate(sources)]
    for one, other in combinations(inputs, 2):
        if one.source.is_same_file(other.source):
            raise RecordingError(f"{other.source.path}: is the same file as {one.source.path}")
        if one.sha256 == other.sha256 != sha256().hexdigest():
            raise RecordingError(f"{other.source.path}: is a copy of {one.source.path}")
    with closing(_Claim(out)), Fresh(out) as fresh:
        # A microsecond is what the wall clock is stated to.
        base = min(each.origin_ns for each in inputs) // 1000 * 1000
        with fresh.writing():
            copy = Copy(fresh.connection)
            redactions = _copy(inputs, base, copy)
        if any("redaction_runs" in source.meta for source in sources):
            meta = {**meta, "redaction_runs": json.dumps(redactions)}
        stated = {**_meta(inputs, base, copy.sessions), **meta}
        if signer is None:
            size = fresh.finish(stated)
        else:
            size = fresh.finish(stated, lambda made: Sealer(made, signer).all(made))
        for source in sources:
            source.require_still()
        fresh.take_place()
    kept = "contract" in stated if any("contract" in each.meta for each in sources) else None
    return Merged(copy.sessions, copy.frames, size, 0 if signer else seals, kept)


class _Claim:
    """The name of a file that is not there yet; nobody records into it meanwhile."""

    def __init__(self, out: Path) -> None:
        if not out.parent.is_dir():
            raise FileNotFoundError(2, "No such folder", str(out.parent))
        self._check(out)
        try:
            self._lock = RecordingLock(out)
        except RecordingBusyError:
            raise RecordingError(f"{out}: another process is about to write this file") from None
        try:
            self._check(out)
        except BaseException:
            self._lock.release()
            raise

    def close(self) -> None:
        self._lock.release()

    @staticmethod
    def _check(out: Path) -> None:
        # What lies beside a file of that name belongs to it: a log would be read with the new one.
        for ending in ("", "-wal", "-journal"):
            path = out.with_name(out.name + ending)
            if path.exists() or path.is_symlink():
                raise FileExistsError(17, "exists already; give a new file", str(path))


def _copy(inputs: Sequence[_Input], base: int, copy: Copy) -> list[dict[str, Any]]:
    """Copy all sessions; return from which on they were redacted by which rules."""
    redactions: list[dict[str, Any]] = []
    for here, (_, place, number) in enumerate(heapq.merge(*map(_Input.starts, inputs)), 1):
        each = inputs[place]
        copy.session(Take(each.source, number, here, each.origin_ns - base))
        each.became(number, here)
        with reading(each.source.path):
            rules = each.rules_of(number)
        if not redactions or redactions[-1]["rules"] != rules:
            redactions.append({"from_session": here, "rules": rules})
    return redactions


def _meta(inputs: Sequence[_Input], base: int, sessions: int) -> dict[str, str]:
    """Return what all inputs state alike, and what is so of the merged recording only."""
    metas = [each.source.meta for each in inputs]
    first, *others = metas
    common = {
        key: value for key, value in first.items() if all(m.get(key) == value for m in others)
    }
    for key in _OWN:
        common.pop(key, None)
    ends = [meta.get("ended_at") for meta in metas]
    if all(ends):  # otherwise something may be missing at the end of one of them
        common["ended_at"] = max(end for end in ends if end)
    return {
        **common,
        "started_at": iso(base),
        "sessions": str(sessions),
        "derived_from": json.dumps([each.statement(base) for each in inputs]),
    }


def _digest(source: Source) -> str:
    """Return the SHA-256 over the links of all sessions, each followed by its last extent's.

    The row of an interrupted session has a link that says nothing of its frames.
    """
    digest = sha256()
    links = source.rows(f"SELECT link, {LAST_LINK} FROM sessions ORDER BY id")
    for link, last in links:
        digest.update(link)
        if last is not None:
            digest.update(last)
    return digest.hexdigest()
