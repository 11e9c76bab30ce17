"""Which answers open a tunnel, and what of a handshake is passed on."""

from __future__ import annotations

import pytest
from support.raw import ACCEPT, KEY
from wsrec.net.handshake import answer_fault, is_upgrade, switching_protocols, upgrade_headers
from wsrec.net.headers import Pairs

GOOD = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", ACCEPT)]


def good(**changes: str) -> Pairs:
    """Return a proper 101's fields with some of them changed."""
    return [(name, changes.get(name.lower().replace("-", "_"), value)) for name, value in GOOD]


@pytest.mark.parametrize(
    ("headers", "fault"),
    [
        (GOOD, None),
        (good(upgrade="WebSocket", connection="keep-alive, upgrade"), None),
        (GOOD[1:], "Upgrade: websocket"),
        (good(upgrade="h2c"), "Upgrade: websocket"),
        ([GOOD[0], GOOD[2]], "Connection: Upgrade"),
        (good(connection="close"), "Connection: Upgrade"),
        (GOOD[:2], "Sec-WebSocket-Accept"),
        (good(sec_websocket_accept=KEY), "Sec-WebSocket-Accept"),
        (good(sec_websocket_accept=ACCEPT.lower()), "Sec-WebSocket-Accept"),
        ([*GOOD, GOOD[2]], "Sec-WebSocket-Accept"),
        ([*GOOD, GOOD[0]], "Upgrade: websocket"),
        (good(upgrade="websocket, h2c"), "Upgrade: websocket"),
        (good(connection="Upgrade, Sec-WebSocket-Accept"), "takes its own handshake back"),
        (good(connection="Upgrade, X-Own"), None),
        ([*GOOD, ("Content-Length", "0")], None),
        ([*GOOD, ("Content-Length", "5")], "has a body"),
        ([*GOOD, ("Content-Length", "0"), ("content-length", "0")], "has a body"),
        ([*GOOD, ("Transfer-Encoding", "chunked")], "has a body"),
        ([*GOOD, ("X-Name", "a\x01b")], "control characters"),
        ([*GOOD, ("Sec-WebSocket-Protocol", "not-offered")], None),
        ([*GOOD, ("Sec-WebSocket-Extensions", "x-not-offered")], None),
    ],
)
def test_only_a_verified_answer_opens_a_tunnel(headers: Pairs, fault: str | None) -> None:
    found = answer_fault(headers, KEY)
    assert found is None if fault is None else fault in (found or "")


@pytest.mark.parametrize(
    ("value", "upgrade"),
    [
        ("websocket", True),
        ("WebSocket", True),
        ("h2c, websocket", True),
        ("h2c", True),
        (" ", False),
    ],
)
def test_is_upgrade(value: str, upgrade: bool) -> None:
    assert is_upgrade([("Upgrade", value)]) is upgrade
    assert not is_upgrade([("X-Upgrade", value)])
    assert is_upgrade([("SEC-WEBSOCKET-VERSION", value)])


def test_what_is_passed_on_with_an_upgrade() -> None:
    headers = [
        ("host", "x"),
        ("CONNECTION", "keep-alive, Upgrade"),
        ("Upgrade", "WebSocket"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Authorization", "Basic eA=="),
        ("Origin", "https://app.test"),
    ]
    assert upgrade_headers(headers) == [
        ("host", "x"),
        ("CONNECTION", "Upgrade"),
        ("Upgrade", "WebSocket"),
        ("Origin", "https://app.test"),
    ]


def test_connection_is_said_once() -> None:
    headers = [("Connection", "keep-alive"), ("Upgrade", "websocket"), ("connection", "Upgrade")]
    assert upgrade_headers(headers) == [("Connection", "Upgrade"), ("Upgrade", "websocket")]


@pytest.mark.parametrize(
    ("reason", "line"),
    [(None, "Switching Protocols"), ("Ok", "Ok"), ("a\x01b", "Switching Protocols")],
)
def test_the_head_of_the_101(reason: str | None, line: str) -> None:
    head = switching_protocols(reason, [*GOOD, ("X-Name", "\udce4")])
    assert head == (
        f"HTTP/1.1 101 {line}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {ACCEPT}\r\nX-Name: ".encode()
        + b"\xe4\r\n\r\n"
    )
