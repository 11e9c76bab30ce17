"""The rules for any request, one by one: aiohttp's parser would hide some of them."""

from __future__ import annotations

import pytest
from aiohttp import HttpVersion
from aiohttp.test_utils import make_mocked_request
from wsrec.net.headers import Pairs
from wsrec.net.refusal import RefusedError, check_target

HOST = ("Host", "backend.test")


def check(*headers: tuple[str, str], target: str = "/", version: tuple[int, int] = (1, 1)) -> None:
    """Apply the rules to a request that no parser has seen."""
    request = make_mocked_request("GET", target, version=HttpVersion(*version))
    pairs: Pairs = list(headers)
    check_target(request, pairs)


@pytest.mark.parametrize(
    "host",
    ["localhost", "A_b.c-d~e:8080", "127.0.0.1:80", "[::1]", "[2001:db8::1]:443", "x:", "xn--4ca"],
)
def test_hosts(host: str) -> None:
    check(("host", host))


@pytest.mark.parametrize(
    "host",
    [
        "",
        " ",
        "a b",
        "a,b",
        "a/b",
        "a@b",
        "a?b",
        "a#b",
        "a:b",
        "a:80:80",
        "[::1",
        "::1",
        "a\n",
        "ä",
    ],
)
def test_what_is_no_host(host: str) -> None:
    with pytest.raises(RefusedError, match="name and a port"):
        check(("Host", host))


@pytest.mark.parametrize(
    "headers",
    [
        [("Connection", "Keep-Alive, TE, close"), ("connection", "upgrade")],
        [("Connection", "")],
        [("Connection", "upgrade")],
        [("Content-Length", "0")],
        [("Content-Length", "18446744073709551615")],
        [("Transfer-Encoding", "Chunked")],
    ],
)
def test_what_may_be_said(headers: Pairs) -> None:
    check(HOST, *headers)


@pytest.mark.parametrize(
    ("headers", "reason", "status"),
    [
        ([], "name and a port", 400),
        ([HOST, HOST], "more than one Host", 400),
        ([HOST, ("host", "")], "more than one Host", 400),
        ([HOST, ("Connection", "Cookie")], "not the proxy's to remove", 400),
        ([HOST, ("Connection", "close,x-mine")], "not the proxy's to remove", 400),
        ([HOST, ("Connection", "Content-Length")], "not the proxy's to remove", 400),
        ([HOST, ("Connection", "Transfer-Encoding")], "not the proxy's to remove", 400),
        ([HOST, ("HTTP2-Settings", "")], "HTTP/2", 400),
        ([HOST, ("Content-Length", "1"), ("Content-Length", "1")], "do not go together", 400),
        ([HOST, ("Content-Length", "1"), ("Transfer-Encoding", "chunked")], "together", 400),
        ([HOST, ("Content-Length", "")], "not a number", 400),
        ([HOST, ("Content-Length", "-1")], "not a number", 400),
        ([HOST, ("Content-Length", "1, 1")], "not a number", 400),
        ([HOST, ("Content-Length", "١")], "not a number", 400),
        ([HOST, ("Transfer-Encoding", "")], "only Transfer-Encoding", 501),
        ([HOST, ("Transfer-Encoding", "gzip, chunked")], "only Transfer-Encoding", 501),
        ([HOST, ("Transfer-Encoding", "chunked;a=b")], "only Transfer-Encoding", 501),
    ],
)
def test_what_must_not_be_said(headers: Pairs, reason: str, status: int) -> None:
    with pytest.raises(RefusedError, match=reason) as refused:
        check(*headers)
    assert refused.value.status == status


@pytest.mark.parametrize("target", ["", "*", "x", "http://backend.test/", "/a#b", "/\udce4"])
def test_what_is_no_target(target: str) -> None:
    with pytest.raises(RefusedError, match="target"):
        check(HOST, target=target)


@pytest.mark.parametrize("version", [(0, 9), (1, 2), (2, 0), (3, 0)])
def test_other_versions(version: tuple[int, int]) -> None:
    with pytest.raises(RefusedError) as refused:
        check(HOST, version=version)
    assert refused.value.status == 505


def test_http_1_0_has_no_chunks() -> None:
    check(HOST, version=(1, 0))
    with pytest.raises(RefusedError, match="together"):
        check(HOST, ("Transfer-Encoding", "chunked"), version=(1, 0))
