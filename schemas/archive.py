"""A contract and every file it needs, as one value: what a recording stores of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from .contract import load, parse, show_text
from .mistakes import ContractError, Mistake
from .model import Contract
from .packs import locate

__all__ = ["MAX_STORED", "Archive"]

MAX_STORED: Final = 2 << 20
"""Characters of an archive's text."""


@dataclass(frozen=True, slots=True)
class Archive:
    """Texts by name; loading it reads nothing else.

    Its text is JSON, `{"contract": NAME, "files": {NAME: TEXT, ...}}`. Names are what the contract
    calls its files by; they lead nowhere.
    """

    main: str
    """Which of the files is the contract."""
    files: Mapping[str, str]

    @classmethod
    def of(cls, name_or_path: str) -> Self:
        """Return a pack, or the contract in a file or folder, with all that it needs.

        Raises:
            ContractError: with all its mistakes; or it is larger than a recording stores.
        """
        path, origin = locate(name_or_path)
        files: dict[str, str] = {}
        load(path, origin, files.__setitem__)
        archive = cls(path.name, files)
        if (size := len(archive.text())) > MAX_STORED:
            message = f"with its files {size:,} characters; a recording stores {MAX_STORED:,}"
            raise ContractError([Mistake(origin, 0, 0, message)])
        return archive

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the archive whose text this is; raises ValueError for any other text."""
        if len(text) > MAX_STORED:
            raise ValueError(f"it is longer than {MAX_STORED:,} characters")
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"it is not JSON: {error}") from None
        if not isinstance(value, dict) or value.keys() != {"contract", "files"}:
            raise ValueError("it is no object of `contract` and `files`")
        main, files = value["contract"], value["files"]
        if not isinstance(files, dict) or not all(isinstance(each, str) for each in files.values()):
            raise ValueError("its files are no texts")
        if not isinstance(main, str) or main not in files:
            raise ValueError("the contract is not among its files")
        return cls(main, files)

    def text(self) -> str:
        """Return what `read` takes, in one line."""
        value = {"contract": self.main, "files": dict(sorted(self.files.items()))}
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def load(self) -> Contract:
        """Return the contract; raises ContractError with all its mistakes."""
        return parse(self.files[self.main], self.main, self._file)

    def show(self) -> str:
        """Return the contract merged with all it extends, as YAML; raises ContractError."""
        return show_text(self.files[self.main], self.main, self._file)

    def _file(self, name: str) -> str:
        if name not in self.files:
            raise ValueError("it is not stored with the contract")
        return self.files[name]
