"""Header fields as pairs, and what an intermediary must not pass on (RFC 9110 §7.6.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from multidict import CIMultiDict

__all__ = [
    "Pairs",
    "decode_pairs",
    "end_to_end",
    "get",
    "has_control",
    "head",
    "head_size",
    "hop_by_hop",
    "outgoing",
    "tokens",
    "values",
]

Pairs = list[tuple[str, str]]
"""Names and values in order of arrival, case and duplicates kept."""

_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)

# RFC 9110 §5.5: what no field holds; aiohttp reads answers more leniently than that.
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def decode_pairs(raw: Iterable[tuple[bytes, bytes]]) -> Pairs:
    """Return what a parser read as text; bytes that are not UTF-8 survive as surrogates."""
    return [
        (name.decode("utf-8", "surrogateescape"), value.decode("utf-8", "surrogateescape"))
        for name, value in raw
    ]


def values(pairs: Pairs, name: str) -> list[str]:
    """Return the values of every field called `name` (in lower case), in order."""
    return [value for key, value in pairs if key.lower() == name]


def get(pairs: Pairs, name: str) -> str | None:
    """Return the values of every field called `name`, joined by commas, or None."""
    found = values(pairs, name)
    return ", ".join(found) if found else None


def tokens(pairs: Pairs, name: str) -> set[str]:
    """Return the lower-case elements of a comma-separated field."""
    return {token.strip().lower() for token in (get(pairs, name) or "").split(",")} - {""}


def has_control(text: str) -> bool:
    """Whether there are control characters, which another parser may take for an end of line."""
    return _CONTROL.search(text) is not None


def hop_by_hop(pairs: Pairs) -> frozenset[str]:
    """Return the lower-case names that are not passed on: the usual, and `Connection`'s own."""
    return _HOP_BY_HOP | tokens(pairs, "connection")


def end_to_end(pairs: Pairs) -> Pairs:
    """Return what may be passed on."""
    stays = hop_by_hop(pairs)
    return [pair for pair in pairs if pair[0].lower() not in stays]


def outgoing(pairs: Pairs) -> CIMultiDict[str]:
    """Return the fields as aiohttp's client takes them without losing any.

    A repeated name gets the case it came in first: aiohttp would keep only the last of two
    spellings. What is not UTF-8 would be left out.

    Raises:
        UnicodeEncodeError: a value is not UTF-8.
    """
    spelled: dict[str, str] = {}
    out = CIMultiDict[str]()
    for name, value in pairs:
        value.encode()
        out.add(spelled.setdefault(name.lower(), name), value)
    return out


def head_size(pairs: Pairs) -> int:
    """Return how long the fields are, in characters."""
    return sum(len(name) + len(value) + 4 for name, value in pairs)


def head(first_line: str, pairs: Pairs) -> bytes:
    """Return an HTTP head with the very bytes that `decode_pairs` read."""
    lines = [first_line, *(f"{name}: {value}" for name, value in pairs), "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape")
