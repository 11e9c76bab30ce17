"""The opening handshake of a recorded session, as it is sent to another server: pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, Self
from urllib.parse import quote, unquote_plus

from ..net.errors import SettingError
from ..net.headers import Pairs, has_control, hop_by_hop, tokens, values
from ..redaction.marks import holds_mark
from ..report.inert import inert
from ..store.model import Session

__all__ = ["Opening", "Replacements", "open_again", "unplayable"]

_FRESH: Final = frozenset(
    {
        *("connection", "content-length", "transfer-encoding", "upgrade"),
        *("sec-websocket-accept", "sec-websocket-key", "sec-websocket-version"),
    }
)
"""Headers that belong to one connection, in lower case."""
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~\w-]+", re.ASCII)
_TARGET: Final = re.compile(r"/[^\s#\x00-\x1f\x7f]*")
_PLAIN: Final = "-._~!$'()*,:@/?"
"""What stands in a query as it is, of what has a meaning elsewhere in a URL."""


@dataclass(frozen=True, slots=True)
class Replacements:
    """What is sent in the place of what was recorded."""

    headers: Mapping[str, Pairs] = field(default_factory=dict)
    """By name in lower case; no pair at all: it is left out."""
    query: Mapping[str, str] = field(default_factory=dict)
    """Values by name, both decoded."""

    @classmethod
    def parse(cls, headers: Sequence[str] = (), query: Sequence[str] = ()) -> Self:
        """Read what `--header NAME:VALUE` or `NAME:`, and `--query NAME=VALUE`, say.

        Raises:
            SettingError: one of them cannot be used; secrets are not quoted.
        """
        by_name: dict[str, Pairs] = {}
        for text in headers:
            name, colon, value = text.partition(":")
            key, value = name.lower(), value.strip()
            if not colon or _NAME.fullmatch(name) is None:
                raise SettingError("--header: expected NAME:VALUE, or NAME: to leave it out")
            if has_control(value) or not _is_text(value):
                raise SettingError(f"--header {name}: its value is no line of UTF-8 text")
            if key in _FRESH:
                raise SettingError(f"--header {name}: it is made anew for each connection")
            pairs = by_name.setdefault(key, [])
            if value:
                pairs.append((name, value))
        parameters: dict[str, str] = {}
        for text in query:
            name, equals, value = text.partition("=")
            if not equals or not name or not _is_text(text):
                raise SettingError("--query: expected NAME=VALUE")
            parameters[name] = value
        return cls(by_name, parameters)


@dataclass(frozen=True, slots=True)
class Opening:
    """An opening handshake to be sent."""

    target: str
    headers: Pairs
    notes: tuple[str, ...]
    """What could not be sent as it was recorded, a line each."""


def unplayable(session: Session) -> str | None:
    """Say why the opening handshake of a session cannot be sent again; None: it can.

    A proxy records attempts that it refuses itself: what is no handshake cannot be sent.
    """
    headers = list(session.request_headers)
    if session.status is None:
        return "its opening handshake was never answered"
    if _TARGET.fullmatch(session.target) is None:
        return f"its request target is none that can be sent: {inert(session.target, 60)}"
    if session.status == HTTPStatus.SWITCHING_PROTOCOLS:
        return None  # whatever is missing of its headers was not recorded
    if values(headers, "sec-websocket-version") != ["13"]:
        return "its opening handshake is not of WebSocket version 13"
    keys = values(headers, "sec-websocket-key")
    if "upgrade" not in tokens(headers, "connection") or len(keys) != 1:
        return "its request was no opening handshake"
    return None


def open_again(session: Session, replacements: Replacements, host: str, key: str) -> Opening:
    """Return the opening handshake of a session that is not `unplayable`.

    Path, query and headers are those that were recorded, in their order. What was redacted, and
    is not replaced, is left out.

    Args:
        session: the recorded one.
        replacements: what is sent in the place of what was recorded.
        host: the new server's, with its port, for Host unless that is replaced.
        key: 16 fresh bytes in base64, for Sec-WebSocket-Key.
    """
    notes: list[str] = []
    target = _target(session.target, replacements.query, notes)
    fresh = {
        "host": host,
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-key": key,
        "sec-websocket-version": "13",
    }
    recorded = list(session.request_headers)
    if not values(recorded, "sec-websocket-key"):  # whoever recorded it kept no headers
        fresh["sec-websocket-protocol"] = session.subprotocol or ""
        fresh["sec-websocket-extensions"] = session.extensions or ""
    headers = _headers(recorded, replacements.headers, fresh, notes)
    return Opening(target, list(headers), tuple(notes))


def _headers(
    recorded: Pairs, replaced: Mapping[str, Pairs], fresh: Mapping[str, str], notes: list[str]
) -> Iterator[tuple[str, str]]:
    dropped = _FRESH | hop_by_hop(recorded)
    done: set[str] = set()
    for name, value in recorded:
        key = name.lower()
        if key in replaced or key in fresh:
            if key not in done:
                done.add(key)
                yield from replaced[key] if key in replaced else [(name, fresh[key])]
        elif key in dropped:
            continue
        elif holds_mark(name) or holds_mark(value):
            called = "a header line" if holds_mark(name) else name
            notes.append(f"{called} was redacted, so it is left out: give it with --header")
        elif _NAME.fullmatch(name) is None or has_control(value) or not _is_text(value):
            notes.append(f"the header {inert(name, 60)} is not one that can be sent; left out")
        else:
            yield name, value
    for key, pairs in replaced.items():
        if key not in done:
            done.add(key)
            yield from pairs
    for key, value in fresh.items():
        if key not in done and value:
            yield key.title(), value


def _target(target: str, replaced: Mapping[str, str], notes: list[str]) -> str:
    path, mark, query = target.partition("?")
    if holds_mark(path):
        notes.append("the path was redacted: it is sent with what stands in the secret's place")
    pieces: list[str] = []
    done: set[str] = set()
    for piece in query.split("&") if mark else ():
        name = unquote_plus(piece.partition("=")[0])
        if name in replaced:
            if name not in done:
                done.add(name)
                pieces.append(_parameter(name, replaced[name]))
        elif holds_mark(piece):
            shown = inert(name, 60)
            notes.append(
                f"the parameter {shown} was redacted, so it is left out: give it with --query"
            )
        else:
            pieces.append(piece)
    pieces += (_parameter(name, value) for name, value in replaced.items() if name not in done)
    return f"{path}?{'&'.join(pieces)}" if pieces else path


def _parameter(name: str, value: str) -> str:
    return f"{quote(name, safe=_PLAIN)}={quote(value, safe=_PLAIN)}"


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
