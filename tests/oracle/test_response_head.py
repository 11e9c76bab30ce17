"""The backend's 101: what the client gets byte for byte, and what it does not."""

from __future__ import annotations

import pytest
from oracle.peers import Talk
from oracle.stage import Stage
from support.frames import wire
from support.raw import ACCEPT, SWITCH, upgrade

PLAIN = SWITCH.decode()
HELLO = wire(1, b"hello")


def crosses(stage: Stage, answer: str) -> str:
    """Open a session with this answer and end it; return what the client got."""
    client, server = stage.dial(upgrade(), through=True)
    server.head()
    server.send(answer.encode() + HELLO)
    head = client.head()
    assert client.take(len(HELLO)) == HELLO
    Talk(client, server).part()
    return head.decode()


def with_lines(*lines: str) -> str:
    return "\r\n".join([PLAIN[:-4], *lines, "", ""])


KEPT = {
    "nothing-is-added": PLAIN,
    "reason": PLAIN.replace("Switching Protocols", "Web Socket  Protocol Handshake"),
    "reason-in-utf8": PLAIN.replace("Switching Protocols", "Ça va"),
    "cookies": with_lines(
        "Set-Cookie: a=1; Path=/; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
        "Set-Cookie: b=2",
        "X-Between: 1",
        "Set-Cookie: a=1",
    ),
    "case-of-repeated-names": with_lines("Set-Cookie: a=1", "set-cookie: b=2", "SET-COOKIE: c=3"),
    "unknown": with_lines("X-Unheard-Of: 1", "x_y.z: 2", "Server: a/1", "Date: never"),
    "subprotocol": with_lines("Sec-WebSocket-Protocol: chat"),
    "subprotocol-never-offered": with_lines("Sec-WebSocket-Protocol: other"),
    "subprotocols-in-lines": with_lines(
        "Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: super"
    ),
    "extensions": with_lines(
        'Sec-WebSocket-Extensions: permessage-deflate;server_max_window_bits="12" ,  x-none'
    ),
    "extensions-in-lines": with_lines(
        "Sec-WebSocket-Extensions: x-one", "Sec-WebSocket-Extensions: x-two; a=1"
    ),
    "order-and-case": (
        "HTTP/1.1 101 Switching Protocols\r\n"
        f"SEC-WEBSOCKET-ACCEPT: {ACCEPT}\r\n"
        "x-first: 1\r\n"
        "cOnnection: Upgrade\r\n"
        "upgrade: WEBSOCKET\r\n"
        "\r\n"
    ),
    "names-of-a-body": with_lines("Content-Type: text/plain", "Content-Encoding: gzip"),
    "no-body": with_lines("Content-Length: 0"),
    "utf8": with_lines("X-Name: öä€"),
    "long": with_lines("X-Long: " + "x" * 20_000),
}


@pytest.mark.parametrize("name", KEPT)
def test_a_head_is_kept_whole(stage: Stage, name: str) -> None:
    answer = KEPT[name]
    assert crosses(stage, answer) == answer
    session, _ = stage.recording()
    recorded = [f"{name}: {value}" for name, value in session.response_headers]
    assert recorded == answer.split("\r\n")[1:-2]


def test_what_was_chosen_is_recorded(stage: Stage) -> None:
    chosen = "Sec-WebSocket-Extensions: x-two; a=1", "Sec-WebSocket-Protocol: chat"
    crosses(stage, with_lines("Sec-WebSocket-Extensions: x-one", *chosen))
    session, _ = stage.recording()
    assert (session.status, session.subprotocol) == (101, "chat")
    assert session.extensions == "x-one, x-two; a=1"


# What was sent, and what the client gets instead.
CHANGED: dict[str, tuple[str, str]] = {
    "space-around-a-value": (with_lines("X-A:1", "X-B: \t 2 \t"), with_lines("X-A: 1", "X-B: 2")),
    "no-value": (with_lines("X-A:"), with_lines("X-A: ")),
    "hop-by-hop": (
        with_lines("Keep-Alive: 5", "Proxy-Authenticate: Basic", "X-End: 1"),
        with_lines("X-End: 1"),
    ),
    "connection": (PLAIN.replace(": Upgrade", ": keep-alive, upgrade"), PLAIN),
    "no-reason": (PLAIN.replace(" Switching Protocols", ""), PLAIN),
    "an-empty-line-ahead": ("\r\n" + PLAIN, PLAIN),
    "bare-newlines": (PLAIN.replace("\r\n", "\n"), PLAIN),
    "a-value-in-two-lines": (with_lines("X-A: 1", " 2"), with_lines("X-A: 1 2")),
    "early-hints": ("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + PLAIN, PLAIN),
}


@pytest.mark.parametrize("name", CHANGED)
def test_this_is_changed(stage: Stage, name: str) -> None:
    sent, seen = CHANGED[name]
    assert crosses(stage, sent) == seen
