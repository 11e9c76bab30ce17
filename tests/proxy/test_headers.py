"""Header fields as pairs."""

from __future__ import annotations

import pytest
from wsrec.proxy.headers import Pairs, decode_pairs, end_to_end, get, outgoing, tokens


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
