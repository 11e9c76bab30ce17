"""JSON Schemas of types in the user's own code: `module:Type` in a contract.

To look at a type is to run its module, so this happens where the user trusts it only. Pydantic,
which knows models, dataclasses, TypedDicts and unions of them, makes the schema; what it makes can
be frozen in a file beside the contract, and the code is needed no longer.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from functools import reduce
from pathlib import Path
from typing import Any, Final

__all__ = ["ModelError", "Models", "frozen_name", "is_model"]

_REFERENCE: Final = re.compile(r"([^\W\d]\w*(?:\.\w+)*):([^\W\d]\w*(?:\.\w+)*)")


class ModelError(ValueError):
    """A type of which there is no schema, in one line."""


def is_model(word: str) -> bool:
    """Say whether a word has the form `module:Type`."""
    return _REFERENCE.fullmatch(word) is not None


def frozen_name(reference: str) -> str:
    """Return the name of the file that a type's schema is frozen in."""
    return f"{reference.replace(':', '.')}.schema.json"


class Models:
    """Makes the schemas of types; their code is looked for in a contract's folder first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.texts: dict[str, str] = {}
        """What was made, by the name of the file that it is frozen in."""

    def __call__(self, reference: str, folder: str) -> object:
        """Return the schema of a type that a file in `folder` names; raises ModelError."""
        schema = _schema(reference, self._folder)
        text = json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        self.texts[folder + frozen_name(reference)] = text
        return json.loads(text)


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    before = list(sys.path)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path[:] = before


def _schema(reference: str, folder: Path) -> dict[str, Any]:
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise ModelError(f"{reference!r} is not of the form module:Type")
    module, name = match.groups()
    try:
        from pydantic import TypeAdapter
    except ImportError:
        raise ModelError("module:Type needs pydantic: pip install 'wsrec[models]'") from None
    # What the code prints is no part of a report that goes to standard output.
    with _importable(folder), warnings.catch_warnings(), redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")  # they are the author's, and no reader's of a report
        try:
            loaded = importlib.import_module(module)
        except (Exception, SystemExit) as error:
            raise ModelError(f"importing {module}: {_line(error)}") from None
        try:
            kind: Any = reduce(getattr, name.split("."), loaded)
        except AttributeError:
            raise ModelError(f"{module} has no {name}") from None
        try:
            return TypeAdapter(kind).json_schema()
        except (Exception, SystemExit) as error:
            raise ModelError(f"no JSON Schema of {reference}: {_line(error)}") from None


def _line(error: BaseException) -> str:
    """Return an exception in one line."""
    message = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {message}"[:300] if message else type(error).__name__
