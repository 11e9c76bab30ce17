"""The examples do what they say, beside a backend in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.conversation import run
from support.peers import peer_process
from support.talks import record

EXAMPLES = Path(__file__).parents[1] / "examples"


def example(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, cwd=cwd, timeout=60, check=False
    )


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    broken = ["--broken"] if getattr(request, "param", None) == "broken" else []
    with peer_process([sys.executable, "-m", "wsrec.demo.backend", *broken]) as server:
        yield f"ws://127.0.0.1:{server.says()['port']}"


def test_record_and_validate(backend: str, tmp_path: Path) -> None:
    done = example(str(EXAMPLES / "record_and_validate.py"), backend, "a.db", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    *events, verdict = done.stdout.splitlines()
    assert [line.split()[-1] for line in events][::5] == ["agent_started", "agent_completed"]
    assert verdict == "verdict: pass"


@pytest.mark.parametrize("backend", ["broken"], indirect=True)
def test_record_and_validate_a_backend_that_loses_an_event(backend: str, tmp_path: Path) -> None:
    done = example(str(EXAMPLES / "record_and_validate.py"), backend, "a.db", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert "span.unclosed in session 1" in done.stdout
    assert done.stdout.endswith("verdict: fail\n")


def test_read_a_recording(tmp_path: Path) -> None:
    record(tmp_path / "a.db", run(tools=2), run("r2")[:4])
    done = example(str(EXAMPLES / "read_a_recording.py"), "a.db", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.split("session 2")
    assert first.startswith("session 1: /ws, closed by the client\n  client: 2 frames")
    assert (first.count("search took"), second.count("search took")) == (2, 0)


@pytest.mark.parametrize(
    ("name", "count"), [("test_my_agent.py", "3 passed"), ("mock_in_a_test.py", "2 passed")]
)
def test_pytest_modules(name: str, count: str, tmp_path: Path) -> None:
    quiet = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist")
    done = example("-m", "pytest", *quiet, str(EXAMPLES / name), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert count in done.stdout
