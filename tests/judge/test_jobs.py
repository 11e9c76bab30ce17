"""Several processes judge one recording: the same verdict, and a clean end whatever happens."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.conversation import Line, agent_events, messages, run, session
from support.frames import KEY, wire
from support.killed import Life, Talk
from support.recordings import Conversation, recorder_at
from wsrec.checks.compiled import Compiled
from wsrec.checks.judge import Judge, Trial
from wsrec.checks.merge import Judged, Merge
from wsrec.checks.samples import EXACT, Samples
from wsrec.checks.scope import EVERYTHING
from wsrec.judge.validate import judge, validate
from wsrec.report.json import to_json
from wsrec.store.durability import Durability
from wsrec.store.errors import RecordingError
from wsrec.store.model import Sender
from wsrec.store.reader import Recording


def said(lines: list[Line]) -> list[tuple[Sender, str]]:
    return [(line[0], json.dumps(line[1])) for line in lines if not isinstance(line, int)]


def record(path: Path, sessions: int, runs: int = 1, **settings: Any) -> Path:
    """Sessions of which every third one lost an event, and one was refused."""
    with recorder_at(path, **settings) as recorder:
        talks = [Conversation(recorder) for _ in range(sessions)]
        for number in range(runs):
            for place, talk in enumerate(talks):
                lines = run(f"r{number}", user=f"u{place}")
                del lines[3 : 3 + (place % 3 == 2)]
                for sender, text in said(lines):
                    talk.text(sender, text)
        for talk in talks:
            talk.client(wire(8, struct.pack(">H", 1000), mask=KEY)).end()
        tap = recorder.session("127.0.0.1:5", "/ws", [])
        tap.answered(403, [], None, None)
        tap.ended()
    return path


def test_the_report_is_the_same_byte_by_byte(tmp_path: Path) -> None:
    path = record(tmp_path / "a.db", sessions=7)

    one, three = (to_json(validate([path], agent_events(), jobs=jobs)) for jobs in (1, 3))

    assert three == one
    assert '"fail"' in one


def test_what_a_killed_recorder_left_is_judged_as_well(tmp_path: Path) -> None:
    (tmp_path / "life").mkdir()
    life = Life(tmp_path / "life" / "a.db")
    life.stop_here()
    talk = Talk(life.recorder)
    talk.answer()
    for sender, text in said(run()):
        talk.send(sender, wire(1, text.encode(), mask=KEY if sender == "client" else None))
    path = life.copy(tmp_path / "killed")
    life.close()

    with Recording.open(path) as recording:
        assert recording.file != path
        alone = judge(recording, agent_events())
        assert judge(recording, agent_events(), EVERYTHING, 2) == alone
    assert alone.messages == len(said(run()))


def test_it_is_judged_while_it_is_recorded(tmp_path: Path) -> None:
    with recorder_at(tmp_path / "a.db", durability=Durability.PROCESS) as recorder:
        talk = Conversation(recorder)
        for sender, text in said(run()):
            talk.text(sender, text)
        while recorder.backlog.size:
            time.sleep(0.01)
        time.sleep(0.1)
        with Recording.open(tmp_path / "a.db") as recording:
            alone = judge(recording, agent_events())
            assert judge(recording, agent_events(), EVERYTHING, 2) == alone
    assert alone.messages == 6


def test_a_damaged_recording_is_said_to_be_in_the_same_words(tmp_path: Path) -> None:
    path = record(tmp_path / "a.db", sessions=3)
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE frames SET payload = x'00' WHERE session_id = 2 AND seq = 3")
    words = []
    for jobs in (1, 2):
        with pytest.raises(RecordingError) as raised:
            validate([path], agent_events(), jobs=jobs)
        words.append(str(raised.value))

    assert words[0] == words[1]
    assert "session 2: frame 3 is not what was recorded" in words[0]


def judged(number: int, lines: list[Line]) -> Judged:
    trial = Trial(Compiled(agent_events()), session(number))
    for message in messages(lines, number):
        trial.message(message)
    return trial.close(session(number))[1]


LINES = st.lists(st.sampled_from([line for line in run() if not isinstance(line, int)]), max_size=8)


@given(st.lists(LINES, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_sessions_interleaved_alone_and_merged_in_any_order(
    talks: list[list[Line]], chance: random.Random
) -> None:
    live = Judge(agent_events())
    for number, _ in enumerate(talks):
        live.open(session(number))
    left = [(number, message) for number, lines in enumerate(talks)
            for message in messages(lines, number)]  # fmt: skip
    left.sort(key=lambda each: (each[1].seq, chance.random()))
    for number, message in left:
        live.message(number, message)
    for number, _ in enumerate(talks):
        live.close(session(number))

    merge = Merge(agent_events())
    alone = [judged(number, lines) for number, lines in enumerate(talks)]
    chance.shuffle(alone)
    for each in alone:
        merge.add(each)

    assert merge.finish() == live.finish()


@given(st.lists(st.lists(st.integers(0, 10**12), max_size=5), max_size=6), st.booleans())
def test_samples_are_the_same_in_whatever_parts_they_come(
    parts: list[list[int]], many: bool
) -> None:
    whole, merged = Samples(), Samples()
    repeat = EXACT // 4 if many else 1
    for part in parts:
        one = Samples()
        for value in part * repeat:
            whole.add(value)
            one.add(value)
        merged.update(one)

    assert merged.quantiles() == whole.quantiles()


@pytest.fixture
def large(tmp_path: Path) -> Path:
    return record(tmp_path / "large.db", sessions=8, runs=500)


@pytest.fixture
def command(large: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "wsrec", "validate", "-j", "2", str(large)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def workers(pid: int) -> list[int]:
    """Return the processes that `pid` has started to judge."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and "spawn_main" in (path / "cmdline").read_text():
                found.append(int(path.name))
        except OSError:
            continue
    return found


def started(process: subprocess.Popen[str]) -> list[int]:
    end = time.monotonic() + 30
    while len(found := workers(process.pid)) < 2 and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.005)
    return found


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_ctrl_c_ends_it_in_one_line(command: subprocess.Popen[str]) -> None:
    children = started(command)
    for child in children:
        os.kill(child, signal.SIGINT)  # a terminal sends it to all of them, in any order
    with contextlib.suppress(subprocess.TimeoutExpired):
        command.wait(0.2)
    command.send_signal(signal.SIGINT)
    _, line = command.communicate(timeout=30)

    assert command.returncode == 130
    assert line == "wsrec: interrupted, nothing is reported\n"
    assert not any(Path(f"/proc/{child}").exists() for child in children)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_a_worker_that_is_killed_is_one_line(command: subprocess.Popen[str]) -> None:
    children = started(command)
    os.kill(children[0], signal.SIGKILL)
    _, line = command.communicate(timeout=30)

    assert command.returncode == 3
    assert "a worker process was killed by signal 9" in line
    assert line.count("\n") == 1
    assert not any(Path(f"/proc/{child}").exists() for child in children)
