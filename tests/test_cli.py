"""The command line as a user meets it: what it prints, exit codes, one line for what is wrong."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.replays import free_port, until_somebody_listens
from support.talks import record

ROOT = Path(__file__).parent.parent


def wsrec(*words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wsrec", *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="session")
def demo(folder: Path) -> subprocess.CompletedProcess[str]:
    return wsrec("demo", "-o", "good.db", cwd=folder)


@pytest.fixture(scope="session")
def broken(folder: Path) -> subprocess.CompletedProcess[str]:
    return wsrec("demo", "--broken", "-o", "bad.db", cwd=folder)


@pytest.fixture
def recording(demo: object, folder: Path) -> Path:
    return folder / "good.db"


class TestDemo:
    def test_all_went_well(self, demo: subprocess.CompletedProcess[str]) -> None:
        assert (demo.returncode, demo.stderr) == (0, "")
        assert "verdict   pass" in demo.stdout
        assert re.search(r"clients to backend +50 +50 +50\n", demo.stdout)
        assert re.search(r"backend to clients +300 +300 +300\n", demo.stdout)
        assert re.search(r"^1-25 \(25\) +2 +4 +2 +2 +2 +pass *$", demo.stdout, re.MULTILINE)

    def test_a_broken_backend_is_told_fault_by_fault(
        self, broken: subprocess.CompletedProcess[str]
    ) -> None:
        assert (broken.returncode, broken.stderr) == (1, "")
        faults = re.findall(r"^error (\S+) (\S+)\n  session (\d+)", broken.stdout, re.MULTILINE)
        assert sorted(fault[:2] for fault in faults) == [
            ("event.schema", "agent_thinking"),
            ("latency.first", "agent_started"),
            ("span.after_close", "agent_thinking"),
            ("span.unclosed", "tool_executing"),
        ]
        assert len({session for *_, session in faults}) == 4  # in whatever order they arrived
        assert "nothing lost" in broken.stdout

    def test_a_former_recording_is_kept(self, tmp_path: Path) -> None:
        for _ in range(2):
            done = wsrec("demo", "--sessions", "1", "--messages", "1", cwd=tmp_path)
            assert done.returncode == 0, done.stderr
        assert {"demo.db", "demo.db.old"} == {path.name for path in tmp_path.iterdir()}

    def test_a_log_left_behind_is_not_taken_for_that_of_another_recording(
        self, tmp_path: Path
    ) -> None:
        stale = tmp_path / "demo.db.old-wal"
        stale.write_bytes(b"another recording's")
        (tmp_path / "demo.db").write_bytes(b"")
        done = wsrec("demo", "--sessions", "1", "--messages", "1", cwd=tmp_path)

        assert done.returncode == 0, done.stderr
        assert not stale.exists()


class TestLookingInside:
    def test_sessions(self, recording: Path) -> None:
        done = wsrec("sessions", recording)

        assert done.returncode == 0
        head, *rows = done.stdout.splitlines()
        assert head.split() == [
            "session",
            "frames",
            "bytes",
            "started",
            "(UTC)",
            "lasted",
            "answer",
            "ended",
            "by",
            "target",
        ]
        assert len(rows) == 25
        assert all("client, 1000" in row and "/ws?user_id=user-" in row for row in rows)

    def test_sessions_for_machines(self, recording: Path) -> None:
        lines = wsrec("sessions", recording, "--format", "json").stdout.splitlines()

        sessions = [json.loads(line) for line in lines]
        assert [session["id"] for session in sessions] == list(range(1, 26))
        assert all(session["clean"] and session["close_code"] == 1000 for session in sessions)

    def test_show_one_session(self, recording: Path) -> None:
        lines = wsrec("show", recording, "7").stdout.splitlines()

        assert lines[0].startswith("session 7  /ws?user_id=")
        assert [line.split()[2:5] for line in lines[1:3]] == [
            ["→", "client", "text"],
            ["←", "server", "text"],
        ]
        assert lines[-1].split()[1:] == ["16", "←", "server", "close", "1000"]

    def test_show_for_machines_is_what_sqlite_says(self, recording: Path) -> None:
        lines = wsrec("show", recording, "7", "--format", "json").stdout.splitlines()

        shown = [(m["seq"], m["data"]) for m in map(json.loads, lines) if "data" in m]
        with sqlite3.connect(recording) as database:
            query = "SELECT last_seq, data FROM messages WHERE session_id = 7"
            assert shown == database.execute(query).fetchall()

    def test_frames(self, recording: Path) -> None:
        lines = wsrec("show", recording, "7", "--frames", "--format", "json").stdout.splitlines()

        frames = [json.loads(line) for line in lines]
        assert [frame["seq"] for frame in frames] == list(range(1, 17))
        assert {frame["masked"] for frame in frames if frame["sender"] == "client"} == {True}

    def test_reads_well_in_any_sqlite_tool(self, recording: Path) -> None:
        with sqlite3.connect(recording) as database:
            rows = database.execute("SELECT sender, kind, data FROM messages LIMIT 2").fetchall()

        assert rows[0][:2] == ("client", "text")
        assert json.loads(rows[0][2])["type"] == "user_message"
        assert json.loads(rows[1][2])["type"] == "agent_started"


class TestValidate:
    def test_json(self, recording: Path) -> None:
        done = wsrec("validate", recording, "--format", "json")

        assert done.returncode == 0
        assert json.loads(done.stdout)["verdict"] == "pass"

    def test_into_a_file(self, recording: Path, tmp_path: Path) -> None:
        report = tmp_path / "report.json"
        done = wsrec("validate", recording, "--format", "json", "-o", report)

        assert (done.returncode, done.stdout) == (0, "")
        assert json.loads(report.read_text())["verdict"] == "pass"

    def test_one_bad_recording_among_good_ones(self, recording: Path, broken: object) -> None:
        done = wsrec("validate", recording, recording.with_name("bad.db"))

        assert done.returncode == 1
        assert "verdict   fail" in done.stdout

    def test_a_copied_pack_is_a_contract_like_any_other(
        self, recording: Path, tmp_path: Path
    ) -> None:
        copied = wsrec("contract", "copy", "agent-events", tmp_path / "mine")

        assert copied.returncode == 0
        contract = copied.stdout.strip()
        assert wsrec("contract", "check", contract).returncode == 0
        assert wsrec("validate", recording, "-c", contract).returncode == 0


@pytest.fixture
def truncated(recording: Path, tmp_path: Path) -> Path:
    path = tmp_path / "truncated.db"
    path.write_bytes(recording.read_bytes()[:50_000])
    return path


@pytest.fixture
def typo(tmp_path: Path) -> Path:
    path = tmp_path / "typo.yaml"
    path.write_text("wsrec: 1\nspans:\n  run:\n    open: a\n    close: b\n    requiers: [c]\n")
    return path


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line that a failure has said, and no more than that."""
    (line,) = done.stderr.splitlines()
    assert "Traceback" not in line
    assert done.stdout == ""
    return line


