"""Recordings of every format that was ever released are read as they were then."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.golden import FOLDER, outputs
from support.hostile_files import state
from support.recordings import Conversation, contents, recorder_at

KEPT = sorted(FOLDER.glob("v*/*.db"))


def name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", KEPT, ids=name)
def test_is_read_as_it_was(path: Path) -> None:
    before = state(path.parent)
    assert outputs(path) == json.loads(path.with_suffix(".json").read_text())
    assert state(path.parent) == before


@pytest.mark.parametrize("path", KEPT, ids=name)
def test_may_be_continued(path: Path, tmp_path: Path) -> None:
    before = contents(path)
    copy = tmp_path / path.name
    copy.write_bytes(path.read_bytes())
    with recorder_at(copy) as recorder:
        Conversation(recorder).text("client", "today").end()
    after = contents(copy)
    assert after.sessions[:-1] == before.sessions
    assert after.messages[:-1] == before.messages
    assert after.frames[:-1] == before.frames
    assert [message.data for message in after.messages[-1]] == ["today"]


def test_none_is_without_what_is_expected_of_it() -> None:
    assert {path.with_suffix(".json") for path in KEPT} == set(FOLDER.glob("v*/*.json"))
