"""JSON Schemas of types in the user's own code: `module:Type` in a contract.

To look at a type is to run its module, so this happens where the user trusts it only. Pydantic,
which knows models, dataclasses, TypedDicts and unions of them, makes the schema; what it makes can
be frozen in a file beside the contract, and the code is needed no longer.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from functools import reduce
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Self

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
    """Makes the schemas of types; their code is looked for in a contract's folder first.

    Use as a context manager: behind it, the folder's modules are forgotten. Another contract may
    have others of their names.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._before: frozenset[str] = frozenset()
        self.texts: dict[str, str] = {}
        """What was made, by the name of the file that it is frozen in."""

    def __enter__(self) -> Self:
        self._before = frozenset(sys.modules)
        return self

    def __exit__(self, *exc: object) -> None:
        for name in sys.modules.keys() - self._before:
            if _is_in(self._folder, sys.modules[name]):
                del sys.modules[name]

    def __call__(self, reference: str, folder: str) -> object:
        """Return the schema of a type that a file in `folder` names; raises ModelError."""
        schema = _schema(reference, self._folder)
        text = json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        self.texts[folder + frozen_name(reference)] = text
        return json.loads(text)


def _is_in(folder: Path, module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and Path(os.path.realpath(file)).is_relative_to(folder)


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    before = list(sys.path)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = before


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Make a ModelError of whatever the user's code raises, but for Ctrl-C."""
    try:
        yield
    except (ModelError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise ModelError(f"{what}: {_line(error)}") from None


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
        with _told(f"importing {module}"):
            loaded = importlib.import_module(module)
            _require_own(module.partition(".")[0], folder)
        with _told(f"no JSON Schema of {reference}"):
            try:
                kind: Any = reduce(getattr, name.split("."), loaded)
            except AttributeError:
                raise ModelError(f"{module} has no {name}") from None
            return TypeAdapter(kind).json_schema()


def _require_own(name: str, folder: Path) -> None:
    """Raise ModelError where a module has the name of one in the folder, and was there before."""
    own = PathFinder.find_spec(name, [str(folder)])
    if own is not None and own.origin is not None and not _is_in(folder, sys.modules[name]):
        raise ModelError(
            f"another module {name} was imported before the one beside the contract: rename that"
        )


def _line(error: BaseException) -> str:
    """Return an exception in one line."""
    try:
        message = next(iter(str(error).strip().splitlines()), "")
    except Exception:  # it is the user's code, too, that says what it is
        message = ""
    return f"{type(error).__name__}: {message}"[:300] if message else type(error).__name__