class TestBadInput:
    def test_no_such_file(self) -> None:
        done = wsrec("validate", "nowhere.db")

        assert done.returncode == 3
        assert one_line(done) == "wsrec: nowhere.db: No such file or directory"

    def test_not_a_recording(self) -> None:
        done = wsrec("validate", ROOT / "pyproject.toml")

        assert done.returncode == 3
        assert one_line(done).endswith("not a wsrec recording (not an SQLite file)")

    def test_another_sqlite_file(self, tmp_path: Path) -> None:
        with sqlite3.connect(tmp_path / "other.db") as database:
            database.execute("CREATE TABLE frames (id)")
        done = wsrec("show", tmp_path / "other.db")

        assert done.returncode == 3
        assert one_line(done).endswith("not a wsrec recording (another SQLite file)")

    def test_a_truncated_recording(self, truncated: Path) -> None:
        done = wsrec("validate", truncated)

        assert done.returncode == 3
        assert "truncated: 50000 of " in one_line(done)

    def test_no_such_session(self, recording: Path) -> None:
        done = wsrec("show", recording, "99")

        assert done.returncode == 3
        assert "no session 99" in one_line(done)

    def test_a_contract_with_a_typo(self, recording: Path, typo: Path) -> None:
        done = wsrec("validate", recording, "-c", typo)

        assert done.returncode == 2
        assert f"{typo}:6:5: unknown key 'requiers'" in done.stderr
        assert "did you mean 'requires'?" in done.stderr
        assert "Traceback" not in done.stderr

    def test_no_such_pack(self, recording: Path) -> None:
        done = wsrec("validate", recording, "-c", "agent-event")

        assert done.returncode == 2
        assert "did you mean 'agent-events'?" in one_line(done)

    def test_nothing_to_judge(self, recording: Path, tmp_path: Path) -> None:
        contract = tmp_path / "other.yaml"
        contract.write_text(
            "wsrec: 1\nevents: {name: /type, fields: {id: /id}}\n"
            "spans: {job: {key: id, open: a, close: b}}\n"
        )
        done = wsrec("validate", recording, "-c", contract)

        assert done.returncode == 5
        assert "contract.vacuous" in done.stdout

    def test_a_report_that_cannot_be_written(self, recording: Path) -> None:
        done = wsrec("validate", recording, "-o", "/no/such/folder/report.json")

        assert done.returncode == 2
        assert one_line(done) == "wsrec: /no/such/folder/report.json: No such file or directory"

    def test_columns_of_a_forged_recording_are_inert(self, recording: Path, tmp_path: Path) -> None:
        forged = tmp_path / "forged.db"
        forged.write_bytes(recording.read_bytes())
        with sqlite3.connect(forged) as database:
            for column in ("started_at", "status", "closed_by", "close_code", "subprotocol"):
                database.execute(f"UPDATE sessions SET {column} = 'x' || char(27) || '[31m[red]'")
            database.execute("UPDATE frames SET anomalies = char(27) || ']0;owned' || char(7)")
        for words in (["sessions"], ["show"], ["show", "--frames"]):
            done = wsrec(*words, forged)

            assert "\x1b" not in done.stdout
            assert "\x07" not in done.stdout
            assert "Traceback" not in done.stderr

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["proxy", "localhost:80"], "expected a ws, wss, http or https URL"),
            (["proxy", "ws://h", "-l", "here"], "expected HOST:PORT"),
            (["validate"], "Missing argument"),
            (["contract", "copy", "nothing", "x"], "no pack 'nothing'"),
        ],
    )
    def test_usage(self, words: list[str], said: str) -> None:
        done = wsrec(*words)

        assert done.returncode == 2
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def commands() -> Iterator[str]:
    for match in re.finditer(r"^    (wsrec .*)$", (ROOT / "README.md").read_text(), re.MULTILINE):
        yield match[1]


