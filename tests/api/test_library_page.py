"""docs/library.md: its examples run as they stand, and it names everything that there is."""

from __future__ import annotations

import ast
import asyncio
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest
import wsrec
from support.pages import blocks, page
from support.peers import peer_process

ROOT = Path(__file__).parents[2]
PAGE = page("library.md")


@pytest.fixture
def backend() -> Iterator[str]:
    with peer_process([sys.executable, "-m", "wsrec.demo.backend"]) as server:
        yield f"127.0.0.1:{server.says()['port']}"


def compiled(example: str) -> CodeType:
    """As IPython has it: with `await` outside of functions."""
    code = compile(example, "docs/library.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    assert isinstance(code, CodeType)
    return code


def run(text: str, backend: str, **names: Any) -> int:
    """Run the examples of a page, in order; return how many they are."""

    async def run_all() -> None:
        for example in blocks(text, "python"):
            code = compiled(example.replace("127.0.0.1:8000", backend))
            running = FunctionType(code, names)()
            if running is not None:
                await running

    asyncio.run(asyncio.wait_for(run_all(), 60))
    return len(blocks(text, "python"))


def test_the_examples_run_in_order(
    backend: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(PAGE, backend) == 11
    said = capsys.readouterr().out
    (shown,) = re.findall(r"^    (waited .*)$", PAGE, re.MULTILINE)
    assert shown in said
    assert f"{backend}/ws?thread=new\n" in said


def test_the_example_of_the_readme_runs(
    backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run((ROOT / "README.md").read_text("utf-8"), backend, wsrec=wsrec) == 1


def test_every_name_has_a_row() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.split("## Reference")[1], re.MULTILINE)
    assert sorted(rows) == sorted(wsrec.__all__)


def test_every_attribute_of_what_is_received_has_a_row() -> None:
    rows = set(re.findall(r"^\| `(\w+)` \|", PAGE.split("## Reference")[0], re.MULTILINE))
    assert rows == set(wsrec.Received.__dataclass_fields__)
