"""What is reported when the recording cannot be read on, or the new one not be written."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.mocking import joined, mocked
from support.raw import conversation, conversation_with_process
from support.recordings import Conversation, recorder_at
from support.replays import replayed, serving
from support.tampering import change
from support.uppercase import ask, close, upper, written
from websockets.asyncio.server import ServerConnection
from wsrec.cli import main
from wsrec.store.recorder import Recorder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session.db"


@conversation_with_process
async def test_what_was_found_is_reported_though_the_disk_is_full(path: Path) -> None:
    with recorder_at(path) as recorder:
        for _ in range(3):
            close(ask(Conversation(recorder), *("x" * 30_000 for _ in range(20))))
    new = path.with_name("new.db")
    async with serving(upper) as url:
        words = ("-m", "wsrec", "replay", str(path), "--to", url, "-o", str(new))
        limited = ("sh", "-c", 'ulimit -f 1024; exec "$@"', "sh", sys.executable, *words)
        done = await asyncio.to_thread(
            subprocess.run, limited, capture_output=True, text=True, timeout=20, check=False
        )
    assert (done.returncode, done.stderr) == (
        3,
        f"wsrec: {new}: cannot be written: disk I/O error\n",
    )
    assert "verdict   differs: of " in done.stdout


def record_long(path: Path) -> None:
    """Record a short session, and one that is not read at once."""
    with recorder_at(path) as recorder:
        close(ask(Conversation(recorder), "one"))
        close(ask(Conversation(recorder), *["x" * 40_000] * 100))


@conversation
async def test_what_was_played_is_reported_though_the_recording_is_cut(path: Path) -> None:
    record_long(path)

    async def cutting(socket: ServerConnection) -> None:
        async for message in socket:
            if message != "one":
                os.truncate(path, 4096)
            await socket.send(message.upper())

    async with serving(cutting) as url:
        done = await replayed(path, url)
    first, second = done.sessions
    assert (first.verdict, second.verdict) == ("matched", "interrupted")
    assert second.why == "the recording could not be read on"
    assert str(done.failure).startswith(f"{path}: ")


@conversation
async def test_what_was_played_is_reported_though_a_recorder_goes_on(path: Path) -> None:
    with recorder_at(path) as recorder:
        ask(Conversation(recorder), "one").end()
    change(path, "PRAGMA journal_mode = WAL")  # as another tool may leave it
    async with mocked(path) as mock:
        async with joined(f"{mock.url}/ws") as client:
            await client.send("one")
            assert await client.recv() == "ONE"
        await mock.quiet(5)
        again = Recorder(path)
        ask(Conversation(again), "two")
        await asyncio.to_thread(written, path, 2, 2)
    again.close()
    assert str(mock.failure) == f"{path}: a recorder went on with it meanwhile; try again"
    assert mock.plays.verdict == "matched"


def test_a_mock_reports_what_was_played_and_ends_with_3(path: Path) -> None:
    record_long(path)
    client = (
        "import os, sys\n"
        "from websockets.sync.client import connect\n"
        "with connect(os.environ['WSREC_URL'] + '/ws', proxy=None, max_size=None) as socket:\n"
        "    os.truncate(sys.argv[1], 4096)\n"
        "    for _ in range(100):\n"
        "        socket.send('x' * 40_000)\n"
        "        socket.recv()\n"
    )
    words = ["mock", str(path), "-l", "127.0.0.1:0", "--session", "2"]
    command = ["--", sys.executable, "-c", client, str(path)]
    done = CliRunner().invoke(main, [*words, *command], prog_name="wsrec")
    assert done.exit_code == 3
    assert "verdict   differs: of 1 session 1 interrupted" in done.stdout
    *_, last = done.stderr.splitlines()
    assert last.startswith(f"wsrec: {path}: ")


def test_a_report_that_cannot_be_written_is_on_standard_output(path: Path) -> None:
    with recorder_at(path) as recorder:
        close(ask(Conversation(recorder), "one"))
    folder = path.with_name("reports")
    folder.mkdir()
    report = folder / "report.txt"
    words = ["mock", str(path), "-l", "127.0.0.1:0", "--report", str(report)]
    done = CliRunner().invoke(main, [*words, "--", "rmdir", str(folder)], prog_name="wsrec")
    assert done.exit_code == 2
    assert "verdict   differs: of 1 session 1 unplayed" in done.stdout
    *_, last = done.stderr.splitlines()
    assert last == f"wsrec: {report}: No such file or directory"
