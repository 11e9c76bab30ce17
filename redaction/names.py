"""What usually holds a secret, told by its name or its shape: docs/secrets.md lists all of it."""

from __future__ import annotations

import re
from itertools import pairwise
from urllib.parse import unquote_plus

__all__ = [
    "ADDRESSES",
    "is_secret_header",
    "is_secret_parameter",
    "parameter_name",
    "secret_in_subprotocol",
]

ADDRESSES = frozenset(
    {
        *("referer", "location", "content-location", "refresh", "link"),
        *("x-original-url", "x-original-uri", "x-rewrite-url", "x-forwarded-uri"),
    }
)
"""Headers that hold URLs, in lower case: their parameters are those of a request target."""

_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "set-cookie", "cookie2", "set-cookie2"}
)
_PARAMETERS = frozenset(
    {
        *("auth", "bearer", "jwt", "key", "passwd", "password", "pwd", "secret", "sig", "ticket"),
        *("jsessionid", "phpsessid"),
    }
)
# Endings of names without what is neither letter nor digit: accessToken, x-amz-signature.
_ENDINGS = (
    *("token", "apikey", "secret", "password", "signature", "credential", "credentials", "jwt"),
    *("authorization", "subscriptionkey", "accesskey", "secretkey"),
)

_KEYWORD = (
    r"(?:[\w.-]*?[._-])??(?:bearer|auth|authorization|token|access[_-]?token|jwt|api[_-]?key|secret"
    r"|ticket|password|session|credentials?)"
)
_BARE_KEYWORD = re.compile(_KEYWORD, re.IGNORECASE)
_KEYWORD_IN_FRONT = re.compile(_KEYWORD + r"(?:\.authorization\.k8s\.io)?[.:=/ _-]+", re.IGNORECASE)
_JWT = re.compile(r"eyJ[\w-]{5,}")
_KNOWN_PREFIX = re.compile(r"(?:sk|pk|rk|ek)[-_]\w|gh[opsur]_\w|xox[a-z]-|AKIA[A-Z0-9]|ya29\.")
_UUID = re.compile(r"[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}", re.IGNORECASE)


def is_secret_header(name: str) -> bool:
    """Whether a header of this name, in lower case, usually holds a secret."""
    return name in _HEADERS or _plain(name).endswith(_ENDINGS)


def is_secret_parameter(name: str) -> bool:
    """Whether a query parameter of this name, decoded, usually holds a secret."""
    plain = _plain(name)
    return plain in _PARAMETERS or plain.endswith(_ENDINGS)


def parameter_name(encoded: str) -> str:
    """Return a parameter's name as a backend reads it, in lower case."""
    return unquote_plus(encoded).strip().lower()


def secret_in_subprotocol(element: str, after: str) -> int | None:
    """Return where the secret in an element of Sec-WebSocket-Protocol begins; None: there is none.

    `after` is the element in front of it: browsers, which can set no header, send a secret as
    `bearer, SECRET` or `bearer.SECRET`.
    """
    if _BARE_KEYWORD.fullmatch(after) and not _BARE_KEYWORD.fullmatch(element):
        return 0
    found = _KEYWORD_IN_FRONT.match(element)
    if found is not None and found.end() < len(element):
        return found.end()
    if _JWT.search(element) or _KNOWN_PREFIX.match(element) or _UUID.search(element):
        return 0
    return 0 if any(map(_is_random, element.split("."))) else None


def _is_random(piece: str) -> bool:
    """Whether a piece looks like base64, hex or digits rather than like words."""
    size = len(piece)
    digits = sum(map(str.isdigit, piece))
    cases = sum(a.isupper() != b.isupper() for a, b in pairwise(piece))
    return size >= 32 or (size >= 16 and digits >= 3) or (size >= 20 and cases >= 6)


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.lower()))
