"""`wsrec.open`: what a recording holds, as values, read when it is asked for."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import wsrec
from support.conversation import Line, client, run, server
from support.frames import KEY, wire
from support.recordings import Conversation, eventually, recorder_at
from support.talks import record
from wsrec.schemas.archive import Archive


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return record(tmp_path / "a.db", run(), run("r2")[:2])


def test_sessions_in_order_and_by_number(recording: Path) -> None:
    with wsrec.open(recording) as opened:
        first, second = opened.sessions
        assert (first.id, second.id) == (1, 2)
        assert opened.session(2) == second
        assert (first.target, first.close_code, first.closed_by, first.clean) == (
            *("/ws", 1000),
            *("client", True),
        )
        assert opened.clean
        assert opened.path == recording


def test_messages_and_frames_of_a_session(recording: Path) -> None:
    with wsrec.open(str(recording)) as opened:
        (session, _) = opened.sessions
        messages = list(session.messages())
        frames = list(session.frames())
    assert [json.loads(each.data)["type"] for each in messages] == [
        *("user_message", "agent_started", "agent_thinking"),
        *("tool_executing", "tool_completed", "agent_completed"),
    ]
    assert [each.sender for each in messages] == ["client", *["server"] * 5]
    assert [each.opcode for each in frames] == [*[1] * 6, 8]
    assert messages[3].seq == frames[3].seq == 4
    assert messages[3].at_ns == frames[3].at_ns
    assert messages[3].at == frames[3].at == frames[3].at_ns / 1_000_000_000


def test_a_message_of_two_frames_is_one(tmp_path: Path) -> None:
    with recorder_at(tmp_path / "a.db") as recorder:
        talk = Conversation(recorder)
        talk.server(wire(1, b"hel", fin=False)).client(wire(2, b"\x00", mask=KEY))
        talk.server(wire(0, b"lo")).end()
    with wsrec.open(tmp_path / "a.db") as opened:
        binary, text = opened.sessions[0].messages()
    assert (binary.kind, binary.data, binary.seq) == ("binary", b"\x00", 2)
    assert (text.kind, text.data, text.first_seq, text.seq) == ("text", "hello", 1, 3)


def test_events_have_names_and_fields(recording: Path) -> None:
    with wsrec.open(recording) as opened:
        events = list(opened.session(1).events())
    assert [each.name for each in events][:3] == ["user_message", "agent_started", "agent_thinking"]
    tool = events[3]
    assert (tool.name, tool.sender, tool.seq) == ("tool_executing", "server", 4)
    assert (tool.at_ns, tool.at) == (tool.message.at_ns, tool.message.at)
    assert tool.fields == {"run": "r1", "user": "u1", "tool": "search"}
    assert isinstance(tool.value, dict)
    assert tool.value["tool_name"] == "search"


def test_a_message_may_hold_several_events_or_none(tmp_path: Path) -> None:
    tools = [{"type": "tool_executing", "tool_name": name} for name in "ab"]
    batch = {"type": "event_batch", "events": {"tool_executing": tools}}
    lines: list[Line] = [("server", batch), ("server", b"no json"), ("server", {"no": "name"})]
    with wsrec.open(record(tmp_path / "a.db", lines)) as opened:
        session = opened.session(1)
        events = list(session.events())
        assert [(each.seq, each.fields["tool"]) for each in events] == [(1, "a"), (1, "b")]
        assert [each.value for each in events] == tools
        assert len(list(session.messages())) == 3


def test_a_long_text_among_the_fields_is_cut(tmp_path: Path) -> None:
    path = record(tmp_path / "a.db", [server("tool_executing", tool_name="x" * 1000)])
    with wsrec.open(path) as opened:
        (event,) = opened.session(1).events()
    assert len(str(event.fields["tool"])) < 200
    assert event.value == {"type": "tool_executing", "tool_name": "x" * 1000}


class TestTheContract:
    CONTRACT = "wsrec: 1\nname: other\nevents: {sender: server, name: /kind}\n"
    LINES = (server("said", kind="mine"), client("asked", kind="theirs"))

    def test_of_a_path(self, tmp_path: Path) -> None:
        path = record(tmp_path / "a.db", list(self.LINES))
        (tmp_path / "c.yaml").write_text(self.CONTRACT)
        with wsrec.open(path) as opened:
            session = opened.session(1)
            assert [each.name for each in session.events(tmp_path / "c.yaml")] == ["mine"]
            loaded = wsrec.load_contract(tmp_path / "c.yaml")
            assert loaded.name == "other"
            assert [each.name for each in session.events(loaded)] == ["mine"]
            assert [each.name for each in session.events("agent-events")] == ["said", "asked"]

    def test_that_is_stored_counts_before_the_default(self, tmp_path: Path) -> None:
        (tmp_path / "c.yaml").write_text(self.CONTRACT)
        stored = Archive.of(str(tmp_path / "c.yaml")).text()
        with recorder_at(tmp_path / "a.db", meta={"contract": stored}) as recorder:
            Conversation(recorder).text("server", '{"kind": "mine", "type": "said"}').end()
        with wsrec.open(tmp_path / "a.db") as opened:
            assert opened.contract.name == "other"
            assert [each.name for each in opened.session(1).events()] == ["mine"]

    def test_with_a_mistake_is_told_at_once(self, recording: Path) -> None:
        with wsrec.open(recording) as opened, pytest.raises(wsrec.ContractError) as told:
            opened.session(1).events("agent-event")
        assert str(told.value).startswith("agent-event: no such file, and no pack of that name")


def test_values_cannot_be_changed(recording: Path) -> None:
    with wsrec.open(recording) as opened:
        session = opened.session(1)
        event = next(session.events())
        values = (session, next(session.frames()), event, event.message)
    for value in values:
        name = dataclasses.fields(value)[0].name
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, name, None)
    with pytest.raises(TypeError):
        event.fields["run"] = "r9"  # type: ignore[index]


def test_values_can_be_pickled_copied_and_kept_in_sets(recording: Path) -> None:
    with wsrec.open(recording) as opened:
        session = opened.session(1)
        events, messages = list(session.events()), list(session.messages())
        assert {session, session} == {opened.session(1)}
    assert pickle.loads(pickle.dumps((events, messages))) == (events, messages)
    assert copy.deepcopy(events) == events
    assert dataclasses.asdict(events[0])["fields"] == events[0].fields
    assert {*events, *pickle.loads(pickle.dumps(events))} == set(events)
    assert len(set(events)) == len(events)


def test_what_is_recorded_meanwhile_is_there_when_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with recorder_at(path) as recorder:
        Conversation(recorder).text("server", "{}").end()
        with wsrec.open(path) as opened:
            eventually(lambda: len(opened.sessions) == 1)
            assert not opened.clean
            Conversation(recorder).text("server", "{}").end()
            eventually(lambda: len(opened.sessions) == 2)


class TestErrors:
    def test_no_such_file(self, tmp_path: Path) -> None:
        with pytest.raises(wsrec.RecordingError, match="No such file or directory"):
            wsrec.open(tmp_path / "none.db")

    def test_no_recording(self, tmp_path: Path) -> None:
        (tmp_path / "a.db").write_bytes(b"SQLite format 3\0, but it is none")
        with pytest.raises(wsrec.RecordingError) as told:
            wsrec.open(tmp_path / "a.db")
        assert "\n" not in str(told.value)

    @pytest.mark.parametrize("path", ["a\0b", "\ud800"])
    def test_what_no_file_can_be_called(self, path: str) -> None:
        with pytest.raises(wsrec.RecordingError) as told:
            wsrec.open(path)
        assert str(told.value).startswith(f"{path!r}: no path: ")

    def test_no_such_session(self, recording: Path, tmp_path: Path) -> None:
        there = (recording, 3, "it holds 1 to 2"), (record(tmp_path / "b.db"), 1, "it holds none")
        for path, number, what in there:
            said = pytest.raises(wsrec.RecordingError, match=f"no session {number}; {what}")
            with wsrec.open(path) as opened, said:
                opened.session(number)

    def test_a_closed_one_is_not_called_damaged(self, recording: Path) -> None:
        with wsrec.open(recording) as opened:
            session = opened.session(1)
            begun = session.messages()
            next(begun)
        for read in (lambda: opened.sessions, lambda: next(begun), session.messages):
            with pytest.raises(ValueError, match="the recording is closed"):
                read()
        assert "closed" in repr(opened)
        opened.close()

    def test_another_thread_has_to_open_it_itself(self, recording: Path) -> None:
        with wsrec.open(recording) as opened, ThreadPoolExecutor(1) as threads:
            elsewhere = threads.submit(lambda: opened.sessions)
            with pytest.raises(RuntimeError, match="opened in another thread"):
                elsewhere.result(10)
            with pytest.raises(RuntimeError, match="opened in another thread"):
                threads.submit(opened.close).result(10)
            assert len(opened.sessions) == 2
