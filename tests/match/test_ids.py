"""Ids that are others than recorded: which are bound, and what is said with them."""

from __future__ import annotations

import json
import string
import uuid
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.conversation import contract
from support.matching import Half, rules, utterance
from support.traffic import TRAFFIC, talks
from wsrec.match.compare import Comparer
from wsrec.match.ids import Binding, Ids
from wsrec.match.line import Line
from wsrec.match.parse import parse_plainly
from wsrec.match.rules import Matching
from wsrec.match.shape import alike, kind, renewed
from wsrec.match.skeleton import Skeleton
from wsrec.schemas.packs import find
from wsrec.wire.utterance import Utterance

UUID = "6f1c3b9e-1111-4222-8333-123456789abc"
OTHER = "0a1b2c3d-aaaa-4bbb-9ccc-0123456789ab"


@pytest.mark.parametrize(
    ("name", "recorded", "live"),
    [
        ("x", UUID, OTHER),
        ("x", "deadbee1", "0badcafe"),
        ("x", "sess_hPN9vAf8yGVpdk6", "sess_Q1z8Yk2Lm4Xw7Rt"),
        ("x", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "01BX5ZZKBKACTAV9WEVGEMMVRZ"),
        ("x", "V1StGXR8Z5jdHi6BmyT1a", "Uakgb2J5m9gk0JDMbcJqL"),
        ("id", "r1", "l1"),
        ("thread_id", "thread-1", "thread-2"),
        ("toolCallId", "call 1".replace(" ", "_"), "call_2"),
        ("id", 5, 6),
        ("orderId", 1000000001, 7),
    ],
)
def test_what_is_taken_for_an_id(name: str, recorded: Any, live: Any) -> None:
    half = Half()
    assert half.hears({name: recorded}, {name: live}) == []
    assert half.bound == {recorded: live}
    assert half.says({name: recorded, "deep": [{name: recorded}]}) == {
        name: live,
        "deep": [{name: live}],
    }
    assert Half(rules(binds=False)).hears({name: recorded}, {name: live}) == [f"/{name}"]


_LETTERS = string.ascii_letters + string.digits


@pytest.mark.parametrize(
    ("prefix", "letters", "size"),
    [
        ("item_", _LETTERS + "_-", 16),
        ("", _LETTERS + "_-", 20),
        ("", _LETTERS + "_-", 21),
        ("call_", _LETTERS, 12),
        ("chatcmpl-", _LETTERS, 24),
        ("run_", string.ascii_lowercase + string.digits, 20),
    ],
)
def test_hardly_a_random_id_looks_like_none(prefix: str, letters: str, size: int) -> None:
    random = Random(size)
    ids = [prefix + "".join(random.choices(letters, k=size)) for _ in range(4000)]
    missed = [pair for pair in zip(ids[::2], ids[1::2], strict=True) if not alike(*pair)]
    assert len(missed) <= len(ids) / 200, missed[:3]


@pytest.mark.parametrize(
    ("recorded", "live"),
    [
        ("item_3U5mL63LHFHqXEuB", "item_dzFTXzzmrk_jKbMF"),  # no digit, and few changes of case
        ("V1StGXR8_Z5jdHi6B-myT", "Uakgb_J5m9g-0JDMbcJqL"),  # what is before `_` is no prefix
        ("abcd_XR8Z5jdHi6BrmyT1", "Uakgb2J5m9gk0JDMbcJqL"),
        ("y_foUSEEYndTmhifAAAC", "S-Z3XAUasL0jgQCPAAAG"),
    ],
)
def test_an_odd_one_is_known_by_the_other(recorded: str, live: str) -> None:
    assert alike(recorded, live)
    assert alike(live, recorded)


def test_a_word_is_no_odd_one() -> None:
    assert not alike("item_3U5mL63LHFHqXEuB", "item_weather_and_news")
    assert not alike("item_3U5mL63LHFHqXEuB", "news_dzFTXzzmrkXjKbMF")
    assert not alike("item_3U5mL63LHFHqXEuB", "item_dzFTXzzmrk")


