"""What the proxy refuses of any request, so that no two parsers behind it read it differently."""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus

from aiohttp import web

from .headers import Pairs, get, tokens, values

__all__ = ["RefusedError", "Rule", "check_target", "refuse_by", "stray_options"]

_BAD = HTTPStatus.BAD_REQUEST

# RFC 9110 §7.2: a name or an address, and a port. Names with escapes or commas would be legal;
# no client sends one, and what a backend makes of them is anybody's guess.
_HOST = re.compile(r"(?:[\w.~-]+|\[[\da-f:.]+\])(?::\d*)?", re.ASCII | re.IGNORECASE)
_LENGTH = re.compile(r"\d+", re.ASCII)

# What `Connection` may say. Any other name asks the proxy to take a header off the request:
# a Cookie, an Origin, or what a proxy in front of this one has put there (RFC 9110 §7.6.1).
_OPTIONS = frozenset({"close", "keep-alive", "proxy-connection", "te", "trailer", "upgrade"})


class RefusedError(Exception):
    """A request that is answered here and never reaches the backend."""

    def __init__(self, status: HTTPStatus, reason: str, headers: Pairs | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = headers or []


Rule = tuple[Callable[[web.BaseRequest, Pairs], bool], HTTPStatus, str, Pairs]
"""When a request is refused; with which status, reason and fields."""


def stray_options(headers: Pairs) -> set[str]:
    """Return what `Connection` names that is not the proxy's to remove."""
    return tokens(headers, "connection") - _OPTIONS


_RULES: tuple[Rule, ...] = (
    (
        lambda request, _: request.method == "CONNECT",
        _BAD,
        "CONNECT is for forward proxies",
        [],
    ),
    (
        lambda request, _: not request.raw_path.startswith("/"),
        _BAD,
        "the request target must begin with a slash",
        [],
    ),
    (
        lambda request, _: "#" in request.raw_path,
        _BAD,
        "a request target has no fragment",
        [],
    ),
    (
        lambda request, _: not _is_text(request.raw_path),
        _BAD,
        "the request target is not UTF-8",
        [],
    ),
    (
        lambda request, _: tuple(request.version) not in ((1, 0), (1, 1)),
        HTTPStatus.HTTP_VERSION_NOT_SUPPORTED,
        "HTTP/1.1 is spoken here",
        [],
    ),
    (
        lambda _, headers: len(values(headers, "host")) > 1,
        _BAD,
        "more than one Host header",
        [],
    ),
    (
        lambda _, headers: _HOST.fullmatch(get(headers, "host") or "") is None,
        _BAD,
        "the Host header is not a name and a port",
        [],
    ),
    (
        lambda _, headers: bool(values(headers, "http2-settings")),
        _BAD,
        "HTTP/2 (h2c) is not spoken here: tell the client to use HTTP/1.1",
        [],
    ),
    (
        lambda _, headers: bool(stray_options(headers)),
        _BAD,
        "Connection names a header that is not the proxy's to remove",
        [],
    ),
    (
        lambda request, headers: _has_two_lengths(request, headers),
        _BAD,
        "Content-Length and Transfer-Encoding do not go together",
        [],
    ),
    (
        lambda _, headers: any(
            _LENGTH.fullmatch(value) is None for value in values(headers, "content-length")
        ),
        _BAD,
        "Content-Length is not a number",
        [],
    ),
    (
        lambda _, headers: any(
            value.lower() != "chunked" for value in values(headers, "transfer-encoding")
        ),
        HTTPStatus.NOT_IMPLEMENTED,
        "chunked is the only Transfer-Encoding passed on",
        [],
    ),
)


def check_target(request: web.BaseRequest, headers: Pairs) -> None:
    """Refuse what no request to this origin looks like, an upgrade or not.

    Raises:
        RefusedError: another origin's URL, CONNECT, `*`, no clear Host, a body whose end two
            parsers may see in two places, a `Connection` that takes headers off the request.
    """
    refuse_by(_RULES, request, headers)


def refuse_by(rules: tuple[Rule, ...], request: web.BaseRequest, headers: Pairs) -> None:
    """Apply rules in order.

    Raises:
        RefusedError: the first one that says so.
    """
    for applies, status, reason, fields in rules:
        if applies(request, headers):
            raise RefusedError(status, reason, fields)


def _has_two_lengths(request: web.BaseRequest, headers: Pairs) -> bool:
    """Whether the body's end can be read in two ways: HTTP/1.0 knows no chunks."""
    lengths, codings = values(headers, "content-length"), values(headers, "transfer-encoding")
    return len(lengths) + len(codings) > 1 or bool(codings and request.version < (1, 1))


def _is_text(target: str) -> bool:
    try:
        target.encode()
    except UnicodeEncodeError:
        return False
    return True
