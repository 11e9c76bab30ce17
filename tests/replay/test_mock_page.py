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
from wsrec.commands.mocking import mock
from wsrec.replay.trial import BYTES, LINES

PAGE = (Path(__file__).parents[2] / "docs" / "mock.md").read_text("utf-8")
EXAMPLES = re.findall(r"```console\n\$ (.*)\n((?:.*\n)*?)```", PAGE)
TALKS = (("hello",), ("hello", "what is new"), ("bye",))
PORT = re.compile(r"(?<=127\.0\.0\.1:)\d+")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the page's client and its recording."""
    folder = tmp_path_factory.mktemp("page")
    (client,) = re.findall(r"```python\n((?:.*\n)*?)```", PAGE)
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

    pattern = "".join(_pattern(line) for line in PORT.sub("0", expected).splitlines())
    said = "".join(f"{line.rstrip()}\n" for line in PORT.sub("0", done.stdout).splitlines())
    assert re.fullmatch(pattern, said), f"{said}\n{done.stderr}"


def _pattern(line: str) -> str:
    """Return what a line of the page stands for: `...` for any lines, or the rest of one."""
    if line == "...":
        return r"(?:.*\n)*?"
    if line.endswith("..."):
        return re.escape(line.removesuffix("...")) + ".*\n"
    return re.escape(line.rstrip()) + r"\n"


def test_the_bounds_are_those_of_the_code() -> None:
    assert f"the first {LINES} messages and {BYTES >> 10} KiB" in PAGE


def test_every_option_of_its_own_is_on_the_page() -> None:
    elsewhere = {"contract", "usual", "tolerance", "binds", "unconsumed", "any_order", "name"}
    options = {each.name: each.opts for each in mock.params if each.opts[0].startswith("-")}

    missing = [
        names
        for name, names in options.items()
        if name not in elsewhere and not any(each in PAGE for each in names)
    ]

    assert missing == []
