"""docs/replay.md shows what the command says, and names every option."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import click
import pytest
from support.pages import assert_shown, commands, page
from support.replays import free_port, until_somebody_listens
from wsrec.commands.replaying import replay

PAGE = page("replay.md")
FILES = re.findall(r"`(\w+\.py)`[^`]*```python\n(.*?)^```", PAGE, re.M | re.S)
EXAMPLES = commands(PAGE)
OPTIONS = [each for each in replay.params if isinstance(each, click.Option)]


def test_the_examples_say_what_the_page_says(tmp_path: Path) -> None:
    port = str(free_port())
    for name, text in FILES:
        (tmp_path / name).write_text(text.replace("8000", port))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path}
    recording, *replays = EXAMPLES
    agent = subprocess.Popen([sys.executable, "agent.py"], cwd=tmp_path)
    try:
        until_somebody_listens(int(port))
        assert shown(recording[0], port, tmp_path, env) == recording[1]
    finally:
        agent.terminate()
        agent.wait(10)
    assert len(replays) == 2
    for command, expected in replays:
        assert_shown(expected, shown(command, port, tmp_path, env))


def shown(command: str, port: str, folder: Path, env: Mapping[str, str]) -> str:
    """Return what a command of the page says on standard output."""
    done = subprocess.run(
        command.replace("8000", port), shell=True, capture_output=True, text=True,
        cwd=folder, env=env, timeout=30, check=False,
    )  # fmt: skip
    return done.stdout.replace(port, "8000")


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.opts[-1])
def test_every_option_is_explained(option: click.Option) -> None:
    assert any(re.search(rf"(?<![\w-]){re.escape(name)}\b", PAGE) for name in option.opts)


def test_no_other_option_is() -> None:
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE))
    assert named <= {name for option in OPTIONS for name in option.opts}


def test_the_defaults_are_what_the_page_says() -> None:
    rows = re.findall(r"^\| `(--[a-z-]+)` \| (\S+) \|", PAGE, re.MULTILINE)
    defaults = {option.opts[-1]: str(option.default) for option in OPTIONS}
    assert len(rows) == 3
    for name, said in rows:
        assert said == defaults[name], name
