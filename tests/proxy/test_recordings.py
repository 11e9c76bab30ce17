"""Recordings that follow one another: which one a session goes to, and when each is finished."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from support.frames import wire
from support.recordings import Conversation, contents, recorder_at
from wsrec.proxy.keep import Keep
from wsrec.proxy.recordings import Recordings
from wsrec.store.errors import RecordingBusyError, RecordingError
from wsrec.store.reader import Recording
from wsrec.store.recorder import Recorder
from wsrec.store.series import Series
from wsrec.store.tap import SessionTap

MEBIBYTE = Keep(rotate_bytes=1 << 20)
AT_ONCE = Keep(rotate_seconds=0)
A_DAY = Keep(rotate_seconds=86_400)


def run(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @wraps(test)
    def bounded(**fixtures: object) -> None:
        asyncio.run(asyncio.wait_for(test(**fixtures), 30))

    return bounded


def recordings(output: Path, keep: Keep) -> Recordings:
    series = Series(output)
    return Recordings(series, keep, lambda path: Recorder(path, meta={"output": series.pattern}))


def begin(to: Recordings, target: str) -> SessionTap:
    tap = to.session(None, target, [])
    tap.answered(101, [], None, None)
    return tap


def say(tap: SessionTap, text: str) -> None:
    tap.stream("server")(1, 1, wire(1, text.encode()))


async def finished(to: Recordings, path: Path) -> None:
    """Wait until a recording is closed, while others are still recorded into."""
    while path in to.paths:
        await asyncio.sleep(0.01)


def targets(path: Path) -> list[str]:
    """Return what a recording has sessions of; it must have been finished."""
    with Recording.open(path) as opened:
        assert opened.clean
        found = list(opened.sessions())
    assert all(each.clean for each in found)
    return [each.target for each in found]


def put(path: Path, text: str) -> None:
    path.write_text(text)


def take_away(path: Path) -> None:

    path.unlink()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# -- rotation ---------------------------------------------------------------------------------


@run
async def test_a_session_ends_in_the_recording_it_began_in(recording: Path) -> None:
    following = recording.with_name("session-2.db")
    to = recordings(recording, AT_ONCE)
    await to.open()
    long, short = begin(to, "/long"), begin(to, "/short")
    say(long, "before")
    await to.rotate()
    assert to.path == following
    assert list(to.paths) == [following, recording]
    late = begin(to, "/late")
    say(long, "after")
    short.ended()
    assert len(to.paths) == 2
    long.ended()
    await finished(to, recording)
    assert list(to.paths) == [following]
    late.ended()
    await to.close()

    assert to.fault is None
    assert names(recording.parent) == {"session.db", "session-2.db"}
    assert targets(recording) == ["/long", "/short"]
    assert targets(following) == ["/late"]
    said = [message.data for message in contents(recording).messages[0]]
    assert said == ["before", "after"]


@run
async def test_one_without_open_sessions_is_finished_at_once(recording: Path) -> None:
    to = recordings(recording, AT_ONCE)
    await to.open()
    begin(to, "/").ended()
    await to.rotate()
    await finished(to, recording)
    await to.close()
    assert targets(recording) == ["/"]


@run
async def test_a_session_that_ends_twice_is_counted_once(recording: Path) -> None:
    to = recordings(recording, AT_ONCE)
    await to.open()
    one, two = begin(to, "/1"), begin(to, "/2")
    await to.rotate()
    one.ended()
    one.ended()
    assert len(to.paths) == 2
    two.ended()
    await finished(to, recording)
    await to.close()


@run
async def test_the_end_of_the_proxy_finishes_all(recording: Path) -> None:
    to = recordings(recording, AT_ONCE)
    await to.open()
    begin(to, "/1")
    await to.rotate()
    begin(to, "/2")
    await to.close()
    for path in (recording, recording.with_name("session-2.db")):
        with Recording.open(path) as opened:
            assert opened.clean


@run
async def test_no_recording_follows_one_without_sessions(recording: Path) -> None:
    to = recordings(recording, AT_ONCE)
    await to.open()
    assert not to.is_due(1 << 40)
    begin(to, "/").ended()
    assert to.is_due(0)
    await to.rotate()
    assert not to.is_due(1 << 40)
    await to.close()


@run
async def test_it_is_due_by_size(recording: Path) -> None:
    to = recordings(recording, MEBIBYTE)
    await to.open()
    begin(to, "/").ended()
    assert not to.is_due((1 << 20) - 1)
    assert to.is_due(1 << 20)
    await to.close()


@run
async def test_recordings_whose_sessions_go_on_are_bounded(recording: Path) -> None:
    to = recordings(recording, AT_ONCE)
    await to.open()
    taps = []
    for _ in range(8):
        taps.append(begin(to, "/"))
        assert to.is_due(0)
        await to.rotate()
    begin(to, "/")
    assert not to.is_due(0)
    taps[0].ended()
    await finished(to, recording)
    while not to.is_due(0):  # it is finished before it is forgotten
        await asyncio.sleep(0.01)
    await to.close()


@run
async def test_one_that_cannot_be_written_fails_all(recording: Path) -> None:
    to = recordings(recording, AT_ONCE)
    await to.open()
    tap = begin(to, "/")
    await to.rotate()
    assert to.failure is None
    tap._put(lambda: 1 / 0, 0)
    while to.failure is None:
        await asyncio.sleep(0.01)
    begin(to, "/")
    assert not to.is_due(0)
    assert to.path == recording
    await to.close()
    assert to.fault is not None
    assert to.fault.path == recording


@run
async def test_a_former_one_that_was_taken_away_is_told_of_and_stops_nobody(
    recording: Path, caplog: pytest.LogCaptureFixture
) -> None:
    to = recordings(recording, AT_ONCE)
    await to.open()
    tap = begin(to, "/")
    await to.rotate()
    take_away(recording)
    tap.ended()
    await finished(to, recording)
    assert to.failure is None
    assert caplog.messages == [
        f"{recording}: recording failed: the file was taken away while it was recorded into;"
        " it has no clean end, wsrec verify says what is missing"
    ]
    await to.close()
    assert to.fault is not None


@run
async def test_where_no_other_can_be_begun_the_first_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    to = recordings(folder / "session.db", AT_ONCE)
    await to.open()
    shutil.move(folder, tmp_path / "moved")
    with pytest.raises(OSError, match="No such file"):
        await to.rotate()
    tap = begin(to, "/")
    shutil.move(tmp_path / "moved", folder)
    tap.ended()
    await to.close()
    assert targets(folder / "session.db") == ["/"]


@run
async def test_what_could_not_be_begun_leaves_nothing_behind(recording: Path) -> None:
    series = Series(recording)

    def record(path: Path) -> Recorder:
        if path != recording:
            path.write_bytes(b"the disk is full in the middle of this")
            raise RecordingError("no room")
        return Recorder(path)

    to = Recordings(series, AT_ONCE, record)
    await to.open()
    for _ in range(3):
        with pytest.raises(RecordingError):
            await to.rotate()
    await to.close()
    assert names(recording.parent) == {"session.db"}


# -- names ------------------------------------------------------------------------------------


@run
async def test_names_with_a_date_and_a_number(tmp_path: Path) -> None:
    to = recordings(tmp_path / "rec-%Y.db", AT_ONCE)
    year = datetime.now(UTC).year
    await to.open()
    for _ in range(2):
        begin(to, "/").ended()
        await to.rotate()
    await to.close()
    assert {f"rec-{year}.db", f"rec-{year}-2.db", f"rec-{year}-3.db"} <= names(tmp_path)


@pytest.mark.parametrize("name", ["session-2.db", "session-2.db-wal", "session-2.db.lock"])
def test_a_file_of_that_name_is_not_touched(recording: Path, name: str) -> None:
    other = recording.with_name(name)

    async def scenario() -> None:
        to = recordings(recording, AT_ONCE)
        await to.open()
        put(other, "mine")
        begin(to, "/").ended()
        await to.rotate()
        assert to.path == recording.with_name("session-3.db")
        await to.close()

    asyncio.run(scenario())
    assert other.read_text() == "mine"


@run
async def test_a_recording_of_that_name_is_not_gone_on_with(recording: Path) -> None:
    other = recording.with_name("session-2.db")
    with recorder_at(other) as recorder:
        Conversation(recorder).end()
    before = other.read_bytes()
    to = recordings(recording, AT_ONCE)
    await to.open()
    assert to.path == recording.with_name("session-3.db")  # not with a lower number than this
    await to.close()
    assert other.read_bytes() == before


@run
async def test_a_name_that_somebody_takes_at_that_moment(recording: Path) -> None:
    def record(path: Path) -> Recorder:
        if path.name == "session-2.db":
            raise RecordingBusyError("somebody was faster")
        return Recorder(path)

    to = Recordings(Series(recording), AT_ONCE, record)
    await to.open()
    begin(to, "/").ended()
    await to.rotate()
    assert to.path == recording.with_name("session-3.db")
    await to.close()


# -- the next run -----------------------------------------------------------------------------


async def one_run(output: Path, keep: Keep, *, rotations: int = 0) -> Path:
    """Record a session, rotate, and so on; return the recording that the run began with."""
    to = recordings(output, keep)
    await to.open()
    first = to.path
    for number in range(rotations + 1):
        if number:
            await to.rotate()
        begin(to, f"/{number}").ended()
    await to.close()
    return first


@run
async def test_the_next_run_goes_on_with_the_last_one(recording: Path) -> None:
    await one_run(recording, A_DAY, rotations=1)
    assert await one_run(recording, A_DAY) == recording.with_name("session-2.db")
    assert targets(recording) == ["/0"]
    assert targets(recording.with_name("session-2.db")) == ["/1", "/0"]


@run
async def test_the_next_run_leaves_the_last_one_that_is_full(recording: Path) -> None:
    await one_run(recording, A_DAY)
    assert await one_run(recording, AT_ONCE) == recording.with_name("session-2.db")
    assert await one_run(recording, Keep(rotate_bytes=1)) == recording.with_name("session-3.db")
    for name in ("session.db", "session-2.db", "session-3.db"):
        assert targets(recording.with_name(name)) == ["/0"]


@run
async def test_without_rotation_it_is_the_one_that_was_named(recording: Path) -> None:
    await one_run(recording, A_DAY, rotations=1)
    assert await one_run(recording, Keep()) == recording


def test_another_file_is_said_to_be_none(recording: Path) -> None:
    recording.write_text("these are my notes\n" * 100)
    with pytest.raises(RecordingError, match="file is not a database"):
        asyncio.run(recordings(recording, A_DAY).open())
    assert recording.read_text() == "these are my notes\n" * 100


@run
async def test_one_that_another_proxy_records_into(recording: Path) -> None:
    with recorder_at(recording), pytest.raises(RecordingBusyError):
        await recordings(recording, A_DAY).open()


@run
async def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="No such file or directory"):
        await recordings(tmp_path / "no" / "session.db", A_DAY).open()
