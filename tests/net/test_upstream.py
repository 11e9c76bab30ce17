"""Where the backend is."""

from __future__ import annotations

import pytest
from wsrec.net.upstream import Upstream, UpstreamError


@pytest.mark.parametrize(
    ("text", "origin", "path"),
    [
        ("ws://127.0.0.1:8000", "http://127.0.0.1:8000", ""),
        ("wss://api.test", "https://api.test", ""),
        ("http://api.test/", "http://api.test", ""),
        ("https://api.test:8443/v1/", "https://api.test:8443", "/v1"),
        ("ws://[::1]:9/a/b", "http://[::1]:9", "/a/b"),
        ("WS://Api.Test:1", "http://api.test:1", ""),
    ],
)
def test_parse(text: str, origin: str, path: str) -> None:
    upstream = Upstream.parse(text)
    assert (upstream.origin, upstream.path) == (origin, path)
    assert str(upstream) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "127.0.0.1:8000",
        "localhost",
        "ftp://x",
        "ws://",
        "ws:///path",
        "ws://x:port",
        "ws://x:99999",
        "ws://[::1",
        "ws://user@x",
        "ws://user:secret@x",
        "ws://x/?key=1",
        "ws://x/#part",
    ],
)
def test_what_names_no_backend(text: str) -> None:
    with pytest.raises(UpstreamError) as error:
        Upstream.parse(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("upstream", "target", "url"),
    [
        ("ws://x", "/", "http://x/"),
        ("ws://x", "/a//b%2F..;/c?x=%20&y", "http://x/a//b%2F..;/c?x=%20&y"),
        ("ws://x", "//ws/a", "http://x//ws/a"),
        ("ws://x", "/a/../b/./c", "http://x/a/../b/./c"),
        ("ws://x", "/?", "http://x/?"),
        ("ws://[::1]:9", "/a?b?", "http://[::1]:9/a?b?"),
        ("ws://x/v1", "/?", "http://x/v1/?"),
        ("ws://x/v1", "/chat", "http://x/v1/chat"),
        ("ws://x/v1", "/v1/chat", "http://x/v1/chat"),
        ("ws://x/v1", "/v1?k=1", "http://x/v1?k=1"),
        ("ws://x/v1", "/v10/chat", "http://x/v1/v10/chat"),
        ("ws://x/v1", "/?to=/v1/", "http://x/v1/?to=/v1/"),
    ],
)
def test_a_target_is_not_changed(upstream: str, target: str, url: str) -> None:
    assert str(Upstream.parse(upstream).url(target)) == url
