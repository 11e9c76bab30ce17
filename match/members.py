"""Members of decoded objects that a person names, as `--ignore` and `--bind` take them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..schemas.pointers import Pointer

__all__ = ["Members", "Named", "Places", "read_members"]


@dataclass(frozen=True, slots=True)
class Named:
    """Every member of this name, at any depth."""

    name: str

    def __str__(self) -> str:
        return self.name


Members = Pointer | Named


def read_members(text: str) -> Members:
    """Return which members `text` names: by a JSON Pointer with `*`, or by a bare name.

    Raises:
        ValueError: it is neither; the message says why.
    """
    if not text:
        raise ValueError("an empty pointer: give a member's name, or a pointer like /data/time")
    return Pointer.parse(text) if text.startswith("/") else Named(text)


class Places:
    """Several `Members`, asked whether a place is one of theirs."""

    def __init__(self, members: Iterable[Members]) -> None:
        self._names: set[str] = set()
        self._pointers: dict[int, list[tuple[str, ...]]] = {}
        for each in members:
            if isinstance(each, Named):
                self._names.add(each.name)
            else:
                self._pointers.setdefault(len(each.tokens), []).append(each.tokens)

    def __contains__(self, path: tuple[str, ...]) -> bool:
        """Say whether one of them leads to `path`, the tokens from a decoded object on."""
        if path and path[-1] in self._names:
            return True
        pointers = self._pointers.get(len(path))
        return pointers is not None and any(
            all(want in ("*", token) for want, token in zip(tokens, path, strict=True))
            for tokens in pointers
        )
