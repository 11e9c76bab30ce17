"""`wsrec.diff`: two recordings held against each other."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Literal, Unpack

from ..checks.scope import MAX_FINDINGS, Scope
from ..judge.asked import UnknownSessionError
from ..judge.reports import Wanted
from ..match.contrast import Contrast, LatencyChange, SessionContrast
from ..match.rules import Matching
from ..net.amounts import one_of
from ..replay import diff as differing
from ..store.errors import NoSessionError
from .matching import MatchSettings, matching_of, refuse_unknown
from .recording import Recording, path_of
from .verdicts import ranges_of

__all__ = ["Comparison", "SessionContrast", "diff"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between two recordings; `str()` is what `wsrec diff` prints of it."""

    same: bool
    """Whether nothing does."""
    exit_code: int
    """Of `wsrec diff`: 0 the same, 1 something differs."""
    sessions: tuple[SessionContrast, ...]
    """Sessions of both, or of one of them alone: `a`, `b`, `same`, `divergences` of each."""
    latency: tuple[LatencyChange, ...]
    """How long each event took in both."""
    _contrast: Contrast = field(repr=False, compare=False)

    def report(self, format: Literal["text", "json"] = "text") -> str:  # noqa: A002
        """Return it as `wsrec diff --format` writes it."""
        one_of(format, "format", ("text", "json"))
        out = io.StringIO()
        differing.write(self._contrast, Wanted(format, None), out)
        return out.getvalue()

    def __str__(self) -> str:
        return self.report()


def diff(
    a: str | PathLike[str] | Recording,
    b: str | PathLike[str] | Recording,
    *,
    sessions: Iterable[int] | None = None,
    min_samples: int = 5,
    max_slower: float | None = None,
    max_differences: int = MAX_FINDINGS,
    **settings: Unpack[MatchSettings],
) -> Comparison:
    """Say what differs between two recordings, as `wsrec diff` does.

    Args:
        a: the path of one, or that one open.
        b: the other one.
        sessions: compare only these of `a`, with their partners in `b`; None: all.
        min_samples: times of an event are compared where both have so many.
        max_slower: how many times as long p95 of an event may take in `b`; None: any.
        max_differences: differences of one kind that are kept for one session.
        settings: what counts as equal: `MatchSettings`.

    Raises:
        RecordingError: one is damaged, or `a` has no such session.
        ContractError: the contract cannot be used.
        SettingError: a setting that cannot be used; ValueError: a number, or `sessions` is empty.
        TypeError: there is no setting of that name.
    """
    refuse_unknown("wsrec.diff", settings, MatchSettings.__annotations__)
    for name, number in (("min_samples", min_samples), ("max_differences", max_differences)):
        if number < 1:
            raise ValueError(f"{name}={number}: expected 1 or more")
    if max_slower is not None and not max_slower >= 1:
        raise ValueError(f"max_slower={max_slower}: expected 1 or more")

    def rules(path: Path, meta: Mapping[str, str]) -> Matching:
        return matching_of(path, meta, settings)

    scope = Scope(sessions=ranges_of(sessions), max_findings=max_differences)
    wish = differing.Wish(scope, min_samples, max_slower)
    try:
        contrast = differing.diff(path_of(a), path_of(b), rules, wish, show=False)
    except UnknownSessionError as error:
        raise NoSessionError(str(error)) from None
    code = differing.exit_code(contrast)
    return Comparison(contrast.same, code, contrast.sessions, contrast.latency, contrast)
