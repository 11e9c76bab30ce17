"""Seals: whoever has no key cannot change a recording so that they still fit."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st
from msgpack import packb  # type: ignore[import-untyped]
from support.recordings import Conversation, elsewhere, eventually, recorder_at
from support.sealing import KeyFiles, key_files, record_sealed, said
from support.tampering import change
from wsrec.store.chain import NOT_YET, START, Chain
from wsrec.store.keys import PublicKeys
from wsrec.store.values import SESSION_COLUMNS

NO_CLEAN_END = "has no clean end: nothing seals that no session is missing behind the last"
OF_ITS_END = "of its end, the seal is not one of what is recorded here"


@pytest.fixture
def keys(tmp_path: Path) -> KeyFiles:
    return key_files(tmp_path)


@pytest.fixture
def path(tmp_path: Path, keys: KeyFiles) -> Path:
    return record_sealed(tmp_path / "session.db", keys)


def remove_last(path: Path, number: int) -> None:
    """Take a session out, with all that would show without a key."""
    change(
        path,
        "DELETE FROM links WHERE first_id IN"
        f" (SELECT first_id FROM extents WHERE session_id = {number})",
        f"DELETE FROM frames WHERE session_id = {number}",
        f"DELETE FROM extents WHERE session_id = {number}",
        f"DELETE FROM sessions WHERE id = {number}",
        f"DELETE FROM seals WHERE session_id = {number}",
        f"UPDATE meta SET value = {number - 1} WHERE key = 'sessions'",
    )


def forge(path: Path, number: int) -> None:
    """Change a session's end, and make its row's link anew: whoever can write the file can."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        row = list(
            connection.execute(
                f"SELECT {SESSION_COLUMNS} FROM sessions WHERE id = ?", (number,)
            ).fetchone()
        )
        row[SESSION_COLUMNS.split(", ").index("close_code")] = 1000
        (before,) = connection.execute(
            "SELECT link FROM links WHERE first_id ="
            " (SELECT max(first_id) FROM extents WHERE session_id = ?)",
            (number,),
        ).fetchone()
        connection.execute(
            "UPDATE sessions SET close_code = 1000, link = ? WHERE id = ?",
            (Chain().row(before, row), number),
        )


def test_what_nobody_changed(path: Path, keys: KeyFiles) -> None:
    assert said(path, keys) == said(path, None) == []


def test_any_of_several_keys_will_do(path: Path, keys: KeyFiles, tmp_path: Path) -> None:
    other = key_files(tmp_path, "other")
    record_sealed(path, other, sessions=1)
    assert said(path, PublicKeys.read([keys.public, other.public])) == []
    assert said(path, other) == [
        f"session {n}: the seal is by a key that was not given" for n in (1, 2, 3)
    ]
    assert said(path, keys) == [
        "session 4: the seal is by a key that was not given",
        "of its end, the seal is by a key that was not given",
    ]


def test_a_session_forged_with_its_chain(path: Path, keys: KeyFiles) -> None:
    forge(path, 2)
    assert said(path, None) == []
    assert said(path, keys) == [
        "session 2: the seal is not one of what is recorded here",
        OF_ITS_END,
    ]


def test_the_last_sessions_removed(path: Path, keys: KeyFiles) -> None:
    remove_last(path, 3)
    assert said(path, None) == []
    assert said(path, keys) == [OF_ITS_END]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE meta SET value = value || 'x' WHERE key = 'upstream'",
        "UPDATE meta SET value = '[]' WHERE key = 'redaction_runs'",
        "INSERT INTO meta VALUES ('pruned', '{}')",
        "DELETE FROM meta WHERE key = 'host'",
    ],
)
def test_what_meta_says(tmp_path: Path, keys: KeyFiles, statement: str) -> None:
    path = tmp_path / "session.db"
    with recorder_at(path, signer=keys.signer, meta={"upstream": "ws://a"}):
        pass
    assert said(path, keys) == []
    assert change(path, statement) == 1
    assert said(path, keys) == [OF_ITS_END]


