"""RFC 7692 §5 and §7.1: what a server that plays a recorded one answers to a client's offer."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .deflate import Extensions

__all__ = ["agree"]

_DEFLATE = "permessage-deflate"
_SERVER_FORGETS, _CLIENT_FORGETS = "server_no_context_takeover", "client_no_context_takeover"
_SERVER_BITS, _CLIENT_BITS = "server_max_window_bits", "client_max_window_bits"
_BITS = r'=\s*("?)(?:[89]|1[0-5])\1'
_PARAMETERS = {
    _SERVER_FORGETS: re.compile(""),
    _CLIENT_FORGETS: re.compile(""),
    _SERVER_BITS: re.compile(_BITS),
    _CLIENT_BITS: re.compile(f"(?:{_BITS})?"),
}
"""What may follow the name of each."""
_MOST_BITS = 15

_Parameters = Mapping[str, int]
"""Those that are there, with their number of bits; 15 where there is none."""


def agree(offered: str | None, recorded: str | None) -> str | None:
    """Return the `Sec-WebSocket-Extensions` to answer with, or None for no extension at all.

    The recorded answer, where this client's offer allows it; else permessage-deflate, as close to
    it as is allowed. Extensions that are not known here can be repeated, but not adapted.

    Args:
        offered: the client's header, several joined by commas.
        recorded: what was agreed to in the recording.
    """
    wanted = Extensions.parse(recorded)
    if wanted.others:
        return recorded if _names(recorded) <= _names(offered) else None
    offers = [each for text in _split(offered) if (each := _parameters(text)) is not None]
    if not wanted.deflate or not offers:
        return None
    agreed = _parameters(recorded or "")
    if agreed is not None and any(_allows(offer, agreed) for offer in offers):
        return recorded
    return _answer(offers[0], wanted)


def _allows(offer: _Parameters, answer: _Parameters) -> bool:
    """Whether a client that makes this offer accepts this answer."""
    return (
        (_SERVER_FORGETS in answer or _SERVER_FORGETS not in offer)
        and (_SERVER_BITS in answer or _SERVER_BITS not in offer)
        and (_CLIENT_BITS in offer or _CLIENT_BITS not in answer)
        and all(answer.get(each, 0) <= offer.get(each, _MOST_BITS) for each in _PARAMETERS)
    )


def _answer(offer: _Parameters, wanted: Extensions) -> str:
    """Return the answer closest to what is wanted that this offer allows."""
    said = [_DEFLATE]
    if _SERVER_FORGETS in offer or not wanted.server_keeps_context:
        said.append(_SERVER_FORGETS)
    if not wanted.client_keeps_context:
        said.append(_CLIENT_FORGETS)
    bits = min(wanted.server_window_bits, offer.get(_SERVER_BITS, _MOST_BITS))
    if _SERVER_BITS in offer or bits < _MOST_BITS:
        said.append(f"{_SERVER_BITS}={bits}")
    if _CLIENT_BITS in offer and wanted.client_window_bits < _MOST_BITS:
        said.append(f"{_CLIENT_BITS}={min(wanted.client_window_bits, offer[_CLIENT_BITS])}")
    return "; ".join(said)


def _parameters(extension: str) -> _Parameters | None:
    """Read one extension; None: it is another one, or one that has to be declined (§7.1)."""
    name, *settings = (piece.strip() for piece in extension.split(";"))
    if name.lower() != _DEFLATE:
        return None
    found: dict[str, int] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        key = key.strip().lower()
        known = _PARAMETERS.get(key)
        if known is None or key in found or not known.fullmatch(equals + value):
            return None
        found[key] = int(value.strip(' \t"')) if equals else _MOST_BITS
    return found


def _split(header: str | None) -> list[str]:
    return [text for each in (header or "").split(",") if (text := each.strip())]


def _names(header: str | None) -> set[str]:
    return {text.partition(";")[0].strip().lower() for text in _split(header)}
