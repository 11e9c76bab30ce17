"""What `wsrec replay` and `wsrec mock` have in common: what counts as equal, when what is said."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..match.members import Members
    from ..match.rules import Matching, Pace, Pacing, Patience
    from ..replay.choice import Chosen
    from ..schemas.model import Contract

    _Type = click.ParamType[Any]
else:  # the oldest click that will do has no type parameter there
    _Type = click.ParamType

__all__ = [
    "CONTRACT",
    "MATCHING",
    "PACING",
    "PATIENCE",
    "choose_contract",
    "read_contract",
    "read_matching",
    "read_pacing",
    "read_patience",
]


class _Members(_Type):
    """A JSON Pointer, or the name of a member, wherever that is."""

    name = "pointer or name"

    def convert(self, value: Any, param: Any, ctx: Any) -> Members:
        """Return the members that it names."""
        from ..match.members import read_members

        try:
            return read_members(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _Number(_Type):
    """A finite number, 0 or more; or above 0."""

    name = "number"

    def __init__(self, *, above: bool = False) -> None:
        self._above = above

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Return the number."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not 0 <= number < math.inf or (self._above and not number):
            least = "above 0" if self._above else "of 0 or more"
            self.fail(f"{value!r} is not a number {least}", param, ctx)
        return number


CONTRACT = click.option(
    "-c", "--contract", "name", metavar="NAME|FILE",
    help="What names events, tells ids from other values, and which messages are pieces of a text:"
    " a pack's name or a contract's file.  [default: the one stored in RECORDING, or named in"
    " wsrec.toml; without either, messages are compared by their shape]",
)  # fmt: skip

MATCHING = (
    click.option(
        "--ignore", type=_Members(), multiple=True, metavar="POINTER|NAME",
        help="This member may differ: a JSON Pointer, `*` for every member, or a bare name for"
        " members of that name anywhere. May be repeated.",
    ),
    click.option(
        "--no-usual-ignores", "usual", is_flag=True, flag_value=False, default=True,
        help="Compare times and event ids too, which are ignored otherwise.",
    ),
    click.option(
        "--tolerance", type=_Number(), default=0.0, metavar="NUMBER",
        help="By how much numbers may differ: absolutely, or relatively to the recorded one."
        "  [default: 0]",
    ),
    click.option(
        "--bind", type=_Members(), multiple=True, metavar="POINTER|NAME",
        help="This member is an id, whatever it looks like. May be repeated.",
    ),
    click.option(
        "--no-bind", "binds", is_flag=True, flag_value=False, default=True,
        help="Ids must be those that were recorded.",
    ),
    click.option(
        "--allow-unconsumed", "unconsumed", multiple=True, metavar="EVENT",
        help="Events of this name may be missing at the end of a session. May be repeated.",
    ),
    click.option(
        "--any-order", is_flag=True,
        help="Messages of one peer, between two of the other, may come in any order.",
    ),
)  # fmt: skip

PACING = (
    click.option(
        "--pacing", "pace", type=click.Choice(["causal", "recorded", "asap"]), default="causal",
        show_default=True,
        help="When a message is sent: once all has come that the peer had said before it; as long"
        " after as it took then; at once.",
    ),
    click.option(
        "--speed", type=_Number(above=True), metavar="FACTOR",
        help="With --pacing recorded: times are divided by it.  [default: 1]",
    ),
    click.option(
        "--max-gap", metavar="TIME",
        help="With --pacing recorded: no recorded pause counts as longer.",
    ),
)  # fmt: skip

PATIENCE = (
    click.option(
        "--timeout", default="10s", show_default=True, metavar="TIME",
        help="For the next recorded message of the peer, beyond the pause recorded before it.",
    ),
    click.option(
        "--close-timeout", default="5s", show_default=True, metavar="TIME",
        help="For the peer's close, and the end of the connection.",
    ),
)  # fmt: skip


def choose_contract(name: str | None, path: Path, meta: Mapping[str, str]) -> Chosen | None:
    """Return what messages of the recording at `path` are compared by; None: their shape.

    `meta` is the recording's table of that name.

    Raises:
        ContractError: it cannot be used.
        ProjectError: the project's file cannot be used.
    """
    from ..replay.choice import Choice
    from ..schemas.packs import find
    from .project import Project

    if name is not None:
        return Choice(find(name)).of(path, meta)
    project = Project.nearest(Path.cwd())
    named = project and project.contract
    if "contract" not in meta and named is None:
        return None
    return (Choice(None, named) if named else Choice()).of(path, meta)


def read_contract(name: str | None, path: Path, meta: Mapping[str, str]) -> Contract | None:
    """Return the same without why it was chosen."""
    chosen = choose_contract(name, path, meta)
    return None if chosen is None else chosen.contract


def read_matching(
    contract: Contract | None,
    *,
    ignore: Sequence[Members],
    usual: bool,
    tolerance: float,
    bind: Sequence[Members],
    binds: bool,
    unconsumed: Sequence[str],
    any_order: bool,
) -> Matching:
    """Return when a live message is the recorded one; the parameters are those of `MATCHING`.

    Raises:
        UsageError: two of them contradict each other.
    """
    from ..match.rules import Matching

    if bind and not binds:
        raise click.UsageError("--bind names ids that may differ, --no-bind says none may")
    return Matching(
        contract=contract,
        ignore=tuple(ignore),
        usual=usual,
        tolerance=tolerance,
        binds=binds,
        bind=tuple(bind),
        unconsumed=frozenset(unconsumed),
        any_order=any_order,
    )


def read_pacing(*, pace: Pace, speed: float | None, max_gap: str | None) -> Pacing:
    """Return when what is ours to say is said; the parameters are those of `PACING`.

    Raises:
        UsageError: one of them cannot be used, or has no meaning beside the others.
    """
    from ..match.rules import Pacing
    from ..net.amounts import seconds
    from ..net.errors import SettingError

    if pace != "recorded" and (speed is not None or max_gap is not None):
        option = "--speed" if speed is not None else "--max-gap"
        raise click.UsageError(f"{option} is about recorded times: give --pacing recorded with it")
    try:
        gap = None if max_gap is None else round(seconds(max_gap, "max-gap") * 1e9)
    except SettingError as error:
        raise click.UsageError(str(error)) from error
    return Pacing(pace, 1.0 if speed is None else speed, gap)


def read_patience(*, timeout: str, close_timeout: str) -> Patience:
    """Return how long nothing may happen; the parameters are those of `PATIENCE`.

    Raises:
        UsageError: one of them is no time, or none is left.
    """
    from ..match.rules import Patience
    from ..net.amounts import positive
    from ..net.errors import SettingError

    try:
        return Patience(
            round(positive(timeout, "timeout") * 1e9),
            round(positive(close_timeout, "close-timeout") * 1e9),
        )
    except SettingError as error:
        raise click.UsageError(str(error)) from error
