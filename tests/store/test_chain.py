"""What somebody changes in a recording shows, and where; what nobody changed is left in peace."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.frames import KEY, wire
from support.recordings import Conversation, contents, eventually, recorder_at
from support.tampering import NO_END, change, extents, faults, record_everything, said, split
from wsrec.store.reader import Recording
from wsrec.store.verify import Verification
from wsrec.wire.decoder import PART_SIZE


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session.db"


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return record_everything(tmp_path_factory.mktemp("chain") / "session.db")


@pytest.fixture
def copy(path: Path, recording: bytes) -> Path:
    path.write_bytes(recording)
    return path


class TestWhatNobodyChanged:
    def test_with_frames_of_every_kind(self, copy: Path) -> None:
        with Recording.open(copy) as recording:
            verification = Verification(recording)
            (fault,) = verification.faults()
            frames = sum(len(list(recording.frames(n))) for n in range(1, 8))
            kinds = [
                query
                for query in ("payload_parts", "message_parts", "message_seq", "anomalies")
                if not change(copy, f"UPDATE frames SET seq = seq WHERE {query} IS NOT NULL")
            ]
        assert not kinds  # nothing would be shown by a recording that has none of them
        assert str(fault) == NO_END
        assert not fault.damage
        assert (verification.sessions, verification.frames) == (7, frames)
        assert len(extents(copy, 1)) >= 3

    def test_with_nothing_in_it(self, path: Path) -> None:
        with recorder_at(path):
            pass
        assert said(path) == []

    def test_with_large_payloads(self, path: Path) -> None:
        data = bytes(range(256)) * (PART_SIZE // 64)
        with recorder_at(path) as recorder:
            talk = Conversation(recorder).server(
                wire(2, data) + wire(2, data[: PART_SIZE - 9]) * 17
            )
            talk.client(wire(1, b"x" * 70, fin=False, mask=KEY)).client(wire(0, data, mask=KEY))
            talk.end()
        assert said(path) == []

    def test_with_more_frames_than_go_into_an_extent(self, path: Path) -> None:
        with recorder_at(path) as recorder:
            tiny, pings = wire(2) * 200_000, (wire(9) + wire(1, b"x")) * 9000
            Conversation(recorder).server(tiny).server(pings).end()
        assert said(path) == []

    def test_that_goes_on_while_it_is_verified(self, path: Path) -> None:
        with recorder_at(path) as recorder:
            talk = Conversation(recorder)
            for count in range(1, 30):
                talk.text("server", "x" * count)
                assert said(path) in ([], ["session 1: ends without an end record"])
            eventually(lambda: sum(map(len, contents(path).frames)) == 29)
            assert said(path) == ["session 1: ends without an end record"]
            talk.end()
        assert said(path) == []

    def test_and_was_continued(self, path: Path) -> None:
        for count in range(3):
            with recorder_at(path) as recorder:
                Conversation(recorder).text("server", f"{count}").end()
                Conversation(recorder).text("server", f"{count}").end()
        assert said(path) == []

    def test_and_a_copy_of_it(self, copy: Path) -> None:
        with closing(sqlite3.connect(copy)) as connection:
            connection.execute("VACUUM INTO ?", (str(copy.with_name("copy.db")),))
            connection.execute("CREATE INDEX mine ON frames (session_id, seq)")
        assert said(copy) == said(copy.with_name("copy.db")) == [NO_END]

    def test_of_when_it_was_forwarded_nothing_is_said(self, copy: Path) -> None:
        # It becomes known when frames are in the file already.
        change(copy, "UPDATE frames SET forwarded_ns = forwarded_ns + 1")
        change(copy, "UPDATE frames SET forwarded_ns = NULL WHERE seq = 2")
        assert said(copy) == [NO_END]


FLIP = "CAST(substr(payload, 1, length(payload) - 1) || x'ff' AS BLOB)"
AT_3 = "WHERE session_id = 1 AND seq = 3"


class TestWhatWasChanged:
    @pytest.mark.parametrize(
        "assignment",
        [
            f"payload = {FLIP}",
            "payload = CAST(payload || x'00' AS BLOB)",
            "payload = NULL",
            "at_ns = at_ns + 1",
            "head = head & ~128",
            "head = head + 4096",
            "anomalies = 'not_masked'",
            "anomalies = ''",
            "message_seq = 1",
            "message_parts = (SELECT max(blob) FROM parts)",
            "payload_parts = (SELECT min(blob) FROM parts)",
        ],
    )
    def test_a_frame(self, copy: Path, assignment: str) -> None:
        for seq, (first, last) in ((3, extents(copy, 1)[0]), (16, extents(copy, 1)[1])):
            assert first <= seq <= last
            whole = copy.read_bytes()
            change(copy, f"UPDATE frames SET {assignment} WHERE session_id = 1 AND seq = {seq}")
            expected = f"session 1: frame {seq} is not what was recorded"
            assert said(copy) == [expected, NO_END]
            fault = faults(copy)[0]
            assert (fault.session, fault.first_seq, fault.last_seq) == (1, seq, seq)
            copy.write_bytes(whole)

    def test_a_payload_into_text_that_is_none(self, copy: Path) -> None:
        change(copy, "UPDATE frames SET payload = CAST(x'ff' AS TEXT) WHERE session_id = 1"
               " AND seq = 16")  # fmt: skip
        fault, _ = faults(copy)
        assert fault.what.startswith("frame 16 cannot be read: Could not decode")
        assert (fault.first_seq, fault.last_seq) == (16, 16)
        assert fault.what.isprintable()

    @pytest.mark.parametrize("value", ["seq = 99", "session_id = 2"])
    def test_whose_frame_it_is(self, copy: Path, value: str) -> None:
        change(copy, f"UPDATE frames SET {value} {AT_3}")
        assert said(copy) == ["session 1: frame 3 is not what was recorded", NO_END]

    def test_two_frames_swapped(self, copy: Path) -> None:
        change(
            copy,
            "UPDATE frames SET id = -1 WHERE session_id = 1 AND seq = 3",
            "UPDATE frames SET id = 3 WHERE session_id = 1 AND seq = 5",
            "UPDATE frames SET id = 5 WHERE id = -1",
        )
        expected = "session 1: frames 3 and 5 are not what was recorded"
        assert said(copy) == [expected, NO_END]
        change(copy, "UPDATE frames SET seq = id WHERE id <= 5")  # and renumbered: what they hold
        assert said(copy) == [expected, NO_END]

    @pytest.mark.parametrize(
        ("lost", "expected"),
        [
            ("seq = 3", "frame 3 is missing"),
            ("seq BETWEEN 2 AND 5", "frames 2-5 are missing"),
            ("seq = 1", "frame 1 is missing"),
        ],
    )
    def test_frames_deleted(self, copy: Path, lost: str, expected: str) -> None:
        change(copy, f"DELETE FROM frames WHERE session_id = 1 AND {lost}")
        assert said(copy) == [f"session 1: {expected}", NO_END]

    @pytest.mark.parametrize("place", [0, 1])
    @pytest.mark.parametrize("frames_too", [False, True])
    def test_an_extent_deleted(self, copy: Path, place: int, frames_too: bool) -> None:
        first, last = extents(copy, 1)[place]
        where = f"WHERE session_id = 1 AND first_seq = {first}"
        if frames_too:
            change(
                copy,
                f"DELETE FROM links WHERE first_id = (SELECT first_id FROM extents {where})",
                f"DELETE FROM frames WHERE session_id = 1 AND seq BETWEEN {first} AND {last}",
            )
        change(copy, f"DELETE FROM extents {where}")
        assert said(copy)[:2] == [f"session 1: frames {first}-{last} are missing", NO_END]
        assert frames_too == (len(said(copy)) == 2)  # else the row of `links` is left over

    def test_the_tail_cut_off(self, copy: Path) -> None:
        first, _ = extents(copy, 1)[-1]
        last_id = f"(SELECT first_id FROM extents WHERE session_id = 1 AND first_seq = {first})"
        change(
            copy,
            f"DELETE FROM links WHERE first_id = {last_id}",
            f"DELETE FROM frames WHERE session_id = 1 AND seq >= {first}",
            f"DELETE FROM extents WHERE session_id = 1 AND first_seq = {first}",
        )
        fault, _ = faults(copy)
        assert str(fault) == f"session 1: frames from {first} on are missing"
        assert (fault.first_seq, fault.last_seq) == (first, None)

    def test_the_proxys_own_frames_cut_off(self, path: Path) -> None:
        with recorder_at(path) as recorder:
            talk = Conversation(recorder).text("client", "draining")
            split(talk)
            talk.tap.synthetic("server", b"\x03\xe9")
            talk.end()
        change(
            path,
            "DELETE FROM frames WHERE seq = 3",
            "DELETE FROM links WHERE first_id = 3",
            "DELETE FROM extents WHERE first_id = 3",
        )
        assert said(path) == ["session 1: frames from 3 on are missing"]

    def test_a_frame_added(self, copy: Path, recording: bytes) -> None:
        columns = "session_id, seq, head, at_ns, payload"
        change(copy, f"INSERT INTO frames ({columns}) SELECT {columns} FROM frames {AT_3}")
        with closing(sqlite3.connect(copy)) as connection:
            (last,) = connection.execute("SELECT max(id) FROM frames").fetchone()
        assert said(copy) == [NO_END, f"session 1: row {last} of frames belongs to no extent"]
        copy.write_bytes(recording)
        change(copy, f"INSERT INTO frames (id, {columns}) SELECT 0, {columns} FROM frames {AT_3}")
        assert "session 1: row 0 of frames belongs to no extent" in said(copy)

    def test_a_frame_added_with_its_extent(self, copy: Path) -> None:
        change(
            copy,
            "INSERT INTO frames (session_id, seq, head, at_ns, payload) VALUES (2, 4, 1, 1, 'x')",
            "INSERT INTO extents SELECT session_id, seq, seq, max(id) FROM frames",
            "INSERT INTO links SELECT max(id), zeroblob(32), x'' FROM frames",
        )
        assert said(copy) == ["session 2: frame 4 is not what was recorded", NO_END]

    @pytest.mark.parametrize(
        ("statement", "expected"),
        [
            ("UPDATE parts SET data = CAST(data || 'x' AS BLOB) WHERE id = {}", "is not what"),
            ("UPDATE parts SET data = CAST(data AS TEXT) WHERE id = {}", "parts of frame"),
            ("DELETE FROM parts WHERE id = {}", "missing"),
            ("DELETE FROM parts WHERE id = {0} OR id = {0} + 1", "missing"),
            ("DELETE FROM parts", "missing"),
            ("INSERT INTO parts (id, data) VALUES ({} + 99, x'00')", "missing"),
        ],
    )
    @pytest.mark.parametrize("column", ["payload_parts", "message_parts"])
    def test_parts(self, copy: Path, statement: str, expected: str, column: str) -> None:
        with closing(sqlite3.connect(copy)) as connection:
            blob, seq = connection.execute(
                f"SELECT {column}, seq FROM frames"
                f" WHERE session_id = 1 AND {column} IS NOT NULL ORDER BY seq"
            ).fetchone()
        assert change(copy, statement.format(blob << 20)) > 0
        (fault, *_) = faults(copy)
        assert fault.session == 1
        assert expected in fault.what
        assert (fault.first_seq, fault.last_seq) == (seq, seq)

    @pytest.mark.parametrize(
        "assignment",
        [
            "started_at = replace(started_at, 'T', 't')",
            "started_ns = started_ns + 1",
            "client = NULL",
            "client = '192.0.2.2:4711'",
            "target = '/other'",
            "request_headers = '[]'",
            "status = 200",
            "response_headers = '[]'",
            "subprotocol = 'chat2'",
            "extensions = NULL",
            "ended_ns = ended_ns + 1",
            "close_code = 1001",
            "close_reason = NULL",
            "closed_by = 'client'",
            "clean = 0",
            "clean = 2",
            "client_frames = client_frames - 1",
            "client_bytes = 0",
            "server_frames = 'x'",
            "server_bytes = server_bytes + 1",
            "link = zeroblob(32)",
            "link = 'x'",
        ],
    )
    def test_the_row_of_a_session(self, copy: Path, assignment: str) -> None:
        change(copy, f"UPDATE sessions SET {assignment} WHERE id = 1")
        fault, _ = faults(copy)
        assert fault.session == 1
        assert "row in sessions" in fault.what
        assert "not what was recorded" in fault.what

    def test_the_row_of_a_session_without_an_end_record(self, copy: Path) -> None:
        for assignment in ("status = 102", "target = '/other'", "clean = 1"):
            whole = copy.read_bytes()
            change(copy, f"UPDATE sessions SET {assignment} WHERE id = 7")
            (fault,) = faults(copy)
            assert fault.session == 7
            assert "row in sessions" in fault.what
            copy.write_bytes(whole)

    @pytest.mark.parametrize(("of", "to"), [(2, 1), (1, 2), (3, 1), (1, 3)])
    def test_an_extent_that_is_another_one_with_its_link(
        self, path: Path, of: int, to: int
    ) -> None:
        with recorder_at(path) as recorder:
            talk = Conversation(recorder, target="/same")
            for _ in range(2):
                split(talk)
            other = Conversation(recorder, target="/same")
            split(other)
            talk.end()
            other.end()
        rows = "(SELECT min(id) + {} - 1 FROM frames)"
        columns = "head, at_ns, anomalies, payload"
        its, theirs = rows.format(to), rows.format(of)
        change(
            path,
            f"UPDATE frames SET ({columns}) = (SELECT {columns} FROM frames WHERE id = {theirs})"
            f" WHERE id = {its}",
            f"UPDATE links SET link = (SELECT link FROM links WHERE first_id = {theirs})"
            f" WHERE first_id = {its}",
        )
        assert [extents(path, 1), extents(path, 2)] == [[(1, 1), (2, 2)], [(1, 1)]]
        session, seq = ((1, 1), (1, 2), (2, 1))[to - 1]
        assert said(path)[0] == f"session {session}: frame {seq} is not what was recorded"
        # With the only link of a session gone, only check sums tell its row from its frames.
        change(path, f"UPDATE links SET sums = x'' WHERE first_id = {its}")
        what = "its row in sessions, or frame 1," if session == 2 else f"frame {seq}"
        assert said(path)[0] == f"session {session}: {what} is not what was recorded"

    @pytest.mark.parametrize("place", [0, 1, -1])
    def test_a_link(self, copy: Path, place: int) -> None:
        first, last = extents(copy, 1)[place]
        its = f"(SELECT first_id FROM extents WHERE session_id = 1 AND first_seq = {first})"
        whole = copy.read_bytes()
        for statement in (
            f"UPDATE links SET link = zeroblob(32) WHERE first_id = {its}",
            f"DELETE FROM links WHERE first_id = {its}",
        ):
            assert change(copy, statement) == 1
            expected = f"session 1: frames {first}-{last} are not what was recorded"
            assert said(copy) == [expected, NO_END]
            copy.write_bytes(whole)

    @pytest.mark.parametrize(
        ("seqs", "expected"),
        [
            ((2, 3, 4), "frames 2-4 are"),
            ((1, 3, 4, 10), "frames 1, 3-4 and 10 are"),
            ((1, 3, 5, 7, 9, 11), "frames 1, 3, 5, 7, 9 and 1 more are"),
        ],
    )
    def test_several_frames(self, copy: Path, seqs: tuple[int, ...], expected: str) -> None:
        change(copy, f"UPDATE frames SET at_ns = at_ns + 1 WHERE session_id = 1 AND seq IN {seqs}")
        fault = faults(copy)[0]
        assert str(fault) == f"session 1: {expected} not what was recorded"
        assert (fault.first_seq, fault.last_seq) == (seqs[0], seqs[-1])

    @pytest.mark.parametrize(
        "value", ["x''", "x'00'", "zeroblob(length(sums))", "sums || x'00000000'", "'x'"]
    )
    def test_check_sums(self, copy: Path, value: str) -> None:
        first, last = extents(copy, 1)[1]
        its = f"(SELECT first_id FROM extents WHERE session_id = 1 AND first_seq = {first})"
        change(copy, f"UPDATE links SET sums = CAST({value} AS BLOB) WHERE first_id = {its}")
        what = f"the check sums of frames {first}-{last} are not what was recorded"
        assert said(copy) == [f"session 1: {what}", NO_END]

    def test_a_frame_together_with_its_check_sums(self, copy: Path) -> None:
        """They only tell where: what is wrong is what the link does not fit."""
        first, last = extents(copy, 1)[0]
        change(copy, f"UPDATE frames SET head = head + 4096, at_ns = at_ns + 1 {AT_3}")
        its = "(SELECT first_id FROM extents WHERE session_id = 1 AND first_seq = 1)"
        change(copy, f"UPDATE links SET sums = x'00' WHERE first_id = {its}")
        assert said(copy)[0] == f"session 1: frames {first}-{last} are not what was recorded"

    def test_the_last_frame_of_an_extent_cut_off(self, copy: Path) -> None:
        _, last = extents(copy, 1)[0]
        change(
            copy,
            "UPDATE extents SET last_seq = last_seq - 1 WHERE session_id = 1 AND first_seq = 1",
            f"DELETE FROM frames WHERE session_id = 1 AND seq = {last}",
        )
        assert said(copy)[0] == f"session 1: frame {last} is missing"

    def test_how_a_session_began_is_told_from_its_frames(self, copy: Path) -> None:
        change(copy, "UPDATE sessions SET target = '/other' WHERE id = 5")
        assert said(copy) == ["session 5: its row in sessions is not what was recorded", NO_END]

    def test_the_only_link(self, copy: Path) -> None:
        change(copy, "UPDATE links SET link = zeroblob(32) WHERE first_id IN"
               " (SELECT first_id FROM extents WHERE session_id = 5)")  # fmt: skip
        assert said(copy) == ["session 5: frame 1 is not what was recorded", NO_END]

    @pytest.mark.parametrize(
        "assignment", ["first_id = first_id + 1", "first_seq = 2", "last_seq = last_seq - 1"]
    )
    def test_an_extent(self, copy: Path, assignment: str) -> None:
        change(copy, f"UPDATE extents SET {assignment} WHERE session_id = 1 AND first_seq = 1")
        assert {fault.session for fault in faults(copy) if fault.damage} <= {1, None}
        assert faults(copy)[0].session == 1

    @pytest.mark.parametrize(
        ("ids", "expected"),
        [
            ("2", "session 2: its row in sessions is missing"),
            ("1, 2", "session 1: its row in sessions is missing"),
            ("3", "session 3: session 3 is missing"),
            ("3, 4", "sessions 3-4 are missing"),
            ("7", "session 7: its row in sessions is missing"),
        ],
    )
    def test_a_session_deleted(self, copy: Path, ids: str, expected: str) -> None:
        change(copy, f"DELETE FROM sessions WHERE id IN ({ids})")
        assert expected in said(copy)

    def test_the_last_session_deleted_with_all_that_is_its(self, copy: Path) -> None:
        change(
            copy,
            "DELETE FROM links WHERE first_id IN (SELECT first_id FROM extents WHERE session_id=7)",
            "DELETE FROM frames WHERE session_id = 7",
            "DELETE FROM extents WHERE session_id = 7",
            "DELETE FROM sessions WHERE id = 7",
        )
        assert said(copy) == ["session 7: session 7 is missing"]

    def test_a_session_added(self, copy: Path) -> None:
        change(copy, "INSERT INTO sessions (id, started_at, started_ns, target, request_headers,"
               " link) VALUES (8, '', 0, '/', '[]', x'')")  # fmt: skip
        assert said(copy)[1:] == [
            "session 8: its row in sessions is not what was recorded",
            "its number of sessions is not what was recorded",
        ]

    @pytest.mark.parametrize(
        ("old", "new"), [("head >> 7", "head >> 6"), ("f.seq AS last_seq", "f.id AS last_seq")]
    )
    def test_the_tables(self, copy: Path, old: str, new: str) -> None:
        change(copy, f"UPDATE sqlite_master SET sql = replace(sql, '{old}', '{new}')")
        assert said(copy)[0] == "its tables, or its view, are not those of this format"
