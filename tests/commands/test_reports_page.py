"""docs/reports.md shows what the command says."""

from __future__ import annotations

import re
import shlex
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.conversation import run
from support.reporting import LOST
from support.talks import record
from wsrec.cli import main

PAGE = (Path(__file__).parents[2] / "docs" / "reports.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```console\n\$ wsrec ([^\n]*)\n(.*?)^```", PAGE, re.M | re.S)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("page") / "session.db", run(), LOST, run())


@pytest.mark.parametrize(("words", "shown"), EXAMPLES)
def test_an_example(
    recording: Path, monkeypatch: pytest.MonkeyPatch, words: str, shown: str
) -> None:
    monkeypatch.chdir(recording.parent)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    done = CliRunner().invoke(main, shlex.split(words), prog_name="wsrec")
    assert done.stderr == ""
    if not OutputChecker().check_output(shown, done.stdout, ELLIPSIS | NORMALIZE_WHITESPACE):
        assert done.stdout == shown


def test_there_is_an_example_of_each_format() -> None:
    words = " ".join(words for words, _ in EXAMPLES)
    assert len(EXAMPLES) == 6
    assert {"junit", "json", "text", "github"} == set(re.findall(r"--format (\w+)", words))


def test_every_option_is_explained() -> None:
    options = {option for each in main.commands["validate"].params for option in each.opts}
    for option in options & {"--rules", "--session", "--max-findings", "--fail-on"}:
        assert f"| `{option} " in PAGE
