"""Whose forwarding headers the backend gets, which Host it sees, which sites' pages may connect."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.proxying import in_process, sessions
from support.raw import SWITCH, Peer, backend, conversation, upgrade
from wsrec.net.errors import SettingError
from wsrec.net.refusal import RefusedError
from wsrec.proxy.front import Front, parse_network, parse_origin
from wsrec.proxy.options import Options

LOCAL = parse_network("127.0.0.0/8")
CLAIMS = [
    ("X-Forwarded-For", "203.0.113.9"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "bank.example"),
    ("Forwarded", "for=203.0.113.9"),
    ("X-Real-IP", "203.0.113.9"),
    ("X_Forwarded_For", "203.0.113.9"),
]


def test_what_a_peer_says_of_itself_stays_here() -> None:
    asked = [("Host", "a"), *CLAIMS, ("Cookie", "x-forwarded-for=1")]
    assert Front().pass_on(asked, "127.0.0.1", "http") == [
        ("Host", "a"),
        ("Cookie", "x-forwarded-for=1"),
    ]


def test_a_trusted_proxys_words_are_passed_on_and_its_own_address_is_added() -> None:
    front = Front(trusted=[LOCAL])
    assert front.pass_on([("Host", "a"), *CLAIMS], "127.0.0.1", "http") == [
        ("Host", "a"),
        ("X-Forwarded-For", "203.0.113.9, 127.0.0.1"),
        *CLAIMS[1:],
    ]
    assert front.pass_on([("Host", "a")], "127.0.0.1", "http") == [
        ("Host", "a"),
        ("X-Forwarded-For", "127.0.0.1"),
    ]


@pytest.mark.parametrize("peer", ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "fe80::1%eth0"])
def test_of_others_the_backend_gets_what_is_known_here(peer: str) -> None:
    front = Front(trusted=[LOCAL])
    assert front.pass_on([("Host", "a"), *CLAIMS], peer, "https") == [
        ("Host", "a"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "a"),
        ("X-Forwarded-For", peer),
    ]


def test_an_address_is_known_in_its_other_spelling() -> None:
    front = Front(trusted=[LOCAL])
    assert front.pass_on(CLAIMS, "::ffff:127.0.0.1", "http")[1:] == CLAIMS[1:]


def test_a_unix_socket_has_no_address_to_add() -> None:
    assert Front(trusted=[LOCAL]).pass_on(CLAIMS, None, "http") == CLAIMS
    assert Front().pass_on(CLAIMS, None, "http") == []


@pytest.mark.parametrize("origin", ["https://app.example", "HTTPS://APP.EXAMPLE"])
def test_a_page_of_an_allowed_site(origin: str) -> None:
    Front(origins=frozenset({"https://app.example"})).admit([("Origin", origin)])


@pytest.mark.parametrize(
    "origin",
    [
        *("https://evil.example", "http://app.example", "https://app.example:444", "null", ""),
        *("https://app.example.evil.example", "https://app.example, https://evil.example"),
    ],
)
def test_a_page_of_another_site(origin: str) -> None:
    front = Front(origins=frozenset({"https://app.example"}))
    with pytest.raises(RefusedError) as refused:
        front.admit([("origin", origin)])
    assert refused.value.status == 403


def test_two_origins_are_one_too_many() -> None:
    front = Front(origins=frozenset({"https://app.example"}))
    with pytest.raises(RefusedError):
        front.admit([("Origin", "https://app.example"), ("Origin", "https://evil.example")])


def test_a_program_that_is_no_browser() -> None:
    Front(origins=frozenset({"https://app.example"})).admit([("Host", "a")])


def test_an_origin_is_written_without_its_scheme_s_port() -> None:
    assert parse_origin("https://App.Example:443") == "https://app.example"
    assert parse_origin("http://app.example:443") == "http://app.example:443"
    assert parse_origin("null") == "null"


@pytest.mark.parametrize("text", ["app.example", "https://", "https://app.example/", "*", ""])
def test_what_is_no_origin(text: str) -> None:
    with pytest.raises(SettingError, match="expected scheme, host and port"):
        parse_origin(text)


@pytest.mark.parametrize("text", ["proxy.example", "10.0.0.0/33", "10.0.0", ""])
def test_what_is_no_network(text: str) -> None:
    with pytest.raises(SettingError, match="expected an address or a network"):
        parse_network(text)


@conversation
async def test_host_and_origin_reach_the_backend_as_they_came(recording: Path) -> None:
    """Both are what a backend knows a foreign page by: rebinding by one, hijacking by the other."""
    request = upgrade("Origin: https://evil.example")
    async with backend() as behind, in_process(behind.url, recording) as proxy:
        client = await Peer.connect(proxy.port)
        await client.send(request)
        server = await behind.accept()
        assert await server.head() == request.decode()
        await client.close()


@conversation
async def test_the_backends_own_name_instead_of_the_clients(recording: Path) -> None:
    async with backend() as behind:
        front = Front(host_header="upstream", host=f"127.0.0.1:{behind.port}")
        async with in_process(behind.url, recording, Options(front=front)) as proxy:
            client = await Peer.connect(proxy.port)
            await client.send(upgrade())
            server = await behind.accept()
            assert f"Host: 127.0.0.1:{behind.port}\r\n" in await server.head()
            await server.send(SWITCH)
            await client.head()
            await client.close()
            await server.rest()
            await server.close()

    (session,) = sessions(recording)
    assert ("Host", "backend.test") in session.request_headers


@pytest.mark.parametrize(
    "request_", [upgrade("Origin: https://evil.example"), b"GET / HTTP/1.1\r\nHost: a\r\n"
                 b"Origin: https://evil.example\r\n\r\n"]
)  # fmt: skip
@conversation
async def test_a_foreign_page_gets_no_further_than_here(recording: Path, request_: bytes) -> None:
    front = Front(origins=frozenset({"https://app.example"}))
    async with backend() as behind:
        async with in_process(behind.url, recording, Options(front=front)) as proxy:
            client = await Peer.connect(proxy.port)
            await client.send(request_)
            assert (await client.head()).startswith("HTTP/1.1 403 ")
            assert await client.rest() == b"wsrec: this Origin may not connect here\n"
        assert behind.accepted == 0

    assert [each.status for each in sessions(recording)] == [403] * (b"Upgrade" in request_)
