"""Recorded text made harmless: what a peer sent must never drive the terminal that shows it.

A recording holds whatever crossed the wire, so a payload may carry escape
sequences that move the cursor, retitle the window or paste a command, bidi
controls that show `exe.txt` as `txt.exe`, the markup of the table it is
printed in, and commands that a CI server obeys when it meets them in a log.
Every recorded string goes through `inert` on its way out.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

__all__ = ["inert"]

_NAMED: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that draw nothing, or something other than themselves."""
_LOOKS_EMPTY: Final = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\u034f")
"""Letters and marks by category that nevertheless show as nothing."""


_SUSPECT: Final = re.compile(r"[^ -~]|##(?=(?:vso|teamcity)?\[)")
"""What may have to be escaped: all but visible ASCII, and what begins a command in a log of
GitHub Actions (`##[error]`, anywhere in a line), Azure Pipelines or TeamCity."""
_BEYOND: Final = len("##teamcity[")
"""Characters behind a limit that may change what stands before it."""


def _variation(code: int) -> bool:
    return 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF or 0x180B <= code <= 0x180F


def _escape(char: str) -> str:
    named = _NAMED.get(char)
    if named is not None:
        return named
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _harmless(char: str) -> bool:
    return (
        unicodedata.category(char) not in _HIDDEN
        and char not in _LOOKS_EMPTY
        and not _variation(ord(char))
    )


def _seen(match: re.Match[str]) -> str:
    char = match[0]
    if char == "##":
        return "#\\x23"
    return char if _harmless(char) else _escape(char)


def inert(text: str | bytes, limit: int | None = None) -> str:
    r"""Return `text` with every character that is not plainly visible as an escape.

    Control characters (C0, DEL, C1), bidi and zero-width characters, line and
    paragraph separators, private and unassigned code points and lone surrogates
    become `\n`, `\x1b`, `\u202e` and so on, the second `#` of a CI server's command
    `\x23`; the result is one line and encodes as UTF-8. Bytes are read as UTF-8, each
    invalid byte as its own escape.
    Backslashes and square brackets stay: give rich the result as a `Text`, not as markup.

    `limit` is the greatest length of the result in characters; what is cut is
    marked with an ellipsis. None: no limit.
    """
    # Escapes only lengthen, so no more characters than these can matter.
    if limit is not None:
        text = text[: limit * (4 if isinstance(text, bytes) else 1) + _BEYOND]
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    text = _SUSPECT.sub(_seen, text)
    if limit is not None and len(text) > limit:
        return text[: max(limit - 1, 0)] + "…"
    return text
