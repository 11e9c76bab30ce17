"""Requests that a proxy must refuse, and what of them reaches the backend: not a byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.hostile import attack, logging_backend, read_requests, read_responses
from support.proxying import in_process, sessions
from support.raw import KEY, conversation, upgrade
from support.raw import conversation_with_process as conversation_on_one_loop

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: evil.test\r\n\r\n"
"""A complete request, behind each of the others, that nobody may take for one of its own."""

CHUNKED = "Transfer-Encoding: chunked"


def instead(old: str, new: str) -> bytes:
    """Return a proper opening handshake with one thing replaced."""
    head = upgrade()
    assert old.encode() in head
    return head.replace(old.encode(), new.encode("latin-1"))


def plain(
    *lines: str, line: str = "POST /plain HTTP/1.1", host: str = "Host: backend.test"
) -> bytes:
    """Return the head of a request that is no upgrade."""
    return "\r\n".join([line, *([host] if host else []), *lines, "", ""]).encode("latin-1")


UPGRADES: dict[str, tuple[bytes, int]] = {
    # The request line.
    "post": (instead("GET", "POST"), 405),
    "head": (instead("GET", "HEAD"), 405),
    "put": (instead("GET", "PUT"), 405),
    "options": (instead("GET", "OPTIONS"), 405),
    "connect": (instead("GET / ", "CONNECT backend.test:80 "), 405),
    "lower-case-method": (instead("GET", "get"), 400),
    "unknown-method": (instead("GET", "PULL"), 400),
    "http-1.0": (instead("HTTP/1.1", "HTTP/1.0"), 505),
    "http-0.9": (instead("HTTP/1.1", "HTTP/0.9"), 505),
    "http-1.2": (instead("HTTP/1.1", "HTTP/1.2"), 400),
    "http-2.0": (instead("HTTP/1.1", "HTTP/2.0"), 505),
    "http-1.1-padded": (instead("HTTP/1.1", "HTTP/01.1"), 400),
    "no-version": (instead(" HTTP/1.1", ""), 505),
    "absolute-form": (upgrade(target="http://169.254.169.254/latest"), 400),
    "absolute-form-of-this-origin": (upgrade(target="http://backend.test/"), 400),
    "absolute-form-ws": (upgrade(target="ws://backend.test/"), 400),
    "authority-form": (upgrade(target="backend.test:80"), 400),
    "asterisk": (upgrade(target="*"), 400),
    "no-slash": (upgrade(target="@evil.test/"), 400),
    "fragment": (upgrade(target="/#x"), 400),
    "space-in-target": (upgrade(target="/a b"), 400),
    "nul-in-target": (upgrade(target="/a\0b"), 400),
    "latin-1-in-target": (upgrade().replace(b"GET /", b"GET /\xe4"), 400),
    # Version, key, and who asks for what.
    "no-version-field": (upgrade(without="Sec-WebSocket-Version"), 426),
    "version-8": (instead("Version: 13", "Version: 8"), 426),
    "version-1337": (instead("Version: 13", "Version: 1337"), 426),
    "version-list": (instead("Version: 13", "Version: 13, 8"), 426),
    "version-twice": (upgrade("Sec-WebSocket-Version: 13"), 426),
    "version-padded": (instead("Version: 13", "Version: 013"), 426),
    "no-key": (upgrade(without="Sec-WebSocket-Key"), 400),
    "empty-key": (instead(KEY, ""), 400),
    "short-key": (instead(KEY, "AAAA"), 400),
    "long-key": (instead(KEY, "A" * 44), 400),
    "key-not-base64": (instead(KEY, "?" * 24), 400),
    "key-twice": (upgrade(f"Sec-WebSocket-Key: {KEY}"), 400),
    "key-list": (instead(KEY, f"{KEY}, {KEY}"), 400),
    "hixie-76": (upgrade("Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5"), 400),
    "no-upgrade": (upgrade(without="Upgrade"), 400),
    "no-connection": (upgrade(without="Connection"), 400),
    "connection-without-upgrade": (instead("Connection: Upgrade", "Connection: keep-alive"), 400),
    # Other protocols.
    "h2c": (instead("Upgrade: websocket", "Upgrade: h2c"), 400),
    "websocket-or-h2c": (instead("Upgrade: websocket", "Upgrade: websocket, h2c"), 400),
    "h2c-or-websocket": (instead("Upgrade: websocket", "Upgrade: h2c, websocket"), 400),
    "upgrade-twice": (upgrade("Upgrade: websocket"), 400),
    "upgrade-twice-h2c": (upgrade("Upgrade: h2c"), 400),
    "http2-settings": (upgrade("HTTP2-Settings: AAMAAABkAAQAAP__"), 400),
    "http2-settings-named": (
        instead("Connection: Upgrade", "HTTP2-Settings: AA\r\nConnection: Upgrade, HTTP2-Settings"),
        400,
    ),
    "tls-upgrade": (instead("Upgrade: websocket", "Upgrade: TLS/1.0"), 400),
    # A body.
    "length": (upgrade("Content-Length: 46"), 400),
    "chunked": (upgrade(CHUNKED) + b"2e\r\n", 400),
    "chunked-empty": (upgrade(CHUNKED) + b"0\r\n\r\n", 400),
    "gzip-chunked": (upgrade("Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n", 400),
    "identity": (upgrade("Transfer-Encoding: identity"), 400),
    "empty-coding": (upgrade("Transfer-Encoding:"), 400),
    "length-and-chunked": (upgrade("Content-Length: 46", CHUNKED), 400),
    "chunked-and-length": (upgrade(CHUNKED, "Content-Length: 46"), 400),
    "two-lengths": (upgrade("Content-Length: 0", "Content-Length: 46"), 400),
    "length-list": (upgrade("Content-Length: 0, 46"), 400),
    "length-negative": (upgrade("Content-Length: -1"), 400),
    "length-plus": (upgrade("Content-Length: +0"), 400),
    "length-padded": (upgrade("Content-Length: 00"), 400),
    # Host.
    "no-host": (upgrade(without="Host"), 400),
    "two-hosts": (upgrade("Host: evil.test"), 400),
    "same-host-twice": (upgrade("Host: backend.test"), 400),
    "empty-host": (instead("backend.test", ""), 400),
    "host-with-user": (instead("backend.test", "backend.test@evil.test"), 400),
    "host-with-path": (instead("backend.test", "backend.test/evil"), 400),
    "host-with-query": (instead("backend.test", "backend.test?evil"), 400),
    "host-with-space": (instead("backend.test", "backend.test evil.test"), 400),
    "host-list": (instead("backend.test", "backend.test,evil.test"), 400),
    "host-with-scheme": (instead("backend.test", "http://backend.test"), 400),
    "host-escaped": (instead("backend.test", "backend%2etest"), 400),
    "host-port-not-a-number": (instead("backend.test", "backend.test:80a"), 400),
    "host-latin-1": (instead("backend.test", "b\xe4ckend.test"), 400),
    # Headers that `Connection` takes off.
    **{
        f"connection-names-{name.lower()}": (
            instead("Connection: Upgrade", f"{name}: x\r\nConnection: Upgrade, {name}")
            if name not in ("Host", "Sec-WebSocket-Key")
            else instead("Connection: Upgrade", f"Connection: Upgrade, {name}"),
            400,
        )
        for name in ("Origin", "Cookie", "Authorization", "Host", "Sec-WebSocket-Key", "X-Api-Key")
    },
    "connection-names-two-in-a-field": (
        upgrade("Connection: Sec-WebSocket-Key, Cookie"),
        400,
    ),
    "connection-close": (instead("Connection: Upgrade", "Connection: Upgrade, close"), 400),
    # Lines that two parsers read differently.
    "folded": (upgrade("X-Name: a\r\n b"), 400),
    "folded-key": (instead(f"Key: {KEY}", f"Key:\r\n {KEY}"), 400),
    "nul": (upgrade("X-Name: a\0b"), 400),
    "control": (upgrade("X-Name: a\x01b"), 400),
    "bare-cr": (upgrade("X-Name: a\rX-Other: b"), 400),
    "bare-lf": (upgrade("X-Name: a\nX-Other: b"), 400),
    "only-lf": (upgrade().replace(b"\r\n", b"\n"), 400),
    "space-before-colon": (instead("Upgrade:", "Upgrade :"), 400),
    "tab-before-colon": (upgrade("X-Name\t: a"), 400),
    "space-before-name": (instead("Host:", " Host:"), 400),
    "no-colon": (upgrade("X-Name"), 400),
    "no-name": (upgrade(": a"), 400),
    "latin-1-name": (instead("Connection:", "X\xe4: 1\r\nConnection:"), 400),
    "latin-1-value": (instead("Connection:", "Cookie: \xe4\r\nConnection:"), 400),
    "too-long": (upgrade("X-Name: " + "a" * (40 << 10)), 431),
}

PLAIN: dict[str, tuple[bytes, int]] = {
    "http-2-preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "http-2.0": (plain(line="GET / HTTP/2.0"), 400),
    "http-0.9": (plain(line="GET / HTTP/0.9"), 400),
    "http-3.7": (plain(line="GET / HTTP/3.7"), 400),
    "absolute-form": (plain(line="GET http://evil.test/ HTTP/1.1"), 400),
    "absolute-form-https": (plain(line="GET https://evil.test/ HTTP/1.1"), 400),
    "authority-form": (plain(line="GET evil.test:80 HTTP/1.1"), 400),
    "connect": (plain(line="CONNECT evil.test:443 HTTP/1.1"), 400),
    "connect-path": (plain(line="CONNECT / HTTP/1.1"), 400),
    "asterisk": (plain(line="OPTIONS * HTTP/1.1"), 400),
    "no-host": (plain(host=""), 400),
    "no-host-1.0": (plain(line="GET / HTTP/1.0", host=""), 400),
    "two-hosts": (plain("Host: evil.test"), 400),
    "host-with-user": (plain(host="Host: backend.test@evil.test"), 400),
    "host-list": (plain(host="Host: backend.test, evil.test"), 400),
    "http2-settings": (plain("HTTP2-Settings: AAMAAABkAAQAAP__"), 400),
    "tls": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    **{
        f"connection-names-{name.lower()}": (
            plain(f"{name}: 0", f"Connection: close, {name}")
            if name != "Host"
            else plain("Connection: Host"),
            400,
        )
        for name in ("Cookie", "Authorization", "Origin", "Host", "X-Forwarded-For", "X-Mine")
    },
    "connection-names-length": (plain("Content-Length: 46", "Connection: Content-Length"), 400),
    "connection-names-coding": (
        plain(CHUNKED, "Connection: Transfer-Encoding") + b"0\r\n\r\n",
        400,
    ),
    "length-and-chunked": (plain("Content-Length: 4", CHUNKED) + b"0\r\n\r\n", 400),
    "chunked-and-length": (plain(CHUNKED, "Content-Length: 4") + b"0\r\n\r\n", 400),
    "two-lengths": (plain("Content-Length: 4", "Content-Length: 5") + b"abcd", 400),
    "same-length-twice": (plain("Content-Length: 4", "Content-Length: 4") + b"abcd", 400),
    "length-list": (plain("Content-Length: 4, 4") + b"abcd", 400),
    "length-plus": (plain("Content-Length: +4") + b"abcd", 400),
    "length-hex": (plain("Content-Length: 0x4") + b"abcd", 400),
    "length-underscore": (plain("Content-Length: 1_0") + b"0123456789", 400),
    "length-overflow": (plain("Content-Length: 18446744073709551620") + b"abcd", 400),
    "length-empty": (plain("Content-Length:"), 400),
    "coding-twice": (plain(CHUNKED, "Transfer-Encoding: identity") + b"0\r\n\r\n", 400),
    "coding-identity": (plain("Transfer-Encoding: identity") + b"0\r\n\r\n", 400),
    "coding-unknown": (plain("Transfer-Encoding: xchunked") + b"0\r\n\r\n", 400),
    "coding-vertical-tab": (plain("Transfer-Encoding: \x0bchunked") + b"0\r\n\r\n", 400),
    "coding-space-before-colon": (plain("Transfer-Encoding : chunked") + b"0\r\n\r\n", 400),
    "coding-folded": (plain("Transfer-Encoding:\r\n chunked") + b"0\r\n\r\n", 400),
    "coding-gzip": (plain("Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n", 501),
    "coding-list": (plain("Transfer-Encoding: chunked, chunked") + b"0\r\n\r\n", 400),
    "coding-in-1.0": (plain(CHUNKED, line="POST / HTTP/1.0") + b"0\r\n\r\n", 400),
    "folded": (plain("X-Name: a\r\n b"), 400),
    "nul": (plain("X-Name: a\0b"), 400),
    "bare-lf": (plain("X-Name: a\nX-Other: b"), 400),
    "bare-cr": (plain("X-Name: a\rX-Other: b"), 400),
    "latin-1-value": (plain("Cookie: \xe4"), 400),
}


@pytest.mark.parametrize(("request_", "status"), UPGRADES.values(), ids=list(UPGRADES))
@conversation_on_one_loop
async def test_an_upgrade_is_refused_and_recorded(
    recording: Path, request_: bytes, status: int
) -> None:
    async with logging_backend() as log, in_process(log.url, recording) as proxy:
        assert read_responses(await attack(proxy.port, request_ + SMUGGLED)) == [status]
        assert log.connections == []

    (session,) = sessions(recording)
    assert session.status == status
    assert session.ended_ns is not None
    assert session.clean


@pytest.mark.parametrize(("request_", "status"), PLAIN.values(), ids=list(PLAIN))
@conversation_on_one_loop
async def test_a_plain_request_is_refused(recording: Path, request_: bytes, status: int) -> None:
    async with logging_backend() as log, in_process(log.url, recording) as proxy:
        assert read_responses(await attack(proxy.port, request_ + SMUGGLED)) == [status]
        assert log.connections == []

    assert sessions(recording) == []


@conversation
async def test_what_is_refused_at_once_is_refused_in_pieces(recording: Path) -> None:
    async with logging_backend() as log, in_process(log.url, recording) as proxy:
        for name, (request, status) in [*UPGRADES.items(), *PLAIN.items()]:
            piece = 1 + len(request) // 3
            answer = read_responses(await attack(proxy.port, request + SMUGGLED, piece=piece))
            # The answer may be lost: what is still sent meets a connection that is closed.
            assert answer in ([], [status], [505]), name
            assert log.connections == [], name


@pytest.mark.parametrize(
    "body",
    [
        b"5;a\nhello\r\n0\r\n\r\n",
        b"5\nhello\n0\n\n",
        b"-1\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"5 \r\nhello\r\n0\r\n\r\n",
        b"5\r\nhelloXX\r\n0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        b";\r\n0\r\n\r\n",
        b"0;\r\r\n\r\n",
    ],
)
@pytest.mark.parametrize("piece", [0, 1], ids=["at-once", "behind-its-head"])
@conversation
async def test_a_broken_body_is_never_a_whole_one(recording: Path, body: bytes, piece: int) -> None:
    request = plain(CHUNKED) + body + SMUGGLED
    async with logging_backend(lambda _: b"") as log, in_process(log.url, recording) as proxy:
        piece *= len(plain(CHUNKED))
        answer = await attack(proxy.port, request, piece=piece, patience=0.2)
        assert read_responses(answer) == [400]
        for connection in filter(None, log.connections):
            assert b"smuggled" not in connection
            with pytest.raises(AssertionError, match="no end of the body"):
                read_requests(bytes(connection))


HIDDEN: dict[str, tuple[bytes, bytes]] = {
    "length": (plain(f"Content-Length: {len(SMUGGLED)}") + SMUGGLED, SMUGGLED),
    "length-of-a-get": (
        plain(f"Content-Length: {len(SMUGGLED)}", line="GET /plain HTTP/1.1") + SMUGGLED,
        SMUGGLED,
    ),
    "chunks": (
        plain(CHUNKED) + f"{len(SMUGGLED):x}\r\n".encode() + SMUGGLED + b"\r\n0\r\n\r\n",
        SMUGGLED,
    ),
    "coding-in-capitals": (
        plain("TRANSFER-ENCODING: CHUNKED") + b"5\r\nhello\r\n0\r\n\r\n",
        b"hello",
    ),
    "chunk-extension": (
        plain(CHUNKED) + b'5;a=GET;b="/smuggled"\r\nhello\r\n0;b=c\r\n\r\n',
        b"hello",
    ),
    "trailer": (
        plain(CHUNKED) + b"5\r\nhello\r\n0\r\nX-Name: GET /smuggled HTTP/1.1\r\n\r\n",
        b"hello",
    ),
    "an-upgrade": (plain(f"Content-Length: {len(upgrade())}") + upgrade(), upgrade()),
}


@pytest.mark.parametrize(("request_", "body"), HIDDEN.values(), ids=list(HIDDEN))
@conversation
async def test_what_is_hidden_in_a_body_stays_a_body(
    recording: Path, request_: bytes, body: bytes
) -> None:
    async with logging_backend() as log, in_process(log.url, recording) as proxy:
        next_ = plain(line="GET /next HTTP/1.1")
        answer = await attack(proxy.port, request_ + next_)
        assert read_responses(answer) == [200, 200]
        first, second = (read_requests(bytes(each)) for each in log.connections)
        assert (first[0].target, first[0].body, first[1]) == ("/plain", body, b"")
        assert (second[0].target, second[0].body, second[1]) == ("/next", b"", b"")

    assert sessions(recording) == []


@conversation
async def test_credentials_for_the_proxy_stay_here(recording: Path) -> None:
    secret = "Proxy-Authorization: Basic c2VjcmV0"
    async with logging_backend() as log, in_process(log.url, recording) as proxy:
        for request in (upgrade(secret), plain(secret)):
            assert read_responses(await attack(proxy.port, request)) in ([101], [200])
        assert len(log.connections) == 2
        assert not any(b"c2VjcmV0" in connection for connection in log.connections)
