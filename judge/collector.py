"""Python's garbage collector, told that there is little to find."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from typing import Final

__all__ = ["seldom"]

_OBJECTS: Final = 20_000
"""New ones before it looks again: a few megabytes."""


@contextlib.contextmanager
def seldom() -> Iterator[None]:
    """Let it look less often, and never at what is there already: modules, contracts, schemas.

    What judging makes by the million forms no circles; the few that there are can wait.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
