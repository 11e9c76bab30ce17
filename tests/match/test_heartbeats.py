"""Messages that only say that somebody is there: left out, and answered, by whichever half."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.dialogues import BEGAN, MS, SECOND, Half, Said, close, event, script, utterance
from wsrec.match.compare import Comparer
from wsrec.match.dialogue import Wait
from wsrec.match.heartbeats import Heartbeat, Watch, read_heartbeat, usual_for
from wsrec.match.line import Line, Role
from wsrec.match.rules import Matching
from wsrec.match.steps import Beats
from wsrec.schemas.contract import parse
from wsrec.schemas.packs import find

GRAPHQL = usual_for("graphql-transport-ws", "/graphql")
ENGINE_IO = usual_for(None, "/socket.io/?EIO=4&transport=websocket")
PHOENIX = usual_for(None, "/live/websocket?vsn=2.0.0")
MCP = usual_for("mcp", "/")
PING, PONG = event("ping"), event("pong")
ASK, ANSWER, MORE, END = (event(name) for name in ("ask", "answer", "more", "end"))
TALK: Sequence[Said] = (
    ("C", ASK), ("S", ANSWER), ("C", MORE), ("S", END), ("C", close()), ("S", close()),
)  # fmt: skip


def half(*talk: Said | int, role: Role = "client", kinds: tuple[Heartbeat, ...] = GRAPHQL) -> Half:
    return Half(script(*talk), role, heartbeats=kinds)


def read(*texts: str) -> tuple[Heartbeat, ...]:
    return tuple(map(read_heartbeat, texts))


def sorts(kinds: tuple[Heartbeat, ...], *talk: Said, matching: Matching | None = None) -> list[str]:
    """Return what each message of a session is: `asks`, `answers` or nothing."""
    watch, comparer = Watch(kinds), Comparer(matching or Matching())
    found = []
    for line in script(*talk):
        beat = watch.take(line.sender, comparer.parse(line.sender, line.said))
        found.append("" if beat is None else "asks" if beat.asks else "answers")
    return found


def test_recorded_ones_are_not_expected() -> None:
    talk = half(("C", ASK), ("S", PING), ("C", PONG), ("C", PING), ("S", PONG), ("S", ANSWER))
    assert talk.says() == [ASK]
    talk.hears(ANSWER)
    assert talk.over
    assert talk.found == []
    assert talk.dialogue.counts.beats == Beats(recorded=4)
    assert (talk.dialogue.counts.said, talk.dialogue.counts.matched) == (1, 1)


def test_live_ones_are_no_difference_and_answered_at_once() -> None:
    talk = half(*TALK)
    assert talk.says() == [ASK]
    talk.hears(PING)
    assert talk.says() == [PONG]
    talk.hears(event("ping", payload={"n": 1}), PONG)
    assert talk.says() == [event("pong", payload={"n": 1})]
    talk.hears(ANSWER)
    assert talk.says() == [MORE]
    assert talk.found == []
    assert talk.dialogue.counts.beats == Beats(heard=3, said=2)
    assert talk.dialogue.counts.heard == 1


def test_they_are_answered_as_they_were() -> None:
    asked, answered = event("ping", at=7, n=1), event("pong", at=7, mine=True)
    talk = half(("S", asked), ("C", answered), *TALK, kinds=read("ping=pong"))
    talk.says()
    talk.hears(event("ping", at=9, n=2))
    assert talk.says() == [event("pong", at=9, mine=True)]
    talk.hears(event("ping"))
    assert talk.says() == [event("pong", mine=True)]


def test_live_ids_stand_in_their_answers() -> None:
    before, now = "5a1c99d0-2b7e-4f0e-9f4b-0d9b6a5c1e11", "c0ffee00-2b7e-4f0e-9f4b-0d9b6a5c1e22"
    talk = half(
        ("S", event("hello", session_id=before)), ("S", event("ping", n=1)),
        ("C", event("pong", n=1, session_id=before)), ("C", ASK), ("S", ANSWER),
        kinds=read("ping=pong"),
    )  # fmt: skip
    talk.hears(event("hello", session_id=now))
    assert talk.says() == [ASK]
    talk.hears(event("ping", n=2))
    assert talk.says() == [event("pong", n=2, session_id=now)]


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (event("ping", at=3), event("pong", at=3)),
        ("ping", "pong"),
        ('42["ping",1]', None),  # nobody knows what answers it
    ],
)
def test_where_none_was_answered_the_answer_is_named_alone(ask: Any, answer: Any) -> None:
    talk = half(*TALK, kinds=read("ping=pong"))
    talk.says()
    talk.hears(ask)
    assert talk.says() == ([] if answer is None else [answer])
    assert talk.found == []


def test_what_has_no_answer_gets_none() -> None:
    talk = half(*TALK, kinds=read("alive"))
    talk.says()
    assert talk.hears(event("alive"), event("alive")) == []
    assert talk.says() == []


def test_without_them_all_is_compared() -> None:
    talk = half(("C", ASK), ("S", PING), ("C", PONG), ("S", ANSWER), kinds=())
    assert talk.says() == [ASK]
    assert talk.hears(PONG) == ["unexpected"]


def test_ours_are_said_by_a_clock_of_their_own() -> None:
    """Also when all else goes faster, and on and on while the session lasts longer."""
    talk = half(("C", ASK), 5 * SECOND, ("C", PING), 3 * SECOND, ("C", PING), ("S", ANSWER))
    assert talk.says() == [ASK]
    for seconds in (5, 8, 11):
        assert talk.does() == Wait(BEGAN + seconds * SECOND)
        talk.now = BEGAN + seconds * SECOND
        assert talk.says() == [PING]
    talk.hears(ANSWER)
    assert talk.over


def test_those_that_come_close_together_do_not_go_on_so() -> None:
    talk = half(("C", ASK), ("C", PING), 0, ("C", PING), ("S", ANSWER))
    talk.says()
    talk.now += 50 * MS
    assert talk.says() == [PING, PING]
    assert talk.does() == Wait(talk.now + 100 * MS)


def test_ours_do_not_come_before_what_we_have_to_say_first() -> None:
    talk = half(("S", END), ("C", ASK), ("C", PING), ("S", ANSWER))
    talk.now += 3 * SECOND
    assert talk.says() == []
    talk.hears(END)
    assert talk.says() == [ASK, PING]


def test_a_client_that_only_listens_says_them() -> None:
    talk = half(("C", PING), ("S", PONG), ("S", END))
    talk.now += SECOND
    assert talk.says() == [PING]
    talk.hears(PONG, END)
    assert talk.over


def test_none_is_said_behind_a_close() -> None:
    talk = half(("C", PING), *TALK[:1], ("C", close()), ("S", close()))
    talk.now += 60 * MS
    assert talk.says() == [PING, ASK, close().data]
    talk.now += 60 * SECOND
    talk.hears(PING)
    assert talk.says() == []


def test_a_server_of_engine_io_asks_as_often_as_it_has_promised() -> None:
    opening = '0{"sid":"lv_VI97HAXpY6yYWAAAC","pingInterval":25000,"pingTimeout":20000}'
    talk = half(("S", opening), ("C", "40"), ("S", '42["hi"]'), role="server", kinds=ENGINE_IO)
    assert talk.says() == [opening]
    for seconds in (25, 50):
        talk.now = BEGAN + seconds * SECOND
        assert talk.says() == [2]
        talk.hears("3")
    talk.hears("40")
    assert talk.says() == ['42["hi"]']
    assert talk.found == []


def test_a_recorded_interval_is_truer_than_a_promised_one() -> None:
    opening = '0{"sid":"lv_VI97HAXpY6yYWAAAC","pingInterval":25000}'
    talk = half(
        ("S", opening), 20 * SECOND, ("S", "2"), ("C", "3"), ("C", "40"),
        role="server", kinds=ENGINE_IO,
    )  # fmt: skip
    talk.says()
    talk.now = BEGAN + 20 * SECOND
    assert talk.says() == [2]
    talk.now += 19 * SECOND
    assert talk.says() == []
    talk.now += SECOND
    assert talk.says() == [2]


def test_a_probe_is_part_of_an_upgrade() -> None:
    found = sorts(ENGINE_IO, ("C", "2probe"), ("S", "3probe"), ("S", "2"), ("C", "3"), ("C", "5"))
    assert found == ["", "", "asks", "answers", ""]
    assert sorts(ENGINE_IO, ("C", '42["2"]'), ("C", '42["3"]'), ("S", b"2")) == ["", "", ""]


def test_an_answer_says_by_an_id_what_it_answers() -> None:
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
    done, pong = [{"jsonrpc": "2.0", "id": n, "result": dict[str, int]()} for n in (1, 2)]
    talk: Sequence[Said] = ("C", request), ("C", ping), ("S", done), ("S", pong)
    assert sorts(MCP, *talk, ("S", pong)) == ["", "asks", "", "answers", ""]

    server = half(*talk, ("S", {**ping, "id": 9}), role="server", kinds=MCP)
    server.hears(request)
    assert server.says() == [done]
    server.hears({**ping, "id": "a"})
    assert server.says() == [{"jsonrpc": "2.0", "id": "a", "result": {}}]
    assert server.over
    assert server.found == []


def test_phoenix() -> None:
    beat: list[Any] = [None, "7", "phoenix", "heartbeat", {}]
    reply = [None, "7", "phoenix", "phx_reply", {"status": "ok", "response": {}}]
    joined = ["3", "3", "room:1", "phx_reply", {"status": "ok", "response": {}}]
    assert sorts(PHOENIX, ("C", beat), ("S", joined), ("S", reply)) == ["asks", "", "answers"]
    server = half(("C", ASK), ("S", ANSWER), role="server", kinds=PHOENIX)
    server.hears([None, "81", *beat[2:]])
    assert server.says() == [[None, "81", *reply[2:]]]


def test_of_two_with_one_name_the_second_is_the_answer() -> None:
    alive = read("alive=alive")
    said = event("alive", n=1)
    assert sorts(alive, ("S", said), ("C", said), ("S", said)) == ["asks", "answers", "asks"]
    talk = half(("C", said), ("S", said), *TALK, kinds=alive)
    assert talk.says() == [said, ASK]
    talk.hears(event("alive", n=2))  # answers ours
    assert talk.says() == []
    talk.hears(event("alive", n=3))
    assert talk.says() == [event("alive", n=3)]


@pytest.mark.parametrize(
    ("subprotocol", "target", "names"),
    [
        ("graphql-transport-ws", "/", ["ping=pong"]),
        ("graphql-ws", "/", ["ka"]),
        ("mcp", "/", ["ping=response"]),
        (None, "/socket.io/?EIO=4&transport=websocket&t=x", ["2=3"]),
        (None, "/engine.io/?transport=websocket&EIO=3", ["2=3"]),
        (None, "/socket/websocket?vsn=2.0.0", ["heartbeat=phx_reply"]),
        (None, "/socket?vsn=2.0.0", []),
        ("json", "/ws", []),
        (None, "/ws?ping=pong", []),
    ],
)
def test_known_protocols(subprotocol: str | None, target: str, names: list[str]) -> None:
    assert [str(each) for each in usual_for(subprotocol, target)] == names
    assert Matching().heartbeats_of(subprotocol, target) == usual_for(subprotocol, target)
    assert Matching(usual_heartbeats=False).heartbeats_of(subprotocol, target) == ()


def test_a_contract_says_which_there_are() -> None:
    text = "wsrec: 1\nevents: {}\nheartbeats: [alive, {event: are_you, answer: i_am}]"
    matching = Matching(parse(text, "own.yaml"), heartbeats=read("tick"))
    names = [str(each) for each in matching.heartbeats_of("mcp", "/")]
    assert names == ["tick", "alive", "are_you=i_am", "ping=response"]
    own = replace(matching, usual_heartbeats=False).heartbeats_of("mcp", "/")
    assert own == read("tick")


@pytest.mark.parametrize(
    ("pack", "talk", "expected"),
    [
        ("graphql-transport-ws", (("S", PING), ("C", PONG)), ["asks", "answers"]),
        (
            "acp",  # over jsonrpc
            (("C", {"id": 1, "method": "ping"}), ("S", {"id": 1, "result": {}})),
            ["asks", "answers"],
        ),
        ("socketio", (("S", "2"), ("C", "3")), ["", ""]),  # by its query alone
    ],
)
def test_packs_say_it(pack: str, talk: Sequence[Said], expected: list[str]) -> None:
    matching = Matching(find(pack))
    assert sorts(matching.heartbeats_of(None, "/"), *talk, matching=matching) == expected


@pytest.mark.parametrize("text", ["", "=", "=pong", "ping="])
def test_what_names_none(text: str) -> None:
    with pytest.raises(ValueError, match="EVENT=ANSWER"):
        read_heartbeat(text)


BEATS = st.sampled_from([("S", PING), ("S", PONG), ("C", PING), ("C", PONG)])
PLACES = st.lists(st.tuples(st.integers(0, len(TALK) - 1), BEATS), max_size=8)


def sprinkled(beats: Sequence[tuple[int, Any]]) -> list[Line]:
    talk = list(TALK)
    for place, beat in beats:
        talk.insert(place, beat)
    return script(*talk)


@given(PLACES, PLACES, st.sampled_from(["client", "server"]))
def test_any_number_of_them_anywhere_makes_no_difference(
    recorded: Any, live: Any, role: Role
) -> None:
    theirs = "S" if role == "client" else "C"
    there = sprinkled([(place, beat) for place, beat in live if beat[0] == theirs])
    talk = Half(sprinkled(recorded), role, heartbeats=GRAPHQL)
    assert talk.plays(there) == []
    assert talk.dialogue.counts.matched == 3


def test_a_message_that_is_no_heartbeat_is_compared_all_the_same() -> None:
    talk = half(*TALK)
    talk.says()
    assert talk.hears(event("pinged")) == ["unexpected"]
    talk.hears(utterance(b"ping"))
    assert len(talk.found) == 2
