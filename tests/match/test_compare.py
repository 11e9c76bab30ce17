"""Which messages are the recorded ones, and where the others differ."""

from __future__ import annotations

import json
from typing import Any

import msgpack  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.contracts import in_span
from support.conversation import contract
from support.matching import Half, rules, utterance
from wsrec.match.compare import Comparer
from wsrec.match.difference import Change
from wsrec.match.line import Line
from wsrec.match.reading import MAX_READ, MAX_VALUES
from wsrec.match.rules import Matching
from wsrec.match.skeleton import Skeleton
from wsrec.match.walk import MAX_CHANGES
from wsrec.redaction.marks import Marker
from wsrec.schemas.model import Fold, Trigger
from wsrec.schemas.packs import find
from wsrec.schemas.pointers import ABSENT
from wsrec.wire.close import close_body
from wsrec.wire.utterance import Utterance

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=30) | st.uuids().map(str),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.text(max_size=6) | st.sampled_from(["id", "ts", "itemId"]), inner, max_size=4
    ),
    max_leaves=15,
)  # fmt: skip

MARK, OTHER = Marker(bytes(32))("secret"), Marker(b"k" * 32)("secret")


def differ(recorded: Any, live: Any, matching: Matching | None = None) -> list[str]:
    return Half(matching).hears(recorded, live)


@given(JSON, st.booleans())
def test_what_is_said_again_is_equal(value: object, indent: bool) -> None:
    again = json.dumps(value, indent=2 if indent else None)
    found = Half().compare([value], f"[{again}]")
    assert (found.changes, found.likeness) == ((), 1.0)
    assert all(each.recorded == each.live for each in found.bindings)


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_bytes_are_compared_exactly(recorded: bytes, live: bytes) -> None:
    assert differ(recorded, live) == ([] if recorded == live else [""])


@pytest.mark.parametrize(
    ("recorded", "live", "where"),
    [
        ({"a": 1, "b": [1, 2]}, {"b": [1.0, 2], "a": 1}, []),
        ({"a": 1}, {"a": True}, ["/a"]),
        ({"a": None}, {}, ["/a"]),
        ({}, {"a": None}, ["/a"]),
        ({"a": [1, 2]}, {"a": [2, 1]}, ["/a/0", "/a/1"]),
        ({"a": [1, 2]}, {"a": [1]}, ["/a/1"]),
        ({"a/b": {"~": 1}}, {"a/b": {"~": 2}}, ["/a~1b/~0"]),
        ({"a": {"b": 1}}, {"a": [1]}, ["/a"]),
        ({"a": "1"}, {"a": 1}, ["/a"]),
        ('42["chat",{"n":1}]', '42[ "chat", {"n": 1}]', []),
        ('42["chat",{"n":1}]', '43["chat",{"n":1}]', [""]),
        ('42["chat",{"n":1}]', '42["chat",{"n":2}]', ["/1/n"]),
        ("2probe", "2probe", []),
        ("1", "1.0", [""]),  # no object and no list: compared as the text it is
        ('{"a":1,"a":2}', '{"a":2}', [""]),  # two readers may take it for two things
        (b'{"serverContent": {"x": 1}}', b'{"serverContent":{"x":1}}', []),
        (b"{}", "{}", [""]),
        (b"\x00\x01", b"\x00\x02", [""]),
    ],
)  # fmt: skip
def test_equality_is_that_of_json(recorded: Any, live: Any, where: list[str]) -> None:
    assert differ(recorded, live) == where


def test_a_change_says_what_was_and_what_is() -> None:
    found = Half().compare({"a": 1, "b": 2}, {"b": 3, "c": 4})
    assert set(found.changes) == {
        Change("/a", 1, ABSENT),
        Change("/b", 2, 3),
        Change("/c", ABSENT, 4),
    }


def test_changes_are_bounded() -> None:
    found = Half().compare(list(range(1000)), list(range(1, 1001)))
    assert len(found.changes) == MAX_CHANGES
    assert found.likeness < 0.1