@pytest.mark.parametrize(
    ("name", "recorded", "live"),
    [
        ("model", "gpt-4o-mini-2024-07-18", "gpt-4o-mini-2025-01-31"),
        ("tool", "getWeatherForecast", "getStockQuote"),
        ("languageId", "python", "rust"),  # a name that somebody gave
        ("agent_id", "search-tool-internal", "search-tool-v2-extra"),
        ("text", "hello world 1", "hello world 2"),
        ("x", UUID, "sess_hPN9vAf8yGVpdk6"),
        ("x", "deadbee1", "0badcafe0"),
        ("count", 5, 6),
        ("id", 5, "5"),
        ("id", "one word 1", "one word 2"),
        ("id", True, False),
    ],
)
def test_what_is_not(name: str, recorded: Any, live: Any) -> None:
    half = Half()
    assert half.hears({name: recorded}, {name: live}) == [f"/{name}"]
    assert half.bound == {}


@pytest.mark.parametrize(
    ("recorded", "live"),
    [
        ("tlRfGOc_WQRfwvQOAAAC", "WO-OlsK1owP_J3U9AAAG"),
        ("sess_GDEsiugnNSZHzESZ", "sess_Yhz-mJZMrio-e6K4"),  # no run of it is long enough to tell
        ("vOellbdmbmon", "9OpwIZXLibMl"),
    ],
)
def test_a_long_random_one_may_look_like_a_word_by_chance(recorded: str, live: str) -> None:
    half = Half()
    assert half.hears({"sid": recorded}, {"sid": live}) == []
    assert half.hears({"sid": live}, {"sid": recorded}) == []
    assert half.bound == {recorded: live, live: recorded}


def test_such_a_word_is_left_out_where_messages_are_aligned() -> None:
    def key(value: str, name: str = "id") -> int:
        said = Utterance("text", json.dumps({"session": {name: value}}))
        return Skeleton(rules()).key(parse_plainly(said))

    assert key("sess_GDEsiugnNSZHzESZ") == key("sess_Yhz-mJZMrio-e6K4")
    assert key("python") != key("rust")
    assert key("getWeatherForecast", "tool") != key("getStockQuoteToday", "tool")


def test_what_is_named_is_one_whatever_it_looks_like() -> None:
    half = Half(rules(bind="/user count"))
    assert half.hears({"user": "alice", "count": 1}, {"user": "bob", "count": 2}) == []
    assert half.says({"user": "alice", "count": 1, "n": 1}) == {"user": "bob", "count": 2, "n": 1}


def test_what_is_bound_stays() -> None:
    half = Half()
    assert half.hears({"id": "r1"}, {"id": "l1"}) == []
    assert half.hears({"id": "r1"}, {"id": "l1"}) == []
    again = half.compare({"id": "r1"}, {"id": "l2"})
    assert [each.note for each in again.changes] == ["r1 is l1 here"]
    both = half.compare({"id": "r2"}, {"id": "l1"})
    assert [each.note for each in both.changes] == ["l1 stands for r1 here"]
    within = half.compare({"a_id": "r3", "b_id": "r3"}, {"a_id": "l3", "b_id": "l4"})
    assert [each.pointer for each in within.changes] == ["/b_id"]


def test_a_word_that_is_also_an_id_stays_one_elsewhere() -> None:
    half = Half()
    assert half.hears({"id": "r1"}, {"id": "l1"}) == []
    assert half.hears({"note": "r1"}, {"note": "r1"}) == []


def test_the_first_binding_counts() -> None:
    ids = Ids()
    ids.take([Binding("r1", "l1", "/id", 1), Binding("r2", "l1", "/id", 1)])
    ids.take([Binding("r1", "l2", "/id", 2)])
    assert [(each.recorded, each.live) for each in ids] == [("r1", "l1")]
    assert (ids.live("r2"), ids.recorded("l2")) == (None, None)


def test_what_stood_for_itself_stays_too() -> None:
    half = Half()
    assert half.hears({"id": "r1"}, {"id": "r1"}) == []
    assert half.bound == {}
    assert half.hears({"id": "r1"}, {"id": "l1"}) == ["/id"]
    assert half.hears({"id": "r2"}, {"id": "r1"}) == ["/id"]


