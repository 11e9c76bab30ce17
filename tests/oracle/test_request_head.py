"""The opening handshake's request: what the backend gets byte for byte, and what it does not."""

from __future__ import annotations

import pytest
from oracle.peers import Talk
from oracle.stage import Stage
from support.raw import SWITCH, upgrade

PLAIN = upgrade().decode()
FIRST_LINE = "GET / HTTP/1.1\r\n"


def crosses(stage: Stage, request: str) -> bytes:
    """Open a session with this request and end it; return what the backend got."""
    client, server = stage.dial(request.encode(), through=True)
    head = server.head()
    server.send(SWITCH)
    assert client.head() == SWITCH
    Talk(client, server).part()
    return head


def with_lines(*lines: str) -> str:
    return upgrade(*lines).decode()


TARGETS = [
    "//a%2Fb/..;/c?x=%7B&&y",
    "/?",
    "/??",
    "/?a=b?c=d",
    "/?&",
    "/?=",
    "//",
    "//host/path",
    "/a/../b/./c",
    "/a/",
    "/a%2F",
    "/%zz%",
    "/%41%2e%2E%C3%A9%c3%a9",
    "/?q=%C3%A9%c3%a9+%20%00",
    '/"<>\\^`{|}[x]',
    '/?"<>\\^`{|}[x]',
    "/a:80@b",
    "/*",
    "/;p=1,2;q",
    "/'()!$,~-_.",
    "/" + "a" * 7000,
    "/?" + "q=%2B&" * 1000,
]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target[:25])
def test_path_and_query_are_kept(stage: Stage, target: str) -> None:
    request = upgrade(target=target)
    assert crosses(stage, request.decode()) == request
    session, _ = stage.recording()
    assert session.target == target


KEPT = {
    "nothing-is-added": PLAIN,
    "nobodys-but-the-clients": with_lines(
        "User-Agent: a/1", "Accept: */*", "Accept-Encoding: br", "Pragma: no-cache", "DNT: 1"
    ),
    "host-and-port": PLAIN.replace("backend.test", "Example.TEST:8080"),
    "host-of-ipv6": PLAIN.replace("backend.test", "[::1]:80"),
    "origin": with_lines("Origin: https://app.test:8443"),
    "origin-null": with_lines("Origin: null"),
    "origin-twice": with_lines("Origin: https://a.test", "Origin: https://b.test"),
    "cookies": with_lines("Cookie: a=1; b=%20", "Cookie: c=3", 'Cookie: d="x, y"'),
    "authorization": with_lines("Authorization: Bearer abc.def"),
    "referer-and-fetch": with_lines("Referer: http://a.test/", "Sec-Fetch-Mode: websocket"),
    "subprotocols": with_lines("Sec-WebSocket-Protocol: chat , jwt.abc,chat"),
    "subprotocols-in-lines": with_lines(
        "Sec-WebSocket-Protocol: chat", "X-Between: 1", "Sec-WebSocket-Protocol: super,chat"
    ),
    "extensions": with_lines(
        'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-none;a="b,c"'
    ),
    "extensions-in-lines": with_lines(
        "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover",
        "Sec-WebSocket-Extensions: permessage-deflate",
    ),
    "repeated": with_lines("X-A: 1", "X-B: 2", "X-A: 3", "X-A: 1"),
    "case": PLAIN.replace("Sec-WebSocket-Key", "SEC-WEBSOCKET-KEY").replace("Upgrade:", "uPGRADE:"),
    "case-of-websocket": PLAIN.replace("Upgrade: websocket", "Upgrade: WebSocket"),
    "order": FIRST_LINE
    + "Host: backend.test\r\n"
    + "".join(f"{line}\r\n" for line in reversed(PLAIN.splitlines()[2:-1]))
    + "\r\n",
    "space-inside-a-value": with_lines("X-In: a  b\tc"),
    "utf8": with_lines("X-Name: öä€"),
    "unusual-names": with_lines("X_Under: 1", "X.!#$%&'*+-^`|~: 1"),
    "long": with_lines("X-Long: " + "x" * 20_000),
    "empty-body": with_lines("Content-Length: 0"),
}


@pytest.mark.parametrize("name", KEPT)
def test_a_head_is_kept_whole(stage: Stage, name: str) -> None:
    request = KEPT[name]
    assert crosses(stage, request) == request.encode()
    session, _ = stage.recording()
    recorded = [f"{name}: {value}" for name, value in session.request_headers]
    assert recorded == request.split("\r\n")[1:-2]


# What was sent, and what the backend gets instead: lines behind those of the plainest request.
CHANGED: dict[str, tuple[list[str], list[str]]] = {
    "space-around-a-value": (["X-A:1", "X-B: \t 2 \t"], ["X-A: 1", "X-B: 2"]),
    "no-value": (["X-A:"], ["X-A: "]),
    "case-of-a-repeated-name": (["Cookie: a", "cookie: b"], ["Cookie: a", "Cookie: b"]),
    "hop-by-hop": (
        ["Keep-Alive: 5", "TE: trailers", "Trailer: X", "Proxy-Connection: a", "X-End: 1"],
        ["X-End: 1"],
    ),
    "credentials-for-a-proxy": (["Proxy-Authorization: Basic abc"], []),
    "a-second-connection": (["Connection: keep-alive"], []),
}


@pytest.mark.parametrize("name", CHANGED)
def test_this_is_changed(stage: Stage, name: str) -> None:
    sent, seen = CHANGED[name]
    assert crosses(stage, with_lines(*sent)) == upgrade(*seen)


# The same for lines in the head itself.
REPLACED: dict[str, tuple[str, str, str]] = {
    "connection": (
        "Connection: Upgrade",
        "Connection: keep-alive, upgrade",
        "Connection: Upgrade",
    ),
    "connection-keeps-its-case": (
        "Connection: Upgrade",
        "CONNECTION: upgrade",
        "CONNECTION: Upgrade",
    ),
    "an-empty-line-ahead": (FIRST_LINE, "\r\n" + FIRST_LINE, FIRST_LINE),
}


@pytest.mark.parametrize("name", REPLACED)
def test_this_is_changed_in_the_head(stage: Stage, name: str) -> None:
    line, sent, seen = REPLACED[name]
    assert crosses(stage, PLAIN.replace(line, sent)) == PLAIN.replace(line, seen).encode()


def test_host_moves_to_the_front(stage: Stage) -> None:
    host = "hOST: backend.test\r\n"
    without = PLAIN.replace("Host: backend.test\r\n", "")
    got = crosses(stage, without[:-2] + host + "\r\n")
    assert got.decode() == without.replace(FIRST_LINE, FIRST_LINE + host)
