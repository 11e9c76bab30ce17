"""`wsrec tail --judge`: while it is recorded, it says what `wsrec validate` says of the file."""

from __future__ import annotations

import heapq
import json
import sqlite3
import struct
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.conversation import Line, agent_events, run
from support.frames import KEY, wire
from support.recordings import Conversation, recorder_at
from support.tailing import Tailing, tailing
from wsrec.checks.judge import Judge
from wsrec.checks.outcome import Outcome
from wsrec.judge.choice import Chosen
from wsrec.judge.live import Live
from wsrec.judge.validate import judge
from wsrec.judge.work import MISSING
from wsrec.schemas.archive import Archive
from wsrec.store.follower import Follower
from wsrec.store.reader import Recording

PINGS = """
wsrec: 1
name: pings
events: {types: {ping: {schema: {properties: {n: {type: integer}}}}, pong: }}
spans: {ping: {key: [], open: ping, close: pong}}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session.db"


def say(talk: Conversation, *lines: Line) -> None:
    for sender, value in (line for line in lines if not isinstance(line, int)):
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        talk.send(sender, wire(1, data, mask=KEY if sender == "client" else None))


def leave(talk: Conversation) -> None:
    talk.client(wire(8, struct.pack(">H", 1000), mask=KEY)).end()


def record(path: Path, *sessions: list[Line], end: bool = True) -> Path:
    """Record sessions side by side, a line of each in turn."""
    with recorder_at(path) as recorder:
        talks = [Conversation(recorder) for _ in sessions]
        for turn in range(max(map(len, sessions))):
            for talk, lines in zip(talks, sessions, strict=True):
                say(talk, *lines[turn : turn + 1])
        for talk in talks:
            if end:
                leave(talk)
    return path


def of_the_file(path: Path) -> Outcome:
    with Recording.open(path) as recording:
        return judge(recording, agent_events())


def unverified(path: Path) -> Outcome:
    """Judge a file that misses frames all the same, each message when it is read."""
    engine = Judge(agent_events())
    with Recording.open(path) as recording:
        for session in recording.sessions():
            engine.open(session)
            gap = recording.first_gap(session)
            for message in recording.messages(session.id):
                if gap is not None and message.seq > gap:
                    engine.gap(session.id, message.seq, MISSING)
                    gap = None
                engine.message(session.id, message)
            if gap is not None:
                engine.gap(session.id, gap, MISSING)
            engine.close(session)
    return engine.finish()


def live(path: Path) -> Outcome:
    """Follow a recording that has ended."""
    follower = Follower(path, last=0, whole=True)
    judging = Live(path, Chosen(agent_events(), "given with -c"))
    while not follower.ended:
        for item in follower.look():
            list(judging.take(item))
    with Recording.open(path) as recording:
        list(judging.interrupted(recording))
        return judging.finish(recording).outcome


def interleaved(path: Path) -> Outcome:
    """Judge all sessions at once, each message when it came."""
    engine = Judge(agent_events())
    with Recording.open(path) as recording:
        sessions = list(recording.sessions())
        for session in sessions:
            engine.open(session)
        for _, _, number, message in heapq.merge(
            *(
                [
                    (session.started_ns + message.at_ns, message.seq, session.id, message)
                    for message in recording.messages(session.id)
                ]
                for session in sessions
            )
        ):
            engine.message(number, message)
    for session in sessions:
        engine.close(session)
    return engine.finish()


def said(tail: Tailing, what: str) -> list[Any]:
    return [line[what] if what == "finding" else line for line in tail.json() if what in line]


def in_order(findings: list[Any]) -> list[str]:
    return sorted(json.dumps(found, sort_keys=True) for found in findings)


def test_the_same_of_a_real_backend_behind_the_real_proxy(path: Path) -> None:
    demo = [sys.executable, "-m", "wsrec", "demo", "--broken", "--sessions", "5", "-o", str(path)]
    with (
        subprocess.Popen(demo, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process,
        tailing(path, "--retry", "--until-end", "--judge", "--format", "json") as tail,
    ):
        tail.until()
        status, errors = tail.ended()
        process.communicate(timeout=60)
    assert (status, errors) == (process.returncode, "") == (1, "")

    validated = subprocess.run(
        [sys.executable, "-m", "wsrec", "validate", str(path), "--format", "json"],
        stdout=subprocess.PIPE, timeout=60, check=False,
    )  # fmt: skip
    [judged] = json.loads(validated.stdout)["recordings"]
    expected = [found for each in judged["sessions"] for found in each["findings"]]
    assert len(expected) >= 4
    assert in_order(said(tail, "finding")) == in_order(expected + judged["findings"])
    verdicts = {line["session"]: line["verdict"] for line in said(tail, "verdict")}
    assert verdicts == {
        None: "fail", **{session["id"]: session["verdict"] for session in judged["sessions"]}
    }  # fmt: skip
    assert said(tail, "contract")[0]["contract"]["name"] == "agent-events"

    # What came too early is said while its session goes on.
    lines = tail.json()
    early = next(n for n, line in enumerate(lines) if "latency.first" in str(line))
    session = lines[early]["finding"]["session"]
    assert {"ended"} == {
        line["event"] for line in lines[early:] if line.get("id") == session
    }  # fmt: skip

    assert of_the_file(path) == live(path) == interleaved(path)


@pytest.mark.parametrize("lost", [None, "seq = 3", "seq > 5", "seq <= 2", "seq IN (4, 6)"])
@pytest.mark.parametrize("end", [True, False])
def test_the_same_of_what_is_incomplete(path: Path, lost: str | None, end: bool) -> None:
    record(path, run(), [*run("r2")[:3], *run("r2")[4:]], run("r3"), [], end=end)
    with recorder_at(path) as recorder:  # a session that the proxy ended, with frames of its own
        talk = Conversation(recorder)
        say(talk, *run("r5"))
        talk.tap.synthetic("client", b"\x03\xe9")
        talk.tap.synthetic("server", b"\x03\xe9")
        talk.end()
    if lost is not None:
        with closing(sqlite3.connect(path)) as database, database:
            database.execute(f"DELETE FROM frames WHERE session_id IN (2, 3) AND {lost}")
    outcome = unverified(path)
    if lost is None:
        assert of_the_file(path) == outcome
    assert live(path) == outcome
    assert outcome.sessions[-1].verdict == "pass"
    # Only an end record says how many there were.
    is_noticed = lost is not None and (end or lost != "seq > 5")
    assert any(each.code == "recording.gap" for each in outcome.all_findings()) == is_noticed


def test_a_finding_comes_while_the_session_goes_on(path: Path) -> None:
    (path.parent / "pings.yaml").write_text(PINGS)
    meta = {"contract": Archive.of(str(path.parent / "pings.yaml")).text()}
    with recorder_at(path, meta=meta) as recorder, tailing(path, "--judge") as tail:
        talk = Conversation(recorder)
        say(talk, ("server", {"type": "ping", "n": 1}), ("server", {"type": "ping", "n": "2"}))
        tail.until_said("contract  pings, stored in the recording (pings.yaml)")
        assert tail.until_said("error event.schema frame 2: ping at /n").startswith("    1 error")
        leave(talk)
        tail.until_said("session 1 ended")
        tail.until_said("error span.unclosed frame 1")
        assert tail.until_said("session 1 fail") == "session 1 fail: 2 errors"
        assert tail.interrupt() == (0, "")


def test_it_is_judged_from_its_beginning_whatever_is_shown(path: Path) -> None:
    record(path, run(), run("r2")[:2] + run("r2")[3:], run("r3"))
    for words, shown in ((("-n", "0"), 0), (("-n", "2"), 2), (("-n", "1000"), 20)):
        with tailing(path, "--until-end", "--judge", *words) as tail:
            tail.until()
            assert tail.ended() == (1, "")
        assert sum("→" in line or "←" in line for line in tail.lines) == shown
        assert [line for line in tail.lines if " error " in line] == [
            "    2 error span.missing frame 5: run 'r2' was closed by agent_completed (frame 5)"
            " without agent_thinking"
        ]
        assert [line.split(":")[0] for line in tail.lines if line.endswith(("pass", "error"))] == [
            "session 1 pass", "session 2 fail", "session 3 pass", "verdict   fail",
        ]  # fmt: skip
        began = [line.split()[1] for line in tail.lines if "answered 101" in line]
        assert len(began) == len(set(began)) == min(shown, 3)


def test_nothing_else_is_shown(path: Path) -> None:
    record(path, run(), run("r2"))
    with tailing(path, "--until-end", "--findings-only") as tail:
        tail.until()
        assert tail.ended() == (0, "")
    assert tail.lines == [
        "contract  agent-events, the default (a pack of wsrec)",
        "session 1 pass",
        "session 2 pass",
        "verdict   pass",
    ]


class TestExitCodes:
    def test_of_one_session(self, path: Path) -> None:
        record(path, run(), run()[:3])
        for number, code in (("1", 0), ("2", 1)):
            with tailing(path, number, "--judge") as tail:
                tail.until()
                assert tail.ended() == (code, "")

    def test_nothing_was_judged(self, path: Path) -> None:
        record(path, [("server", {"type": "status"})])
        with tailing(path, "--judge", "--until-end") as tail:
            tail.until_said("error contract.vacuous: no message was an event of the contract")
            tail.until()
            assert tail.ended() == (5, "")

    def test_contracts_that_cannot_be_used(self, path: Path) -> None:
        with recorder_at(path, meta={"contract": "{}"}) as recorder:
            Conversation(recorder).end()
        for words, told in (
            (("--judge",), "session.db: the contract stored in it cannot be used: "),
            (("-c", "agent-event"), "no pack of that name; did you mean 'agent-events'?"),
            (("-c", "agent-events", "--frames"), "leave --frames away"),
        ):
            with tailing(path, *words) as tail:
                tail.until()
                status, errors = tail.ended()
            assert status == 2
            assert told in errors
            assert tail.lines == []


def test_another_recording_in_its_place_is_judged_by_its_own(path: Path) -> None:
    (path.parent / "pings.yaml").write_text(PINGS)
    pings = Archive.of(str(path.parent / "pings.yaml")).text()
    with tailing(path, "--retry", "--findings-only") as tail:
        for number in range(2):
            with recorder_at(path, meta={"contract": pings} if number else {}) as recorder:
                talk = Conversation(recorder)
                say(talk, *([("server", {"type": "ping", "n": "2"})] if number else run()))
                leave(talk)
                tail.until_said("contract", ("agent-events, the default", "pings, st")[number])
                tail.until_said(f"session 1 {('pass', 'fail')[number]}")
            path.unlink()
