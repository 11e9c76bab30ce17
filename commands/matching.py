"""What `wsrec replay`, `mock` and `diff` take alike: what counts as equal, when what is said."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..judge.choice import Chosen
    from ..schemas.model import Contract

__all__ = [
    "CONTRACT",
    "MATCHING",
    "PACING",
    "PATIENCE",
    "choose_contract",
    "read_contract",
]


CONTRACT = click.option(
    "-c", "--contract", "name", metavar="NAME|FILE",
    help="What names events, tells ids from other values, and which messages are pieces of a text:"
    " a pack's name or a contract's file.  [default: the one stored in RECORDING, or named in"
    " wsrec.toml; without either, messages are compared by their shape]",
)  # fmt: skip

MATCHING = (
    click.option(
        "--ignore", multiple=True, metavar="POINTER|NAME",
        help="This member may differ: a JSON Pointer, `*` for every member, or a bare name for"
        " members of that name anywhere. May be repeated.",
    ),
    click.option(
        "--no-usual-ignores", is_flag=True,
        help="Compare times and event ids too, which are ignored otherwise.",
    ),
    click.option(
        "--tolerance", type=float, default=0.0, metavar="NUMBER",
        help="By how much numbers may differ: absolutely, or relatively to the recorded one."
        "  [default: 0]",
    ),
    click.option(
        "--bind", multiple=True, metavar="POINTER|NAME",
        help="This member is an id, whatever it looks like. May be repeated.",
    ),
    click.option(
        "--no-bind", is_flag=True,
        help="Ids must be those that were recorded.",
    ),
    click.option(
        "--allow-unconsumed", multiple=True, metavar="EVENT",
        help="Events of this name may be missing at the end of a session. May be repeated.",
    ),
    click.option(
        "--any-order", is_flag=True,
        help="Messages of one peer, between two of the other, may come in any order.",
    ),
    click.option(
        "--heartbeat", multiple=True, metavar="EVENT[=ANSWER]",
        help="Events of this name, and those that answer them, are heartbeats: neither expected"
        " nor compared. May be repeated.",
    ),
    click.option(
        "--no-usual-heartbeats", is_flag=True,
        help="Compare the heartbeats of known protocols, and of the contract, like all else.",
    ),
)  # fmt: skip

PACING = (
    click.option(
        "--pacing", type=click.Choice(["causal", "recorded", "asap"]), default="causal",
        show_default=True,
        help="When a message is sent: once all has come that the peer had said before it; as long"
        " after as it took then; at once.",
    ),
    click.option(
        "--speed", type=float, metavar="FACTOR",
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
    from ..judge.choice import Choice
    from ..schemas.packs import find
    from .project import Project

    if name is not None:
        return Choice(find(name)).of(path, meta)
    project = Project.here()
    named = project and project.contract
    if "contract" not in meta and named is None:
        return None
    return (Choice(None, named) if named else Choice()).of(path, meta)


def read_contract(name: str | None, path: Path, meta: Mapping[str, str]) -> Contract | None:
    """Return the same without why it was chosen."""
    chosen = choose_contract(name, path, meta)
    return None if chosen is None else chosen.contract