@pytest.mark.parametrize(
    ("name", "recorded", "live", "equal"),
    [
        ("timestamp", 1700000000.5, 1800000000, True),
        ("timestamp", "2026-01-01T10:00:00Z", "2026-02-02T11:30:00.123+01:00", True),
        ("timestamp", 1700000000.5, "2026-01-01T10:00:00Z", False),
        ("timestamp", "soon", "late", False),
        ("date", "2026-01-01", "2026-01-02", False),  # of a booking, perhaps
        ("event_id", "event_1", "event_2", True),
        ("event_id", "event_1", None, False),
        ("duration_ms", 12, 14.5, True),
        ("seq", 1, 2, True),
        ("seq", 1, "2", False),
        ("obfuscation", "aX9", "p", True),
        ("obfuscation", "aX9", 1, False),
        ("count", 1, 2, False),
    ],
)
def test_what_is_usually_another_value(name: str, recorded: Any, live: Any, equal: bool) -> None:
    recorded, live = ({"deep": [{name: value}]} for value in (recorded, live))
    assert differ(recorded, live) == ([] if equal else [f"/deep/0/{name}"])
    assert differ(recorded, live, rules(usual=False, binds=False)) == [f"/deep/0/{name}"]


def test_a_usual_member_that_is_missing_is_a_change() -> None:
    assert differ({"timestamp": 1}, {}) == ["/timestamp"]


@pytest.mark.parametrize(
    ("ignore", "where"),
    [
        ("/a/*/n", ["/b/n"]),
        ("n", []),
        ("/a", ["/b/n"]),
        ("/a/1", ["/a/0/n", "/b/n"]),
        ("/b/n /a/0/n", ["/a/1/n"]),
        ("/n", ["/a/0/n", "/a/1/n", "/b/n"]),
    ],
)
def test_what_is_ignored_on_request(ignore: str, where: list[str]) -> None:
    recorded = {"a": [{"n": 1}, {"n": 2}], "b": {"n": 3}}
    live: Any = {"a": [{"n": 5}, {}], "b": {"n": None}}
    assert differ(recorded, live, rules(ignore=ignore)) == where


@pytest.mark.parametrize(
    ("recorded", "live", "equal"),
    [(1, 1.09, True), (1, 1.11, False), (1000, 1099, True), (0, 0.1, True), (10**308, 1, False),
     (1, True, False), (1, "1", False)],
)  # fmt: skip
def test_numbers_may_be_near(recorded: Any, live: Any, equal: bool) -> None:
    found = differ({"n": recorded}, {"n": live}, rules(tolerance=0.1))
    assert found == ([] if equal else ["/n"])


def test_several_objects_in_one_message_are_told_by_their_number() -> None:
    batches = rules(contract=find("jsonrpc"), ignore="/params/n")
    recorded = [{"method": "a", "params": {"n": 1, "m": 1}}, {"method": "b"}]
    live = [{"method": "a", "params": {"n": 2, "m": 2}}]
    assert differ(recorded, live, batches) == ["/0/params/m", "/1"]


def test_what_a_contract_takes_apart_is_compared_whole() -> None:
    batch = {"type": "event_batch", "sent_by": "a", "events": {"agent_started": [{"run_id": "r"}]}}
    other = batch | {"sent_by": "b"}
    assert differ(batch, other, rules(contract=find("agent-events"))) == ["/sent_by"]


def test_codecs_lose_nothing() -> None:
    packed = rules(contract=contract("decode: msgpack\nevents: {name: /t}"))
    assert (
        differ(msgpack.packb({"t": 1, "b": b"x"}), msgpack.packb({"b": b"x", "t": 1}), packed) == []
    )
    assert differ(msgpack.packb({"b": b"x"}), msgpack.packb({"b": b"y"}), packed) == ["/b"]
    assert differ(b"image 1", b"image 2", rules(contract=find("socketio"))) == [""]
    kernel = rules(contract=find("jupyter"))
    assert differ(_kernel(b"one"), _kernel(b"one"), kernel) == []
    assert differ(_kernel(b"one"), _kernel(b"two"), kernel) == ["/buffers"]


