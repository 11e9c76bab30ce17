"""Recordings made by the real recorder, judged, with the exit code that follows."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest
from rich.console import Console
from support.conversation import Line, agent_events, run
from support.recordings import recorder_at
from support.talks import record
from wsrec.judge.progress import Progress
from wsrec.judge.validate import exit_code, validate
from wsrec.schemas.codes import Severity
from wsrec.store.errors import RecordingError
from wsrec.store.reader import Recording


def test_a_recording_that_passes(tmp_path: Path) -> None:
    report = validate([record(tmp_path / "a.db", run(), run("r2"))], agent_events())
    assert report.verdict == "pass"
    assert exit_code(report) == exit_code(report, "info") == 0
    outcome = report.recordings[0].outcome
    assert (len(outcome.sessions), outcome.messages) == (2, 12)
    assert {(row.span, row.kind) for row in outcome.latency} >= {
        ("run", "first"),
        ("run", "total"),
        ("session", "proxy_added"),
    }


def test_a_lost_event_fails_and_names_its_frame(tmp_path: Path) -> None:
    path = record(tmp_path / "a.db", run(), run()[:3] + run()[4:])
    report = validate([path], agent_events())
    [found] = report.findings()
    assert (found.code, found.session, found.seq) == ("span.unopened", 2, 4)
    assert exit_code(report) == 1


@pytest.mark.parametrize(("fail_on", "code"), [("error", 0), ("warning", 1), ("info", 1)])
def test_warnings_fail_only_when_asked_to(tmp_path: Path, fail_on: Severity, code: int) -> None:
    report = validate([record(tmp_path / "a.db", run(), [])], agent_events())
    assert [found.code for found in report.findings()] == ["contract.vacuous"]
    assert report.recordings[0].outcome.vacuous is None
    # One session opened no run: worth a warning, but something was judged.
    assert exit_code(report, "error") == 0
    assert exit_code(report, fail_on) == code


def test_nothing_validated_is_five(tmp_path: Path) -> None:
    chatter: list[Line] = [("server", {"type": "status"})]
    for number, lines in enumerate(([], chatter)):
        report = validate([record(tmp_path / f"{number}.db", lines)], agent_events())
        assert exit_code(report) == exit_code(report, "info") == 5
    with recorder_at(tmp_path / "refused.db") as recorder:
        tap = recorder.session("127.0.0.1:5", "/ws", [])
        tap.answered(403, [], None, None)
        tap.ended()
    refused = validate([tmp_path / "refused.db"], agent_events())
    assert exit_code(refused) == 5
    assert len(refused.recordings[0].outcome.skipped) == 1
    empty = validate([record(tmp_path / "empty.db")], agent_events())
    assert exit_code(empty) == 5
    good = record(tmp_path / "good.db", run())
    assert exit_code(validate([good, tmp_path / "0.db"], agent_events())) == 5
    assert exit_code(validate([], agent_events())) == 5


def test_an_unclean_session_cannot_pass(tmp_path: Path) -> None:
    report = validate([record(tmp_path / "a.db", run(), end=False)], agent_events())
    assert [found.code for found in report.findings()] == ["recording.unclean"]
    assert report.verdict == "inconclusive"
    assert exit_code(report) == 1


def test_what_is_no_recording(tmp_path: Path) -> None:
    text = tmp_path / "a.txt"
    text.write_text("hello")
    for path in (text, tmp_path / "missing.db"):
        with pytest.raises(RecordingError):
            validate([path], agent_events())


def test_invalid_text_is_a_finding(tmp_path: Path) -> None:
    junk: list[Line] = [("server", b"\xff\xfe{}")]
    report = validate([record(tmp_path / "a.db", [*junk, *run()])], agent_events())
    [found] = report.findings()
    assert found.code == "event.undecodable"
    assert "not valid UTF-8 at byte 0" in found.message


@pytest.mark.parametrize("lost", ["seq = 3", "seq > 5", "seq <= 2"])
def test_a_recording_that_misses_frames_is_not_judged(tmp_path: Path, lost: str) -> None:
    path = record(tmp_path / "a.db", run(), run("r2"))
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute(f"DELETE FROM frames WHERE session_id = 2 AND {lost}")

    with pytest.raises(RecordingError, match=r"a\.db: damaged: session 2: frames? .* missing"):
        validate([path], agent_events())


def test_a_name_is_no_markup_of_the_bar(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = record(tmp_path / "[red]\x1b[2J.db", run())
    with Recording.open(path) as recording, Progress(recording, lambda: None) as progress:
        bar = progress._begin()
        bar.stop()
        Console(width=200).print(bar.get_renderable())
    assert "judging [red]\\x1b[2J.db" in capsys.readouterr().out
