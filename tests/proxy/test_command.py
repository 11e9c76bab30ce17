"""`wsrec proxy` as a process: where it listens, how it ends, what it says when it cannot."""

from __future__ import annotations

import signal
import socket
import sqlite3
import sys
from pathlib import Path

import pytest
from support.proxying import in_process, proxy_process, sessions, start, wsrec
from support.raw import (
    SWITCH,
    Peer,
    backend,
    conversation,
    conversation_with_process,
    open_session,
    upgrade,
)
from wsrec.proxy.options import Options
from wsrec.store.reader import Recording

GOING_AWAY = b"\x03\xe9proxy is shutting down"
HELLO = b"\x81\x05hello"

NOBODY = "ws://127.0.0.1:9"


def unmasked(frame: bytes) -> bytes:
    """Return the payload of a short masked frame."""
    assert frame[1] & 0x80
    return bytes(byte ^ frame[2 + place % 4] for place, byte in enumerate(frame[6:]))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@conversation_with_process
async def test_a_signal_ends_live_sessions_with_1001(
    recording: Path, number: signal.Signals
) -> None:
    async with backend() as behind:
        proxy = start(behind.url, recording)
        client, server = await open_session(proxy.port, behind)
        await server.send(HELLO)
        assert await client.exactly(7) == HELLO
        proxy.signal(number)
        assert await client.exactly(2 + len(GOING_AWAY)) == b"\x88\x18" + GOING_AWAY
        frame = await server.exactly(6 + len(GOING_AWAY))
        assert frame[:2] == b"\x88\x98"
        assert unmasked(frame) == GOING_AWAY
        await client.send(b"\x88\x82\0\0\0\0\x03\xe9")
        await server.send(b"\x88\x02\x03\xe9")
        assert await client.rest() == b""
        assert await server.rest() == b""
        assert await proxy.over() == (0, "")

    (session,) = sessions(recording)
    assert session.clean
    assert (session.close_code, session.closed_by) == (1001, "proxy")
    with Recording.open(recording) as opened:
        frames = [(frame.opcode, frame.sender, frame.anomalies) for frame in opened.frames(1)]
    assert frames[0] == (1, "server", ())
    synthetic = [frame for frame in frames if "synthetic" in frame[2]]
    assert sorted(sender for _, sender, _ in synthetic) == ["client", "server"]
    assert len(frames) == 5


@conversation
async def test_no_close_is_put_into_the_middle_of_a_frame(recording: Path) -> None:
    async with backend() as behind:
        async with in_process(behind.url, recording) as proxy:
            client, server = await open_session(proxy.port, behind)
            await server.send(HELLO[:4])
            assert await client.exactly(4) == HELLO[:4]
        assert await client.rest() == b""
        assert unmasked(await server.rest()) == GOING_AWAY

    (session,) = sessions(recording)
    assert session.clean


@conversation
async def test_peers_that_do_not_answer_the_close_are_left(recording: Path) -> None:
    async with backend() as behind:
        async with in_process(behind.url, recording, Options(close_timeout=0.1)) as proxy:
            client, _server = await open_session(proxy.port, behind)
        assert await client.exactly(2 + len(GOING_AWAY)) == b"\x88\x18" + GOING_AWAY

    assert sessions(recording)[0].clean


@conversation_with_process
async def test_a_recording_is_continued_by_the_next_run(recording: Path) -> None:
    async with backend() as behind:
        for run in ("first", "second"):
            proxy = start(behind.url, recording)
            client = await Peer.connect(proxy.port)
            await client.send(upgrade(target=f"/{run}"))
            server = await behind.accept()
            await server.head()
            await server.send(SWITCH)
            await client.head()
            await client.close()
            await server.rest()
            await server.close()
            proxy.signal(signal.SIGTERM)
            assert await proxy.over() == (0, "")

    first, second = sessions(recording)
    assert [(each.id, each.target, each.clean) for each in (first, second)] == [
        (1, "/first", True),
        (2, "/second", True),
    ]
    assert first.ended_ns is not None
    assert first.started_ns + first.ended_ns <= second.started_ns


@conversation_with_process
async def test_a_backend_that_is_not_there(recording: Path) -> None:
    async with backend() as behind:
        gone = behind.url
    proxy = start(gone, recording)
    client = await Peer.connect(proxy.port)
    await client.send(upgrade())
    assert (await client.head()).startswith("HTTP/1.1 502 ")
    assert (await client.rest()).startswith(f"wsrec: {gone}: cannot be reached".encode())
    proxy.signal(signal.SIGTERM)
    assert await proxy.over() == (0, f"wsrec: {gone}: cannot be reached: Connection refused\n")

    (session,) = sessions(recording)
    assert session.status == 502