def test_seals_removed(path: Path, keys: KeyFiles) -> None:
    change(path, "DELETE FROM seals WHERE session_id IN (0, 2)")
    assert said(path, keys) == [
        "session 2: the seal is missing",
        "of its end, the seal is missing",
    ]


def test_an_end_that_is_none_any_more(path: Path, keys: KeyFiles) -> None:
    change(path, "DELETE FROM meta WHERE key = 'ended_at'")
    assert said(path, keys) == said(path, None) == ["its end is sealed, but it has none"]


def test_a_seal_of_nothing(path: Path, keys: KeyFiles) -> None:
    change(path, "INSERT INTO seals SELECT 7, key, signature FROM seals WHERE session_id = 1")
    assert said(path, None) == ["session 7: has a seal, but no end record"]


def test_the_seal_of_the_same_session_of_another_recording(
    path: Path, keys: KeyFiles, tmp_path: Path
) -> None:
    """The same key, and a row that is the same to the byte: `started_at` tells them apart."""
    change(path, "UPDATE meta SET value = replace(value, 'T', ' ') WHERE key = 'started_at'")
    assert said(path, keys) == [
        *(f"session {n}: the seal is not one of what is recorded here" for n in (1, 2, 3)),
        OF_ITS_END,
    ]


def test_an_unsealed_recording(tmp_path: Path, keys: KeyFiles) -> None:
    path = record_sealed(tmp_path / "open.db", None, sessions=1)
    assert said(path, None) == []
    assert said(path, keys) == [
        "session 1: the seal is missing",
        "of its end, the seal is missing",
    ]


def test_a_run_that_goes_on_without_the_key_has_no_seal_of_its_end(
    path: Path, keys: KeyFiles
) -> None:
    record_sealed(path, None, sessions=1)
    assert said(path, None) == []
    assert said(path, keys) == [
        "session 4: the seal is missing",
        "of its end, the seal is missing",
    ]


def test_a_run_that_goes_on_seals_the_end_anew(path: Path, keys: KeyFiles) -> None:
    with closing(sqlite3.connect(path)) as connection:
        before = dict(connection.execute("SELECT session_id, signature FROM seals"))
    record_sealed(path, keys, sessions=1)
    with closing(sqlite3.connect(path)) as connection:
        after = dict(connection.execute("SELECT session_id, signature FROM seals"))
    assert said(path, keys) == []
    assert sorted(after) == [0, 1, 2, 3, 4]
    assert {number for number in before if before[number] == after[number]} == {1, 2, 3}


KILLED = """
import sys, time
from pathlib import Path
from support.recordings import Conversation
from wsrec.store.keys import SigningKey
from wsrec.store.recorder import Recorder
recorder = Recorder(Path(sys.argv[1]), signer=SigningKey.read(Path(sys.argv[2])))
Conversation(recorder).text("client", "ended").end()
Conversation(recorder).text("client", "open")
time.sleep(0.3)
print("here", flush=True)
time.sleep(60)
"""