def _kernel(buffer: bytes) -> bytes:
    parts = [b"iopub", b'{"msg_type":"display_data"}', b"{}", b"{}", b"{}", buffer]
    offsets = [8 * (len(parts) + 2)]
    for part in parts:
        offsets.append(offsets[-1] + len(part))
    table = [len(offsets), *offsets]
    return b"".join(each.to_bytes(8, "little") for each in table) + b"".join(parts)


def test_what_a_contract_cannot_decode_is_compared_as_it_is() -> None:
    packed = rules(contract=contract("decode: msgpack\nevents: {name: /t}"))
    assert differ(b"\xc1", b"\xc1", packed) == []
    assert differ({"a": 1}, {"a": 2}, packed) == ["/a"]


@pytest.mark.parametrize(
    ("recorded", "live", "where"),
    [
        (close_body(1000, "bye"), close_body(1000, "bye"), []),
        (close_body(1000, "bye"), close_body(1011, ""), ["/code", "/reason"]),
        (b"", close_body(1000), ["/code"]),
    ],
)
def test_closes_have_a_code_and_a_reason(recorded: bytes, live: bytes, where: list[str]) -> None:
    comparer, ids = Comparer(Matching()), Half().ids
    ours, theirs = (comparer.parse("server", Utterance("close", body)) for body in (recorded, live))
    line = Line(1, "server", 0, ours.said)
    assert [each.pointer for each in comparer.compare(line, ours, theirs, ids).changes] == where


PACKS = ["acp", "ag-ui", "gemini-live", "jupyter", "socketio"]


@given(
    st.binary(max_size=40)
    | st.text(max_size=40)
    | JSON.map(json.dumps)
    | JSON.map(msgpack.packb)
    | st.just("[" * 99 + "]" * 99)
    | st.just("[" * 5000),
    st.sampled_from([Matching(), *(Matching(find(name)) for name in PACKS)]),
)
def test_whatever_is_said_can_be_read_and_is_itself(data: str | bytes, matching: Matching) -> None:
    assert differ(data, data, matching) == []


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"type": "response.created", "id": 1}, "response.created"),
        ({"method": "initialize", "id": 1}, "initialize"),
        ({"id": 1, "result": {}}, "response"),
        ({"event": {"deep": 1}, "type": "event"}, "event"),
        ({"serverContent": {}}, "serverContent"),
        ({"header": {"msg_type": "status"}, "channel": "iopub"}, "status"),
        ('42["chat",{}]', "chat"),
        (["1", "2", "room:lobby", "phx_join", {}], "phx_join"),
        ({"a": 1, "b": 2}, None),
        ("hello", None),
    ],
)
def test_events_have_names_without_a_contract_too(said: Any, name: str | None) -> None:
    assert Comparer(Matching()).parse("server", utterance(said)).event == name


def test_the_nearest_is_of_the_same_event_if_there_is_one() -> None:
    comparer, ids = Comparer(Matching()), Half().ids
    said = [
        {"type": "b", "n": 1, "m": 1, "o": 1},
        {"type": "a", "n": 2, "m": 2, "o": 1},
        {"type": "a", "n": 1, "m": 1, "o": 1},
    ]
    lines = [
        (Line(n, "server", 0, utterance(each)), comparer.parse("server", utterance(each)))
        for n, each in enumerate(said)
    ]
    live = comparer.parse("server", utterance({"type": "a", "n": 1, "m": 1, "o": 2}))
    found = comparer.nearest(live, lines, ids)
    assert found is not None
    assert found[0] == 2
    assert 0.5 < found[1].likeness < 1
    assert comparer.nearest(live, [], ids) is None
    assert (comparer.nearest(live, [lines[0]] * 100 + lines, ids) or (0,))[0] == 102
    other = comparer.parse("server", utterance({"type": "c", "n": 2, "m": 2}))
    assert (comparer.nearest(other, lines, ids) or (0,))[0] == 1


