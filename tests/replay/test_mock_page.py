"""docs/mock.md: its examples are run, and its tables are those of the code."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.mocking import chat, recorded_at
from support.pages import assert_shown, blocks, commands, page
from wsrec.commands.mocking import mock
from wsrec.replay.trial import BYTES, LINES

PAGE = page("mock.md")
EXAMPLES = commands(PAGE)
TALKS = (("hello",), ("hello", "what is new"), ("bye",))
PORT = re.compile(r"(?<=127\.0\.0\.1:)\d+")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the page's client and its recording."""
    folder = tmp_path_factory.mktemp("page")
    (client,) = blocks(PAGE, "python")
    (folder / "ask.py").write_text(client)

    async def record() -> None:
        async with recorded_at(folder / "chat.db", chat) as url:
            for texts in TALKS:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "ask.py", *texts, cwd=folder, stdout=subprocess.DEVNULL,
                    env={"WSREC_URL": url},
                )  # fmt: skip
                assert await process.wait() == 0

    asyncio.run(record())
    return folder


@pytest.mark.parametrize(("command", "expected"), EXAMPLES, ids=[each[0][:70] for each in EXAMPLES])
def test_the_page_shows_what_happens(folder: Path, command: str, expected: str) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", command],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PATH": path},
        timeout=30,
        check=False,
    )

    assert_shown(PORT.sub("0", expected), PORT.sub("0", done.stdout))


def test_the_bounds_are_those_of_the_code() -> None:
    assert f"the first {LINES} messages and {BYTES >> 10} KiB" in PAGE


@pytest.mark.parametrize(
    "names", [each.opts for each in mock.params if each.opts[0].startswith("-")], ids=str
)
def test_every_option_of_its_own_is_on_the_page(names: list[str]) -> None:
    """Those of `MATCHING` are on a page of their own."""
    assert any(each in PAGE or f"`{each}" in page("matching.md") for each in names)
