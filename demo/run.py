"""`wsrec demo`: backend, proxy and clients, each a process of its own; then the verdict."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table

from ..judge.reports import show_text
from ..judge.validate import exit_code, validate
from ..store.lock import RecordingLock
from ..store.reader import Recording
from .backend import FAULTS

__all__ = ["DemoError", "run_demo"]

_BEGIN = 20.0  # seconds that a process has to say where it listens
_END = 120.0  # seconds that the clients have to be done


class DemoError(Exception):
    """A process of the demo did not do its part; the message is one line for people."""


def run_demo(recording: Path, sessions: int, messages: int, *, broken: bool, out: TextIO) -> int:
    """Record `sessions` clients that ask `messages` questions each, then judge the recording.

    Returns the exit code of `wsrec validate`; 1 as well when what was recorded is not what the
    peers sent and received.

    Raises:
        DemoError: a process failed or did not end in time.
    """
    _set_aside(recording)
    console = Console(file=out, width=None if out.isatty() else 120, highlight=False)
    console.print(
        f"{sessions} clients ask {messages} question{'s' * (messages != 1)} each;"
        f" wsrec records to {recording}"
        + (f", and the backend misbehaves in {min(sessions, len(FAULTS))}" if broken else ""),
        markup=False,
    )
    with _backend(broken=broken) as (port, counts):
        clients = _record(recording, port, sessions, messages)
    report = validate([recording])
    show_text(report, out)
    equal = _compare(console, clients, counts, _recorded(recording))
    return exit_code(report) or (0 if equal else 1)


@contextmanager
def _backend(*, broken: bool) -> Iterator[tuple[int, dict[str, Counter[str]]]]:
    """Run the backend; yield its port, and counts that it fills in when it has ended."""
    command = [sys.executable, "-m", f"{__package__}.backend", *["--broken"] * broken]
    counts: dict[str, Counter[str]] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield _line(process, "the backend")["port"], counts
        finally:
            process.terminate()
            said, _ = process.communicate(timeout=_BEGIN)
        counts.update({what: Counter(each) for what, each in json.loads(said).items()})


def _record(recording: Path, port: int, sessions: int, messages: int) -> dict[str, Counter[str]]:
    """Run the clients behind `wsrec proxy`; return what they say they sent and received."""
    clients = [sys.executable, "-m", f"{__package__}.clients", str(sessions), str(messages)]
    proxy = [sys.executable, "-m", __package__.partition(".")[0], "proxy"]
    proxy += [f"ws://127.0.0.1:{port}", "-l", "127.0.0.1:0", "-o", str(recording)]
    try:
        ended = subprocess.run(
            [*proxy, "--format", "json", "--", *clients],
            stdout=subprocess.PIPE,
            text=True,
            timeout=_END,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DemoError(f"the clients were not done after {_END:.0f} s") from None
    if ended.returncode:
        raise DemoError(f"wsrec proxy ended with {ended.returncode}")
    *_events, counts = map(json.loads, ended.stdout.splitlines())
    return {what: Counter(each) for what, each in counts.items()}


def _line(process: subprocess.Popen[str], who: str) -> Any:
    assert process.stdout is not None
    text = process.stdout.readline()
    if not text:
        raise DemoError(f"{who} ended before it listened")
    return json.loads(text)


def _recorded(recording: Path) -> dict[str, int]:
    counts = {"client": 0, "server": 0}
    with Recording.open(recording) as opened:
        for session in opened.sessions():
            for message in opened.messages(session.id):
                counts[message.sender] += 1
    return counts


def _compare(
    console: Console,
    clients: dict[str, Counter[str]],
    backend: dict[str, Counter[str]],
    recorded: dict[str, int],
) -> bool:
    """Print what each of the three says it saw; answer whether they agree."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("messages", "sent", "recorded", "received"):
        table.add_column(name, justify="left" if name == "messages" else "right")
    rows = [
        ("clients to backend", clients["sent"], "client", backend["received"]),
        ("backend to clients", backend["sent"], "server", clients["received"]),
    ]
    equal = True
    for name, sent, sender, received in rows:
        numbers = sent.total(), recorded[sender], received.total()
        table.add_row(name, *map(str, numbers))
        equal = equal and len(set(numbers)) == 1
    console.print(table)
    console.print("nothing lost" if equal else "[bold red]the counts differ")
    return equal


def _set_aside(recording: Path) -> None:
    """Keep a former recording, once: a new one would be a continuation of it."""
    lock = RecordingLock(recording)  # not while another demo writes it
    try:
        # The log first: beside another file than its own, it would be taken for that file's.
        for suffix in ("-wal", "-shm", ""):
            former = recording.with_name(recording.name + suffix)
            kept = recording.with_name(f"{recording.name}.old{suffix}")
            kept.unlink(missing_ok=True)
            if former.exists():
                former.replace(kept)
    finally:
        lock.release()
