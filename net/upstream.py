"""Where the backend is, and what a client's request target becomes there."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from yarl import URL

__all__ = ["Upstream", "UpstreamError"]

_HTTP = {"ws": "http", "wss": "https", "http": "http", "https": "https"}


class UpstreamError(ValueError):
    """The text names no backend; the message is one line for people."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """The backend behind the proxy."""

    text: str
    """The URL as it was given."""
    origin: str
    """HTTP scheme, host and port, such as `http://127.0.0.1:8000`."""
    path: str
    """What every request target begins with at the backend, such as `/v1`, or empty."""

    @classmethod
    def parse(cls, text: str, name: str = "upstream") -> Upstream:
        """Read a ws, wss, http or https URL; `name` is what people call it.

        Raises:
            UpstreamError: it is none.
        """
        if "@" in text.partition("://")[2].partition("/")[0]:
            raise UpstreamError(f"{name}: credentials in the URL are the client's to send")
        try:
            parts = urlsplit(text)
            port = parts.port
            (parts.hostname or "").encode("idna")
        except ValueError as error:
            raise UpstreamError(f"{name} {text!r}: no host and port in it") from error
        if any(not "!" <= character <= "~" for character in parts.path):
            raise UpstreamError(f"{name} {text!r}: percent-encode its path")
        if parts.scheme not in _HTTP or not parts.hostname:
            raise UpstreamError(
                f"{name} {text!r}: expected a ws, wss, http or https URL such as"
                " ws://127.0.0.1:8000"
            )
        if parts.query or parts.fragment:
            raise UpstreamError(f"{name} {text!r}: queries and fragments are the client's to send")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        origin = f"{_HTTP[parts.scheme]}://{host}" + (f":{port}" if port is not None else "")
        return cls(text, origin, parts.path.rstrip("/"))

    def url(self, target: str) -> URL:
        """Return the backend's URL for a request target, which is passed on as it is.

        The upstream's own path goes in front of it unless it is there already: clients may keep
        the path they use without the proxy.
        """
        path = target.partition("?")[0]
        if self.path and path != self.path and not path.startswith(self.path + "/"):
            target = self.path + target
        # All of it as the path: a `?` with nothing behind it would be lost otherwise.
        scheme, _, authority = self.origin.partition("://")
        return URL.build(scheme=scheme, authority=authority, path=target, encoded=True)

    def __str__(self) -> str:
        return self.text
