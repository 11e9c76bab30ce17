"""`wsrec tail` in a process of its own, and a recorder in another one that writes all it can."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["WRITE", "Tailing", "tailing"]

WRITE = """
import sys, time
from pathlib import Path
from wsrec.store.recorder import Recorder

path, count, sessions = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
recorder = Recorder(path)
print("recording", flush=True)
sys.stdin.readline()
taps = [recorder.session("c", f"/{n}", []) for n in range(sessions)]
for tap in taps:
    tap.answered(101, [], None, None)
for n in range(count):
    while recorder.backlog.is_full():
        time.sleep(0.001)
    now = time.monotonic_ns()
    data = b"%d %s" % (n, b"x" * 200)
    frame = b"\\x82\\x7e" + len(data).to_bytes(2, "big") + data
    taps[n % sessions].stream("server")(now, now, frame)
for tap in taps:
    tap.ended()
while recorder.backlog.size:
    time.sleep(0.01)
print("written", flush=True)
sys.stdin.readline()
recorder.close()
assert recorder.failure is None
"""
"""Arguments: path, frames, sessions. A line on its standard input, then another, lets it go on."""


class Tailing:
    """A running `wsrec tail`."""

    def __init__(self, process: subprocess.Popen[str], *, read: bool) -> None:
        self.process = process
        self.lines: list[str] = []
        self._new: queue.Queue[str | None] = queue.Queue()
        if read:
            threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._new.put(line)
        self._new.put(None)

    def until(self, what: Callable[[str], bool] = lambda line: False) -> str:
        """Return the first new line of that kind; "" when tail ended without one."""
        while (line := self._new.get(timeout=30)) is not None:
            self.lines.append(line.rstrip("\n"))
            if what(line):
                return self.lines[-1]
        return ""

    def until_said(self, *words: str) -> str:
        """Return the first new line with these words."""
        line = self.until(lambda line: all(word in line for word in words))
        assert line, self.process.communicate()
        return line

    def interrupt(self) -> tuple[int, str]:
        """Press Ctrl-C; return the exit status and what was said on stderr."""
        self.process.send_signal(signal.SIGINT)
        return self.ended()

    def ended(self) -> tuple[int, str]:
        """Wait for the end; return the exit status and what was said on stderr."""
        assert self.process.stderr is not None
        self.process.wait(30)
        return self.process.returncode, self.process.stderr.read()

    def json(self) -> list[dict[str, Any]]:
        """Return the lines read so far."""
        return [json.loads(line) for line in self.lines]


@contextmanager
def tailing(path: Path, *words: str, read: bool = True) -> Iterator[Tailing]:
    """Run `wsrec tail` for a while; `read`: take what it writes."""
    process = subprocess.Popen(
        [sys.executable, "-m", "wsrec", "tail", str(path), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Tailing(process, read=read)
    finally:
        process.kill()
        process.wait()
        time.sleep(0.01)  # its reader sees the end first
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
