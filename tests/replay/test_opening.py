"""From a recorded opening handshake to the one that is sent again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from wsrec.net.errors import SettingError
from wsrec.redaction.handshake import HandshakeRedactor
from wsrec.redaction.marks import Marker
from wsrec.redaction.rules import Rules
from wsrec.replay.opening import Opening, Replacements, open_again, unplayable
from wsrec.store.model import Session

NONE = Replacements()
KEY = "EBESExQVFhcYGRobHB0eHw=="
FRESH = [
    ("Host", "new.test:81"),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", KEY),
    ("Sec-WebSocket-Version", "13"),
]
HANDSHAKE = (
    ("Host", "api.test"),
    ("Upgrade", "websocket"),
    ("Connection", "keep-alive, Upgrade"),
    ("Sec-WebSocket-Key", "AQIDBAUGBwgJCgsMDQ4PEA=="),
    ("Sec-WebSocket-Version", "13"),
)


def recorded(target: str, *headers: tuple[str, str]) -> Session:
    return Session(
        id=1, started_at="2026-01-01T00:00:00.000000Z", started_ns=0, client="127.0.0.1:5",
        target=target, request_headers=(*HANDSHAKE, *headers), status=101, response_headers=(),
        subprotocol=None, extensions=None, ended_ns=1, close_code=1000, close_reason="",
        closed_by="client", clean=True, client_frames=0, client_bytes=0, server_frames=0,
        server_bytes=0,
    )  # fmt: skip


def opened(session: Session, given: Replacements = NONE) -> Opening:
    return open_again(session, given, "new.test:81", KEY)


def redacted(target: str, *headers: tuple[str, str]) -> Session:
    """Return what a proxy records of it by default."""
    redactor = HandshakeRedactor(Rules(), Marker())
    pairs, _ = redactor.headers(headers)
    return recorded(redactor.target(target), *pairs)


def test_all_is_sent_as_recorded_but_what_belongs_to_one_connection() -> None:
    headers = (
        ("X-Twice", "1"),
        ("Origin", "https://page.test"),
        ("Sec-WebSocket-Protocol", "realtime, chat"),
        ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"),
        ("x-twice", "2"),
        ("Keep-Alive", "timeout=5"),
        ("Content-Length", "0"),
    )
    opening = opened(recorded("/v1/ws?model=a%2Fb&&x=+&empty=", *headers))
    assert opening.target == "/v1/ws?model=a%2Fb&&x=+&empty="
    assert opening.headers == [*FRESH, *headers[:5]]
    assert opening.notes == ()


def test_what_was_redacted_is_left_out_and_said() -> None:
    session = redacted(
        "/ws?room=1&access_token=s3cret&z",
        ("Authorization", "Bearer s3cret"),
        ("X-Plain", "1"),
        ("Cookie", "sid=abc"),
    )
    opening = opened(session)
    assert opening.target == "/ws?room=1&z"
    assert opening.headers == [*FRESH, ("X-Plain", "1")]
    assert opening.notes == (
        "the parameter access_token was redacted, so it is left out: give it with --query",
        "Authorization was redacted, so it is left out: give it with --header",
        "Cookie was redacted, so it is left out: give it with --header",
    )


def test_what_is_given_takes_the_place_of_what_was_recorded() -> None:
    session = redacted(
        "/ws?token=old&room=1&token=older", ("Authorization", "Bearer old"), ("A", "b")
    )
    given = Replacements.parse(
        ["authorization:  Bearer new:er ", "X-New: 1", "X-New:2", "Host: other.test", "A:"],
        ["token=a&b=c d", "added=1"],
    )
    opening = opened(session, given)
    assert opening.target == "/ws?token=a%26b%3Dc%20d&room=1&added=1"
    assert opening.headers == [
        ("Host", "other.test"),
        *FRESH[1:],
        ("authorization", "Bearer new:er"),
        ("X-New", "1"),
        ("X-New", "2"),
    ]
    assert opening.notes == ()


def test_a_target_without_a_query_gets_one_only_if_it_is_given() -> None:
    assert opened(recorded("/")).target == "/"
    assert opened(recorded("/?")).target == "/?"
    assert opened(recorded("/"), Replacements.parse([], ["k=v"])).target == "/?k=v"
    assert opened(redacted("/?token=1")).target == "/"


def test_a_secret_in_the_path_cannot_be_left_out() -> None:
    opening = opened(redacted("/ws;token=abc/x"))
    assert opening.target.startswith("/ws;token=redacted:")
    assert opening.notes == (
        "the path was redacted: it is sent with what stands in the secret's place",
    )


@pytest.mark.parametrize("text", ["", "Name", "na me: x", ": x", "A: b\r\nEvil: c", "A: \udcff"])
def test_what_is_no_header_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="--header"):
        Replacements.parse([text])


@pytest.mark.parametrize("name", ["Connection", "upgrade", "Sec-WebSocket-Key"])
def test_what_belongs_to_a_connection_cannot_be_given(name: str) -> None:
    with pytest.raises(SettingError, match=f"--header {name}: it is made anew"):
        Replacements.parse([f"{name}: x"])


@pytest.mark.parametrize("text", ["", "name", "=value", "a=\udcff"])
def test_what_is_no_parameter_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="--query: expected NAME=VALUE"):
        Replacements.parse([], [text])


def test_a_secret_that_is_refused_is_not_said() -> None:
    with pytest.raises(SettingError) as caught:
        Replacements.parse(["Authorization: s3cret\x00"])
    assert "s3cret" not in str(caught.value)


def test_headers_that_a_recording_does_not_hold_are_added() -> None:
    session = replace(
        recorded("/"),
        request_headers=(("X-Only", "1"),),
        subprotocol="chat",
        extensions="permessage-deflate",
    )
    assert unplayable(session) is None
    headers = [(name.lower(), value) for name, value in opened(session).headers]
    assert headers[0] == ("x-only", "1")
    assert sorted(headers[1:]) == sorted(
        [
            *((name.lower(), value) for name, value in FRESH),
            ("sec-websocket-protocol", "chat"),
            ("sec-websocket-extensions", "permessage-deflate"),
        ]
    )


REFUSED = replace(recorded("/"), status=400)


@pytest.mark.parametrize(
    ("session", "why"),
    [
        (replace(recorded("/"), status=None), "never answered"),
        (recorded("http://other.test/"), "target is none that can be sent"),
        (recorded("/a b"), "target is none that can be sent"),
        (replace(REFUSED, request_headers=HANDSHAKE[:4]), "not of WebSocket version 13"),
        (replace(REFUSED, request_headers=HANDSHAKE[3:]), "was no opening handshake"),
    ],
)
def test_an_attempt_that_was_no_handshake_cannot_be_repeated(session: Session, why: str) -> None:
    assert unplayable(recorded("/ws?a=%20")) is None
    assert why in (unplayable(session) or "")