@conversation_with_process
async def test_a_client_that_does_not_speak_http_is_worth_one_line(recording: Path) -> None:
    proxy = start(NOBODY, recording)
    client = await Peer.connect(proxy.port)
    await client.send(b"GET / HTTP/1.1\r\nno colon\r\n\r\n")
    await client.rest()
    proxy.signal(signal.SIGTERM)
    status, errors = await proxy.over()
    assert status == 0
    assert errors.startswith("wsrec: ")
    assert errors.count("\n") == 1


def one_line(*arguments: str) -> tuple[int, str]:
    """Run a command that must fail; return its status and the one line it says."""
    result = wsrec("proxy", *arguments)
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1, result.stderr
    assert result.stderr.startswith("wsrec: ")
    return result.returncode, result.stderr


def test_a_port_in_use(recording: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        status, line = one_line(NOBODY, "-l", address, "-o", str(recording))
    assert status == 2
    assert line == f"wsrec: cannot listen on {address}: Address already in use\n"


def test_a_host_that_is_not_this_one(recording: Path) -> None:
    status, line = one_line(NOBODY, "-l", "no-such-host.invalid:0", "-o", str(recording))
    assert status == 2
    assert "no-such-host.invalid:0" in line
    assert "Unknown error" not in line


def test_a_recording_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "no" / "session.db"
    status, line = one_line(NOBODY, "-l", "127.0.0.1:0", "-o", str(path))
    assert status == 3
    assert line.startswith(f"wsrec: {path}")
    assert line.endswith(": No such file or directory\n")


def test_a_recording_that_is_another_database(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE mine (x)")
    other.close()
    before = path.read_bytes()
    status, line = one_line(NOBODY, "-l", "127.0.0.1:0", "-o", str(path))
    assert status == 3
    assert "not a wsrec recording" in line
    assert path.read_bytes() == before


def test_a_recording_that_is_a_text(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are my notes\n" * 100)
    status, _line = one_line(NOBODY, "-l", "127.0.0.1:0", "-o", str(path))
    assert status == 3
    assert path.read_text() == "these are my notes\n" * 100


def test_a_recording_that_another_process_writes(recording: Path) -> None:
    with proxy_process(NOBODY, recording) as proxy:
        status, line = one_line(NOBODY, "-l", "127.0.0.1:0", "-o", str(recording))
        assert status == 3
        assert str(proxy.process.pid) in line


@pytest.mark.parametrize(
    "upstream", ["127.0.0.1:8000", "ftp://x", "ws://", "ws://x:99999", "ws://a:b@x", "ws://x/?k=1"]
)
def test_an_upstream_that_is_none(recording: Path, upstream: str) -> None:
    result = wsrec("proxy", upstream, "-l", "127.0.0.1:0", "-o", str(recording))
    assert result.returncode == 2
    assert "upstream" in result.stderr
    assert "Traceback" not in result.stderr
    assert not recording.exists()


# -- with a command ---------------------------------------------------------------------------


def run(recording: Path, *command: str) -> tuple[int, str]:
    """Run a command behind the proxy; return the status and what the command printed."""
    result = wsrec("proxy", NOBODY, "-l", "127.0.0.1:0", "-o", str(recording), "--", *command)
    assert "Traceback" not in result.stderr
    return result.returncode, result.stdout


def test_the_command_is_told_where_to_connect(recording: Path) -> None:
    script = "import os; print(os.environ['WSREC_URL'])"
    status, said = run(recording, sys.executable, "-c", script)
    assert status == 0
    assert said.startswith("ws://127.0.0.1:")
    assert said.strip().rpartition(":")[2] != "0"
    assert sessions(recording) == []


@pytest.mark.parametrize(
    ("script", "status"),
    [
        ("raise SystemExit(7)", 7),
        ("import os; os.kill(os.getpid(), 9)", 128 + 9),
        ("import os; os.kill(os.getpid(), 15)", 128 + 15),
    ],
)
def test_the_commands_status_is_wsrecs_own(recording: Path, script: str, status: int) -> None:
    assert run(recording, sys.executable, "-c", script)[0] == status
    assert sessions(recording) == []


def test_a_command_that_is_not_there(recording: Path) -> None:
    result = wsrec(
        "proxy", NOBODY, "-l", "127.0.0.1:0", "-o", str(recording), "--", "no-such-command"
    )
    assert result.returncode == 2
    assert "wsrec: no-such-command: No such file or directory\n" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_is_passed_to_the_command(recording: Path, number: signal.Signals) -> None:
    script = f"""import signal, time
signal.signal({int(number)}, signal.SIG_DFL)
print("up", flush=True)
time.sleep(60)"""
    proxy = start(NOBODY, recording, command=(sys.executable, "-c", script))
    assert proxy.process.stdout is not None
    assert proxy.process.stdout.readline() == "up\n"
    proxy.signal(number)
    assert proxy.ended() == (128 + number, "")
    assert sessions(recording) == []