STREAMING = in_span(span={"fold": (Fold("join", "delta", "text"),)})


def test_pieces_of_one_text_are_a_stream() -> None:
    half = Half(Matching(STREAMING))
    comparer = Comparer(Matching(STREAMING))
    recorded = comparer.parse("server", utterance({"t": "x", "id": "m-1", "delta": "Hel", "n": 1}))
    live = comparer.parse("server", utterance({"t": "x", "id": "m-2", "delta": "He", "n": 1}))
    stream = recorded.stream
    assert stream is not None
    assert (stream.key, stream.text) == (("s", "x", "m-1"), "Hel")
    assert stream.rest == {"t": "x", "id": "m-1", "n": 1}
    line = Line(1, "server", 0, recorded.said)
    assert comparer.compare(line, recorded, live, half.ids).equal
    same = comparer.same_stream(line, recorded, live, half.ids)
    assert same.equal
    half.ids.take(same.bindings)
    third = comparer.parse("server", utterance({"t": "x", "id": "m-3", "delta": "He", "n": 1}))
    assert not comparer.same_stream(line, recorded, third, half.ids).equal
    other = comparer.parse("server", utterance({"t": "y", "id": "m-2", "delta": "He", "n": 1}))
    assert not comparer.same_stream(line, recorded, other, half.ids).equal
    assert comparer.parse("server", utterance({"t": "c", "id": "m-1", "text": "a"})).stream is None


def test_a_stream_is_of_the_sender_that_the_contract_says() -> None:
    during = (Trigger("x", "client"),)
    rules = in_span(span={"during": during, "fold": (Fold("join", "delta", "text"),)})
    comparer, said = Comparer(Matching(rules)), utterance({"t": "x", "id": "1", "delta": "a"})
    assert comparer.parse("client", said).stream is not None
    assert comparer.parse("server", said).stream is None


def test_what_a_client_asks_for_may_have_other_ids() -> None:
    comparer, ids = Comparer(Matching()), Half().ids
    one, two = "6f1c3b9e11114222", "0a1b2c3daaaa4bbb"
    recorded, live = (f"/threads/{each}/ws?run_id=r%2D{each}&v=2" for each in (one, two))
    found = comparer.compare_target(recorded, live, ids)
    assert found.equal
    ids.take(found.bindings)
    assert [each.pointer for each in ids] == ["/path/1", "/query/run_id"]
    assert ids.rewrite_target(recorded) == live.replace("%2D", "-")
    version = comparer.compare_target(recorded, live.replace("v=2", "v=3"), ids)
    assert [each.pointer for each in version.changes] == ["/query/v"]
    assert not comparer.compare_target("/a/b", "/a", ids).equal


@pytest.mark.parametrize(
    ("recorded", "live"),
    [
        ("/ws?timestamp=1764000000.5&v=2", "/ws?timestamp=1795000000.5&v=2"),
        ("/socket.io/?EIO=4&t=1764000000.5", "/socket.io/?EIO=4&t=1795000000.5"),
        ("/socket.io/?EIO=4&t=PbXq2a1", "/socket.io/?EIO=4"),
    ],
)
def test_what_usually_differs_in_what_a_client_asks_for(recorded: str, live: str) -> None:
    assert Comparer(Matching()).compare_target(recorded, live, Half().ids).equal
    assert not Comparer(Matching(usual=False)).compare_target(recorded, live, Half().ids).equal


def test_a_parameter_that_somebody_chose_counts() -> None:
    comparer, ids = Comparer(Matching()), Half().ids
    found = comparer.compare_target("/ws?t=1&EI=4&x=1&x=2", "/ws?t=2&EI=4&x=1&x=3", ids)
    assert [each.pointer for each in found.changes] == ["/query/t", "/query/x/1"]


