"""Recordings that go on while they are played or compared: each has one end, and it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.diffing import contrast
from support.mocking import joined, mocked
from support.raw import conversation
from support.recordings import Conversation, recorder_at
from support.replays import replayed, serving
from support.uppercase import ask, close, upper, written
from wsrec.replay.script import UNENDED, Script
from wsrec.store.reader import Recording
from wsrec.store.recorder import Recorder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session.db"


@pytest.fixture
def going_on(path: Path) -> Iterator[tuple[Recorder, Conversation]]:
    """A recording in the midst of its second session."""
    with recorder_at(path) as recorder:
        close(ask(Conversation(recorder), "one"))
        talk = ask(Conversation(recorder), "a", "b")
        written(path, 2, 4)
        yield recorder, talk


def test_what_is_recorded_meanwhile_is_not_read(
    going_on: tuple[Recorder, Conversation], path: Path
) -> None:
    recorder, talk = going_on
    with Recording.open(path) as recording:
        before = recording.hold()
        close(ask(talk, "c"))
        close(ask(Conversation(recorder), "three"))
        written(path, 3, 4)
        assert [each.clean for each in before] == [True, False]
        assert [each.seq for each in recording.frames(2)] == [1, 2, 3, 4]
        assert [each.data for each in recording.messages(2)] == ["a", "A", "b", "B"]
        assert len(list(recording.spoken(2, rows=1, size=1))) == 4
        assert [recording.first_gap(each) for each in before] == [None, None]
        assert list(recording.frames(3)) == []


@conversation
async def test_a_session_that_goes_on_is_played_as_far_as_it_went(
    going_on: tuple[Recorder, Conversation], path: Path
) -> None:
    async with serving(upper) as url, Script(path) as script:
        done = await replayed(path, url)
        close(ask(going_on[1], "c"))
        await asyncio.to_thread(written, path, 2, 8)
        pages = script.pages(2)
        (lines, last) = await pages.page()
    assert [(each.verdict, list(each.notes)) for each in done.sessions] == [
        ("matched", []),
        ("matched", [UNENDED]),
    ]
    assert ([each.said.data for each in lines], last) == (["a", "A", "b", "B"], True)


@conversation
async def test_a_mock_says_of_which_session_there_is_no_end(
    going_on: tuple[Recorder, Conversation], path: Path
) -> None:
    async with mocked(path, allow_unplayed=True) as mock:
        for words in (("one",), ("a", "b")):
            async with joined(f"{mock.url}/ws") as client:
                for word in words:
                    await client.send(word)
                    assert await client.recv() == word.upper()
    notes = {each.session: list(each.notes) for each in mock.plays.sessions}
    assert (mock.plays.verdict, notes) == ("matched", {1: [], 2: [UNENDED]})


def test_a_comparison_says_of_which_side_there_is_no_end(
    going_on: tuple[Recorder, Conversation], path: Path
) -> None:
    made = contrast(path, path)
    assert made.same
    assert [each.notes for each in made.sessions] == [
        (),
        tuple(f"no end was recorded in {side}: compared as far as it went" for side in "AB"),
    ]
