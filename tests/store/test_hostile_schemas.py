"""Files whose tables, values and pages were made to mislead: each is refused in one line."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.hostile_files import Shell, change, instead
from support.tampering import record_everything
from wsrec.store.errors import RecordingError
from wsrec.store.reader import Recording

Make = Callable[[Path], None]
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT"
SESSION = "i, '', i, '', '', '[]', 101, '[]', '', '', 0, 0, '', '', 1, 0, 0, 0, 0, x'00'"
SESSION_NAMES = (
    "id, started_at, started_ns, client, target, request_headers, status, response_headers,"
    " subprotocol, extensions, ended_ns, close_code, close_reason, closed_by, clean,"
    " client_frames, client_bytes, server_frames, server_bytes, link"
)
BIG = 1 << 62


def sql(*statements: str) -> Make:
    return lambda path: change(path, *statements)


def columns(table: str, old: str, new: str) -> Make:
    """Rewrite how a table is defined."""
    return sql(f"UPDATE sqlite_master SET sql = replace(sql, '{old}', '{new}')"
               f" WHERE name = '{table}'")  # fmt: skip


def self_referring(table: str) -> Make:
    """Let the table's pages be those of another one."""
    return sql(f"UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master"
               f" WHERE name = 'parts') WHERE name = '{table}'")  # fmt: skip


def many_sessions(path: Path) -> None:
    change(path, f"INSERT INTO sessions {ENDLESS} i + 100, '', i, '', '', '', 1, '', '', '', 0, 0,"
                 " '', '', 1, 0, 0, 0, 0, x'00' FROM n LIMIT 3000")  # fmt: skip


TABLES: dict[str, Make] = {
    "sessions as an endless view": instead(
        "sessions", f"CREATE VIEW sessions({SESSION_NAMES}) AS {ENDLESS} {SESSION} FROM n"
    ),
    "sessions as a view without rows or end": instead(
        "sessions",
        f"CREATE VIEW sessions({SESSION_NAMES}) AS {ENDLESS} {SESSION} FROM n WHERE i < 0",
    ),
    "frames as an endless view": instead(
        "frames", f"CREATE VIEW frames(id, session_id, seq) AS {ENDLESS} i, 1, i FROM n"
    ),
    "extents as an endless view": instead(
        "extents",
        "CREATE VIEW extents(session_id, first_seq, last_seq, first_id)"
        f" AS {ENDLESS} 1, i, i, 1 FROM n",
    ),
    "meta as an endless view": instead(
        "meta", f"CREATE VIEW meta(key, value) AS {ENDLESS} i, i FROM n"
    ),
    "parts as a view": instead("parts", "CREATE VIEW parts(id, data) AS SELECT 1, x''"),
    "links as a view": instead("links", "CREATE VIEW links(first_id, link) AS SELECT 1, x''"),
    "seals as an endless view": instead(
        "seals", f"CREATE VIEW seals(session_id, key, signature) AS {ENDLESS} i, x'', x'' FROM n"
    ),
    **{
        f"meta as a view that calls {call}": instead(
            "meta", f"CREATE VIEW meta(key, value) AS SELECT 'upstream', {call}"
        )
        for call in (
            "load_extension('/tmp/none')",
            "readfile('/etc/passwd')",
            "zeroblob(1000000000)",
            "printf('%1000000000d', 1)",
            "randomblob(900000000)",
            "writefile('here', 'x')",
            "replace(hex(zeroblob(90000000)), '0', hex(zeroblob(90000000)))",
            "abs(-9223372036854775808)",
        )
    },
    "meta as a virtual table": instead(
        "meta", "CREATE VIRTUAL TABLE meta USING fts4(key, value)", "table"
    ),
    "sessions as a table of another kind": instead(
        "sessions", f"CREATE TABLE sessions ({SESSION_NAMES})", "table"
    ),
    "meta with a column too few": instead("meta", "CREATE TABLE meta (key)"),
    "meta in capitals": instead("meta", "CREATE VIEW META(key, value) AS SELECT 'a', 'b'"),
    "a view that has another name": lambda path: change(
        path,
        "DROP TABLE meta",
        "CREATE VIEW meta(key, value) AS SELECT 'a', 'b'",
        "UPDATE sqlite_master SET name = 'other', tbl_name = 'other' WHERE name = 'meta'",
    ),
    "a column with an expression": columns(
        "frames", "(head & 15)", "(length(hex(zeroblob(90000000))) & head)"
    ),
    "a column without its NOT NULL": columns("frames", "seq INTEGER NOT NULL", "seq INTEGER"),
    "no schema at all": sql("DELETE FROM sqlite_master"),
    "a schema that is not SQL": sql("UPDATE sqlite_master SET sql = 'CREATE nonsense'"),
    "a schema of ten thousand tables": sql(
        f"INSERT INTO sqlite_master {ENDLESS} 'table', 't' || i, 't' || i, 2,"
        " 'CREATE TABLE t' || i || '(x)' FROM n LIMIT 10000",
        "DELETE FROM meta",
        "INSERT INTO meta VALUES ('x', CAST(zeroblob(5000000) AS TEXT))",
    ),
    "a schema of one long statement": sql(
        "UPDATE sqlite_master SET sql = sql || ' --' || hex(zeroblob(3000000))"
    ),
    "a newer format": sql("PRAGMA user_version = 2"),
    "no format": sql("PRAGMA user_version = 0"),
    "a negative format": sql("PRAGMA user_version = -1"),
    "another application": sql("PRAGMA application_id = 1"),
    "no application": sql("PRAGMA application_id = 0"),
    "a long text in meta": sql(
        "INSERT INTO meta VALUES ('x', CAST(zeroblob(100000000) AS TEXT))"
    ),
    "many texts in meta": sql(
        f"INSERT INTO meta {ENDLESS} 'k' || i, 'v' FROM n LIMIT 20000"
    ),
}  # fmt: skip

