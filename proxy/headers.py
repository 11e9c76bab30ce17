"""Header fields as pairs, and what an intermediary must not pass on (RFC 9110 §7.6.1)."""

from __future__ import annotations

from collections.abc import Iterable

from multidict import CIMultiDict

__all__ = ["Pairs", "decode_pairs", "end_to_end", "get", "hop_by_hop", "outgoing", "tokens"]

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


def decode_pairs(raw: Iterable[tuple[bytes, bytes]]) -> Pairs:
    """Return what a parser read as text; bytes that are not UTF-8 survive as surrogates."""
    return [
        (name.decode("utf-8", "surrogateescape"), value.decode("utf-8", "surrogateescape"))
        for name, value in raw
    ]


def get(pairs: Pairs, name: str) -> str | None:
    """Return the values of every field called `name`, joined by commas, or None."""
    values = [value for key, value in pairs if key.lower() == name]
    return ", ".join(values) if values else None


def tokens(pairs: Pairs, name: str) -> set[str]:
    """Return the lower-case elements of a comma-separated field."""
    return {token.strip().lower() for token in (get(pairs, name) or "").split(",")} - {""}


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
