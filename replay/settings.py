"""What counts as equal, and when what is said, as options of replay, mock and diff write it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, TypeVar, get_args

from ..match.heartbeats import read_heartbeat
from ..match.members import read_members
from ..match.rules import Matching, Pace, Pacing, Patience
from ..net.amounts import one_of, positive, seconds
from ..net.errors import SettingError
from ..schemas.model import Contract

__all__ = ["read_matching", "read_pacing", "read_patience"]

_SPEEDS: Final = 0.001, 1_000_000
"""Times divided by less are beyond what clocks, and event loops, can count to."""

T = TypeVar("T")


def read_matching(
    contract: Contract | None = None,
    *,
    ignore: Sequence[str] = (),
    no_usual_ignores: bool = False,
    tolerance: float = 0.0,
    bind: Sequence[str] = (),
    no_bind: bool = False,
    allow_unconsumed: Sequence[str] = (),
    any_order: bool = False,
    heartbeat: Sequence[str] = (),
    no_usual_heartbeats: bool = False,
) -> Matching:
    """Return when a message is the recorded one; parameters are the options, word for word.

    Raises:
        SettingError: one of them cannot be used, or two contradict each other.
    """
    if bind and no_bind:
        raise SettingError("--bind names ids that may differ, --no-bind says none may")
    return Matching(
        contract=contract,
        ignore=_read(read_members, ignore, "ignore"),
        usual=not no_usual_ignores,
        tolerance=_number(tolerance, "tolerance"),
        binds=not no_bind,
        bind=_read(read_members, bind, "bind"),
        unconsumed=frozenset(allow_unconsumed),
        any_order=any_order,
        heartbeats=_read(read_heartbeat, heartbeat, "heartbeat"),
        usual_heartbeats=not no_usual_heartbeats,
    )


def read_pacing(
    *, pacing: str = "causal", speed: float | None = None, max_gap: str | None = None
) -> Pacing:
    """Return when what is ours to say is said.

    Raises:
        SettingError: one of them cannot be used, or has no meaning beside the others.
    """
    paces: tuple[Pace, ...] = get_args(Pace)
    one_of(pacing, "--pacing", paces)
    pace = next(each for each in paces if each == pacing)
    if pace != "recorded" and (speed is not None or max_gap is not None):
        option = "--speed" if speed is not None else "--max-gap"
        raise SettingError(f"{option} is about recorded times: give --pacing recorded with it")
    gap = None if max_gap is None else _ns(seconds(max_gap, "max-gap"))
    return Pacing(pace, 1.0 if speed is None else _number(speed, "speed", *_SPEEDS), gap)


def read_patience(*, timeout: str = "10s", close_timeout: str = "5s") -> Patience:
    """Return how long nothing may happen.

    Raises:
        SettingError: one of them is no time, or none is left.
    """
    message, close = positive(timeout, "timeout"), positive(close_timeout, "close-timeout")
    return Patience(message_ns=_ns(message), close_ns=_ns(close))


def _ns(time: float) -> int:
    return round(time * 1e9)


def _read(read: Callable[[str], T], texts: Sequence[str], name: str) -> tuple[T, ...]:
    try:
        return tuple(map(read, texts))
    except ValueError as error:
        raise SettingError(f"--{name}: {error}") from None


def _number(number: float, name: str, least: float = 0.0, most: float = math.inf) -> float:
    """Return a finite number within these bounds."""
    if not least <= number <= most or math.isinf(number):
        bounds = "of 0 or more" if math.isinf(most) else f"from {least:g} to {most:g}"
        raise SettingError(f"--{name}: {number:g} is not a number {bounds}")
    return number
