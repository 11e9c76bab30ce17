"""The secrets of an opening handshake: what is replaced, and that nothing else is."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.secrets import CANARY
from wsrec.redaction.handshake import HandshakeRedactor
from wsrec.redaction.marks import Marker, replace_spans
from wsrec.redaction.rules import Rules, read_key

KEY = b"k" * 32
MARK = r"redacted:[0-9a-f]{16}"


def redactor(*rules: str, defaults: bool = True) -> HandshakeRedactor:
    return HandshakeRedactor(Rules.parse(rules, defaults=defaults), Marker(KEY))


def target(text: str, *rules: str, defaults: bool = True) -> str:
    """The target with `#` for each mark."""
    return re.sub(MARK, "#", redactor(*rules, defaults=defaults).target(text))


def header(name: str, value: str, *rules: str, defaults: bool = True) -> str:
    pairs, _ = redactor(*rules, defaults=defaults).headers([(name, value)])
    assert pairs[0][0] == name
    return re.sub(MARK, "#", pairs[0][1])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("/ws?token=abc", "/ws?token=#"),
        ("/ws?a=1&TOKEN=abc&b=2", "/ws?a=1&TOKEN=#&b=2"),
        ("/ws?%74o%6Ben=abc", "/ws?%74o%6Ben=#"),
        ("/ws?access_token=a%20b&room=%41", "/ws?access_token=#&room=%41"),
        ("/ws?accessToken=1&id_token[]=3", "/ws?accessToken=#&id_token[]=#"),
        ("/ws?X-Amz-Signature=2&x=3", "/ws?X-Amz-Signature=#&x=3"),
        ("/ws?key=1&api_key=2&apikey=3&auth=4", "/ws?key=#&api_key=#&apikey=#&auth=#"),
        ("/ws?password=1&secret=2&sig=3", "/ws?password=#&secret=#&sig=#"),
        ("/ws?signature=4&jwt=5", "/ws?signature=#&jwt=#"),
        ("/ws?session=1&sid=2&ticket=3", "/ws?session=1&sid=2&ticket=#"),
        ("/ws?token=a;b=c=d&x", "/ws?token=#&x"),
        ("/ws?token=a&token=b", "/ws?token=#&token=#"),
        ("/ws?token=&a", "/ws?token=&a"),
        ("/ws?&&a=b&=&=c&?", "/ws?&&a=b&=&=c&?"),
        ("/ws?next=/a?token=b", "/ws?next=/a?token=#"),
        ("/ws?next=%2Fa%3Ftoken%3Db&y=1", "/ws?next=#&y=1"),
        ("/ws?next=%252Fa%253Ftoken%253Db", "/ws?next=#"),
        ("/ws?next=%2Fa%3Fb%3Dc", "/ws?next=%2Fa%3Fb%3Dc"),
        ("/ws;jsessionid=1/x;v=2?a", "/ws;jsessionid=#/x;v=2?a"),
        ("http://u:p@host/ws?a=1", "http://#@host/ws?a=1"),
        ("/ws#access_token=1&a=2", "/ws#access_token=#&a=2"),
        ("/token=abc?monkey=1&keyboard=2&tokens=3", "/token=abc?monkey=1&keyboard=2&tokens=3"),
        ("/ws?", "/ws?"),
        ("", ""),
    ],
)  # fmt: skip
def test_parameters_that_usually_hold_secrets(before: str, after: str) -> None:
    assert target(before) == after
    assert target(before, defaults=False) == before


def test_a_parameter_by_name() -> None:
    assert target("/?Room=a&token=b", "query:room", defaults=False) == "/?Room=#&token=b"
    assert target("/?r%6F%6Fm=a", "query:ROOM", defaults=False) == "/?r%6F%6Fm=#"


@pytest.mark.parametrize("piece", [";=", "&%41=%41", "?a=%25", "%253f=", ";a", "//@", "a;", "=%"])
def test_a_target_of_many_delimiters_costs_no_more(piece: str) -> None:
    text = "/?" + piece * (32_000 // len(piece))
    began = time.process_time()
    redactor().target(text)
    redactor().headers([("Sec-WebSocket-Protocol", text), ("Cookie", text), ("Set-Cookie", text)])
    assert time.process_time() - began < 0.5


@given(
    st.lists(
        st.tuples(st.text("abxyz%4;?/", max_size=5), st.text("ab%2F;/?=", max_size=5)), max_size=4
    ),
    st.integers(0, 4),
)
def test_every_other_parameter_stays(others: list[tuple[str, str]], place: int) -> None:
    before = [f"{name}={value}" for name, value in others]
    after = list(before)
    before.insert(place, f"token={CANARY}")
    after.insert(place, "token=#")

    assert target("/ws?" + "&".join(before)) == "/ws?" + "&".join(after)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("Authorization", "Bearer abc", "Bearer #"),
        ("AUTHORIZATION", "abc def", "#"),
        ("proxy-authorization", "Basic  YTpi", "Basic  #"),
        ("X-Api-Key", "abc", "#"),
        ("x-api-key", "Bearer abc", "#"),
        ("X-Auth-Token", "abc", "#"),
        ("Cookie", "a=1; b=2", "a=#; b=#"),
        ("cookie", "a=1;b = x=y ;c=;d", "a=#;b = # ;c=;#"),
        ("Cookie", 'a="x;y=z"', "a=#;y=#"),
        ("Set-Cookie", "id=1; Path=/a; Expires=Wed, 09 Jun 2021 10:18:14 GMT; HttpOnly",
         "id=#; Path=/a; Expires=Wed, 09 Jun 2021 10:18:14 GMT; HttpOnly"),
        ("Set-Cookie", "id=1; Path=/, b=2; odd=3", "id=#; Path=#; odd=#"),
        ("Referer", "https://h/p?a=1&token=x", "https://h/p?a=1&token=#"),
        ("Location", "/in?access_token=x", "/in?access_token=#"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Extensions", "", ""),
        ("User-Agent", "x token=abc", "x token=abc"),
    ],
)  # fmt: skip
def test_headers_that_usually_hold_secrets(name: str, before: str, after: str) -> None:
    assert header(name, before) == after
    assert header(name, before, defaults=False) == before


def test_a_header_by_name() -> None:
    assert header("X-Mine", "abc", "header:x-mine", defaults=False) == "#"
    assert header("Authorization", "Bearer abc", "header:Authorization") == "#"
    assert header("Cookie", "a=b", "header:cookie", defaults=False) == "a=#"
    offered = "chat, abc"
    ruled = "header:Sec-WebSocket-Protocol"
    assert header("sec-websocket-protocol", offered, ruled, defaults=False) == "#, #"


REAL_NAMES = (
    "graphql-transport-ws, graphql-ws, mqtt, wamp.2.json, ocpp1.6, v12.stomp, soap, sip, xmpp,"
    " actioncable-v1-json, actioncable-unsupported, v5.channel.k8s.io, base64.binary.k8s.io,"
    " realtime, openai-beta.realtime-v1, 2016.datapower-gateway-monitor.dp.ibm.com, janus-protocol"
)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (REAL_NAMES, REAL_NAMES),
        ("realtime, openai-insecure-api-key.sk-1", "realtime, openai-insecure-api-key.#"),
        ("bearer, hunter2, chat", "bearer, #, chat"),
        ("chat, access_token, abc", "chat, access_token, #"),
        ("Bearer.hunter2", "Bearer.#"),
        ("auth-hunter2", "auth-#"),
        ("auth", "auth"),
        ("base64url.bearer.authorization.k8s.io.aGVq", "base64url.bearer.authorization.k8s.io.#"),
        ("a, eyJhbGciOi.eyJzdWIi.x", "a, #"),
        ("sk-abc", "#"),
        ("1b4e28ba-2fa1-11d2-883f-0016d3cca427", "#"),
        ("aGVqIHBhIGRpZyBkdSBnbGFkYQ", "#"),
        ("5f4dcc3b5aa765d6", "#"),
    ],
)  # fmt: skip
def test_subprotocols_that_look_like_secrets(before: str, after: str) -> None:
    assert header("Sec-WebSocket-Protocol", before) == after
    assert header("Sec-WebSocket-Protocol", before, defaults=False) == before


def test_a_secret_that_was_offered_as_subprotocol_is_one_in_the_answer() -> None:
    redact = redactor()
    _, offered = redact.headers([("Sec-WebSocket-Protocol", "bearer, hunter2")])
    answer, _ = redact.headers([("sec-websocket-protocol", "hunter2")], offered)

    assert "hunter2" not in str(answer)
    assert "hunter2" not in str(redact.chosen("sec-websocket-protocol", "hunter2", offered))
    assert redact.chosen("sec-websocket-protocol", "bearer", offered) == "bearer"


def test_the_list_may_go_on_in_another_header() -> None:
    pairs, _ = redactor().headers(
        [("Sec-WebSocket-Protocol", "bearer"), ("Sec-WebSocket-Protocol", "hunter2")]
    )
    assert "hunter2" not in str(pairs)


@pytest.mark.parametrize(
    "pair",
    [(" Bearer kanarie", ""), ("\tkanarie", "x"), ("x y kanarie", ""), ("", "kanarie"),
     ("Authorization ", "kanarie"), ("eyJhbGciOikanarie.x.y", ""), (" Bearer", "kanarie")],
)  # fmt: skip
def test_lines_of_a_head_that_is_no_http(pair: tuple[str, str]) -> None:
    assert "kanarie" not in str(redactor().headers([pair]))


def test_equal_secrets_have_equal_digests_wherever_they_are() -> None:
    redact = redactor()
    pairs, _ = redact.headers(
        [("Authorization", "Bearer abc"), ("Cookie", "a=abc"), ("X-Api-Key", "abd")]
    )
    bearer, cookie, other = (re.findall(MARK, value)[0] for _, value in pairs)

    assert bearer == cookie == redact.target("/?token=abc").partition("=")[2]
    assert bearer != other


def test_the_digest_is_keyed() -> None:
    assert Marker(KEY)("abc") == Marker(KEY)("abc") != Marker(b"j" * 32)("abc")
    assert Marker()("abc") != Marker()("abc")


def test_what_is_redacted_stays_as_it_is() -> None:
    once, _ = redactor().headers([("Cookie", "a=b"), ("Sec-WebSocket-Protocol", "bearer, x")])
    again, _ = HandshakeRedactor(Rules(), Marker()).headers(once)
    assert once == again


def test_spans_that_overlap_become_one() -> None:
    assert re.sub(MARK, "#", replace_spans("abcdef", [(3, 5), (1, 4), (2, 2)], Marker())) == "a#f"


@pytest.mark.parametrize(
    "rule",
    ["", "x", "header:", "header:a b", "header", "query:", "json", "json:a", "json:/~2", "regex:",
     "regex:(", "cookie:a", "Header:x"],
)  # fmt: skip
def test_rules_that_cannot_be_used(rule: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(rule))) as raised:
        Rules.parse([rule])
    assert "\n" not in str(raised.value)


def test_a_key_is_32_bytes_or_more(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(KEY)
    assert read_key(path) == KEY
    for wrong in (b"", KEY[:-1], bytes(4097)):
        path.write_bytes(wrong)
        with pytest.raises(ValueError, match="32 to 4096"):
            read_key(path)
    with pytest.raises(ValueError, match="No such file"):
        read_key(tmp_path / "none")


@pytest.mark.parametrize(
    ("meta", "kept_out"),
    [
        ({"redaction": '["default", "query:room", "json:/a"]'}, {"room", "token"}),
        ({"redaction": "[]"}, {"token"}),
        ({}, {"token"}),
        ({"redaction": '["query:room", 1]'}, {"token"}),
        ({"redaction": '["query:"]'}, {"token"}),
        ({"redaction": "{" * 10}, {"token"}),
        ({"redaction": "[" * 100_000}, {"token"}),
        ({"redaction": "3"}, {"token"}),
    ],
)
def test_what_a_recording_kept_out_is_kept_out_beside_it(
    meta: dict[str, str], kept_out: set[str]
) -> None:
    redactor = HandshakeRedactor(Rules.kept_by(meta), Marker(KEY))
    secret = {name for name in ("room", "token") if "=x" not in redactor.target(f"/?{name}=x")}

    assert kept_out == secret
