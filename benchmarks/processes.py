"""Child processes: started on one CPU, spoken to in lines, waited for with a limit."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Child", "Exit", "MeasureError", "on_cpu", "tree"]


class MeasureError(Exception):
    """A measurement that could not be made, in one line."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a child ended."""

    code: int
    at_ns: int
    """On the monotonic clock, which is the load's clock too."""
    cpu_s: float
    """Of the child, all its threads and the children it has waited for, since its start."""


@contextlib.contextmanager
def on_cpu(cpu: int) -> Iterator[None]:
    """Whatever is started inside runs on `cpu` only: children inherit the affinity."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Child:
    """A process of ours: it and what it started are stopped by their own pids."""

    def __init__(self, argv: list[str], *, cpu: int, folder: Path, talks: bool) -> None:
        """Start `argv` in `folder`; `talks` if its standard output is read line by line."""
        self.name = Path(argv[0]).name
        self._log = folder / f"{self.name}.log"
        with self._log.open("ab") as log, on_cpu(cpu):
            try:
                self._process = subprocess.Popen(
                    argv,
                    cwd=folder,
                    stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
                    stdout=subprocess.PIPE if talks else log,
                    stderr=log,
                )
            except OSError as error:
                raise MeasureError(f"{self.name}: {error.strerror}") from None
        self.pid = self._process.pid
        self._pidfd = os.pidfd_open(self.pid)
        self._pending = b""
        self._exit: Exit | None = None

    def line(self, timeout: float) -> str:
        """Return the next line of its standard output."""
        assert self._process.stdout is not None
        output = self._process.stdout.fileno()
        deadline = time.monotonic() + timeout
        while b"\n" not in self._pending:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([output], [], [], left)[0]:
                raise MeasureError(f"{self.name} said nothing for {timeout:g} s{self.complaint()}")
            chunk = os.read(output, 65536)
            if not chunk:
                raise MeasureError(f"{self.name} ended early{self.complaint()}")
            self._pending += chunk
        line, self._pending = self._pending.split(b"\n", 1)
        return line.decode(errors="replace")

    def tell(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()

    def running(self) -> bool:
        """Say whether it has not ended by itself."""
        return self._exit is None and not select.select([self._pidfd], [], [], 0)[0]

    def wait(self, timeout: float) -> Exit:
        """Wait for its end."""
        if self._exit is None:
            if not select.select([self._pidfd], [], [], timeout)[0]:
                raise MeasureError(f"{self.name} did not end within {timeout:g} s")
            at_ns = time.monotonic_ns()
            _, status, usage = os.wait4(self.pid, 0)
            self._process.returncode = os.waitstatus_to_exitcode(status)
            cpu_s = usage.ru_utime + usage.ru_stime
            self._exit = Exit(self._process.returncode, at_ns, cpu_s)
            os.close(self._pidfd)
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()
        return self._exit

    def stop(self, timeout: float = 30) -> Exit:
        """Ask it to end with SIGTERM; after `timeout`, kill it and what it started."""
        if self.running():
            os.kill(self.pid, signal.SIGTERM)
        try:
            return self.wait(timeout)
        except MeasureError:
            for pid in tree(self.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.wait(timeout)
            raise

    def complaint(self) -> str:
        """Return the last line it logged, to be appended to a message."""
        lines = self._log.read_text(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f": {last[:200]}" if last else ""


def tree(root: int) -> list[int]:
    """Return `root` and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found