def test_an_echo_is_no_new_id() -> None:
    half = Half()
    half.says({"id": 7, "method": "ask", "thread_id": "thread-1"})
    assert half.hears({"result": 1, "id": 7}, {"result": 1, "id": 8}) == ["/id"]
    assert half.hears({"thread_id": "thread-1"}, {"thread_id": "thread-2"}) == ["/thread_id"]
    half.ids.rewrite_target("/threads/thread-4?run=run%2D5")
    assert half.hears({"id": "thread-4"}, {"id": "thread-9"}) == ["/id"]
    assert half.hears({"id": "run-5"}, {"id": "run-6"}) == ["/id"]


def test_peers_that_both_number_their_requests() -> None:
    half = Half()
    assert half.says({"id": 5, "method": "ours"}) == {"id": 5, "method": "ours"}
    assert half.hears({"id": 5, "method": "theirs"}, {"id": 7, "method": "theirs"}) == []
    assert half.hears({"id": 5, "result": 0}, {"id": 5, "result": 0}) == []
    assert half.says({"id": 5, "result": 0}) == {"id": 7, "result": 0}
    assert half.says({"id": 5, "method": "again"}) == {"id": 5, "method": "again"}


def test_a_contract_tells_which_members_are_keys() -> None:
    rpc = contract(
        "events: {name: /t, fields: {key: /token, step: /step}}\n"
        "spans: {work: {key: [key, step], open: begin, close: end}}"
    )
    half = Half(rules(contract=rpc))
    began, others = ({"t": "begin", "token": key, "step": "plan"} for key in ("w-1", "w-2"))
    assert half.hears(began, others) == []
    assert half.bound == {"w-1": "w-2"}
    assert Half().hears(began, others) == ["/token"]
    # A key may also be a name that means something.
    assert half.hears(began, others | {"step": "search"}) == ["/step"]


def test_ids_inside_other_texts() -> None:
    half = Half()
    note = f"Run {UUID} began"
    assert half.hears({"note": note, "id": UUID}, {"note": f"Run {OTHER} began", "id": OTHER}) == []
    assert half.hears(note, f"Run {OTHER} began") == []
    assert half.hears({"note": note}, {"note": note}) == []
    assert half.hears({"note": note}, {"note": f"Run {OTHER} ended"}) == ["/note"]
    nested = json.dumps({"arguments": json.dumps({"run": f"\n{UUID}"})})
    assert half.says(nested) == nested.replace(UUID, OTHER)
    assert half.says(f"go {UUID}!") == f"go {OTHER}!"
    assert half.says(f"go 9{UUID}") == f"go 9{UUID}"
    assert half.ids.rewrite_target(f"/runs/{UUID}/ws?x={UUID}") == f"/runs/{OTHER}/ws?x={OTHER}"


def test_ids_that_are_names_of_members() -> None:
    half = Half()
    assert half.hears({"runs": {UUID: {"n": 1}}}, {"runs": {OTHER: {"n": 1}}}) == []
    assert half.hears({UUID: 1}, {OTHER: 2}) == [f"/{UUID}"]
    third = OTHER.replace("a", "b")
    assert half.hears({UUID: 1}, {third: 1}) == [f"/{UUID}", f"/{third}"]
    assert half.says({UUID: UUID}) == {OTHER: OTHER}


@pytest.mark.parametrize(
    ("recorded", "said"),
    [
        ('{ "id" :"r-1" ,"s":"\\u00e9\\/"}', '{ "id" :"l\\"1" ,"s":"\\u00e9\\/"}'),
        ('42["go",{"id":"r-1"}]', '42["go",{"id":"l\\"1"}]'),
        ('{"id":"r-1"}\n{"id":"r-1"}\n', '{"id":"l\\"1"}\n{"id":"l\\"1"}\n'),
        ('{"r-1":"r-10 r-1"}', '{"r-1":"r-10 r-1"}'),  # short ones are whole values only
        ('say "r-1"', 'say "r-1"'),
        (b'{"id":"r-1"}', b'{"id":"l\\"1"}'),
        ('{"id":"r\\u002d1"}', '{"id":"l\\"1"}'),
        ('{"id":"r-1"}\x1e', '{"id":"l\\"1"}\x1e'),
        ('{"id":"r-2"}', '{"id":"\\u00e92"}'),
        ('{"é":"r-2"}', '{"é":"é2"}'),
    ],
)  # fmt: skip
def test_only_the_ids_change(recorded: Any, said: Any) -> None:
    half = Half(rules(bind="/id"))
    assert half.hears({"id": "r-1"}, {"id": 'l"1'}) == []
    assert half.hears({"id": "r-2"}, {"id": "é2"}) == []
    assert half.says(recorded) == said


