"""Messages of JSON-RPC, Socket.IO and Jupyter become objects, or say why not; none raises."""

from __future__ import annotations

import json
import struct
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wsrec.checks.decode import Decoder, Undecodable
from wsrec.checks.socketio import ENGINE, PACKETS
from wsrec.schemas.model import Codec, Decode

JSONRPC, SOCKETIO, JUPYTER = (
    Decoder(Decode(codec)) for codec in ("jsonrpc", "socketio", "jupyter")
)


def why(found: list[object]) -> str:
    (only,) = found
    assert isinstance(only, Undecodable), only
    return only.reason


def test_a_batch_of_json_rpc_is_taken_apart() -> None:
    assert JSONRPC('{"id": 1}') == [{"id": 1}]
    assert JSONRPC(b'[{"id": 1}, {"id": 2}]') == [{"id": 1}, {"id": 2}]
    first, second = JSONRPC('[{"id": 1}, 5]')
    assert first == {"id": 1}
    assert isinstance(second, Undecodable)
    assert second.reason == "not JSON-RPC: a batch with a number where an object is expected"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "a batch of nothing"),
        ("true", "a boolean where an object is expected"),
        ("null", "null where"),
        ('"a"', "a string where"),
        ("[[]]", "a batch with an array where"),
        ("{", "not JSON: "),
        ('{"a": 1, "a": 2}', "the same key twice"),
    ],
)
def test_what_is_no_json_rpc(text: str, reason: str) -> None:
    assert reason in why(JSONRPC(text))


@pytest.mark.parametrize(
    ("text", "packet"),
    [
        ('0{"sid":"x"}', {"engine": "open", "data": {"sid": "x"}}),
        ("1", {"engine": "close"}),
        ("2probe", {"engine": "ping", "data": "probe"}),
        ("3probe", {"engine": "pong", "data": "probe"}),
        ("5", {"engine": "upgrade"}),
        ("6", {"engine": "noop"}),
        ("40", {"packet": "connect", "namespace": "/"}),
        ('40{"token":"a"}', {"packet": "connect", "namespace": "/", "data": {"token": "a"}}),
        ("40/admin,{}", {"packet": "connect", "namespace": "/admin", "data": {}}),
        ("40/admin", {"packet": "connect", "namespace": "/admin"}),
        ("41/admin,", {"packet": "disconnect", "namespace": "/admin"}),
        ('42["a",1]', {"packet": "event", "namespace": "/", "data": ["a", 1], "event": "a",
                       "args": [1]}),
        ("42[7]", {"packet": "event", "namespace": "/", "data": [7], "args": []}),
        ('42/n,12["a"]', {"packet": "event", "namespace": "/n", "id": 12, "data": ["a"],
                          "event": "a", "args": []}),
        ("430[1]", {"packet": "ack", "namespace": "/", "id": 0, "data": [1]}),
        ('44"no"', {"packet": "connect_error", "namespace": "/", "data": "no"}),
        ('452-/n,3["a",{"_placeholder":true,"num":0}]',
         {"packet": "binary_event", "attachments": 2, "namespace": "/n", "id": 3,
          "data": ["a", {"_placeholder": True, "num": 0}], "event": "a",
          "args": [{"_placeholder": True, "num": 0}]}),
        ("461-1[1]", {"packet": "binary_ack", "attachments": 1, "namespace": "/", "id": 1,
                      "data": [1]}),
    ],
)  # fmt: skip
def test_packets_of_socket_io(text: str, packet: dict[str, object]) -> None:
    assert SOCKETIO(text) == [{"engine": "message"} | packet]


def test_a_binary_message_is_an_attachment() -> None:
    assert SOCKETIO(b"\x00\x01") == [{"engine": "message", "packet": "attachment", "bytes": 2}]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not Engine.IO: an empty message"),
        ("hello", "not Engine.IO: 'h' is not a packet type from 0 to 6"),
        ("7", "'7' is not a packet type"),
        ("٣", "is not a packet type"),
        ("0", "the handshake of Engine.IO's open: not JSON"),
        ("0[]", "the handshake in open is not an object"),
        ("4", "not Socket.IO: nothing where a packet type from 0 to 6 is expected"),
        ("4hello", "not Socket.IO: 'h' where"),
        ("42", "event has an array with the event's name as its payload"),
        ("42[]", "event has an array with"),
        ("42{}", "event has an array with"),
        ('42["a"', "the payload of Socket.IO's event: not JSON"),
        ('42[{"a":1,"a":2}]', "the same key twice"),
        ('45["a"]', "binary_event without the number of its attachments"),
        ('45-["a"]', "binary_event without the number"),
        ('41{"a":1}', "disconnect has nothing as its payload"),
        ("40[]", "connect has an object or nothing"),
        ("44", "connect_error has an object or a string"),
        ("43[]", "ack without the id it answers"),
        ("430", "ack has an array"),
        ("43" + "1" * 5000 + "[]", "an id of 5000 digits"),
    ],
)
def test_what_is_no_packet(text: str, reason: str) -> None:
    assert reason in why(SOCKETIO(text))


