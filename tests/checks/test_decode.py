"""Messages that are not what they should be: findings, never exceptions."""

from __future__ import annotations

import json
import struct
from typing import Any

import msgpack  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.conversation import Line, codes, contract, judge, only, run, server
from wsrec.checks import decode
from wsrec.checks.decode import MAX_DEPTH, Decoder, Undecodable
from wsrec.checks.events import Extractor
from wsrec.schemas.model import Decode

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ["type", "event", "data", "payload", "run_id", "user_id", "tool_name", "events"]
AGENT = st.dictionaries(
    st.sampled_from(FIELDS),
    st.sampled_from(["agent_started", "tool_completed", "event_batch", "r1", 5, None, True, []])
    | JSON,
)


def deep(depth: int) -> str:
    return '{"type": "agent_thinking", "data": ' + "[" * depth + "]" * depth + "}"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "not JSON"),
        ("ping", "not JSON"),
        ('{"a": 1} {"b": 2}', "not JSON: Extra data at character 9"),
        ('{"a": NaN}', "NaN is not a JSON number"),
        ('{"a": -Infinity}', "-Infinity is not a JSON number"),
        ('{"a": 1e999}', "too large for a double"),
        ('{"a": ' + "9" * 5000 + "}", "too large for a double"),
        ('{"a": -1' + "0" * 309 + "}", "too large for a double"),
        ('{"a": 1, "a": 2}', "the same key twice"),
        ('{"a": "\\ud800"}', "a lone surrogate"),
        ('{"\\udfff": 1}', "a lone surrogate"),
        ("[" * 10_000 + "]" * 10_000, "nested deeper than 100"),
        ("[" * 10_000, "n"),
        (deep(MAX_DEPTH), "nested deeper than 100"),
        (deep(500), "nested deeper than 100"),  # read by orjson, which would not write it
        (b"\xff\xfe", "not valid UTF-8 at byte 0"),
        ('{"a": 1\x00}', "not JSON"),
    ],
)
def test_hostile_text_is_a_finding(data: str | bytes, reason: str) -> None:
    outcome = judge([("server", data), *run()])
    found = only(outcome)
    assert (found.code, found.seq) == ("event.undecodable", 1)
    assert reason in found.message
    assert len(found.message) < 300
    if isinstance(data, bytes):
        assert found.seen == repr(data)


def test_what_only_looks_hostile_is_read() -> None:
    pair = server("agent_thinking", run_id="r1", thought="\U0001f600 [[[[ {{{{")
    assert codes(judge([pair if i == 2 else line for i, line in enumerate(run())])) == []
    lines = run()
    lines[2] = (
        "server",
        deep(MAX_DEPTH - 2).replace("[", "{}", 0).replace('{"t', '{"run_id":"r1","t'),
    )
    assert codes(judge(lines)) == ["event.schema"]  # data is an array, but it was read


def test_binary_json_is_json_unless_kinds_says_otherwise() -> None:
    lines: list[Line] = [
        (line[0], json.dumps(line[1]).encode()) for line in run() if not isinstance(line, int)
    ]
    assert codes(judge(lines)) == []
    rules = contract(
        "decode: [json, {kinds: text}]\nevents: {name: /type}\nspans:\n"
        "  run: {key: [], open: agent_started, close: agent_completed}\n"
    )
    assert judge(lines, rules).vacuous == "no message was an event of the contract"


def test_ndjson_is_one_event_a_line() -> None:
    text = "\r\n".join(json.dumps(line[1]) for line in run()[1:] if not isinstance(line, int))
    rules = """
decode: ndjson
events: {name: /type, fields: {run: /run_id}}
spans: {run: {key: run, open: agent_started, close: agent_completed, requires: agent_thinking}}
"""
    assert codes(judge([("server", text + "\n\n")], rules)) == []
    found = only(judge([("server", text + "\n{")], rules))
    assert found.code == "event.undecodable"


