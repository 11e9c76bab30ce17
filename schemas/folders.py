"""Where a contract's files are: its own folder and what is below it, and the packs.

A file has a name in one space of names: relative to the contract's folder, or `pack:NAME/FILE`.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable
from pathlib import Path
from typing import Final

from .mistakes import did_you_mean

__all__ = [
    "MAX_CHARS", "PACK", "Files", "files_of", "inside", "pack_path", "packs", "packs_only",
    "read_text",
]  # fmt: skip

MAX_CHARS: Final = 8 * 1024 * 1024

PACK: Final = "pack:"
"""Begins the names of files that belong to a pack."""

Files = Callable[[str], str]
"""Gives the text of the file of that name; raises OSError or ValueError."""

_PACKS: Final = Path(__file__).parent / "packs"


def packs() -> tuple[str, ...]:
    """Return the names of the packs, sorted."""
    return tuple(sorted(path.parent.name for path in _PACKS.glob("*/contract.yaml")))


def pack_path(name: str) -> Path:
    """Return the contract file of a pack; it exists if `name` is among `packs()`."""
    return _PACKS / name / "contract.yaml"


def inside(folder: str, name: str) -> str:
    """Return the name of a file that a file in `folder` names; raises ValueError outside of it.

    `folder` is empty, or ends with a slash.
    """
    if name.startswith(PACK):
        return name
    whole = posixpath.normpath(folder + name)
    if name.startswith("/") or whole.startswith("../") or not whole.startswith(folder):
        raise ValueError("it is outside the contract's folder")
    return whole


def _pack_file(name: str) -> tuple[Path, str]:
    """Return the folder of a pack and the file in it that `pack:NAME/FILE` means."""
    pack, _, rest = name.removeprefix(PACK).partition("/")
    if pack not in packs():
        raise ValueError(f"no pack of that name{did_you_mean(pack, packs())}")
    return pack_path(pack).parent, rest


def _text(folder: Path, name: str) -> str:
    # Both: the folder may itself be reached by a link, and links in a circle open as an OSError.
    folder, target = (Path(os.path.realpath(each)) for each in (folder, folder / name))
    if not target.is_relative_to(folder):
        raise ValueError("it is outside the contract's folder")
    return read_text(target)


def read_text(path: Path) -> str:
    """Return the text of a file, UTF-8; raises OSError, or ValueError for a far too long one."""
    with path.open("rb") as file:  # which may be a pipe or a device, and tell no size
        data = file.read(MAX_CHARS + 1)
    if len(data) > MAX_CHARS:
        raise ValueError(f"it is longer than {MAX_CHARS} bytes")
    return data.decode("utf-8-sig")


def packs_only(name: str) -> str:
    """Read the files of packs, for a contract that has no folder; raises ValueError for others."""
    if not name.startswith(PACK):
        raise ValueError("this contract has no folder, so it cannot name files")
    return _text(*_pack_file(name))


def files_of(folder: Path, keep: Callable[[str, str], object] = lambda name, text: None) -> Files:
    """Return what reads the files of a contract in `folder`, and of packs.

    `keep` is called with the name and the text of each file that is read.
    """

    def read(name: str) -> str:
        text = _text(*(_pack_file(name) if name.startswith(PACK) else (folder, name)))
        keep(name, text)
        return text

    return read
