"""docs/reports.md shows what the command says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.conversation import run
from support.pages import assert_shown, commands, page
from support.reporting import LOST
from support.talks import record
from wsrec.cli import main

PAGE = page("reports.md")
EXAMPLES = commands(PAGE)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("page") / "session.db", run(), LOST, run())


@pytest.mark.parametrize(("command", "shown"), EXAMPLES)
def test_an_example(
    recording: Path, monkeypatch: pytest.MonkeyPatch, command: str, shown: str
) -> None:
    monkeypatch.chdir(recording.parent)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    name, *words = shlex.split(command)
    done = CliRunner().invoke(main, words, prog_name=name)
    assert done.stderr == ""
    assert_shown(shown, done.stdout)


def test_there_is_an_example_of_each_format() -> None:
    words = " ".join(command for command, _ in EXAMPLES)
    assert len(EXAMPLES) == 6
    assert {"junit", "json", "text", "github"} == set(re.findall(r"--format (\w+)", words))


def test_every_option_is_explained() -> None:
    options = {option for each in main.commands["validate"].params for option in each.opts}
    for option in options & {"--rules", "--session", "--max-findings", "--fail-on"}:
        assert f"| `{option} " in PAGE
