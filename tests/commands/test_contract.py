"""`wsrec contract check` tells of every file what is wrong with it, and what probably is."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.conversation import run
from support.talks import record
from wsrec.cli import main

GOOD = "wsrec: 1\nevents: {types: {job: , done: }}\nspans: {s: {key: [], open: %s, close: done}}\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(*words: str) -> Result:
    return CliRunner().invoke(main, ["contract", "check", *words], prog_name="wsrec")


def test_a_name_that_is_probably_misspelt_is_a_warning(here: Path) -> None:
    (here / "c.yaml").write_text(GOOD.replace("job", "job.start") % "job.strat")

    told = check("c.yaml")

    assert told.exit_code == 0
    assert told.stdout == "c.yaml: c is a valid contract, with 1 warning\n"
    assert told.stderr == (
        "c.yaml:3:28: warning: 'job.strat' in open of span 's' is no event of 'types'; "
        "did you mean 'job.start'?\n"
    )


def test_the_mistakes_of_all_files_are_told(here: Path) -> None:
    (here / "a.yaml").write_text("wsrec: 2\nevents: {}\n")
    (here / "b.yaml").write_text(GOOD % "job")
    (here / "c.yaml").write_text("wsrec: 1\nevent: {}\n")

    told = check("c.yaml", "b.yaml", "a.yaml", "none.yaml")

    assert told.exit_code == 2
    assert told.stdout == "b.yaml: b is a valid contract\n"
    assert [line.split(": ")[0] for line in told.stderr.splitlines()] == [
        "a.yaml:1:8", "c.yaml:1:1", "c.yaml:2:1", "none.yaml",
    ]  # fmt: skip


def test_a_recording_is_no_contract_but_may_store_one(here: Path) -> None:
    record(here / "session.db", run())

    told = check("session.db")

    assert told.exit_code == 2
    assert told.stderr == (
        "session.db: a recording; `wsrec contract show` prints the contract that it stores\n"
    )
