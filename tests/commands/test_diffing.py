"""`wsrec diff` as it is called: exit codes, contracts, files, and what is refused."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner
from support.conversation import run, server
from support.diffing import recorded, talk
from wsrec.cli import main
from wsrec.schemas.archive import Archive

CONTRACT = "wsrec: 1\ndecode: json\nevents: {name: /type}\n"


class Done(NamedTuple):
    code: int
    out: str
    err: str


def diff(*words: str | Path) -> Done:
    done = CliRunner().invoke(main, ["diff", *map(str, words)], prog_name="wsrec")
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Done(done.exit_code, done.stdout, done.stderr)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    changed = [*run()[:5], server("agent_completed", run_id="r1", user_id="u1", response="no")]
    recorded(tmp_path / "a.db", talk(run()))
    recorded(tmp_path / "b.db", talk(run()))
    recorded(tmp_path / "c.db", talk(changed))
    return tmp_path


def test_the_exit_code_says_whether_anything_differs(folder: Path) -> None:
    assert diff("a.db", "b.db").code == 0
    done = diff("a.db", "c.db")
    assert (done.code, done.err) == (1, "")
    assert '/response: nothing -> "no"' in done.out
    assert diff("a.db", "c.db", "--ignore", "response").code == 0
    assert diff("a.db", "a.db").code == 0


def test_where_nothing_was_compared_nothing_is_the_same(folder: Path) -> None:
    recorded(folder / "empty.db")
    done = diff("empty.db", "empty.db")
    assert (done.code, done.err) == (1, "")
    verdict = "verdict   nothing compared: neither A nor B has a session"
    assert done.out.splitlines()[-1] == verdict
    assert json.loads(diff("empty.db", "empty.db", "--format", "json").out)["verdict"] == (
        "nothing compared"
    )
    assert diff("empty.db", "a.db").out.splitlines()[-1] == "verdict   differs: 1 session only in B"
    assert diff("empty.db", "a.db", "--session", "1-").code == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.db"], "Missing argument 'B'"),
        (["a.db", "b.db", "--session", "x"], "'x' is no session"),
        (["a.db", "b.db", "--session", "7"], "a.db: no session 7; it holds 1 session, 1"),
        (["a.db", "b.db", "--max-slower", "0.5"], "0.5 is not in the range x>=1"),
        (["a.db", "b.db", "--ignore", ""], "an empty pointer"),
        (["a.db", "b.db", "--bind", "/x", "--no-bind"], "--bind names ids"),
        (["a.db", "b.db", "--heartbeat", "ping="], "--heartbeat: 'ping=' is no EVENT"),
        (["a.db", "b.db", "-c", "nothing.yaml"], "nothing.yaml"),
        (["a.db", "b.db", "-o", "b.db"], "replace the recording"),
        (["a.db", "b.db", "-o", "none/x.txt"], "No such file or directory"),
    ],
)
def test_what_is_refused_is_two(folder: Path, words: list[str], said: str) -> None:
    done = diff(*words)
    assert done.code == 2
    assert said in done.err
    assert done.out == ""


@pytest.mark.parametrize("words", [["a.db", "x.db"], ["x.db", "a.db"]])
def test_what_cannot_be_read_is_three(folder: Path, words: list[str]) -> None:
    assert diff(*words).code == 3
    (folder / "x.db").write_text("no recording")
    done = diff(*words)
    assert (done.code, done.out) == (3, "")
    (folder / "x.db").unlink()
    recorded(folder / "x.db", talk(run()))
    with contextlib.closing(sqlite3.connect(folder / "x.db")) as database, database:
        database.execute("UPDATE frames SET payload = 'y' WHERE seq = 2")
    done = diff(*words)
    assert done.code == 3
    assert done.err.startswith("wsrec: x.db: damaged: ")
    assert len(done.err.splitlines()) == 1


def test_the_contract_is_given_or_stored_in_a_or_the_projects(folder: Path) -> None:
    def named(*words: str | Path) -> str | None:
        value = json.loads(diff(*words, "--format", "json").out)
        contract = value["contract"]
        return contract and str(contract["name"])

    assert named("a.db", "b.db") is None
    (folder / "own.yaml").write_text(CONTRACT)
    assert named("a.db", "b.db", "-c", "own.yaml") == "own"
    (folder / "wsrec.toml").write_text('contract = "jsonrpc"')
    assert named("a.db", "b.db") == "jsonrpc"
    assert named("a.db", "b.db", "-c", "own.yaml") == "own"
    recorded(folder / "s.db", talk(run()), contract=Archive.of("agent-events").text())
    assert named("s.db", "b.db") == "agent-events"
    assert named("b.db", "s.db") == "jsonrpc"
    (folder / "wsrec.toml").write_text('contract = "nothing"')
    assert diff("a.db", "b.db").code == 2
    assert diff("s.db", "b.db", "-c", "own.yaml").code == 0


def test_a_report_goes_into_a_file(folder: Path) -> None:
    done = diff("a.db", "c.db", "-o", "report.txt")
    assert (done.code, done.out) == (1, "")
    assert (folder / "report.txt").read_text() == diff("a.db", "c.db").out
    assert diff("a.db", "c.db", "--format", "json", "-o", "report.json").code == 1
    shown = diff("a.db", "c.db", "--format", "json", "-o", "-").out
    assert (folder / "report.json").read_text() == shown
    assert diff("a.db", "x.db", "-o", "report.txt").code == 3
    assert not (folder / "report.txt").exists()