def test_an_object_can_be_kept_beside_what_is_in_it() -> None:
    rules = """
decode: [json, {each: /parts/*, when: {/t: whole}, keep: true}]
events: {name: /t}
"""
    decode = Decoder(contract(rules).decode)
    whole = {"t": "whole", "parts": [{"t": "a"}, {"t": "b"}]}
    assert decode(json.dumps(whole)) == [whole, *whole["parts"]]
    assert decode('{"t": "whole"}') == [{"t": "whole"}]
    assert decode('{"t": "other", "parts": [1]}') == [{"t": "other", "parts": [1]}]


def test_msgpack() -> None:
    rules = """
decode: msgpack
events: {name: /type, fields: {run: /run_id}}
spans: {run: {key: run, open: agent_started, close: agent_completed, requires: agent_thinking}}
"""
    lines: list[Line] = [
        (line[0], msgpack.packb(line[1])) for line in run() if not isinstance(line, int)
    ]
    assert codes(judge(lines, rules)) == []
    for junk in (b"", b"\xc1", b"\x91" * 3000, msgpack.packb(float("nan")), "text"):
        assert codes(judge([*lines, ("server", junk)], rules)) == ["event.undecodable"]


@pytest.mark.parametrize("value", [b"\xff", [msgpack.Timestamp(5)], {1: b""}])
def test_what_only_msgpack_has_is_a_part_of_a_key(value: Any) -> None:
    rules = """
decode: msgpack
events: {name: /t, fields: {place: {json: /place}}}
spans: {s: {key: place, open: o, close: c}}
"""
    lines: list[Line] = [("server", msgpack.packb({"t": t, "place": value})) for t in ("o", "c")]
    assert codes(judge(lines, rules)) == []
    other = msgpack.packb({"t": "c", "place": b"\xfe"})
    assert codes(judge([lines[0], ("server", other)], rules)) == ["span.unclosed"]


@given(st.binary() | st.text())
@example(struct.pack(">I", 0xDDFFFFFF))
def test_decoding_never_raises(data: bytes | str) -> None:
    for codec in ("json", "ndjson", "msgpack"):
        for value in Decoder(Decode(codec))(data):
            assert value is None or isinstance(
                value, Undecodable | dict | list | str | int | float | bool | bytes
            )


@given(JSON)
def test_json_is_read_as_json_reads_it(value: Any) -> None:
    [read] = Decoder(Decode())(json.dumps(value))
    assert isinstance(read, Undecodable) or read == json.loads(json.dumps(value))


def strictly(text: str) -> object:
    """The reader that the fast one must agree with."""
    return decode._strict(text)


def same(left: object, right: object) -> bool:
    return repr(left) == repr(right)  # -0.0 is not 0, 1 is not 1.0, and both keep their order


PIECES = [
    *("{", "}", "[", "]", ":", ",", " ", "\n", '"', '"a"', '"a":', '"\\u0061":', '"b"', "\\"),
    *('\\"', "\\u0022", "\\ud800", "\\ud83d\\ude00", "\\u00e9", "é", "\ud800", "\x00", "\x7f"),
    *("0", "-0", "1", "-1", "1.0", "1e5", "1E400", "-1e999", "0.1", "00", ".5", "NaN", "-Infinity"),
    *(str(2**63 + n) for n in (-1, 0, 1)),
    *(str(-(2**63) + n) for n in (-1, 0)),
    *(str(2**64 + n) for n in (-1, 0)),
    *("9" * 18, "9" * 19, "9" * 400, "1" * 5000, "true", "null", "\ufeff", "[" * 120, "]" * 120),
]


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
@example('{"a":1,"b":"\\u0022","a":2}')
@example('{"a":{"a":"\\""},"a":"\\""}')
@example('{"a":"\\u0022","\\u0061":0}')
@settings(max_examples=1000)
def test_the_fast_reader_says_what_the_strict_one_says(text: str) -> None:
    assert same(decode._read(text), strictly(text))