# Of these one session, or one kind of thing, is damaged: some commands still read the others.
VALUES: dict[str, Make] = {
    "a number that is none": sql("UPDATE frames SET at_ns = 'x' WHERE id = 3"),
    "a number that is a fraction": sql("UPDATE sessions SET started_ns = 1.5 WHERE id = 1"),
    "infinity": sql("UPDATE frames SET at_ns = 9e999 WHERE id = 3"),
    "a status that is text": sql("UPDATE sessions SET status = 'fine' WHERE id = 2"),
    "a text that is bytes": sql("UPDATE sessions SET target = x'ff' WHERE id = 2"),
    "a text that is not UTF-8": sql("UPDATE sessions SET target = CAST(x'ff' AS TEXT)"),
    "headers that are no list": sql("UPDATE sessions SET request_headers = '7'"),
    "headers that are numbers": sql("UPDATE sessions SET request_headers = '[[1, NaN]]'"),
    "headers without end": sql(
        "UPDATE sessions SET request_headers = replace(hex(zeroblob(60000)), '0', '[')"
    ),
    "a number of 5000 digits": sql(
        "UPDATE sessions SET request_headers = hex(zeroblob(5000)) || '1'"
    ),
    "a session of a negative number": sql("UPDATE sessions SET id = -5 WHERE id = 1"),
    "a session of the largest number": sql(
        "UPDATE sessions SET id = 9223372036854775807 WHERE id = 7"
    ),
    "extents of the largest numbers": sql(
        "UPDATE extents SET last_seq = 9223372036854775807, first_id = 9223372036854775807"
    ),
    "frames of the largest number": sql(
        "UPDATE frames SET id = 9223372036854775807 WHERE id = (SELECT max(id) FROM frames)"
    ),
    "an extent without end": sql(f"UPDATE extents SET last_seq = {BIG}"),
    "an extent from before the beginning": sql(
        f"UPDATE extents SET first_seq = -{BIG}, last_seq = {BIG} WHERE session_id = 2"
    ),
    "extents that overlap": sql(
        f"INSERT INTO extents {ENDLESS} 1, i + 1000, i + {BIG}, 1 FROM n LIMIT 20000"
    ),
    "extents of nothing": sql(
        f"INSERT INTO extents {ENDLESS} 1, i + 1000, i + 1000, -i FROM n LIMIT 200000"
    ),
    "extents of a session that is text": sql(
        "UPDATE extents SET session_id = 'x' || session_id"
    ),
    "parts that are everywhere": sql("UPDATE frames SET message_parts = 1, payload_parts = 2"),
    "parts of a negative number": sql("UPDATE frames SET payload_parts = -1"),
    "parts beyond all numbers": sql(f"UPDATE frames SET message_parts = {BIG}"),
    "parts that are text": sql("UPDATE frames SET message_parts = 'x', payload_parts = 'y'"),
    "a large part that all frames name": sql(
        "UPDATE parts SET data = zeroblob(40000000) WHERE id = (SELECT min(id) FROM parts)",
        "UPDATE frames SET payload_parts = (SELECT min(id) >> 20 FROM parts),"
        " message_parts = (SELECT min(id) >> 20 FROM parts)",
    ),
    "a payload of 100 MB": sql("UPDATE frames SET payload = zeroblob(100000000) WHERE id = 4"),
    "a part of 100 MB": sql(
        "UPDATE parts SET data = zeroblob(100000000) WHERE id = (SELECT min(id) FROM parts)"
    ),
    "long names of anomalies": sql("UPDATE frames SET anomalies = hex(zeroblob(1000000))"),
    "frames that are parts": self_referring("frames"),
    "sessions that are parts": self_referring("sessions"),
    "extents that are parts": self_referring("extents"),
    "three thousand sessions more": many_sessions,
}  # fmt: skip

