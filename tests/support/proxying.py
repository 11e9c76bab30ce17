"""The proxy under test: in a process of its own, as users run it, or in the test's event loop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from wsrec.checks.outcome import Outcome
from wsrec.judge.validate import judge
from wsrec.net.upstream import Upstream
from wsrec.proxy.options import Options
from wsrec.proxy.server import Proxy
from wsrec.schemas.packs import find
from wsrec.store.model import Session
from wsrec.store.reader import Recording

__all__ = [
    "ProxyProcess",
    "digest",
    "in_process",
    "proxy_process",
    "recorded",
    "sessions",
    "start",
    "stop_all",
    "wsrec",
]

_PATIENCE = 15.0
"""Seconds after which a process that did not do what it should is killed."""


_started: list[subprocess.Popen[str]] = []


@dataclass
class ProxyProcess:
    """A running `wsrec proxy`."""

    process: subprocess.Popen[str]
    url: str
    port: int
    recording: Path

    @property
    def http(self) -> str:
        """The same address for plain HTTP."""
        return self.url.replace("ws://", "http://", 1)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this very process."""
        self.process.send_signal(number)

    def ended(self) -> tuple[int, str]:
        """Wait for the process to end; return its exit status and what it said on stderr."""
        with _bounded(self.process):
            _, errors = self.process.communicate()
        return self.process.returncode, errors

    async def over(self) -> tuple[int, str]:
        """Wait for the end without keeping this loop's peers from doing their part."""
        return await asyncio.to_thread(self.ended)

    def open_files(self) -> int:
        """Return how many files the process has open, where the system tells."""
        files = Path(f"/proc/{self.process.pid}/fd")
        return len(list(files.iterdir())) if files.exists() else 0

    def peak_memory(self) -> int:
        """Return the most bytes that the process ever held in memory."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) << 10
        raise AssertionError("this kernel does not tell a process's peak memory")


def start(
    upstream: str,
    recording: Path,
    *settings: str,
    command: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    files: int | None = None,
) -> ProxyProcess:
    """Start `wsrec proxy` and wait until it says where it listens.

    `files` is how many files it may have open at once, as `ulimit -n` says.
    """
    options = ("-l", "127.0.0.1:0", "-o", str(recording), "--format", "json", *settings)
    limited = () if files is None else ("sh", "-c", f'ulimit -n {files}; exec "$@"', "sh")
    behind = ("--", *command) if command else ()
    process = subprocess.Popen(
        [*limited, *_wsrec("proxy", upstream, *options, *behind)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=recording.parent,
        env={**os.environ, **(env or {})},
    )
    assert process.stdout is not None
    _started.append(process)
    with _bounded(process):
        line = process.stdout.readline()
    if not line:
        _, errors = process.communicate()
        raise AssertionError(f"wsrec proxy did not start ({process.returncode}): {errors}")
    said = json.loads(line)
    return ProxyProcess(process, said["url"], said.get("port", 0), recording)


def stop_all() -> None:
    """Kill what a failed test has left running, and close the pipes."""
    while _started:
        process = _started.pop()
        process.kill()
        process.communicate()


@contextlib.contextmanager
def proxy_process(
    upstream: str, recording: Path, *, env: Mapping[str, str] | None = None
) -> Iterator[ProxyProcess]:
    """Run `wsrec proxy` for a while; end it with SIGTERM and expect that it ends in peace."""
    proxy = start(upstream, recording, env=env)
    try:
        yield proxy
    except BaseException:
        proxy.process.kill()
        _, errors = proxy.process.communicate()
        print(errors, file=sys.stderr)
        raise
    proxy.signal(signal.SIGTERM)
    assert proxy.ended() == (0, "")


def wsrec(
    *arguments: str, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a wsrec command that ends by itself."""
    return subprocess.run(
        _wsrec(*arguments),
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        check=False,
    )


@contextlib.asynccontextmanager
async def in_process(
    upstream: str, recording: Path, options: Options | None = None
) -> AsyncIterator[Proxy]:
    """Run the proxy in this event loop."""
    async with Proxy(Upstream.parse(upstream), recording, options) as proxy:
        yield proxy


def sessions(recording: Path) -> list[Session]:
    """Return the sessions of a recording that must have been ended cleanly."""
    with Recording.open(recording) as opened:
        assert opened.clean
        return list(opened.sessions())


def recorded(recording: Path, session: int = 1) -> dict[str, list[str | bytes]]:
    """Return a session's messages by sender."""
    by_sender: dict[str, list[str | bytes]] = {"client": [], "server": []}
    with Recording.open(recording) as opened:
        for message in opened.messages(session):
            assert not message.anomalies
            by_sender[message.sender].append(message.data)
    return by_sender


def judged(recording: Path, pack: str) -> Outcome:
    """Return what a pack says of a recording that somebody else's software made: no fault."""
    with Recording.open(recording) as opened:
        outcome = judge(opened, find(pack))
    assert [f"{found.code}: {found.message}" for found in outcome.all_findings()] == []
    assert outcome.verdict == "pass"
    return outcome


def digest(message: str | bytes) -> tuple[str, int, str]:
    """Return what tells two messages apart: kind, size in bytes, hash."""
    data = message.encode() if isinstance(message, str) else message
    return type(message).__name__, len(data), sha256(data).hexdigest()


def _wsrec(*arguments: str) -> Sequence[str]:
    return [sys.executable, "-m", "wsrec", *arguments]


@contextlib.contextmanager
def _bounded(process: subprocess.Popen[str]) -> Iterator[None]:
    timer = threading.Timer(_PATIENCE, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