@given(JSON, st.data())
@settings(max_examples=400)
def test_the_fast_reader_on_json_with_something_changed(value: Any, data: st.DataObject) -> None:
    text = json.dumps(value, ensure_ascii=data.draw(st.booleans()))
    place = data.draw(st.integers(0, len(text)))
    size = data.draw(st.integers(0, 3))
    text = text[:place] + data.draw(st.sampled_from(["", *PIECES])) + text[place + size :]
    assert same(decode._read(text), strictly(text))
    raw = text.encode("utf-8", "surrogatepass")
    assert same(decode._read(raw), decode._strict(raw))


@given(st.lists(st.tuples(st.sampled_from(["a", "b", 'q"', "\\", "é", ""]), JSON), max_size=6))
def test_keys_that_come_twice_are_never_dropped(pairs: list[tuple[str, Any]]) -> None:
    text = "{" + ",".join(f"{json.dumps(key)}:{json.dumps(value)}" for key, value in pairs) + "}"
    twice = len({key for key, _ in pairs}) < len(pairs)
    read = decode._read(text)
    assert isinstance(read, Undecodable) or not twice
    assert same(read, strictly(text))


@pytest.mark.parametrize("number", [2**63, 2**64, -(2**63) - 1, 10**30, -(10**308)])
def test_ids_keep_their_digits(number: int) -> None:
    assert decode._read(json.dumps({"id": number})) == {"id": number}


SOURCES = """
events:
  name: [/data/event, {only_key: true}, {join: [/type, /user_id], with: ":"}, {literal: none}]
  fields: {run: [/run_id, /data/0], user: /user_id}
"""


@given(JSON | AGENT)
def test_extraction_never_raises(value: Any) -> None:
    extract = Extractor(contract(SOURCES))
    name, fields, _ = extract.read(value)
    assert name
    assert set(fields) <= {"run", "user"}


@given(st.lists(AGENT, max_size=8))
def test_judging_never_raises(values: list[Any]) -> None:
    outcome = judge([("server", json.dumps(value)) for value in values])
    assert outcome.verdict in ("pass", "fail", "inconclusive")
    again = judge([("server", json.dumps(value)) for value in values])
    assert outcome == again


def test_names_come_from_the_first_source_that_resolves() -> None:
    extract = Extractor(contract(SOURCES))
    assert extract.read({"data": {"event": "a"}, "type": "b"})[0] == "a"
    assert extract.read({"toolCall": {}})[0] == "toolCall"
    assert extract.read({"type": "t", "user_id": 3, "x": 0})[0] == "t:3"
    assert extract.read({"type": "t", "x": 0})[0] == "none"
    assert extract.read({"run_id": None, "data": ["d"], "user_id": {}})[1] == {"run": "d"}


def test_a_huge_id_is_kept_short_but_distinct() -> None:
    extract = Extractor(contract(SOURCES))
    one, two = (extract.read({"run_id": "x" * 10**6 + end})[1]["run"] for end in "ab")
    assert one != two
    assert len(str(one)) < 200


KEYS = """
decode:
  - json
  - {each: /*, named: true}
  - {each: /call/functions/*, named: true, keep: true}
events: {sender: both, name: {only_key: true}, fields: {id: /functions/id, text: /say}}
"""


def test_an_object_whose_keys_name_events_is_taken_apart() -> None:
    rules = contract(KEYS)
    decode, extract = Decoder(rules.decode), Extractor(rules)
    objects = decode(
        '{"say": "a", "usage": {"n": 1}, "call": {"functions": [{"id": 7}, {"id": 8}]}}'
    )
    assert objects == [
        {"say": "a"},
        {"usage": {"n": 1}},
        {"call": {"functions": [{"id": 7}, {"id": 8}]}},
        {"functions": {"id": 7}},
        {"functions": {"id": 8}},
    ]
    assert [extract.read(each)[0] for each in objects] == [
        "say", "usage", "call", "functions", "functions",
    ]  # fmt: skip
    assert [extract.read(each)[1] for each in objects[2:]] == [{}, {"id": 7}, {"id": 8}]
    assert [extract.read(each)[1] for each in objects[:2]] == [{"text": "a"}, {}]
    assert decode('{"call": {}}') == [{"call": {}}]
    assert decode("{}") == []
    assert decode('[{"say": 1}]') == [{"say": 1}]