def jupyter(*parts: bytes) -> bytes:
    """Lay the parts of a kernel message out as jupyter_server describes its format."""
    begin = 8 * (len(parts) + 2)
    offsets = accumulate((len(part) for part in parts), initial=begin)
    return struct.pack(f"<{len(parts) + 2}Q", len(parts) + 1, *offsets) + b"".join(parts)


MESSAGE = (b"iopub", b'{"msg_type":"status"}', b'{"msg_id":"1"}', b"{}", b'{"state":"busy"}')


def test_a_kernel_message_in_binary() -> None:
    whole = {
        "channel": "iopub",
        "header": {"msg_type": "status"},
        "parent_header": {"msg_id": "1"},
        "metadata": {},
        "content": {"state": "busy"},
        "buffers": 0,
    }
    assert JUPYTER(jupyter(*MESSAGE)) == [whole]
    assert JUPYTER(jupyter(*MESSAGE, b"\xff", b"")) == [whole | {"buffers": 2}]
    assert JUPYTER(json.dumps(whole)) == [whole]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "0 bytes, no number of offsets"),
        (b"\xff" * 8, "18446744073709551615 offsets in 8 bytes"),
        (b"\xff" * 80, "18446744073709551615 offsets in 80 bytes"),
        (jupyter(*MESSAGE[:4]), "5 offsets in"),
        (jupyter(*MESSAGE)[:-1], "offsets that do not rise to the message's end"),
        (struct.pack("<7Q", 6, 56, 60, 57, 57, 57, 57), "offsets that do not rise"),
        (struct.pack("<7Q", 6, 0, 0, 0, 0, 0, 56), "the channel at 0, not behind the offsets"),
        (jupyter(b"\xff", *MESSAGE[1:]), "not valid UTF-8"),
        (jupyter(b"shell", b"[]", *MESSAGE[2:]), "header of a Jupyter message: not an object"),
        (jupyter(*MESSAGE[:4], b"{"), "content of a Jupyter message: not JSON"),
    ],
)
def test_what_is_no_kernel_message(data: bytes, reason: str) -> None:
    assert reason in why(JUPYTER(data))


def test_a_message_split_into_texts() -> None:
    split = Decoder(Decode("json", split="\x1e"))
    assert split('{"a":1}\x1e{"a":2}\x1e') == [{"a": 1}, {"a": 2}]
    assert split(b'{"a":1}\x1e{"a":2}') == [{"a": 1}, {"a": 2}]
    assert "not JSON" in why(split(""))
    assert [type(each) for each in split("1\x1e\x1e2")] == [int, Undecodable, int]


NEAR: st.SearchStrategy[str] = st.builds(
    "".join, st.lists(st.sampled_from([*'0123456-/,"[]{}ab:', "٣", "null"]), max_size=12)
)


@settings(deadline=None)
@given(NEAR | st.text(max_size=40) | st.binary(max_size=100))
def test_whatever_comes_is_read_or_undecodable(data: str | bytes) -> None:
    codecs: tuple[Codec, ...] = ("jsonrpc", "socketio", "jupyter")
    for codec in codecs:
        for value in Decoder(Decode(codec, split="-"))(data):
            assert isinstance(value, dict | list | str | int | float | Undecodable | None)


SCALARS = st.integers(-5, 5) | st.text("ab/,-1", max_size=4) | st.none()


@settings(deadline=None)
@given(
    st.sampled_from(("event", "ack", "binary_event", "binary_ack")),
    st.sampled_from(("/", "/a", "/a-1/b")),
    st.integers(0, 10**15 - 1),
    st.lists(SCALARS, max_size=3),
    st.integers(0, 9),
)
def test_a_packet_comes_back_as_it_was_sent(
    kind: str, namespace: str, number: int, args: list[object], attachments: int
) -> None:
    data = ["name", *args]
    binary = kind.startswith("binary")
    text = (
        f"{ENGINE.index('message')}{PACKETS.index(kind)}"
        + (f"{attachments}-" if binary else "")
        + (f"{namespace}," if namespace != "/" else "")
        + f"{number}{json.dumps(data)}"
    )
    (packet,) = SOCKETIO(text)
    assert isinstance(packet, dict)
    assert (packet["packet"], packet["namespace"], packet["id"]) == (kind, namespace, number)
    assert packet["data"] == data
    assert packet.get("attachments") == (attachments if binary else None)


@settings(deadline=None)
@given(
    st.lists(st.dictionaries(st.text(max_size=3), SCALARS, max_size=2), min_size=4, max_size=4),
    st.lists(st.binary(max_size=9), max_size=3),
    st.integers(0, 200),
)
def test_a_kernel_message_comes_back_or_is_seen_to_be_cut(
    parts: list[dict[str, object]], buffers: list[bytes], cut: int
) -> None:
    data = jupyter(b"shell", *(json.dumps(part).encode() for part in parts), *buffers)
    (found,) = JUPYTER(data)
    assert isinstance(found, dict)
    assert list(found.values()) == ["shell", *parts, len(buffers)]
    if cut < len(data):
        assert isinstance(JUPYTER(data[:cut])[0], Undecodable)
