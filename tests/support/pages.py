"""The pages of docs/: their examples, and whether what they show is what happens."""

from __future__ import annotations

import re
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path

__all__ = ["assert_shown", "blocks", "commands", "page"]

_DOCS = Path(__file__).parents[2] / "docs"


def page(name: str) -> str:
    return (_DOCS / name).read_text("utf-8")


def blocks(text: str, language: str) -> list[str]:
    """Return what stands in the fences of a language, in order."""
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[tuple[str, str]]:
    """Return the commands of a page's consoles, each with what is shown below it."""
    lines = "".join(blocks(text, "console"))
    return re.findall(r"^\$ ([^\n]*)\n((?:(?!\$ ).*\n)*)", lines, re.MULTILINE)


def assert_shown(shown: str, said: str) -> None:
    """Expect that something said is what a page shows, in which `...` stands for anything."""
    if not OutputChecker().check_output(shown, said, ELLIPSIS | NORMALIZE_WHITESPACE):
        assert said == shown
