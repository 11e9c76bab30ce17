"""Which contract judges a recording, and why that one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from ..report.inert import inert
from ..schemas.archive import Archive
from ..schemas.mistakes import ContractError, Mistake
from ..schemas.model import Contract
from ..schemas.packs import DEFAULT_PACK, find
from ..store.opening import WRONG_VALUES
from ..store.reader import Recording
from ..store.verify import require_intact

__all__ = ["DEFAULT", "Choice", "Chosen", "Named", "stored_contract"]


@dataclass(frozen=True, slots=True)
class Named:
    """A contract that is loaded when it is needed."""

    name: str
    """Of a pack, a file or a folder."""
    why: str
    """Who named it, as a report says it."""


DEFAULT: Final = Named(DEFAULT_PACK, "the default")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A contract that judges, and why it does, as a report says it."""

    contract: Contract
    why: str

    def __str__(self) -> str:
        return f"{self.contract.name}, {self.why} ({self.contract.origin})"


class Choice:
    """The contract that was given judges all; without one the stored one of each, or a third."""

    def __init__(self, given: Contract | None = None, otherwise: Named = DEFAULT) -> None:
        self._given = given
        self._otherwise = otherwise

    def of(self, path: str | Path, meta: Mapping[str, str]) -> Chosen:
        """Return the contract for the recording at `path`; `meta` is its table of that name.

        Raises:
            ContractError: the stored one, or the third, cannot be used.
            RecordingError: the stored one cannot, and the recording is damaged.
        """
        if self._given is not None:
            return Chosen(self._given, "given with -c")
        if "contract" in meta:
            try:
                return Chosen(stored_contract(path, meta["contract"]), "stored in the recording")
            except ContractError:
                with Recording.open(path) as recording:
                    require_intact(recording)  # else another contract would be looked for in vain
                raise
        return self._third

    @cached_property
    def _third(self) -> Chosen:
        return Chosen(find(self._otherwise.name), self._otherwise.why)


def stored_contract(path: str | Path, text: str) -> Contract:
    """Return the contract that a recording stores as `text`; whoever made it, it reads no file.

    Raises:
        ContractError: it cannot be used; with one line.
    """
    try:
        return Archive.read(text).load()
    except ContractError as error:
        first, *more = error.mistakes
        reason = f"{first}" + (f" (and {len(more)} more)" if more else "")
    except (LookupError, *WRONG_VALUES) as error:
        reason = str(error)
    message = f"the contract stored in it cannot be used: {inert(reason, 400)}; give one with -c"
    raise ContractError([Mistake(str(path), 0, 0, message)])
