"""Contracts as they are given to the library: a name, a path, or one that was loaded."""

from __future__ import annotations

from functools import cache
from os import PathLike

from ..schemas.mistakes import ContractError
from ..schemas.model import Contract
from ..schemas.packs import DEFAULT_PACK, find, packs

__all__ = ["Contract", "ContractError", "as_contract", "default_contract", "load_contract"]


def load_contract(name_or_path: str | PathLike[str], *, trust_code: bool = False) -> Contract:
    """Return the pack of that name, or the contract in that file or folder.

    Args:
        name_or_path: such as `agent-events`, `contract.yaml` or `my-contract/`; a pack's name
            wins over a file of the same name.
        trust_code: import, and so run, the Python modules whose types the contract names as
            schemas.

    Raises:
        ContractError: it has mistakes, or there is none; a line for each, with its place.
    """
    return find(str(name_or_path), trust_code=trust_code)


def as_contract(given: str | PathLike[str] | Contract) -> Contract:
    """Return the contract that was given, loaded if it was named; raises ContractError."""
    return given if isinstance(given, Contract) else _named(str(given))


def _named(name: str) -> Contract:
    return _pack(name) if name in packs() else find(name)


@cache  # packs do not change while a process runs, and are asked for by each connection
def _pack(name: str) -> Contract:
    return find(name)


def default_contract() -> Contract:
    """Return the one that counts where none is given and none is stored."""
    return _pack(DEFAULT_PACK)
