"""docs/diff.md shows what the command says."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.conversation import MS, Line, client, server
from support.diffing import recorded, talk
from support.pages import assert_shown, commands, page
from wsrec.cli import main

PAGE = page("diff.md")
EXAMPLES = commands(PAGE)


def asked(city: str, run_id: str, result: str, took_ns: int = 0) -> list[Line]:
    """What an agent does that is asked for the weather: messages 50 ms apart, the tool slower."""
    ids = {"user_id": "u1", "run_id": run_id}
    return [
        client("user_message", user_id="u1", text=f"Weather in {city}?"),
        server("agent_started", **ids),
        server("agent_thinking", **ids, thought=f"look up {city}"),
        server("tool_executing", **ids, tool_name="weather"),
        took_ns,
        server("tool_completed", **ids, tool_name="weather", result=result),
        server("agent_completed", **ids, response=f"{city}: {result}"),
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    sunny = asked("Bonn", "run_8f3ka9d2", "sunny, 21 degrees")
    cities = ["Kyiv", "Lima", "Oslo", "Pune", "Rome"]
    others, slow = list[Line](), list[Line]()
    for n, city in enumerate(cities):
        others += asked(city, f"run_{n}c0ffee{n}", "rain")
        slow += asked(city, f"run_{n}deed5{n}2", "rain", 120 * MS)
    fog = asked("Graz", "run_5e6d7c8b", "fog")
    recorded(folder / "before.db", talk(sunny), talk(others), talk(fog))
    cloudy = asked("Bonn", "run_0b1d44e7", "cloudy, 18 degrees")
    recorded(folder / "after.db", talk(cloudy[:2] + cloudy[3:]), talk(slow))
    cut = talk(sunny[:4], closed_by="server", close_code=1011)
    recorded(folder / "cut.db", cut)
    recorded(folder / "again.db", talk(sunny), talk(others), talk(fog))
    return folder


@pytest.mark.parametrize(("command", "shown"), EXAMPLES)
def test_an_example(
    folder: Path, monkeypatch: pytest.MonkeyPatch, command: str, shown: str
) -> None:
    monkeypatch.chdir(folder)
    name, *words = shlex.split(command)
    done = CliRunner().invoke(main, words, prog_name=name)
    assert done.stderr == ""
    assert_shown(shown, done.stdout)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 6


def test_every_option_of_its_own_is_explained() -> None:
    options = {option for each in main.commands["diff"].params for option in each.opts}
    own = {"--session", "--min-samples", "--max-slower", "--max-differences", "--output"}
    for option in options & own:
        assert f"`{option}" in PAGE
