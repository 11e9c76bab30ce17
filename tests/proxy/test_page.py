"""docs/proxy.md names every option that there is, and its default."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from wsrec.cli import proxy

PAGE = Path(__file__).parents[2] / "docs" / "proxy.md"
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
