"""`wsrec mock` as a process: with a command, and until a signal."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.mocking import chat, joined, recorded_at
from support.proxying import wsrec
from websockets.sync.client import connect
from wsrec.cli import main

CLIENT = """
import json, os, sys
from websockets.sync.client import connect
with connect(os.environ["WSREC_URL"] + "/chat", proxy=None) as socket:
    welcome = json.loads(socket.recv(5))
    socket.send(json.dumps({"type": "user_message", "message_id": "m-1", "text": sys.argv[1]}))
    while json.loads(socket.recv(5))["type"] != "run_finished":
        pass
sys.exit(int(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a recording of one session of `CLIENT`, and one that is not asked for."""
    path = tmp_path_factory.mktemp("mock") / "session.db"

    async def record() -> None:
        async with recorded_at(path, chat) as url:
            for text in ("hello", "goodbye"):
                async with joined(url + "/chat") as socket:
                    await socket.recv()
                    message = {"type": "user_message", "message_id": "m-1", "text": text}
                    await socket.send(json.dumps(message))
                    while json.loads(await socket.recv())["type"] != "run_finished":
                        pass

    asyncio.run(record())
    return path


def mock(
    recording: Path, *settings: str, text: str = "hello", status: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run `wsrec mock` with a client."""
    client = (sys.executable, "-c", CLIENT, text, str(status))
    return wsrec("mock", str(recording), "-l", "127.0.0.1:0", *settings, "--", *client)


def here(recording: Path, *settings: str) -> Result:
    """Run `wsrec mock` in this process, which it must leave as it found it."""
    return CliRunner().invoke(main, ["mock", str(recording), *settings], prog_name="wsrec")


def test_a_command_whose_client_says_the_same_matches(recording: Path) -> None:
    done = mock(recording, "--session", "1", "--format", "json")

    line, _, report = done.stdout.partition("\n")
    listening, plays = json.loads(line), json.loads(report)
    assert done.returncode == 0, done.stderr
    assert (listening["event"], listening["sessions"]) == ("listening", 1)
    assert (plays["verdict"], plays["role"], plays["address"]) == (
        "matched",
        "server",
        listening["url"],
    )
    assert [(each["session"], each["verdict"]) for each in plays["sessions"]] == [(1, "matched")]


def test_a_session_that_the_command_does_not_ask_for_is_a_failure(recording: Path) -> None:
    done = mock(recording)

    assert done.returncode == 1
    assert "no client has asked for it" in done.stdout


def test_sessions_may_be_left_unplayed_if_that_is_allowed(recording: Path) -> None:
    assert mock(recording, "--allow-unplayed", text="goodbye").returncode == 0


def test_what_differs_is_told_as_it_happens_and_in_the_report(recording: Path) -> None:
    done = mock(recording, "--session", "1", text="hi")

    assert done.returncode == 1
    (told,) = (line for line in done.stderr.splitlines() if "changed" in line)
    assert told.startswith("wsrec: session 1: changed: ")
    assert '"hello" -> "hi"' in told
    assert "differs" in done.stdout


def test_the_status_is_the_commands_own_if_that_is_not_0(recording: Path) -> None:
    assert mock(recording, "--session", "1", status=7).returncode == 7


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `wsrec mock` until the block is over; give its URL."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "wsrec",
            "mock",
            *arguments,
            "-l",
            "127.0.0.1:0",
            "--format",
            "json",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())["url"]
    finally:
        process.kill()
        process.communicate()


def test_started_by_hand_it_does_not_want_all_sessions_played(recording: Path) -> None:
    with running(str(recording)) as (process, url):
        subprocess.run(
            [sys.executable, "-c", CLIENT, "goodbye", "0"],
            env={"WSREC_URL": url},
            check=True,
            timeout=10,
        )
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=10)

    verdicts = [(each["session"], each["verdict"]) for each in json.loads(out)["sessions"]]
    assert (process.returncode, err) == (0, "")
    assert verdicts == [(2, "matched"), (1, "unplayed")]


def test_a_signal_closes_sessions_with_1001(recording: Path) -> None:
    with running(str(recording)) as (process, url), connect(url + "/chat", proxy=None) as socket:
        socket.recv(5)
        process.send_signal(signal.SIGINT)
        with pytest.raises(Exception, match="1001"):
            socket.recv(5)
        process.communicate(timeout=10)

    assert process.returncode == 1


def test_it_plays_on_when_nobody_reads_what_it_tells(recording: Path) -> None:
    with running(str(recording)) as (process, url), connect(url + "/chat", proxy=None) as socket:
        socket.recv(5)
        assert process.stderr is not None
        process.stderr.close()
        socket.send("something else")
        message = {"type": "user_message", "message_id": "m-1", "text": "hello"}
        socket.send(json.dumps(message))
        while json.loads(socket.recv(5))["type"] != "run_finished":
            pass
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 1


@pytest.mark.parametrize(
    ("arguments", "status", "expected"),
    [
        (("--session", "9"), 2, "no session 9"),
        (("-l", "nowhere"), 2, "expected HOST:PORT"),
        (("--tls-key", "key.pem"), 2, "--tls-key: give its certificate with --tls-cert"),
        (("--speed", "2"), 2, "--speed is about recorded times"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_line(
    recording: Path, arguments: tuple[str, ...], status: int, expected: str
) -> None:
    done = here(recording, *arguments)

    assert done.exit_code == status
    assert expected in done.stderr


def test_what_cannot_be_begun_is_one_line_without_usage(recording: Path) -> None:
    done = here(recording, "-l", "127.0.0.1:0", "--", "/no/such/command")
    assert done.exit_code == 2
    assert done.stderr.endswith("Ctrl-C ends\nwsrec: /no/such/command: No such file or directory\n")

    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = here(recording, "-l", address)
    assert done.exit_code == 2
    assert done.stderr == f"wsrec: cannot listen on {address}: Address already in use\n"

    done = here(recording, "-l", "agent..local:8080")
    assert done.exit_code == 2
    assert done.stderr == "wsrec: cannot listen on agent..local:8080: not a host name\n"


def test_there_must_be_a_command_behind_two_dashes(recording: Path) -> None:
    done = wsrec("mock", str(recording), "--")  # click does not tell of them: only a process can

    assert done.returncode == 2
    assert "there is no command behind --" in done.stderr


def test_a_damaged_recording_is_not_played(recording: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(recording.read_bytes().replace(b"user_message", b"User_message"))

    done = here(damaged, "-l", "127.0.0.1:0")

    assert done.exit_code == 3
    assert done.stderr.startswith("wsrec: ")


def test_no_recording_is_said_in_a_line(tmp_path: Path) -> None:
    done = here(tmp_path / "none.db")

    assert done.exit_code == 3
    assert "none.db" in done.stderr