ALIVE = re.compile(r"replay|mock|diff|my_client")
"""Of commands that need somebody else, or what such a one has recorded."""


@pytest.mark.parametrize(
    "command", [c for c in commands() if not ALIVE.search(c) and "proxy" not in c]
)
def test_what_the_readme_shows_works(command: str, recording: Path, tmp_path: Path) -> None:
    (tmp_path / "session.db").write_bytes(recording.read_bytes())
    if "my-contract/" in command:
        wsrec("contract", "copy", "agent-events", "my-contract", cwd=tmp_path)

    done = wsrec(*command.split()[1:], cwd=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr


def test_what_the_readme_shows_beside_a_backend_works(tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "ci" / "client.py", tmp_path / "my_client.py")
    port = str(free_port())
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shown = [command for command in commands() if ALIVE.search(command)]
    assert [each.split()[1] for each in shown] == ["proxy", "replay", "diff", "mock"]
    with subprocess.Popen([sys.executable, ROOT / "examples" / "ci" / "agent.py", port]) as agent:
        try:
            until_somebody_listens(int(port))
            for command in shown:
                done = subprocess.run(
                    command.replace("8000", port), shell=True, cwd=tmp_path, timeout=60,
                    capture_output=True, text=True, env={**os.environ, "PATH": path}, check=False,
                )  # fmt: skip
                assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        finally:
            agent.terminate()


def test_what_a_contract_holds_cannot_drive_the_terminal_that_shows_a_mistake(
    tmp_path: Path,
) -> None:
    contract = tmp_path / "c.yaml"
    word = '"\\e]0;owned\\a\\u202e"'
    contract.write_text(
        f"wsrec: 1\nevents: {{types: {{{word}: {{schema: {word}}}}}}}\n"
        f"session: {{idle: {'x' * 100_000}}}\n"
    )

    result = wsrec("contract", "check", contract)

    assert result.returncode == 2
    first, second = result.stderr.splitlines()
    assert "c.yaml:2:" in first
    assert "c.yaml:3:17: 'xxx" in second
    assert first.isprintable()
    assert len(second) <= 500


def test_links_in_a_circle(tmp_path: Path, recording: Path) -> None:
    for one, other in (("a.db", "b.db"), ("b.db", "a.db")):
        (tmp_path / one).symlink_to(tmp_path / other)

    read = wsrec("validate", "a.db", cwd=tmp_path)
    written = wsrec("validate", recording, "-o", "a.db", cwd=tmp_path)

    assert (read.returncode, read.stderr) == (
        3,
        "wsrec: a.db: Too many levels of symbolic links\n",
    )
    assert (written.returncode, written.stderr) == (0, "")
    assert "verdict   pass" in (tmp_path / "a.db").read_text()


def test_a_schema_in_links_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "s.json").symlink_to("s.json")
    (tmp_path / "c.yaml").write_text("wsrec: 1\nevents: {types: {a: {schema: s.json}}}\n")

    result = wsrec("contract", "check", "c.yaml", cwd=tmp_path)

    assert result.returncode == 2
    assert result.stderr == "c.yaml:2:30: s.json: Too many levels of symbolic links\n"