@pytest.mark.parametrize("matching", [None, Matching(find("agent-events"))])
def test_a_message_too_long_to_be_read_is_the_text_it_is(matching: Matching | None) -> None:
    def pair(size: int) -> tuple[str, str]:
        long = "x" * (size - len('{"type":"x","id":"","x":""}') - 16)
        recorded, live = "call_9fK2mQ7xLpZ", "call_Tq41NbX8sWc"
        return (
            f'{{"type":"x","id":"{recorded}","x":"{long}"}}',
            f'{{"type":"x","x":"{long}","id":"{live}"}}',
        )

    recorded, live = pair(MAX_READ)
    assert Half(matching).hears(recorded, live) == []
    recorded, live = pair(MAX_READ + 1)
    assert Half(matching).hears(recorded, live) == [""]
    side = Half(matching)
    side.hears({"id": "call_9fK2mQ7xLpZ"}, {"id": "call_Tq41NbX8sWc"})
    assert side.hears(recorded, recorded.replace("call_9fK2mQ7xLpZ", "call_Tq41NbX8sWc")) == []


@pytest.mark.parametrize("unit", ['{"a":1}', "[]", "1"])
def test_a_message_of_too_many_values_is_the_text_it_is(unit: str) -> None:
    """Read, 8 MiB of them would take seconds, in which nothing else is played."""

    def pair(values: int) -> tuple[str, str]:
        many = ",".join([unit] * values)
        return f"[{many}]", f"[ {many}]"

    parts = sum(map((unit + ",").count, ",:["))
    recorded, live = pair(MAX_VALUES // parts)
    assert Half().hears(recorded, live) == []
    recorded, live = pair(MAX_VALUES // parts + 1)
    assert Half().hears(recorded, live) == [""]
    assert Half().hears(recorded, recorded) == []


def test_packed_data_of_too_many_values_is_the_bytes_it_is() -> None:
    packed = rules(contract=contract("decode: msgpack\nevents: {name: /t}"))
    few, many = 10, MAX_VALUES + 1
    assert differ(msgpack.packb([1] * few), msgpack.packb([1.0] * few), packed) == []
    assert differ(msgpack.packb([1] * many), msgpack.packb([1.0] * many), packed) == [""]
    deep: list[Any] = [[[]] * 1000] * (MAX_VALUES // 1000)
    assert differ(msgpack.packb([1, deep]), msgpack.packb([1.0, deep]), packed) == [""]


@pytest.mark.parametrize(
    ("recorded", "live", "expected"),
    [
        ({"pin": MARK}, {"pin": "1234"}, []),
        ({"pin": MARK}, {"pin": 1234}, []),
        ({"pin": MARK}, {"pin": {"is": [1]}}, []),
        ({"pin": MARK}, {"pin": OTHER}, []),
        ({"pin": "1234"}, {"pin": MARK}, []),
        ({"pin": MARK}, {}, ["/pin"]),
        ({"pin": MARK, "n": 1}, {"pin": "1234", "n": 2}, ["/n"]),
        (f"from {MARK} to {MARK}.", "from me to you.", []),
        (f"from {MARK} to {MARK}.", f"from {OTHER} to {MARK}.", []),
        (f"from {MARK} to {MARK}.", f"from {OTHER} to you.", []),
        (f"from {MARK} to {MARK}.", "from me to you", [""]),
        (f"from {MARK} to {MARK}.", "to you from me.", [""]),
        (f"from {MARK} to {MARK}.", "from.", [""]),
        (f"ab{MARK}b", "ab", [""]),
        ("redacted:soon", "redacted:now", [""]),
    ],
)
def test_what_was_redacted_may_be_anything(recorded: Any, live: Any, expected: list[str]) -> None:
    assert differ(recorded, live) == expected


def test_messages_that_differ_in_marks_alone_are_aligned() -> None:
    recorded, live = (
        Comparer(Matching()).parse("client", utterance({"pin": mark, "note": f"for {mark}"}))
        for mark in (MARK, OTHER)
    )
    skeleton = Skeleton(Matching())
    assert skeleton.key(recorded) == skeleton.key(live)
