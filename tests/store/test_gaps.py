"""What a recording states of frames that could not be written."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.frames import KEY, wire
from wsrec.store.batch import Batch
from wsrec.store.begin import connect
from wsrec.store.reader import Recording
from wsrec.store.recorder import Recorder
from wsrec.store.session import SessionWriter
from wsrec.store.verify import Verification
from wsrec.wire.mask import xor_mask


def said(path: Path) -> list[str]:
    with Recording.open(path) as recording:
        return [str(fault) for fault in Verification(recording).faults()]


def test_a_session_whose_gap_could_not_be_written_at_first(tmp_path: Path) -> None:
    path = tmp_path / "session.db"
    Recorder(path).close()
    refusing = connect(path, synced=False)
    refusing.execute("DELETE FROM meta WHERE key IN ('ended_at', 'sessions')")
    refusing.execute(
        "CREATE TEMP TRIGGER t BEFORE INSERT ON gaps BEGIN SELECT raise(ABORT, 'full'); END"
    )
    batch = Batch(connect(path, synced=False), most_kept=1)
    session = SessionWriter(batch, 1, 0, xor_mask)
    batch.error = sqlite3.OperationalError("full")
    batch.lose()
    session.opened("2030-01-31T09:00:00.000000+00:00", 0, None, "/", [])
    session.client.feed(1, 1, wire(1, b"lost", mask=KEY))
    batch.commit()
    with closing(refusing), pytest.raises(sqlite3.Error, match="full"):
        batch.resume(refusing, "full")
    batch.lose()
    session.client.feed(2, 2, wire(1, b"lost too", mask=KEY))
    batch.commit()

    batch.resume(connect(path, synced=False), "full")

    batch.connection.close()
    assert said(path) == ["session 1: frames 1-2 were not recorded (full)"]
