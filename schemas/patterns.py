"""Regular expressions in time linear to the text.

Python's `re` tries one way after the other: `^(a+)+$` against thirty letters takes minutes. Here
they are matched by the engine that the compiled check uses as well, so that it and the reference
mean the same by a pattern: ECMA-262's dialect, as JSON Schema has it, where `\\d` is 0 to 9 and `$`
the very end. What that engine cannot do in linear time, look-around and back-references, is
refused when a contract is read.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

import jsonschema_rs

__all__ = ["LINEAR", "PatternError", "search"]

LINEAR: Final = jsonschema_rs.RegexOptions()
"""Makes jsonschema_rs match patterns in linear time, within bounded memory."""


class PatternError(ValueError):
    """A pattern that cannot be matched in linear time, or is none."""


@lru_cache(maxsize=10_000)
def search(pattern: str) -> Callable[[str], bool]:
    """Return what says whether a text matches anywhere; raises PatternError."""
    try:
        return jsonschema_rs.Draft202012Validator(
            {"type": "string", "pattern": pattern}, pattern_options=LINEAR, offline=True
        ).is_valid
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError):
        raise PatternError(
            f"{pattern[:80]!r} is not a regular expression that is matched in linear time: "
            "no look-around, no back-references, no huge repetitions"
        ) from None