def test_what_is_put_in_is_not_looked_at_again() -> None:
    half = Half()
    assert half.hears({"a_id": "x-1", "b_id": "x-2"}, {"a_id": "x-2", "b_id": "x-1"}) == []
    assert half.says({"a": "x-1", "b": "x-2"}) == {"a": "x-2", "b": "x-1"}
    long, inner = {"a_id": "run-abcdefg-1", "b_id": "abcdefg-1"}, {"a_id": "n-1", "b_id": "n-2"}
    assert half.hears(long, inner) == []
    assert half.says("to run-abcdefg-1, abcdefg-1") == "to n-1, n-2"


def test_in_other_binary_an_id_keeps_its_length() -> None:
    half = Half()
    half.hears({"a": UUID, "b_id": "run-number-1"}, {"a": OTHER, "b_id": "run-number-10"})
    assert half.says(b"\xff\x24" + UUID.encode() + b"\x00run-number-1\x00") == (
        b"\xff\x24" + OTHER.encode() + b"\x00run-number-1\x00"
    )


def test_what_has_nothing_to_change_is_the_same_object() -> None:
    half = Half()
    said = utterance({"id": "r1", "text": "x" * 50})
    assert half.ids.rewrite(said) is said
    half.hears({"id": "r2"}, {"id": "l2"})
    assert half.ids.rewrite(said) is said
    ping = Utterance("ping", b"r2")
    assert half.ids.rewrite(ping) is ping


def test_long_ids_are_known_to_all_sessions_of_a_run() -> None:
    run = Ids()
    first, second = Half(ids=Ids(run)), Half(ids=Ids(run))
    first.hears({"thread_id": UUID, "id": "r1"}, {"thread_id": OTHER, "id": "l1"})
    assert second.ids.rewrite_target(f"/threads/{UUID}") == f"/threads/{OTHER}"
    assert second.says({"thread_id": UUID, "id": "r1"}) == {"thread_id": OTHER, "id": "r1"}
    assert second.hears({"thread_id": UUID}, {"thread_id": OTHER}) == []
    assert second.bound == {}


def test_a_session_may_differ_from_those_around_it() -> None:
    run = Ids()
    first, second = Half(ids=Ids(run)), Half(ids=Ids(run))
    first.hears({"id": UUID}, {"id": OTHER})
    another = OTHER.replace("a", "b")
    assert second.hears({"note": UUID}, {"note": "gone"}) == ["/note"]
    assert second.hears({"id": UUID}, {"id": another}) == []
    assert second.says([UUID]) == [another]
    assert first.says([UUID]) == [OTHER]


def test_fresh_ids_for_who_made_them_up() -> None:
    ids = Ids(fresh=Random(1))
    peer = Half(ids=ids)
    assert peer.hears({"client_id": OTHER}, {"client_id": OTHER}) == []
    said = utterance({"id": UUID, "for": OTHER, "n": 1700000000, "tool": "get_weather"})
    new = json.loads(ids.renew(said, 4).data)
    assert (new["for"], new["n"], new["tool"]) == (OTHER, 1700000000, "get_weather")
    assert new["id"] != UUID
    assert kind(new["id"]) == "uuid"
    assert list(ids) == [Binding(UUID, new["id"], "/id", 4)]
    assert ids.renew(said, 5) == utterance(new)
    assert Ids().renew(said, 4) is said


def test_a_fresh_id_is_made_where_it_is_met_first() -> None:
    ids = Ids(fresh=Random(1))
    said = utterance({"id": UUID})
    ids.rewrite_target(f"/of/{UUID}")
    assert ids.renew(said, 1) is said


