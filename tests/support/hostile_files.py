"""Files that nobody's recorder made, and the real commands on them, held to time and memory."""

from __future__ import annotations

import hashlib
import json
import resource
import select
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest
from support.recordings import elsewhere

MEMORY = 1 << 30
"""Bytes of address space: more than a reader needs, less than what the files below claim to be."""
SECONDS = 30
"""A bound, not a measure: each command ends in a fraction of it."""
COMMANDS = (
    ("sessions",),
    ("show",),
    ("show", "--frames", "--format", "json"),
    ("validate",),
    ("verify",),
)

# One process for many files: to start one for each command would take most of the time.
_MANY = """
import contextlib, io, json, sys
from wsrec.cli import main

for line in sys.stdin:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(json.loads(line))
        except SystemExit as end:
            code = end.code or 0
        except BaseException as error:
            code = -1
            print("Traceback", repr(error), file=err)
    answer = [code, out.getvalue()[-4000:], err.getvalue()[-4000:]]
    print(json.dumps(answer), flush=True)
"""


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str

    def is_refusal(self, command: str) -> bool:
        """Exit code 3 and one line that says why; `verify` writes its lines to standard output."""
        lines = self.out if command == "verify" else self.err
        other = self.err if command == "verify" else ""
        one = lines.count("\n") == 1 or (command == "verify" and "damaged; " in lines)
        return self.code == 3 and one and not other and "Traceback" not in lines


def ask(*words: str | Path, before: Sequence[str] = ()) -> Answer:
    """Run a command as a user does, in a process with little memory."""
    done = subprocess.run(
        [*before, sys.executable, "-m", "wsrec", *map(str, words)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        preexec_fn=limited,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


class Shell:
    """Runs command after command in one process with little memory; use as a context manager."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _MANY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=limited,
        )
        return self

    def __exit__(self, *exc: object) -> None:
        with self._process:
            self._process.kill()

    def ask(self, *words: str | Path) -> Answer:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps([*map(str, words)]) + "\n")
        process.stdin.flush()
        there, _, _ = select.select([process.stdout], [], [], SECONDS)
        if not there:
            process.kill()
        assert there, f"{words} comes to no end"
        return Answer(*json.loads(process.stdout.readline()))

    def ask_all(self, path: Path) -> dict[str, Answer]:
        """All commands that read a recording, by their words; nothing beside it may change."""
        before = state(path.parent)
        answers = {" ".join(words): self.ask(*words, path) for words in COMMANDS}
        assert state(path.parent) == before
        for answer in answers.values():
            assert "Traceback" not in answer.err
            assert answer.code in (0, 1, 3, 5)
        return answers


def state(folder: Path) -> dict[str, tuple[int, int, int, str]]:
    """All there is to a folder's files, by name."""
    found = {}
    for path in sorted(folder.iterdir()):
        status = path.lstat()
        regular = path.is_file() and not path.is_symlink()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if regular else ""
        found[path.name] = status.st_mode, status.st_size, status.st_mtime_ns, content
    return found


def change(path: Path, *statements: str) -> None:
    """What somebody else does to a file, its schema included."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        for statement in statements:
            connection.execute(statement)


def instead(table: str, sql: str, kind: str = "view") -> Callable[[Path], None]:
    """Put something else in a table's place."""

    def do(path: Path) -> None:
        drop = "VIEW" if table == "messages" else "TABLE"
        change(path, f"DROP {drop} {table}", sql)

    return do


def mode_of_log(path: Path) -> None:
    """Set the header to what a file has that was copied without its log."""
    data = bytearray(path.read_bytes())
    data[18:20] = b"\x02\x02"
    path.write_bytes(data)


def leave_a_crash(folder: Path) -> Path:
    """Leave a recording whose recorder was killed: nothing of it is in the file itself."""
    script = (
        "import os, sys, time\nfrom pathlib import Path\n"
        "from support.tampering import everything\nfrom wsrec.store.recorder import Recorder\n"
        "recorder = Recorder(Path(sys.argv[1]))\neverything(recorder)\n"
        "while recorder.backlog.size: time.sleep(0.01)\n"
        "print('there', flush=True)\ntime.sleep(60)"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
        with elsewhere(script, folder / "session.db") as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "there\n"
    assert (folder / "session.db-wal").stat().st_size > 10_000
    return folder
