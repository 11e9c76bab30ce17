"""A standard stream that nobody reads any more."""

from __future__ import annotations

import contextlib
import os
from typing import TextIO

__all__ = ["drop"]


def drop(out: TextIO) -> None:
    """Let what was not written yet go nowhere: at its exit, Python would wait for a stuck pipe."""
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, out.fileno())
        os.close(nowhere)