@given(
    st.sampled_from(
        [
            UUID,
            "deadbee1",
            "sess_hPN9-vAf8yGVpdk6",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "1234567890123456",
            "V1StGXR8Z5jdHi6BmyT1a",
        ]
    ),
    st.randoms(),
)
def test_a_renewed_id_may_stand_for_the_recorded_one(recorded: str, random: Random) -> None:
    new = renewed(recorded, random)
    assert len(new) == len(recorded)
    if recorded == UUID:
        assert uuid.UUID(new).version == 4
    assert Half().hears({"id": recorded}, {"id": new}) == []


WORDS = st.text('abcé"\\/\n \U0001f600', max_size=8)
IDS = st.integers(0, 5).map(lambda n: f"item_{n}aB{n}cD{n}eF") | st.integers(0, 3).map(
    lambda n: f"r-{n}"
)
VALUES = st.recursive(
    WORDS | IDS | st.integers(0, 3) | st.tuples(WORDS, IDS).map(lambda both: " ".join(both)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | IDS, inner, max_size=3),
    max_leaves=12,
)  # fmt: skip
LONG_ONES = [f"item_{n}aB{n}cD{n}eF" for n in range(6)]
SHORT_ONES = [f"r-{n}" for n in range(4)]
BINDINGS = st.tuples(st.permutations(LONG_ONES), st.permutations(SHORT_ONES)).map(
    lambda both: dict(zip(LONG_ONES + SHORT_ONES, both[0] + both[1], strict=True))
)


def _replaced(value: Any, stands: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_replaced(each, stands) for each in value]
    if isinstance(value, dict):
        return {_long(name, stands): _replaced(each, stands) for name, each in value.items()}
    return stands.get(value, _long(value, stands)) if isinstance(value, str) else value


def _long(text: str, stands: dict[str, str]) -> str:
    head, space, last = text.rpartition(" ")
    new = stands.get(last, last) if len(last) >= 8 else last
    return head + space + new


@given(VALUES, BINDINGS, st.booleans(), st.sampled_from([None, 1]))
def test_a_rewritten_text_is_the_recorded_value_with_other_ids(
    value: Any, stands: dict[str, str], escapes: bool, indent: int | None
) -> None:
    half = Half()
    half.ids.take(Binding(*both, "/id", 1) for both in stands.items())
    text = json.dumps([value], ensure_ascii=escapes, indent=indent)
    new = half.says(text)
    assert json.loads(new) == [_replaced(value, stands)]
    found = half.compare(text, new)
    assert found.changes == ()
    assert all(each.recorded == each.live for each in found.bindings)


PACKS = sorted(place.name for place in TRAFFIC.iterdir() if place.is_dir())


@pytest.mark.parametrize("contracted", [True, False])
@pytest.mark.parametrize("folder", PACKS)
def test_real_sessions_with_fresh_ids(folder: str, contracted: bool) -> None:
    """Their server says all again with other ids: the client's half takes it for the same."""
    name = folder.removesuffix("-unnumbered").removesuffix("-refused")
    matching = Matching(find(name) if contracted else None)
    for number, talk in enumerate(talks(folder)):
        comparer, ids, server = Comparer(matching), Ids(), Ids(fresh=Random(number))
        for message in talk.messages:
            said = Utterance(message.kind, message.data)
            if message.sender == "client":
                live = ids.rewrite(said)
                line = Line(message.seq, "client", 0, said)
                ours, theirs = (comparer.parse("client", each) for each in (said, live))
                found = comparer.compare(line, ours, theirs, server)
                assert found.changes == ()
                server.take(found.bindings)
            else:
                line = Line(message.seq, "server", 0, said)
                live = server.renew(said, message.seq)
                ours, theirs = (comparer.parse("server", each) for each in (said, live))
                found = comparer.compare(line, ours, theirs, ids)
                assert found.changes == ()
                ids.take(found.bindings)
        fresh = {each.recorded: each.live for each in server}
        assert {each.recorded: each.live for each in ids}.items() <= fresh.items()
