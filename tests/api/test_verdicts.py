"""`wsrec.validate`: what `wsrec validate` says, as values."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest
import wsrec
from support.conversation import run
from support.proxying import wsrec as command
from support.talks import record


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A whole run, one that lost tool_executing, and a session without any."""
    return record(tmp_path / "a.db", run(), run()[:3] + run()[4:], [])


def test_a_verdict_for_each_session_and_for_all(recording: Path) -> None:
    verdicts = wsrec.validate(recording)
    assert (verdicts.verdict, verdicts.exit_code) == ("fail", 1)
    assert [(each.id, each.verdict) for each in verdicts.sessions[:2]] == [(1, "pass"), (2, "fail")]
    error, warning = verdicts.findings
    assert (error.code, error.severity, error.session, error.seq) == (
        "span.unopened",
        "error",
        2,
        4,
    )
    assert warning.code == "contract.vacuous"
    assert verdicts.sessions[1].findings == (error,)
    assert verdicts.contract.name == "agent-events"
    assert {row.span for row in verdicts.latency} == {"run", "tool", "session"}


def test_it_says_what_the_command_says(recording: Path) -> None:
    verdicts = wsrec.validate(recording)
    text = command("validate", str(recording))
    assert (str(verdicts), verdicts.exit_code) == (text.stdout, text.returncode)
    shown = command("validate", "--format", "json", str(recording))
    assert json.loads(verdicts.report("json")) == json.loads(shown.stdout)


def test_of_an_open_recording(recording: Path) -> None:
    with wsrec.open(recording) as opened:
        assert wsrec.validate(opened).findings == wsrec.validate(recording).findings
        assert len(opened.sessions) == 3


def test_some_of_the_sessions(recording: Path) -> None:
    verdicts = wsrec.validate(recording, sessions=[1])
    assert (verdicts.verdict, verdicts.exit_code) == ("pass", 0)
    assert [each.id for each in verdicts.sessions] == [1]


def test_some_of_the_rules(recording: Path) -> None:
    assert [each.code for each in wsrec.validate(recording, rules="span").findings] == [
        "span.unopened",
        "contract.vacuous",  # that nothing was judged always counts
    ]
    assert wsrec.validate(recording, rules=["latency", "span.order"]).verdict == "pass"


def test_two_processes_say_the_same(recording: Path) -> None:
    assert str(wsrec.validate(recording, jobs=2)) == str(wsrec.validate(recording))


def test_in_another_thread(recording: Path) -> None:
    verdicts = asyncio.run(asyncio.to_thread(wsrec.validate, recording))
    assert verdicts.findings == wsrec.validate(recording).findings


def test_by_a_contract_that_is_given(recording: Path, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(
        "wsrec: 1\nname: c\nevents: {sender: server, name: /type}\nsession: {requires: [nothing]}\n"
    )
    verdicts = wsrec.validate(recording, tmp_path / "c.yaml", sessions=[1])
    assert [each.code for each in verdicts.findings] == ["session.missing", "contract.vacuous"]
    loaded = wsrec.load_contract(tmp_path / "c.yaml")
    assert wsrec.validate(recording, loaded, sessions=[1]).findings == verdicts.findings


def test_what_makes_it_fail(tmp_path: Path) -> None:
    path = record(tmp_path / "a.db", run(), [])
    assert wsrec.validate(path).exit_code == 0
    assert wsrec.validate(path, fail_on="warning").exit_code == 1
    assert wsrec.validate(record(tmp_path / "b.db", [])).exit_code == 5


class TestErrors:
    def test_no_such_session(self, recording: Path) -> None:
        with pytest.raises(wsrec.RecordingError, match="no session 4; it holds 3 sessions"):
            wsrec.validate(recording, sessions=[4])

    def test_no_sessions_are_not_all(self, recording: Path) -> None:
        with pytest.raises(ValueError, match="sessions is empty"):
            wsrec.validate(recording, sessions=[])

    def test_no_such_code(self, recording: Path) -> None:
        with pytest.raises(ValueError, match=r"no finding code 'latncy'; did you mean 'latency'"):
            wsrec.validate(recording, rules=["latncy"])

    def test_numbers_out_of_range(self, recording: Path) -> None:
        with pytest.raises(ValueError, match="jobs=0"):
            wsrec.validate(recording, jobs=0)
        with pytest.raises(ValueError, match="max_findings=0"):
            wsrec.validate(recording, max_findings=0)

    def test_a_word_that_there_is_not(self, recording: Path) -> None:
        with pytest.raises(ValueError, match="fail_on: 'eror' is none of error, warning, info"):
            wsrec.validate(recording, fail_on="eror")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="format: 'html' is none of text, json, junit, github"):
            wsrec.validate(recording).report("html")  # type: ignore[arg-type]

    def test_no_such_contract(self, recording: Path) -> None:
        with pytest.raises(wsrec.ContractError, match="did you mean 'agent-events'"):
            wsrec.validate(recording, "agent-event")

    def test_a_changed_recording_is_not_judged(self, recording: Path) -> None:
        with sqlite3.connect(recording) as connection:
            connection.execute("UPDATE frames SET at_ns = at_ns + 1 WHERE seq = 2")
        with pytest.raises(wsrec.RecordingError) as told:
            wsrec.validate(recording)
        assert "\n" not in str(told.value)
