"""`wsrec replay` as its users run it: exit codes, one line each, and how it ends."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.proxying import sessions, wsrec
from support.replays import agent, free_port, recorded_from, serving
from websockets.asyncio.server import ServerConnection
from wsrec.cli import main
from wsrec.store.reader import Recording

AGENT = (sys.executable, str(Path(__file__).parents[1] / "support" / "replays.py"))
HERE = {"PYTHONPATH": str(Path(__file__).parents[1])}


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("replay") / "session.db"
    return asyncio.run(recorded_from(path, times=2))


def here(recording: Path, *words: str) -> Result:
    """Run `wsrec replay` in this process."""
    return CliRunner().invoke(main, ["replay", str(recording), *words], prog_name="wsrec")


def test_the_backend_may_be_a_command(recording: Path, tmp_path: Path) -> None:
    url = f"ws://127.0.0.1:{free_port()}"
    words = ("--to", url, "-o", str(tmp_path / "new.db"), "--format", "json")
    done = wsrec("replay", str(recording), *words, "--", *AGENT, env=HERE)
    assert (done.returncode, done.stderr) == (0, "")
    said: dict[str, Any] = json.loads(done.stdout)
    assert (said["verdict"], said["address"]) == ("matched", url)
    assert [(each["session"], each["live"]) for each in said["sessions"]] == [(1, 1), (2, 2)]
    with Recording.open(tmp_path / "new.db") as new:
        assert (new.meta["replayed"], new.meta["upstream"]) == ("session.db", url)
        assert new.clean
    again = here(recording, "--to", url)
    assert again.exit_code == 4, "the command is gone"
    assert again.stderr == f"wsrec: {url}/ws: cannot be reached: Connection refused\n"


def test_what_the_command_has_started_ends_with_it(recording: Path) -> None:
    """The shell ends without a word to what it runs."""
    url = f"ws://127.0.0.1:{free_port()}"
    shell = ("sh", "-c", '"$@" & wait', "sh", *AGENT)
    done = wsrec("replay", str(recording), "--to", url, "--", *shell, env=HERE)
    assert (done.returncode, done.stderr) == (0, "")
    again = wsrec("replay", str(recording), "--to", url, "--", *AGENT, env=HERE)
    assert again.returncode == 0, "nobody listens there any more"


def test_a_command_that_is_no_backend_is_told_of(recording: Path) -> None:
    url = f"ws://127.0.0.1:{free_port()}"
    done = here(recording, "--to", url, "--", sys.executable, "-c", "exit(3)")
    assert (done.exit_code, done.stdout) == (4, "")
    assert done.stderr == f"wsrec: {sys.executable} ended with 3 before anybody listened at {url}\n"


def test_a_command_that_does_not_listen_is_ended(recording: Path) -> None:
    url = f"ws://127.0.0.1:{free_port()}"
    words = ("--to", url, "--connect-timeout", "300ms")
    sleep = (sys.executable, "-c", "import time; time.sleep(60)")
    done = here(recording, *words, "--", *sleep)
    assert (done.exit_code, done.stdout) == (4, "")
    assert done.stderr.endswith(f"does not listen at {url} after 0.3 s\n")


def test_what_differs_is_shown_and_the_exit_code_is_1(recording: Path, tmp_path: Path) -> None:
    url = f"ws://127.0.0.1:{free_port()}"
    report = tmp_path / "report.txt"
    words = ("--to", url, "--no-bind", "--session", "2", "--report", str(report))
    done = wsrec("replay", str(recording), *words, "--timeout", "300ms", "--", *AGENT, env=HERE)
    assert (done.returncode, done.stdout) == (1, "")
    assert "changed" in report.read_text()
    assert "verdict   differs: of 1 session 1 differs" in report.read_text()


def test_a_damaged_recording_is_not_played(recording: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(recording.read_bytes().replace(b"thanks", b"Thanks"))
    done = here(damaged, "--to", "ws://127.0.0.1:9")
    assert done.exit_code == 3
    assert done.stderr.startswith(f"wsrec: {damaged}")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--to ws://a.test?x=1", "--to: queries are those of the sessions"),
        ("--to ws://me:pw@a.test", "--to: give credentials with --header Authorization:VALUE"),
        ("--to a.test", "--to 'a.test': expected a ws, wss, http or https URL"),
        ("--to ws://a.test --insecure", "--ca and --insecure are for a wss or https URL"),
        ("--to ws://a.test --speed 2", "--speed is about recorded times: give --pacing recorded"),
        ("--to ws://a.test --max-gap 1s", "--max-gap is about recorded times"),
        (
            "--to ws://a.test --pacing recorded --speed 1e-9",
            "--speed: 1e-09 is not a number from 0.001 to 1e+06",
        ),
        ("--to ws://a.test --bind /id --no-bind", "--bind names ids that may differ"),
        ("--to ws://a.test --ignore /a~b", "is not a JSON Pointer"),
        ("--to ws://a.test --tolerance -1", "--tolerance: -1 is not a number of 0 or more"),
        ("--to ws://a.test --timeout 10", "--timeout: '10' is not a duration"),
        ("--to ws://a.test --timeout 0s", "--timeout: '0s' leaves no time at all"),
        ("--to ws://a.test --session 7-", "no session 7-; it holds 2 sessions, 1-2"),
        ("--to ws://a.test --header Host", "--header: expected NAME:VALUE"),
        ("--to ws://a.test -o {recording}", "is there already; -o takes a name that is free"),
        ("--to ws://a.test --report {recording}", "would replace the recording"),
        ("", "Missing option '--to'"),
    ],
)
def test_what_cannot_be_meant_is_one_clear_line(recording: Path, words: str, said: str) -> None:
    arguments = words.format(recording=recording).split()
    done = here(recording, *arguments)
    assert done.exit_code == 2
    assert said in done.stderr.splitlines()[-1]


def test_somebody_else_who_listens_is_not_taken_for_the_command(recording: Path) -> None:
    async def scenario() -> subprocess.CompletedProcess[str]:
        async with serving(agent) as url:
            words = ("replay", str(recording), "--to", url, "--", "true")
            return await asyncio.to_thread(wsrec, *words)

    done = asyncio.run(scenario())
    assert done.returncode == 2
    said = "somebody listens there already, so true cannot be what is replayed to\n"
    assert done.stderr.startswith("wsrec: ws://127.0.0.1:")
    assert done.stderr.endswith(said)
    assert done.stderr.count("\n") == 1


def test_ctrl_c_closes_the_sessions_and_reports_what_was_found(
    recording: Path, tmp_path: Path
) -> None:
    codes: list[int | None] = []

    async def scenario() -> tuple[int | None, str, str]:
        begun = asyncio.Event()

        async def stall(connection: ServerConnection) -> None:
            begun.set()
            await connection.wait_closed()
            codes.append(connection.close_code)

        async with serving(stall) as url:
            words = ("replay", str(recording), "--to", url, "-o", str(tmp_path / "new.db"))
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "wsrec", *words, stdout=-1, stderr=-1
            )
            await asyncio.wait_for(begun.wait(), 15.0)
            process.send_signal(signal.SIGINT)
            out, errors = await asyncio.wait_for(process.communicate(), 15.0)
        return process.returncode, out.decode(), errors.decode()

    status, out, errors = asyncio.run(scenario())
    assert (status, errors) == (130, "wsrec: interrupted: not all of it was played\n")
    assert re.search(r"^1 +1 interrupted .* interrupted$", out, re.MULTILINE)
    assert codes == [1001]
    (session,) = sessions(tmp_path / "new.db")
    assert (session.clean, session.close_code, session.closed_by) == (True, 1001, "client")
