"""Peers in processes of their own, and what they say they have sent and received."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["PeerProcess", "peer_process"]


@dataclass
class PeerProcess:
    """A process that says a line of JSON when it is ready, and another when it is done."""

    process: subprocess.Popen[str]

    def says(self) -> Any:
        """Return the next line."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"peer ended with {self.process.wait()}"
        return json.loads(line)


@contextlib.contextmanager
def peer_process(
    command: Sequence[str], *, cwd: Path | None = None, patience: float = 60.0
) -> Iterator[PeerProcess]:
    """Run a peer; end it, when it has not ended by itself."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=cwd) as process:
        timer = threading.Timer(patience, process.kill)
        timer.start()
        try:
            yield PeerProcess(process)
        finally:
            timer.cancel()
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()