# What a person may do to a copy without harm to what a recorder wrote.
HARMLESS: dict[str, Make] = {
    "an index": sql("CREATE INDEX mine ON frames(opcode)", "ANALYZE"),
    "a table and a view": sql("CREATE TABLE mine(x)", "CREATE VIEW ours AS SELECT * FROM mine"),
    "a trigger": sql(
        "CREATE TRIGGER mine AFTER INSERT ON frames BEGIN DELETE FROM frames; END"
    ),
    "an endless view beside": sql(f"CREATE VIEW mine AS {ENDLESS} i FROM n"),
}  # fmt: skip


_FRAMES = {name for name in TABLES if name.startswith(("frames", "extents", "a column"))}
_CHAIN = {"links as a view", "seals as an endless view"}
NOT_ASKED = {
    "sessions": {*_FRAMES, *_CHAIN, "parts as a view"},
    "show": _CHAIN,
    "show --frames --format json": _CHAIN,
}
"""Tables that a command does not read."""


@pytest.fixture(scope="module")
def shell() -> Iterator[Shell]:
    with Shell() as shell:
        yield shell


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return record_everything(tmp_path_factory.mktemp("hostile") / "session.db")


@pytest.fixture
def path(tmp_path: Path, recording: bytes) -> Path:
    path = tmp_path / "session.db"
    path.write_bytes(recording)
    return path


@pytest.mark.parametrize("name", TABLES)
def test_tables_that_are_none(shell: Shell, path: Path, name: str) -> None:
    TABLES[name](path)
    answers = shell.ask_all(path)
    for words, answer in answers.items():
        refused = words in ("validate", "verify") or answer.is_refusal(words)
        assert refused or name in NOT_ASKED.get(words, ()), (words, answer)
    assert answers["validate"].is_refusal("validate"), answers
    assert answers["verify"].is_refusal("verify"), answers


@pytest.mark.parametrize("name", VALUES)
def test_values_that_mislead(shell: Shell, path: Path, name: str) -> None:
    VALUES[name](path)
    answers = shell.ask_all(path)
    assert answers["verify"].code == 3
    assert answers["validate"].is_refusal("validate"), answers["validate"]
    for words, answer in answers.items():
        assert answer.code == 0 or words == "verify" or answer.is_refusal(words), (words, answer)
        if name.endswith("100 MB") and words.startswith("show"):
            assert "too big" in answer.err


@pytest.mark.parametrize("name", HARMLESS)
def test_what_stands_beside_the_tables(shell: Shell, path: Path, name: str) -> None:
    before = shell.ask_all(path)
    HARMLESS[name](path)
    assert shell.ask_all(path) == before
    assert [answer.code for answer in before.values()] == [0, 0, 0, 1, 0]


def test_another_view_is_not_read(shell: Shell, path: Path) -> None:
    before = shell.ask_all(path)
    instead("messages", f"CREATE VIEW messages AS {ENDLESS} 1 AS session_id FROM n")(path)
    after = shell.ask_all(path)
    for words in ("sessions", "show", "show --frames --format json"):
        assert after[words] == before[words]
    assert after["verify"].out.startswith(f"{path}: its tables, or its view, are not those")
    assert after["validate"].is_refusal("validate")


def test_the_same_frames_are_not_read_again(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        # The session that was written last: behind its frames there are no other session's.
        session, first_id = connection.execute(
            "SELECT session_id, first_id FROM extents ORDER BY first_id DESC LIMIT 1"
        ).fetchone()
    change(path, f"INSERT INTO extents {ENDLESS} {session}, i + 1000, i + {BIG}, {first_id}"
                 " FROM n LIMIT 100")  # fmt: skip
    with Recording.open(path) as recording:
        for read in (recording.frames, recording.messages):
            seen: list[int] = []
            with pytest.raises(RecordingError, match="not what they were"):
                seen.extend(item.seq for item in read(session))
            assert len(seen) == len(set(seen))
        ended = recording.session(session)
        assert ended is not None
        with pytest.raises(RecordingError, match="not what they were"):
            recording.first_gap(ended)


def test_work_without_a_row_comes_to_an_end(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    VALUES["extents of nothing"](path)
    monkeypatch.setattr("wsrec.store.work._STEPS", 50)  # or it would take millions of extents
    with Recording.open(path) as recording:
        recording.work._left = 0  # what was allowed for the file as a whole
        with pytest.raises(RecordingError, match="comes to no end"):
            list(recording.frames(1))


def test_frames_of_another_session_are_not_read(path: Path) -> None:
    first = "(SELECT first_id FROM extents WHERE session_id = 1 AND first_seq = 1)"
    change(path, f"UPDATE extents SET first_id = {first} WHERE session_id = 5")
    with Recording.open(path) as recording:
        assert len(list(recording.frames(1))) == 22
        with pytest.raises(RecordingError, match="not what they were"):
            next(recording.frames(5))
