"""A recording of 100 MB, replayed to itself by two processes: what they hold does not grow."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.frames import KEY, wire
from support.recordings import Conversation, recorder_at

pytestmark = pytest.mark.faults

SIZE = 16 << 10
"""Characters of a message."""
LARGE = 100_000_000
"""Bytes of its messages."""
SESSIONS = 4
BOUND = 40 << 20
"""Bytes that a process may hold more than for a recording a hundred times smaller."""
SECONDS = 120.0


def _record(path: Path, size: int) -> None:
    """Have sessions at the same time that ask, and are answered."""
    with recorder_at(path) as recorder:
        talks = [Conversation(recorder, target=f"/{number}") for number in range(SESSIONS)]
        for number in range(size // (2 * SIZE * SESSIONS) + 1):
            for talk in talks:
                said = json.dumps({"type": "chunk", "n": number, "text": "x" * SIZE}).encode()
                talk.client(wire(1, said, mask=KEY)).server(wire(1, said))
        for talk in talks:
            talk.client(wire(8, b"\x03\xe8", mask=KEY)).server(wire(8, b"\x03\xe8")).end()


@contextlib.contextmanager
def _started(*words: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command; it is killed behind the block."""
    command = [sys.executable, "-m", "wsrec", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        timer = threading.Timer(SECONDS, process.kill)
        timer.start()
        try:
            yield process
        finally:
            timer.cancel()
            process.kill()


def _peak(process: subprocess.Popen[str]) -> int | None:
    """Return the most bytes that a process ever held; None: it has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) << 10
    return None


def _face_to_face(path: Path) -> tuple[int, int]:
    """Replay a recording to itself, which must match; return what each process held at most."""
    shown = ("--format", "json")
    with _started("mock", str(path), "-l", "127.0.0.1:0", *shown) as mock:
        assert mock.stdout is not None
        url = json.loads(mock.stdout.readline())["url"]
        with _started("replay", str(path), "--to", url, *shown) as replay:
            held = 0
            while replay.poll() is None:
                held = _peak(replay) or held
                time.sleep(0.01)
            assert replay.stdout is not None
            assert json.load(replay.stdout)["verdict"] == "matched"
        peak = _peak(mock)
        mock.terminate()
        assert json.loads(mock.communicate()[0])["verdict"] == "matched"
    assert peak is not None
    return held, peak


def test_neither_half_holds_more_of_a_large_recording(tmp_path: Path) -> None:
    small, large = tmp_path / "small.db", tmp_path / "large.db"
    _record(small, LARGE // 100)
    _record(large, LARGE)
    assert large.stat().st_size > LARGE

    few, many = _face_to_face(small), _face_to_face(large)

    print(f"replay and mock held {few} bytes of a small recording, {many} of a large one")
    assert many[0] < few[0] + BOUND
    assert many[1] < few[1] + BOUND
