"""The secrets of messages: what rules replace, what they leave, and what is withheld."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.secrets import CANARY, found_in
from wsrec.redaction.marks import Marker
from wsrec.redaction.payload import LARGEST, Held, PayloadRedactor
from wsrec.redaction.rules import Rules

MARK = re.compile(rb"redacted:[0-9a-f]{16}")


def redactor(*rules: str) -> PayloadRedactor:
    return PayloadRedactor(Rules.parse(rules), Marker(b"k" * 32))


def redact(text: str | bytes, *rules: str) -> str:
    """The payload with `#` for each mark."""
    data = text if isinstance(text, bytes) else text.encode()
    stored = redactor(*rules).redact(data)
    assert (stored.mark is None) == (stored.data == data)
    return MARK.sub(b"#", stored.data).decode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    ("pointer", "before", "after"),
    [
        ("/a", '{"a": "x", "b": "x"}', '{"a": "#", "b": "x"}'),
        ("/a", '{"a":1,"b":1.50,"a":[{}]}', '{"a":"#","b":1.50,"a":"#"}'),
        ("/a/b", ' {"a" :\n{ "c":{"b":1},"b" : null } }', ' {"a" :\n{ "c":{"b":1},"b" : "#" } }'),
        ("/a/*/t", '{"a":[{"t":1},{"u":2},{"t":{"t":3}}]}', '{"a":[{"t":"#"},{"u":2},{"t":"#"}]}'),
        ("/*/t", '{"a":{"t":1},"b":[{"t":1}]}', '{"a":{"t":"#"},"b":[{"t":1}]}'),
        ("/1", "[1,2,3]", '[1,"#",3]'),
        ("/01", "[1,2,3]", "[1,2,3]"),
        ("/*", '[1,"b",[],{}]', '["#","#","#","#"]'),
        ("/a~1b", '{"a/b":1}', '{"a/b":"#"}'),
        ("/a", '{"\\u0061":"x"}', '{"\\u0061":"#"}'),
        ("", '{"a":1}', '"#"'),
        ("/a", '{"a":""}', '{"a":""}'),
        ("/a", '{"b":1}', '{"b":1}'),
        ("/a/b", '{"a":"b"}', '{"a":"b"}'),
        ("/a", '{"a":1}\n{"a":2}\n', '{"a":"#"}\n{"a":"#"}\n'),
        ("/1/a", '42["event",{"a":1}]', '42["event",{"a":"#"}]'),
        ("/a", '\ufeff{"a":1}', '\ufeff{"a":"#"}'),
        ("/a", '{"a":' + "9" * 5000 + "}", '{"a":"#"}'),
        ("/b", '{"a":' + "9" * 5000 + ',"b":1}', '{"a":' + "9" * 5000 + ',"b":"#"}'),
        ("/b", '{"a":"\t","b":1}', '{"a":"\t","b":"#"}'),
        ("/a", "a: 1", "a: 1"),
        ("/a", "", ""),
    ],
)  # fmt: skip
def test_json_values_by_pointer(pointer: str, before: str, after: str) -> None:
    assert redact(before, f"json:{pointer}") == after


def test_several_pointers() -> None:
    rules = "json:/a/b", "json:/a", "json:/c/0", "json:/*/1"
    assert redact('{"a":{"b":1},"c":[1,2,3]}', *rules) == '{"a":"#","c":["#","#",3]}'


def test_text_by_pattern() -> None:
    assert redact("pin 1234, pin 99", r"regex:\d{4}") == "pin #, pin 99"
    assert redact("pin=1234 n=5678", r"regex:pin=(?P<secret>\d+)") == "pin=# n=5678"
    assert redact("abc", "regex:x*") == "abc"
    assert redact(b"a\xffb pin=1 \xfe", r"regex:pin=\d") == "a\udcffb # \udcfe"
    assert redact('{"a":"x pin=1"}', "json:/b", r"regex:pin=\d") == '{"a":"x #"}'


def test_a_json_string_has_the_digest_of_what_it_says() -> None:
    mark = redactor().mark
    data = redactor("json:/a").redact(b'{"a":"x\\u0041"}').data
    assert data.decode() == f'{{"a":"{mark("xA")}"}}'


def test_what_is_too_large_or_too_deep_is_withheld() -> None:
    rules = redactor("json:/a", r"regex:\w")
    for secret in (
        CANARY.encode() + b" " * LARGEST,
        b'{"a":' + b"[" * 200_000 + CANARY.encode(),
        CANARY.encode() * 30_000,  # would grow beyond it
    ):
        stored = rules.redact(secret)
        assert re.fullmatch(rb"redacted:[0-9a-f]{16} [a-z ]+", bytes(stored.data))
        assert stored.mark is not None
        assert stored.mark.startswith(f"redacted:{len(secret)}:")


def test_a_message_that_comes_in_pieces_is_held_up_to_a_bound() -> None:
    whole = redactor("regex:x")
    held = Held(whole.mark)
    for _ in range(5):
        held.add(b"x" * (LARGEST // 4))
    assert held.data is None
    assert held.size == LARGEST // 4 * 5
    stored = whole.redact_held(held, opaque=False)
    assert stored.mark == f"redacted:{held.size}:{whole.mark.whole(b'x' * held.size)}"


def test_the_mark_tells_size_and_digest_of_the_original() -> None:
    rules = redactor("json:/a")
    data = b'{"a":1}'
    assert rules.redact(data).mark == f"redacted:7:{rules.mark.whole(data)}"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "c/", "d~", "0", "é"]), inner, max_size=3)
    ),
    max_leaves=12,
)
SECRETS = st.sampled_from(
    [CANARY, [CANARY], {"k": CANARY, CANARY: 1}, f"x {CANARY} y", [[1, {"a": CANARY}]]]
)
STEPS = st.lists(st.sampled_from(["a", "b", "c/", "0", 0, 1, 2]), min_size=1, max_size=4)


def plant(value: Any, steps: list[Any], secret: object) -> tuple[Any, list[str]]:
    """Return the value with the secret where steps lead, and these as they apply to it."""
    if not steps:
        return secret, []
    step, *rest = steps
    if isinstance(value, list) or not isinstance(step, str):
        items = list(value) if isinstance(value, list) else []
        at = min(step, len(items)) if isinstance(step, int) else len(items)
        inside, path = plant(items[at] if at < len(items) else None, rest, secret)
        items[at : at + 1] = [inside]
        return items, [str(at), *path]
    members = dict(value) if isinstance(value, dict) else {}
    members[step], path = plant(members.get(step), rest, secret)
    return members, [step, *path]


def take(value: Any, path: list[str]) -> Any:
    """Return the value with None where the path leads."""
    if not path:
        return None
    if isinstance(value, list):
        return [take(v, path[1:]) if i == int(path[0]) else v for i, v in enumerate(value)]
    return {k: take(v, path[1:]) if k == path[0] else v for k, v in value.items()}


@given(JSON, STEPS, SECRETS, st.sampled_from([None, 1]), st.booleans(), st.data())
def test_no_json_leaks_and_everything_else_is_kept(
    value: Any,
    steps: list[Any],
    secret: object,
    indent: int | None,
    escaped: bool,
    data: st.DataObject,
) -> None:
    planted, path = plant(value, steps, secret)
    text = json.dumps(planted, indent=indent, ensure_ascii=escaped)
    pointer = "/".join(["", *(step.replace("~", "~0").replace("/", "~1") for step in path)])

    stored = redactor(f"json:{pointer}").redact(text.encode("utf-8", "surrogatepass"))

    assert not found_in(stored.data)
    kept = json.loads(stored.data.decode("utf-8", "surrogatepass"))
    assert json.dumps(take(kept, path)) == json.dumps(take(planted, path))

    star = data.draw(st.integers(0, len(path) - 1))
    tokens = pointer.split("/")
    tokens[star + 1] = "*"
    assert not found_in(
        redactor("json:" + "/".join(tokens)).redact(text.encode("utf-8", "surrogatepass")).data
    )