def test_a_contract_without_an_end(recording: Path) -> None:
    result = wsrec("validate", recording, "-c", "/dev/zero")

    assert (result.returncode, result.stderr) == (2, "/dev/zero: far too long for a contract\n")


def test_a_verdict_that_nobody_can_read_is_one(recording: Path) -> None:
    command = [sys.executable, "-m", "wsrec", "validate", str(recording)]
    shell = ["sh", "-c", '"$@" >&- 2>&-', "sh", *command]

    assert subprocess.run(shell, timeout=60, check=False).returncode == 0


def test_a_verdict_that_nobody_waits_for_is_one(recording: Path) -> None:
    words = ["validate", str(recording), "--session", "1", "--format", "json"]
    command = [sys.executable, "-m", "wsrec", *words]
    env = {**os.environ, "PYTHONUNBUFFERED": ""}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.stderr.read(), process.wait(20)) == ("", 0)


def test_a_command_that_is_stopped_for_a_while_loses_nothing_of_what_it_says(
    tmp_path: Path,
) -> None:
    """Without a buffer of Python's own: then a pipe takes only a part where a signal interrupts."""
    path = record(tmp_path / "long.db", [("client", {"text": "x" * 300_000})])
    command = [sys.executable, "-m", "wsrec", "show", str(path), "1", "--format", "json"]
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        select.select([process.stdout], [], [], 20)
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        process.send_signal(signal.SIGCONT)
        said, _ = process.communicate(timeout=20)

    messages = [json.loads(line) for line in said.splitlines()]
    assert len(messages[0]["data"]) > 300_000


def test_an_interrupt_before_anything_is_judged_is_no_finding(
    tmp_path: Path, recording: Path
) -> None:
    (tmp_path / "ctrl_c.py").write_text("raise KeyboardInterrupt\n")
    (tmp_path / "c.yaml").write_text("wsrec: 1\nevents: {types: {a: {schema: 'ctrl_c:T'}}}\n")

    result = wsrec("validate", "--trust-code", "-c", tmp_path / "c.yaml", recording)

    assert (result.returncode, result.stderr) == (130, "wsrec: interrupted\n")


@pytest.mark.parametrize("group", [[], ["contract"]])
def test_each_command_is_told_in_a_line_that_is_whole(group: list[str]) -> None:
    _, _, commands = wsrec(*group, "--help").stdout.partition("\nCommands:\n")
    lines = commands.splitlines()

    assert len(lines) >= 5
    assert [line for line in lines if not line.endswith(".") or line.endswith("...")] == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("command", ["--help", "sessions", "validate"])
def test_a_report_that_does_not_fit_on_a_disk_is_none(command: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "tests/recordings/v1/messages.db", tmp_path)
    words = [command] if command == "--help" else [command, "messages.db"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "wsrec", *words],
            cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.stderr == "wsrec: standard output: No space left on device\n"
    assert done.returncode == 2
