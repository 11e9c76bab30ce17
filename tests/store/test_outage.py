"""A long time in which nothing can be written, and a recorder that goes on: what it says then."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from support.conversation import agent_events
from support.frames import KEY, wire
from support.recordings import Conversation, eventually
from support.tampering import change
from wsrec.judge.validate import judge
from wsrec.judge.verify import verify
from wsrec.store.durability import Durability
from wsrec.store.reader import Recording
from wsrec.store.recorder import Recorder
from wsrec.upkeep.merging import merge

CHUNK = wire(2, bytes(100_000))
LARGE = wire(2, bytes(3 << 20), mask=KEY)


@contextmanager
def outage(recorder: Recorder) -> Iterator[None]:
    """Let nobody else write, for longer than the recorder keeps what it is given."""
    recorder._batch.connection.execute("PRAGMA busy_timeout = 0")
    with closing(sqlite3.connect(recorder.path, isolation_level=None)) as other:
        eventually(lambda: locked(other))
        talk = Conversation(recorder, target="/filler")
        for _ in range(80):
            talk.server(CHUNK)
            eventually(recorder.backlog.has_room)
        eventually(lambda: recorder._batch.losing)
        yield
        talk.end()
        eventually(lambda: not recorder.backlog.queue)
        other.execute("ROLLBACK")
    eventually(lambda: recorder.failure is None)


def locked(other: sqlite3.Connection) -> bool:
    try:
        other.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        return False
    return True


def lines(path: Path) -> list[str]:
    """Return what `wsrec verify` says of a recording that is not damaged."""
    out = io.StringIO()
    assert verify([path], out, "text") == 0, out.getvalue()
    return [line.removeprefix(f"{path}: ") for line in out.getvalue().splitlines()]


def accounted(path: Path) -> dict[int, tuple[int, int]]:
    """Return the frames that each session has, and lacks by its own account: no number twice."""
    found = {}
    with closing(sqlite3.connect(path)) as connection:
        for (session,) in connection.execute("SELECT id FROM sessions").fetchall():
            kept = [
                seq
                for (seq,) in connection.execute(
                    "SELECT seq FROM frames WHERE session_id = ?", (session,)
                )
            ]
            gaps = connection.execute(
                "SELECT first_seq, last_seq FROM gaps WHERE session_id = ?", (session,)
            ).fetchall()
            lacks = [seq for first, last in gaps for seq in range(first, last + 1)]
            assert sorted(kept + lacks) == list(range(1, len(kept) + len(lacks) + 1))
            found[session] = len(kept), len(lacks)
    return found


@pytest.fixture(params=list(Durability))
def recorder(request: pytest.FixtureRequest, tmp_path: Path) -> Recorder:
    return Recorder(tmp_path / "session.db", durability=request.param, goes_on=True)


def test_each_frame_is_recorded_or_said_to_be_missing(recorder: Recorder) -> None:
    before = Conversation(recorder, target="/before").text("client", "1").text("server", "2")
    parts = Conversation(recorder, target="/parts").client(LARGE[: 2 << 20])
    eventually(lambda: accounted(recorder.path).get(1) == (2, 0))
    with outage(recorder):
        before.text("client", "lost")
        within = Conversation(recorder, target="/within").text("client", "lost")
        Conversation(recorder, target="/all-of-it").text("server", "lost").end()
        parts.client(LARGE[2 << 20 :]).text("client", "lost")
        begun = Conversation(recorder, target="/begun").client(LARGE[: 2 << 20])
    for talk in (before, within, parts, begun):
        if talk is begun:
            talk.client(LARGE[2 << 20 :])
        talk.text("client", "after").end()
    Conversation(recorder, target="/later").text("client", "after").end()
    recorder.close()
    assert recorder.failure is None
    assert recorder.first_failure is not None
    found = accounted(recorder.path)
    with Recording.open(recorder.path) as opened:
        assert opened.clean
        targets = {session.target: session for session in opened.sessions()}
        assert all(session.clean for session in targets.values())
        for target, counts in {
            "/before": (3, 1),
            "/within": (1, 1),
            "/all-of-it": (0, 1),
            "/later": (1, 0),
        }.items():
            assert found[targets[target].id] == counts, target
        for target, session in targets.items():
            assert sum(found[session.id]) == session.client_frames + session.server_frames, target
        outcome = judge(opened, agent_events())
        gaps = [each for each in outcome.all_findings() if each.code == "recording.gap"]
        told = {each.session: each.seq for each in gaps}
        assert told == {
            session.id: next((m.seq for m in opened.messages(session.id) if m.seq > gap), gap)
            for session in targets.values()
            if (gap := opened.first_gap(session)) is not None
        }
    said = lines(recorder.path)
    assert any("were not recorded (database is locked)" in line for line in said)


def test_very_many_sessions_are_counted(
    recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wsrec.store.touched._MOST_ENDED", 50)
    kept = Conversation(recorder, target="/kept").text("client", "1")
    for _ in range(2):
        with outage(recorder):
            for _ in range(200):
                Conversation(recorder).text("client", "x").end()
            eventually(lambda: not recorder.backlog.queue)
            assert len(recorder._batch._touched.sessions) < 60
    kept.text("client", "2").end()
    recorder.close()
    assert "302 sessions were not recorded, or not to their end" in lines(recorder.path)[-2]
    with Recording.open(recorder.path) as opened:
        assert len(list(opened.sessions())) == 101
    merged = tmp_path / "merged.db"
    merge([recorder.path], merged, io.StringIO(), "text")
    lines(merged)

    again = Recorder(recorder.path)
    talk = Conversation(again)
    talk.end()
    assert talk.id == 404
    again.close()
    lines(recorder.path)
    change(recorder.path, "DELETE FROM sessions WHERE id = 404")
    assert verify([recorder.path], io.StringIO(), "text") == 3
