"""docs/proxy.md names every option and its default, docs/transparency.md tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from wsrec.commands.proxy import proxy

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "proxy.md"
GUARANTEES = ROOT / "docs" / "transparency.md"
OPTIONS = [each for each in proxy.params if isinstance(each, click.Option)]


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.opts[-1])
def test_every_option_is_explained(option: click.Option) -> None:
    text = PAGE.read_text()
    assert any(re.search(rf"(?<![\w-]){re.escape(name)}\b", text) for name in option.opts)


def test_no_other_option_is() -> None:
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE.read_text()))
    assert named <= {name for option in OPTIONS for name in option.opts}


def test_the_defaults_are_what_the_page_says() -> None:
    rows = re.findall(r"^\| `(--[a-z-]+)` \| (\S+) \|", PAGE.read_text(), re.MULTILINE)
    defaults = {option.opts[-1]: str(option.default) for option in OPTIONS}
    assert len(rows) >= 5
    for name, said in rows:
        assert said == defaults[name] or said == "off", name


def test_each_guarantee_is_shown_by_a_test_that_exists() -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", GUARANTEES.read_text()))
    assert len(named) > 30
    for path, name in named:
        assert re.search(rf"^(async )?def {name}\(", (ROOT / path).read_text(), re.MULTILINE), name
