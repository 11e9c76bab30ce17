"""Commands that play a recording, as users run them: one role or the other, and what they say."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.proxying import wsrec

__all__ = ["MockProcess", "contrasted", "differences", "mock_process", "replayed_to"]

_PATIENCE = 20.0


@dataclass
class MockProcess:
    """A running `wsrec mock`, and behind its block what it has found."""

    url: str
    report: dict[str, Any] = field(default_factory=dict)
    code: int | None = None
    told: str = ""


@contextlib.contextmanager
def mock_process(recording: Path, *options: str) -> Iterator[MockProcess]:
    """Run `wsrec mock` on a free port for a while; end it with SIGTERM."""
    with subprocess.Popen(
        [sys.executable, "-m", "wsrec", "mock", str(recording), "-l", "127.0.0.1:0",
         "--format", "json", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, process.communicate()[1]
            mock = MockProcess(json.loads(line)["url"])
            yield mock
            process.send_signal(signal.SIGTERM)
            said, mock.told = process.communicate(timeout=_PATIENCE)
            mock.code = process.returncode
            assert said.endswith("}\n"), (mock.code, mock.told, said[-200:])
            mock.report = json.loads(said)
        finally:
            process.kill()


def replayed_to(url: str, recording: Path, *options: str) -> tuple[int, dict[str, Any]]:
    """Return exit code and report of `wsrec replay`, which must have nothing to complain about."""
    ended = wsrec("replay", str(recording), "--to", url, "--format", "json", *options)
    assert ended.stderr == ""
    return ended.returncode, json.loads(ended.stdout)


def contrasted(a: Path, b: Path, *options: str) -> tuple[int, dict[str, Any]]:
    """Return exit code and report of `wsrec diff`."""
    ended = wsrec("diff", str(a), str(b), "--format", "json", *options)
    assert ended.stderr == ""
    return ended.returncode, json.loads(ended.stdout)


def differences(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all that any of the two has found, with the number of the session."""
    return [
        {"session": session.get("session", session.get("a")), **each}
        for session in report["sessions"]
        for each in session["differences"]
    ]
