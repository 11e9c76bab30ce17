"""Header fields as pairs."""

from __future__ import annotations

import pytest
from wsrec.net.headers import (
    Pairs,
    decode_pairs,
    end_to_end,
    get,
    has_control,
    head,
    outgoing,
    tokens,
    values,
)


def test_bytes_that_are_not_utf8_survive() -> None:
    ((name, value),) = decode_pairs([(b"X-Name", "ä".encode("latin-1"))])
    assert name == "X-Name"
    assert value.encode("utf-8", "surrogateescape") == b"\xe4"


@pytest.mark.parametrize(
    ("pairs", "value"),
    [
        ([], None),
        ([("Host", "a")], None),
        ([("Upgrade", "a")], "a"),
        ([("UPGRADE", "a"), ("Host", "x"), ("upgrade", "b")], "a, b"),
        ([("Upgrade", "")], ""),
    ],
)
def test_get(pairs: Pairs, value: str | None) -> None:
    assert get(pairs, "upgrade") == value


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], set()),
        ([""], set()),
        (["Upgrade"], {"upgrade"}),
        (["keep-alive,Upgrade"], {"keep-alive", "upgrade"}),
        ([" a ,, b ", "C"], {"a", "b", "c"}),
    ],
)
def test_tokens(values: list[str], expected: set[str]) -> None:
    assert tokens([("Connection", value) for value in values], "connection") == expected


def test_what_concerns_one_hop_is_not_passed_on() -> None:
    pairs = [
        ("Host", "x"),
        ("Connection", "X-Mine, close"),
        ("x-mine", "1"),
        ("Keep-Alive", "timeout=5"),
        ("Transfer-Encoding", "chunked"),
        ("TE", "trailers"),
        ("Trailer", "X-Sum"),
        ("Upgrade", "h2c"),
        ("Proxy-Authorization", "Basic eA=="),
        ("Proxy-Connection", "keep-alive"),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
    ]
    assert end_to_end(pairs) == [("Host", "x"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]


def test_outgoing_keeps_order_case_and_repetitions() -> None:
    pairs = [("Host", "x"), ("X-A", "1"), ("Cookie", "a"), ("x-a", "2"), ("Cookie", "b")]
    assert list(outgoing(pairs).items()) == [
        ("Host", "x"),
        ("X-A", "1"),
        ("Cookie", "a"),
        ("X-A", "2"),
        ("Cookie", "b"),
    ]


def test_outgoing_refuses_what_would_be_left_out() -> None:
    with pytest.raises(UnicodeEncodeError):
        outgoing(decode_pairs([(b"X-Name", b"\xe4")]))


def test_values() -> None:
    pairs = [("Host", "a"), ("HOST", "b, c"), ("X", "d")]
    assert values(pairs, "host") == ["a", "b, c"]
    assert values(pairs, "cookie") == []


def test_a_head_has_the_bytes_that_were_read() -> None:
    raw = [(b"X-Name", b"\xe4 \xc3\xa4"), (b"x-name", b"")]
    assert head("GET / HTTP/1.1", decode_pairs(raw)) == (
        b"GET / HTTP/1.1\r\nX-Name: \xe4 \xc3\xa4\r\nx-name: \r\n\r\n"
    )


@pytest.mark.parametrize(
    ("text", "control"),
    [
        ("a\tb", False),
        ("\xe4\udce4", False),
        ("a\rb", True),
        ("\n", True),
        ("\0", True),
        ("\x7f", True),
    ],
)
def test_control_characters(text: str, control: bool) -> None:
    assert has_control(text) is control
