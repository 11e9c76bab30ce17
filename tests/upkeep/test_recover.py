"""`wsrec recover`, where the spool beside a recording is not its own."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from wsrec.cli import main
from wsrec.store.durability import Durability
from wsrec.store.errors import RecordingError
from wsrec.store.recorder import Recorder
from wsrec.store.segment import ENDED
from wsrec.store.spool import Spool, segments, spool_folder
from wsrec.upkeep.recover import recover


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a finished recording beside which another one's spool lies."""
    path = tmp_path / "session.db"
    Recorder(path, durability=Durability.PROCESS).close()
    spool = Spool(spool_folder(path), bytes(16), 1, durable=False)
    spool.write(ENDED, 1, 0, b"")
    spool.close(remove=False)
    return path


def test_another_recordings_spool_is_left_alone(path: Path) -> None:
    with pytest.raises(RecordingError, match="belongs to another recording"):
        recover(path)
    with pytest.raises(RecordingError, match="belongs to another recording"):
        Recorder(path, durability=Durability.PROCESS)

    assert [number for number, _ in segments(spool_folder(path))] == [1]


def test_a_spool_of_which_all_is_there_leaves_nothing_to_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As behind a kill between two frames."""
    (tmp_path / "killed").mkdir()
    with closing(Recorder(tmp_path / "session.db", durability=Durability.PROCESS)):
        for each in tmp_path.glob("session.db*"):
            copy = shutil.copytree if each.is_dir() else shutil.copy
            copy(each, tmp_path / "killed" / each.name)
    (tmp_path / "killed" / "session.db.lock").unlink()
    monkeypatch.chdir(tmp_path / "killed")

    said = [CliRunner().invoke(main, ["recover", "session.db"]).output for _ in range(2)]

    assert said == [
        "session.db: nothing was missing from it\n",
        "session.db: nothing to recover\n",
    ]
