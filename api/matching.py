"""What counts as equal, and when what is said: options of `wsrec mock`, `replay` and `diff`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal, TypedDict, TypeVar

from ..match.members import read_members
from ..match.rules import Matching, Pacing, Patience
from ..net.amounts import positive, seconds
from ..net.errors import SettingError
from ..replay.choice import Choice
from ..schemas.mistakes import did_you_mean
from ..schemas.model import Contract
from .contracts import as_contract

__all__ = [
    "MatchSettings",
    "PlaySettings",
    "read_matching",
    "read_pacing",
    "read_patience",
    "refuse_unknown",
]

_T = TypeVar("_T")


class MatchSettings(TypedDict, total=False):
    """When two messages are equal; by the names of the options."""

    contract: str | PathLike[str] | Contract | None
    """None: the one stored in the recording; without one, messages are compared by shape."""
    ignore: Sequence[str]
    """Members that may differ: JSON Pointers, or names of members anywhere."""
    no_usual_ignores: bool
    """Compare times and event ids too."""
    tolerance: float
    """By how much numbers may differ: absolutely, or relatively to the recorded one."""
    bind: Sequence[str]
    """Members that are ids, whatever they look like."""
    no_bind: bool
    """Ids must be those that were recorded."""
    allow_unconsumed: Sequence[str]
    """Names of events that may be missing at the end of a session."""
    any_order: bool
    """Messages of one peer, between two of the other, may come in any order."""


class PlaySettings(MatchSettings, total=False):
    """Beside that, when what is said; times are written as on the command line: `"30s"`."""

    pacing: Literal["causal", "recorded", "asap"]
    speed: float | None
    max_gap: str | None
    timeout: str
    close_timeout: str


def refuse_unknown(who: str, settings: Mapping[str, object], known: Iterable[str]) -> None:
    """Raise TypeError for a setting that there is not."""
    known = set(known)
    for name in settings:
        if name not in known:
            raise TypeError(f"{who} has no setting {name!r}{did_you_mean(name, known)}")


def read_matching(path: Path, meta: Mapping[str, str], settings: Mapping[str, Any]) -> Matching:
    """Return when a live message is the recorded one; `meta` is the recording's table.

    Raises:
        SettingError: a setting that cannot be used.
        ContractError: the contract cannot be used.
    """
    given = settings.get("contract")
    tolerance = settings.get("tolerance", 0.0)
    bind = _each(settings, "bind", read_members)
    if bind and settings.get("no_bind"):
        raise SettingError("bind names ids that may differ, no_bind says none may")
    if not 0 <= tolerance < math.inf:
        raise SettingError(f"tolerance={tolerance}: expected a number of 0 or more")
    contract = None
    if given is not None:
        contract = as_contract(given)
    elif "contract" in meta:
        contract = Choice().of(path, meta).contract
    return Matching(
        contract=contract,
        ignore=_each(settings, "ignore", read_members),
        usual=not settings.get("no_usual_ignores", False),
        tolerance=tolerance,
        binds=not settings.get("no_bind", False),
        bind=bind,
        unconsumed=frozenset(_each(settings, "allow_unconsumed", str)),
        any_order=settings.get("any_order", False),
    )


def _each(settings: Mapping[str, Any], name: str, read: Callable[[str], _T]) -> tuple[_T, ...]:
    given = settings.get(name, ())
    try:
        return tuple(map(read, (given,) if isinstance(given, str) else given))
    except ValueError as error:
        raise SettingError(f"{name}: {error}") from None


def read_pacing(settings: Mapping[str, Any]) -> Pacing:
    """Return when what is ours to say is said; raises SettingError."""
    pace = settings.get("pacing", "causal")
    speed, gap = settings.get("speed"), settings.get("max_gap")
    if pace not in ("causal", "recorded", "asap"):
        raise SettingError(f"pacing={pace!r}: expected 'causal', 'recorded' or 'asap'")
    if pace != "recorded" and (speed is not None or gap is not None):
        name = "max_gap" if speed is None else "speed"
        raise SettingError(f"{name} is about recorded times: give pacing='recorded' with it")
    if speed is not None and not 0 < speed < math.inf:
        raise SettingError(f"speed={speed}: expected a number above 0")
    gap_ns = None if gap is None else round(seconds(gap, "max-gap") * 1e9)
    return Pacing(pace, 1.0 if speed is None else speed, gap_ns)


def read_patience(settings: Mapping[str, Any], usual: str) -> Patience:
    """Return how long nothing may happen; `usual` is the timeout where none is set."""
    timeout = positive(settings.get("timeout", usual), "timeout")
    close = positive(settings.get("close_timeout", "5s"), "close-timeout")
    return Patience(round(timeout * 1e9), round(close * 1e9))
