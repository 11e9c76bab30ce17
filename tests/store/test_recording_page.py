"""docs/recording.md: whoever follows it computes the chain that the recorder wrote."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.pages import blocks, page
from support.tampering import change, record_everything
from wsrec.store.tables import TABLES

PAGE = page("recording.md")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "session.db"
    record_everything(path)
    return path


def intact(path: Path) -> list[bool]:
    """What the page's example says of the sessions."""
    (example,) = blocks(PAGE, "python")
    names: dict[str, Any] = {}
    exec(compile(example, "docs/recording.md", "exec"), names)
    is_intact: Callable[[sqlite3.Connection, int], bool] = names["is_intact"]
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return [is_intact(connection, session) for session in range(1, 8)]


def test_its_example_finds_a_recording_intact(path: Path) -> None:
    assert intact(path) == [True] * 7


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE frames SET at_ns = at_ns + 1 WHERE session_id = 2 AND seq = 1",
        "UPDATE frames SET anomalies = NULL WHERE session_id = 2 AND seq = 2",
        "UPDATE sessions SET client = NULL WHERE id = 2",
        "UPDATE sessions SET ended_ns = ended_ns + 1 WHERE id = 2",
        "UPDATE links SET link = x'' WHERE first_id ="
        " (SELECT first_id FROM extents WHERE session_id = 2)",
    ],
)
def test_its_example_finds_what_was_changed(path: Path, statement: str) -> None:
    assert change(path, statement) == 1
    assert intact(path) == [True, False, True, True, True, True, True]


def test_it_names_every_column(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        tables = (*TABLES, "messages")
        for table in tables:
            assert f"`{table}`" in PAGE
            for _, column, *_ in connection.execute(f"PRAGMA table_xinfo({table})"):
                assert re.search(rf"\b{column}\b", PAGE), (table, column)
