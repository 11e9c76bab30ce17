"""A recorder that is killed while it brings a file to its format leaves the old one, or the new."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from support.recordings import contents, elsewhere, record
from wsrec.store.tables import TABLES

# For each statement of the migrations a copy of the file, and a process that is killed before it.
KILLED = """
import os, shutil, signal, sqlite3, sys
from pathlib import Path
from wsrec.store import migrations

if sys.argv[2] == "v2":
    @migrations._migrations()
    def v2_tables(db):
        db.execute("ALTER TABLE sessions ADD COLUMN later TEXT")
        db.execute("UPDATE sessions SET later = target")
        db.execute("PRAGMA user_version = 2")
        db.execute("CREATE TABLE later (id INTEGER PRIMARY KEY)")

path = Path(sys.argv[1])
count = 0
killed = True
while killed:
    copy = path.with_name(f"{count}.db")
    if path.exists():
        shutil.copy(path, copy)
    child = os.fork()
    if child == 0:
        connection = sqlite3.connect(copy, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        left = [count]
        def step(statement):
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
        connection.set_trace_callback(step)
        migrations.create_tables(connection)
        os._exit(0)
    killed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    count += 1
print(count)
"""


def killed_everywhere(path: Path, migrations: str) -> list[Path]:
    with elsewhere(KILLED, path, migrations) as process:
        count = int(process.communicate(timeout=60)[0])
    return [path.with_name(f"{number}.db") for number in range(count)]


def tables(path: Path) -> tuple[int, set[str]]:
    with closing(sqlite3.connect(path)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ours = {name for (name,) in names if not name.startswith(("sqlite_", "_sqlite"))}
    return version, ours


def test_of_a_new_file(tmp_path: Path) -> None:
    left = [tables(path) for path in killed_everywhere(tmp_path / "none", "v1")]
    assert len(left) > 10
    nothing, made = (0, set[str]()), (1, set(TABLES))
    number = left.index(made)
    assert left == [nothing] * number + [made] * (len(left) - number)


def test_of_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "session.db"
    before = record(path, lambda talk: talk.text("client", "one").text("server", "two"))
    paths = killed_everywhere(path, "v2")
    assert len(paths) > 5
    versions = [tables(each) for each in paths]
    old, new = (1, set(TABLES)), (2, {*TABLES, "later"})
    number = versions.index(new)
    assert versions == [old] * number + [new] * (len(versions) - number)
    for each in paths[:number]:
        assert contents(each) == before
    for each in paths[number:]:
        with closing(sqlite3.connect(each)) as connection:
            assert connection.execute("SELECT later FROM sessions").fetchall() == [("/ws",)]


def test_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    for path in killed_everywhere(tmp_path / "none", "v1"):
        recorded = record(path, lambda talk: talk.text("client", "one"))
        assert [message.data for message in recorded.messages[0]] == ["one"]
