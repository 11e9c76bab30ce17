"""The secrets of an opening handshake, replaced: request target, headers, subprotocols.

Values in, values out: whoever forwards the handshake has another copy.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote

from .marks import Marker, is_mark, replace_spans
from .names import (
    ADDRESSES,
    is_secret_header,
    is_secret_parameter,
    parameter_name,
    secret_in_subprotocol,
)
from .rules import Rules

__all__ = ["HandshakeRedactor", "redact_cookies", "redact_credentials", "redact_set_cookie"]

Pairs = list[tuple[str, str]]

_PROTOCOL = "sec-websocket-protocol"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~\w-]+", re.ASCII)
_QUERY = re.compile(r"[?#]")
_PARAMETER = re.compile(r"(?:^|[?&;#])([^=?&;#]*)=")
_PATH_PARAMETER = re.compile(r";([^=/;]*)=([^/;]*)")
_USER = re.compile(r"(?<=//)[^/?#]*(?=@)")
_SCHEME = re.compile(
    r"(?:basic|bearer|digest|token|apikey|negotiate|ntlm|dpop|hawk|aws4-hmac-sha256)\s+",
    re.IGNORECASE,
)
_DECODED = 3  # how often a parameter's value is decoded to find a URL in it
_ATTRIBUTES = frozenset(
    {
        *("expires", "max-age", "domain", "path", "secure", "httponly"),
        *("samesite", "partitioned", "priority", "version"),
    }
)


class HandshakeRedactor:
    """Applies rules to the two halves of opening handshakes."""

    def __init__(self, rules: Rules, mark: Marker) -> None:
        self._rules = rules
        self._mark = mark

    def target(self, target: str) -> str:
        """Return a request target, or any other URL, without the secrets of its parameters."""
        spans: list[tuple[int, int]] = []
        if self._rules.defaults:
            spans += (found.span() for found in _USER.finditer(target))
        begin = _QUERY.search(target)
        at = begin.start() if begin else len(target)
        for found in _PATH_PARAMETER.finditer(target, 0, at):
            if self._is_secret(found[1]):
                spans.append(found.span(2))
        # Each parameter is gone through once: a target of many delimiters must cost no more.
        for segment in target[at:].split("&"):
            secret = self._secret_in(segment)
            if secret is not None:
                spans.append((at + secret, at + len(segment)))
            at += len(segment) + 1
        return replace_spans(target, spans, self._mark)

    def headers(
        self, headers: Sequence[tuple[str, str]], offered: frozenset[str] = frozenset()
    ) -> tuple[Pairs, frozenset[str]]:
        """Return headers without their secrets.

        Args:
            headers: of a request or a response.
            offered: the secrets among the subprotocols that the request had offered.

        Returns:
            The headers, and the secrets among their subprotocols.
        """
        out: Pairs = []
        protocols: list[str] = []
        after = ""
        for name, value in headers:
            key = name.strip().lower()
            if self._is_strange(name, value):
                # A line of a head that is no HTTP: a folded one, or one without a colon.
                out.append((self._mark(name), self._mark(value)))
            elif key == _PROTOCOL:
                text, secrets, after = self._protocols(value, offered, after)
                protocols += secrets
                out.append((name, text))
            else:
                out.append((name, self._value(key, value)))
        return out, frozenset(protocols)

    def chosen(self, header: str, value: str | None, offered: frozenset[str]) -> str | None:
        """Return the value of a header that stands in a column of its own as well."""
        if value is None:
            return None
        if header == _PROTOCOL:
            return self._protocols(value, offered, "")[0]
        return self._value(header, value)

    def _value(self, key: str, value: str) -> str:
        rules = self._rules
        ruled = key in rules.headers
        if ruled or (rules.defaults and is_secret_header(key)):
            if key == "cookie":
                return redact_cookies(value, self._mark)
            if key == "set-cookie":
                return redact_set_cookie(value, self._mark)
            if not ruled and key in ("authorization", "proxy-authorization"):
                return redact_credentials(value, self._mark)
            return self._mark(value)
        return self.target(value) if key in ADDRESSES else value

    def _protocols(
        self, value: str, offered: frozenset[str], after: str
    ) -> tuple[str, list[str], str]:
        """Return a list of subprotocols without secrets, these, and the last of the list."""
        ruled = _PROTOCOL in self._rules.headers
        out: list[str] = []
        secrets: list[str] = []
        for piece in value.split(","):
            element = piece.strip()
            at: int | None = None
            if ruled and not is_mark(element):
                at = 0
            elif self._rules.defaults and not is_mark(element):
                at = secret_in_subprotocol(element, after)
            if at is None and element in offered:
                at = 0
            if at is not None and element:
                begin = piece.index(element) + at
                end = piece.index(element) + len(element)
                out.append(replace_spans(piece, [(begin, end)], self._mark))
                secrets += element, element[at:]
            else:
                out.append(piece)
            after = element
        return ",".join(out), secrets, after

    def _secret_in(self, segment: str) -> int | None:
        """Return where the secret in a parameter begins; its value may be another URL."""
        for found in _PARAMETER.finditer(segment):
            if self._is_secret(found[1]):
                return found.end()
        if "%" not in segment:
            return None
        name, _, value = segment.partition("=")
        for _ in range(_DECODED):
            value = unquote(value)
            if any(self._is_secret(found[1]) for found in _PARAMETER.finditer(value)):
                return len(name) + 1
        return None

    def _is_secret(self, encoded: str) -> bool:
        name = parameter_name(encoded)
        return name in self._rules.query or (self._rules.defaults and is_secret_parameter(name))

    def _is_strange(self, name: str, value: str) -> bool:
        if not self._rules:
            return False
        words = name.strip().split()
        if name[:1] in (" ", "\t") or len(words) != 1:
            return True
        return not value and (
            _TOKEN.fullmatch(words[0]) is None
            or any(secret_in_subprotocol(word, "") == 0 for word in words[0].split("-"))
        )


def redact_credentials(value: str, mark: Marker) -> str:
    """Return the value of an Authorization header: a scheme that is known stays."""
    scheme = _SCHEME.match(value)
    at = scheme.end() if scheme else 0
    return value[:at] + mark(value[at:])


def redact_cookies(value: str, mark: Marker) -> str:
    """Return the value of a Cookie header: the cookies' names stay, in order."""
    return ";".join(_redact_pair(each, mark) for each in value.split(";"))


def redact_set_cookie(value: str, mark: Marker) -> str:
    """Return the value of a Set-Cookie header: the cookie's name and attributes stay."""
    cookie, *attributes = value.split(";")
    out = [_redact_pair(cookie, mark)]
    for each in attributes:
        name, _, said = each.partition("=")
        # Several cookies joined by commas would hide in an attribute's value.
        known = name.strip().lower() in _ATTRIBUTES and "=" not in said
        out.append(each if known else _redact_pair(each, mark))
    return ";".join(out)


def _redact_pair(pair: str, mark: Marker) -> str:
    name, equals, value = pair.partition("=")
    if not equals:
        name, value = "", pair
    secret = value.strip()
    if not secret:
        return pair
    at = value.index(secret)
    return name + equals + value[:at] + mark(secret) + value[at + len(secret) :]
