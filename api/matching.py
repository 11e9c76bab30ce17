"""What counts as equal, and when what is said: options of `wsrec mock`, `replay` and `diff`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal, TypedDict, get_type_hints

from ..judge.choice import Choice
from ..match.rules import Matching, Pacing, Patience
from ..replay.settings import read_matching, read_pacing, read_patience
from ..schemas.mistakes import did_you_mean
from ..schemas.model import Contract
from .contracts import as_contract

__all__ = [
    "MatchSettings",
    "PlaySettings",
    "matching_of",
    "pacing_of",
    "patience_of",
    "refuse_unknown",
]


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
    heartbeat: Sequence[str]
    """Events that are heartbeats, or `EVENT=ANSWER`: neither expected nor compared."""
    no_usual_heartbeats: bool
    """Compare the heartbeats of known protocols, and of the contract, like all else."""


class _PacingSettings(TypedDict, total=False):
    pacing: Literal["causal", "recorded", "asap"]
    speed: float | None
    max_gap: str | None


class _PatienceSettings(TypedDict, total=False):
    timeout: str
    close_timeout: str


class PlaySettings(MatchSettings, _PacingSettings, _PatienceSettings, total=False):
    """Beside that, when what is said; times are written as on the command line: `"30s"`."""


def refuse_unknown(who: str, settings: Mapping[str, object], known: Iterable[str]) -> None:
    """Raise TypeError for a setting that there is not."""
    known = set(known)
    for name in settings:
        if name not in known:
            raise TypeError(f"{who} has no setting {name!r}{did_you_mean(name, known)}")


def matching_of(path: Path, meta: Mapping[str, str], settings: Mapping[str, Any]) -> Matching:
    """Return when a live message is the recorded one; `meta` is the recording's table.

    Raises:
        SettingError: a setting that cannot be used.
        ContractError: the contract cannot be used.
    """
    contract = None
    if settings.get("contract") is not None:
        contract = as_contract(settings["contract"])
    elif "contract" in meta:
        contract = Choice().of(path, meta).contract
    asked = _asked(settings, MatchSettings)
    asked.pop("contract", None)
    for name in ("ignore", "bind", "allow_unconsumed", "heartbeat"):
        if isinstance(asked.get(name), str):
            asked[name] = (asked[name],)
    return read_matching(contract, **asked)


def pacing_of(settings: Mapping[str, Any]) -> Pacing:
    """Return when what is ours to say is said; raises SettingError."""
    return read_pacing(**_asked(settings, _PacingSettings))


def patience_of(settings: Mapping[str, Any], **usual: str) -> Patience:
    """Return how long nothing may happen, `usual` where nothing is set; raises SettingError."""
    return read_patience(**{**usual, **_asked(settings, _PatienceSettings)})


def _asked(settings: Mapping[str, Any], kind: type) -> dict[str, Any]:
    return {name: settings[name] for name in get_type_hints(kind) if name in settings}