def test_what_a_killed_recorder_leaves_is_no_damage(
    tmp_path: Path, keys: KeyFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    path = tmp_path / "session.db"
    with elsewhere(KILLED, path, keys.private) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert said(path, keys) == ["session 2: ends without an end record", NO_CLEAN_END]


def test_a_recording_under_way(tmp_path: Path, keys: KeyFiles) -> None:
    path = tmp_path / "session.db"
    with recorder_at(path, signer=keys.signer) as recorder:
        Conversation(recorder).text("client", "hi").end()
        eventually(lambda: said(path, keys) == [NO_CLEAN_END])
    assert said(path, keys) == []


def test_the_end_of_a_session_done_again_comes_to_the_same_seal(path: Path, keys: KeyFiles) -> None:
    from wsrec.store.seal import Sealer

    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        before = connection.execute("SELECT * FROM seals").fetchall()
        Sealer(connection, keys.signer).all(connection)
        assert connection.execute("SELECT * FROM seals").fetchall() == before


@settings(max_examples=60, deadline=None)
@given(which=st.sampled_from([0, 1, 2, 3]), at=st.integers(0, 95), bit=st.integers(0, 7))
def test_any_bit_of_any_seal(
    tmp_path_factory: pytest.TempPathFactory, which: int, at: int, bit: int
) -> None:
    folder = tmp_path_factory.mktemp("seal")
    keys = key_files(folder)
    path = record_sealed(folder / "session.db", keys)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        row = connection.execute(
            "SELECT key, signature FROM seals WHERE session_id = ?", (which,)
        ).fetchone()
        data = bytearray(row[0] + row[1])
        data[at] ^= 1 << bit
        connection.execute(
            "UPDATE seals SET key = ?, signature = ? WHERE session_id = ?",
            (data[:32], data[32:], which),
        )
    (fault,) = said(path, keys)
    assert fault.startswith("of its end, the seal" if which == 0 else f"session {which}: the seal")


@pytest.mark.parametrize("value", ["x''", "'x'", "5", "zeroblob(64)"])
@pytest.mark.parametrize("column", ["key", "signature"])
def test_seals_that_are_none(path: Path, keys: KeyFiles, column: str, value: str) -> None:
    change(path, f"UPDATE seals SET {column} = {value} WHERE session_id = 1")
    (fault,) = said(path, keys)
    assert fault.startswith("session 1: the seal is")


def test_what_is_signed_is_what_the_page_says(path: Path, keys: KeyFiles) -> None:
    """Computed here by docs/recording.md, not by our own code."""
    with closing(sqlite3.connect(path)) as connection:
        meta = dict(connection.execute("SELECT key, value FROM meta"))
        seals = {number: rest for number, *rest in connection.execute("SELECT * FROM seals")}
        rows = connection.execute(
            "SELECT id, link, (SELECT links.link FROM extents JOIN links USING (first_id)"
            " WHERE session_id = id ORDER BY first_seq DESC LIMIT 1) FROM sessions ORDER BY id"
        ).fetchall()
    for number, link, _ in rows:
        key, signature = seals[number]
        statement = b"wsrec session 1\n" + link + meta["started_at"].encode()
        Ed25519PublicKey.from_public_bytes(key).verify(signature, statement)
    packed = packb([[name, meta[name]] for name in sorted(meta)]) + b"".join(map(packb, rows))
    key, signature = seals[0]
    statement = b"wsrec end 1\n" + sha256(packed).digest()
    Ed25519PublicKey.from_public_bytes(key).verify(signature, statement)
    assert json.loads(meta["sessions"]) == 3


def test_frames_cut_off_an_interrupted_session_before_a_clean_end(
    tmp_path: Path, keys: KeyFiles
) -> None:
    path = tmp_path / "session.db"
    with recorder_at(path, signer=keys.signer) as recorder:
        Conversation(recorder).text("client", "never ended")
    assert said(path, keys) == ["session 1: ends without an end record"]
    change(path, "DELETE FROM frames", "DELETE FROM extents", "DELETE FROM links")
    assert said(path, None) == ["session 1: ends without an end record"]
    assert said(path, keys) == ["session 1: ends without an end record", OF_ITS_END]


def test_a_row_made_up_from_nothing(path: Path, keys: KeyFiles) -> None:
    row = (4, "", 0, "", "/", "[]", *NOT_YET[:8], 1, *NOT_YET[9:])
    first = Chain().row(START, (*row[:6], *NOT_YET))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(
            f"INSERT INTO sessions ({SESSION_COLUMNS}, link) VALUES ({'?,' * 19}?)",
            (*row, Chain().row(first, row)),
        )
        connection.execute("UPDATE meta SET value = 4 WHERE key = 'sessions'")
    assert said(path, None) == []
    assert said(path, keys) == ["session 4: the seal is missing", OF_ITS_END]
