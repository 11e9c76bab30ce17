"""docs/packs: the contracts that the pages lay over their pack load."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest
from support.pages import blocks
from wsrec.schemas.contract import load

PAGES = Path(__file__).parents[2] / "docs" / "packs"
EXAMPLES = [
    (page.stem, dedent(text))
    for page in sorted(PAGES.glob("*.md"))
    for text in blocks(page.read_text("utf-8"), "yaml")
]


@pytest.mark.parametrize(("pack", "text"), EXAMPLES)
def test_an_example_loads(tmp_path: Path, pack: str, text: str) -> None:
    for schema in re.findall(r"schema: (\w+\.schema\.json)", text):
        (tmp_path / schema).write_text("{}", "utf-8")
    (tmp_path / "over.yaml").write_text(text, "utf-8")
    assert load(tmp_path / "over.yaml").extends[-1:] == (f"pack {pack}/contract.yaml",)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 4
