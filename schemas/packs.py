"""Packs: the contracts that ship with wsrec, and how a contract is found by name."""

from __future__ import annotations

from pathlib import Path

from .contract import load
from .folders import pack_path, packs
from .mistakes import ContractError, Mistake, did_you_mean
from .model import Contract

__all__ = ["DEFAULT_PACK", "find", "locate", "pack_path", "packs"]

DEFAULT_PACK = "agent-events"


def find(name_or_path: str, *, trust_code: bool = False) -> Contract:
    """Return the pack of that name, or the contract in that file or folder.

    A pack's name wins over a file of the same name; write `./name` for the file. `trust_code`
    imports the user's code where the contract names types of it. Raises ContractError.
    """
    path, origin = locate(name_or_path)
    return load(path, origin, trust_code=trust_code)


def locate(name_or_path: str) -> tuple[Path, str]:
    """Return the file that `find` loads, and what messages call it; raises ContractError."""
    if name_or_path in packs():
        return pack_path(name_or_path), "a pack of wsrec"
    path = Path(name_or_path)
    try:
        folder = path.is_dir()
        if folder:
            path = path / "contract.yaml"
        if not path.exists():
            hint = did_you_mean(name_or_path, packs())
            message = f"no such file, and no pack of that name{hint}"
            if folder:
                message = "a folder without a contract.yaml"
            raise ContractError([Mistake(name_or_path, 0, 0, message)])
    except (OSError, ValueError) as error:  # a name too long, or with a NUL, is no path either
        raise ContractError([Mistake(repr(name_or_path)[:200], 0, 0, str(error))]) from None
    return path, str(path)
