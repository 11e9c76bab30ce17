"""Everything handed to a tap comes back through a reader."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import threading
import time
import zlib
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.frames import KEY, listen, split, wire
from support.recordings import Conversation, contents, eventually, record, recorder_at
from wsrec.store.model import Frame, Message, Sender
from wsrec.store.reader import Recording
from wsrec.wire.decoder import PART_SIZE

RSV1 = 4


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    """Ask any SQLite tool's question."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session.db"


class TestASession:
    def test_all_of_it(self, path: Path) -> None:
        request = [("Host", "a"), ("X-Twice", "1"), ("x-twice", "2"), ("Cookie", "ü")]
        response = [("Upgrade", "websocket"), ("Set-Cookie", "a"), ("Set-Cookie", "b")]
        with recorder_at(path) as recorder:
            before = time.monotonic_ns()
            tap = recorder.session("[::1]:5000", "/ws?room=1&x=%20", request)
            after = time.monotonic_ns()
            tap.answered(101, response, "chat.v2", "permessage-deflate")
            at = time.monotonic_ns()
            tap.stream("client")(at, at + 5, wire(1, b"hi", mask=KEY))
            tap.stream("server")(at + 10, at + 25, wire(1, b"hello"))
            tap.stream("server")(at + 30, at + 35, wire(8, b"\x03\xe9going away"))
            tap.stream("client")(at + 40, at + 45, wire(8, b"\x03\xe9", mask=KEY))
            tap.ended()
        ((session,), ((*frames,),), ((*messages,),)) = contents(path)
        assert session.id == 1
        assert session.client == "[::1]:5000"
        assert session.target == "/ws?room=1&x=%20"
        assert session.request_headers == tuple(request)
        assert session.response_headers == tuple(response)
        assert (session.status, session.subprotocol) == (101, "chat.v2")
        assert session.extensions == "permessage-deflate"
        assert (session.close_code, session.close_reason) == (1001, "going away")
        assert session.closed_by == "server"
        assert session.clean
        assert session.started_at.endswith("+00:00")
        assert (session.client_frames, session.client_bytes) == (2, 4)
        assert (session.server_frames, session.server_bytes) == (2, 17)
        # Times are relative to the session's start, which was between `before` and `after`.
        start = at - frames[0].at_ns
        assert before <= start <= after
        assert session.ended_ns is not None
        assert session.ended_ns >= frames[-1].at_ns
        t = at - start
        assert frames == [
            Frame(1, 1, "client", t, t + 5, True, 0, 1, True, b"hi", ()),
            Frame(1, 2, "server", t + 10, t + 25, True, 0, 1, False, b"hello", ()),
            Frame(1, 3, "server", t + 30, t + 35, True, 0, 8, False, b"\x03\xe9going away", ()),
            Frame(1, 4, "client", t + 40, t + 45, True, 0, 8, True, b"\x03\xe9", ()),
        ]
        assert messages == [
            Message(1, 1, 1, "client", t, t + 5, "text", "hi", ()),
            Message(1, 2, 2, "server", t + 10, t + 25, "text", "hello", ()),
        ]

    def test_that_was_refused(self, path: Path) -> None:
        with recorder_at(path) as recorder:
            tap = recorder.session(None, "/", [])
            tap.answered(403, [("Content-Type", "text/plain")], None, None)
            tap.ended()
        ((session,), (frames,), (messages,)) = contents(path)
        assert (session.status, session.client, session.clean) == (403, None, True)
        assert session.response_headers == (("Content-Type", "text/plain"),)
        assert (session.close_code, session.closed_by, session.server_frames) == (None, None, 0)
        assert frames == []
        assert messages == []

    def test_that_never_was_answered(self, path: Path) -> None:
        with recorder_at(path) as recorder:
            recorder.session("a:1", "/", []).ended()
        ((session,), _, _) = contents(path)
        assert session.status is None
        assert session.response_headers == ()
        assert session.clean

    def test_that_has_not_ended(self, path: Path) -> None:
        with recorder_at(path) as recorder:
            Conversation(recorder).text("client", "hi")
        ((session,), (frames,), _) = contents(path)
        assert not session.clean
        assert session.ended_ns is None
        assert len(frames) == 1

    def test_whose_bytes_are_no_utf_8(self, path: Path) -> None:
        # What an HTTP parser makes of bytes beyond ASCII: surrogates for what is no UTF-8.
        headers = [("X-\udcff", "caf\udce9"), ("Ok", "é")]
        with recorder_at(path) as recorder:
            tap = recorder.session("a:1", "/\udcff?é=\udce9", headers)
            tap.answered(101, headers, "a\udcff", "b\udcff")
            tap.ended()
        ((session,), _, _) = contents(path)
        assert session.target.encode("latin-1") == b"/\xff?\xc3\xa9=\xe9"
        assert session.request_headers == session.response_headers == tuple(headers)
        assert (session.subprotocol, session.extensions) == ("a\xff", "b\xff")
        ((text,),) = rows(path, "SELECT request_headers FROM sessions")
        assert json.loads(str(text)) == [list(pair) for pair in headers]

    def test_of_any_number(self, path: Path) -> None:
        with recorder_at(path) as recorder:
            for number in range(1, 6):
                talk = Conversation(recorder).text("server", f"{number}")
                assert talk.id == number
                talk.end()
        read = contents(path)
        assert [session.id for session in read.sessions] == [1, 2, 3, 4, 5]
        assert [message.data for (message,) in read.messages] == ["1", "2", "3", "4", "5"]
        starts = [session.started_ns for session in read.sessions]
        assert starts == sorted(starts)
        with Recording.open(path) as recording:
            assert recording.session(3) == read.sessions[2]
            assert recording.session(6) is None
            assert list(recording.frames(6)) == []
            assert list(recording.messages(6)) == []


class TestFrames:
    def test_with_every_bit_that_a_header_has(self, path: Path) -> None:
        heads = [
            (fin, rsv, opcode, masked)
            for fin in (False, True)
            for rsv in range(8)
            for opcode in range(16)
            for masked in (False, True)
        ]
        stream = b"".join(
            wire(opcode, b"x", fin=fin, rsv=rsv, mask=KEY if masked else None)
            for fin, rsv, opcode, masked in heads
        )
        for sender in ("client", "server"):
            where = path.with_name(f"{sender}.db")
            ((session,), (frames,), _) = record(where, lambda talk, s=sender: talk.send(s, stream))  # type: ignore[misc]
            assert [(f.fin, f.rsv, f.opcode, f.masked) for f in frames] == heads
            assert {(f.sender, f.payload) for f in frames} == {(sender, b"x")}
            assert [f.seq for f in frames] == [*range(1, 513)]
            counts = (session.client_frames, session.server_frames)
            assert counts == ((512, 0) if sender == "client" else (0, 512))

    def test_carry_the_names_of_what_is_wrong_with_them(self, path: Path) -> None:
        _, (frames,), (messages,) = record(
            path,
            lambda talk: talk.client(b"\x83\x00").server(b"\x81\x01\xff\x01\x00\x81\x01x\x80\x00"),
        )
        assert [frame.anomalies for frame in frames] == [
            ("reserved_opcode", "not_masked"),
            ("invalid_utf8",),
            (),
            ("interrupted_message",),
            ("unexpected_continuation",),
        ]
        assert [message.anomalies for message in messages] == [
            ("invalid_utf8",),
            ("interrupted_message",),
        ]

    def test_are_judged_by_those_before_them(self, path: Path) -> None:
        long = wire(1, b"as long as most messages are")
        _, (frames,), (messages,) = record(
            path,
            lambda t: (
                t.server(long + b"\x02\x00" + long * 2 + b"\x01\x00")
                .server(long * 2)
                .server(b"\x80\x00" + b"\x88\x00" + long * 2)
                .server(long)
            ),
        )
        assert [frame.anomalies for frame in frames] == [
            (),
            (),
            ("interrupted_message",),
            (),
            (),
            ("interrupted_message",),
            (),
            ("unexpected_continuation",),
            (),
            *[("after_close",)] * 3,
        ]
        assert [m.seq for m in messages] == [1, 3, 4, 6, 7, 10, 11, 12]

    def test_are_forwarded_when_the_other_peer_has_taken_them(self, path: Path) -> None:
        def talk(talk: Conversation) -> None:
            now = time.monotonic_ns()
            one = wire(1, b"one") + wire(1, b"two")
            talk.tap.stream("server")(now, None, one + wire(1, b"three")[:3])
            talk.tap.stream("client")(now, None, wire(1, b"mine", mask=KEY))
            talk.tap.stream("server")(now, None, wire(1, b"three")[3:])
            talk.tap.forwarded("server", now + 50)
            talk.tap.stream("server")(now, now + 60, wire(1, b"four"))
            talk.tap.stream("server")(now, None, wire(1, b"never"))

        _, (frames,), (messages,) = record(path, talk)
        took = {
            bytes(frame.payload): frame.forwarded_ns and frame.forwarded_ns - frame.at_ns
            for frame in frames
        }
        assert took == {
            b"one": 50,
            b"two": 50,
            b"three": 50,
            b"mine": None,
            b"four": 60,
            b"never": None,
        }
        assert [m.forwarded_ns for m in messages] == [f.forwarded_ns for f in frames]

    def test_are_forwarded_after_they_were_written(self, path: Path) -> None:
        with recorder_at(path) as recorder:
            talk = Conversation(recorder).text("server", "before")
            for _ in range(3):
                talk.client(wire(1, b"x", mask=KEY), forwarded=False)
            eventually(lambda: [len(frames) for frames in contents(path).frames] == [4])
            assert [f.forwarded_ns is None for f in contents(path).frames[0]] == [
                False,
                *[True] * 3,
            ]
            talk.tap.forwarded("client", time.monotonic_ns())
            talk.end()
        assert all(frame.forwarded_ns for frame in contents(path).frames[0])

    @pytest.mark.parametrize(
        ("data", "payload", "names"),
        [
            (b"\x81", b"\x81", ("truncated_header",)),
            (b"\x82\x7e\x01", b"\x82\x7e\x01", ("truncated_header",)),
            (b"\x81\x05Hel", b"Hel", ("truncated",)),
            (wire(2, claim=1 << 62), b"", ("truncated",)),
            (wire(2, b"a", claim=1 << 63), b"a", ("length_overflow", "truncated")),
            (wire(2, bytes(PART_SIZE + 7), claim=1 << 62), bytes(PART_SIZE + 7), ("truncated",)),
        ],
    )
    def test_that_the_end_cut_off(
        self, path: Path, data: bytes, payload: bytes, names: tuple[str, ...]
    ) -> None:
        ((session,), (frames,), (messages,)) = record(path, lambda talk: talk.server(data))
        (frame,) = frames
        assert (frame.payload, frame.anomalies, frame.forwarded_ns) == (payload, names, None)
        assert messages == []
        assert (session.server_frames, session.server_bytes) == (1, len(payload))

    def test_that_are_many(self, path: Path) -> None:
        # More than go into one statement, one batch and one transaction, of every kind.
        some = [wire(2, b"%d" % i) for i in range(5000)]
        some[7::10] = [wire(9, b"%d" % i) for i in range(7, 5000, 10)]
        ((session,), (frames,), (messages,)) = record(path, lambda t: t.server(b"".join(some)))
        assert [frame.seq for frame in frames] == [*range(1, 5001)]
        assert [int(frame.payload) for frame in frames] == [*range(5000)]
        assert [message.seq for message in messages] == [f.seq for f in frames if f.opcode == 2]
        assert session.server_frames == 5000


class TestMessages:
    def test_are_text_or_binary(self, path: Path) -> None:
        _, _, (messages,) = record(
            path, lambda t: t.server(wire(1, "世".encode()) + wire(2, b"\xff"))
        )
        assert [(m.kind, m.data) for m in messages] == [("text", "世"), ("binary", b"\xff")]

    def test_may_hold_nul_and_bytes_that_are_no_text(self, path: Path) -> None:
        texts = [b"a\x00b", b"\x00", b"\xff\x00\xfe", b"", b"x" * 3 + b"\xc3"]
        stream = b"".join(wire(1, text) + wire(2, text) for text in texts)
        stream += b"".join(wire(1, text[:1], fin=False) + wire(0, text[1:]) for text in texts)
        _, _, (messages,) = record(path, lambda talk: talk.server(stream))
        good: list[str | bytes] = ["a\0b", "\0", texts[2], "", texts[4]]
        assert [m.data for m in messages[:10:2]] == good
        assert [m.data for m in messages[1:10:2]] == texts
        assert [m.data for m in messages[10:]] == good
        wrong = [("invalid_utf8" in m.anomalies) for m in messages[10:]]
        assert wrong == [False, False, True, False, True]
        kinds = rows(path, "SELECT kind, typeof(data) FROM messages")
        assert kinds[:6] == [
            *[("text", "text"), ("binary", "blob")] * 2,
            *[("text", "blob"), ("binary", "blob")],
        ]

    def test_in_fragments_of_both_peers_at_once(self, path: Path) -> None:
        def talk(talk: Conversation) -> None:
            talk.client(wire(1, b"Hel", fin=False, mask=KEY)).server(wire(2, b"\x01", fin=False))
            talk.client(wire(9, b"?", mask=KEY)).server(wire(0, b"\x02", fin=False))
            talk.client(wire(0, b"lo", mask=KEY)).server(wire(0, b"\x03"))

        _, _, (messages,) = record(path, talk)
        assert [(m.first_seq, m.seq, m.sender, m.data) for m in messages] == [
            (1, 5, "client", "Hello"),
            (2, 6, "server", b"\x01\x02\x03"),
        ]

    @pytest.mark.parametrize("extra", [-1, 0, 1, PART_SIZE, PART_SIZE + 3])
    def test_that_are_large(self, path: Path, extra: int) -> None:
        text = ("世\0" * (PART_SIZE // 2)).encode()[: PART_SIZE + extra].decode(errors="ignore")
        data = text.encode()

        def talk(talk: Conversation) -> None:
            talk.client(wire(1, data, mask=KEY)).server(wire(2, data, fin=False))
            talk.text("client", "between").server(wire(9) + wire(0, data))

        ((session,), (frames,), (messages,)) = record(path, talk)
        assert [(m.first_seq, m.seq) for m in messages] == [(1, 1), (3, 3), (2, 5)]
        assert messages[0].data == text
        assert messages[2].data == data + data
        assert [frame.payload for frame in frames] == [data, data, b"between", b"", data]
        assert session.client_bytes == len(data) + 7
        assert session.server_bytes == len(data) * 2

    def test_that_are_compressed(self, path: Path) -> None:
        packed = {"client": zlib.compressobj(wbits=-15), "server": zlib.compressobj(wbits=-15)}

        def deflate(sender: Sender, data: bytes) -> bytes:
            packer = packed[sender]
            return (packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]

        big = bytes(range(256)) * (PART_SIZE // 64)

        def talk(talk: Conversation) -> None:
            for _ in range(2):
                payload = deflate("client", b"again and again")
                talk.client(wire(1, payload, rsv=RSV1, mask=KEY))
                payload = deflate("server", big)
                talk.server(wire(2, payload[:9], rsv=RSV1, fin=False) + wire(0, payload[9:]))
            talk.text("client", "plain")

        ((session,), (frames,), (messages,)) = record(
            path, talk, extensions="permessage-deflate; client_max_window_bits=15"
        )
        assert [(m.kind, m.data) for m in messages] == [
            *[("text", "again and again"), ("binary", big)] * 2,
            ("text", "plain"),
        ]
        assert not any(frame.anomalies for frame in frames)
        assert session.server_bytes == sum(len(f.payload) for f in frames if f.sender == "server")
        assert session.server_bytes < len(big) / 10

    def test_that_cannot_be_inflated_are_kept_as_they_came(self, path: Path) -> None:
        stream = wire(1, b"\xff\xff", rsv=RSV1) + wire(1, b"\xf2\x00", rsv=RSV1) + wire(1, b"x")
        _, (frames,), (messages,) = record(
            path, lambda talk: talk.server(stream), extensions="permessage-deflate"
        )
        assert [(m.data, m.anomalies) for m in messages] == [
            (b"\xff\xff", ("inflate_failed",)),
            (b"\xf2\x00", ("not_inflated",)),
            ("x", ()),
        ]
        assert [frame.payload for frame in frames] == [b"\xff\xff", b"\xf2\x00", b"x"]


class TestClosing:
    def test_the_first_close_counts(self, path: Path) -> None:
        ((session,), _, _) = record(
            path,
            lambda t: t.client(wire(8, b"\x0f\xa0mine", mask=KEY)).server(
                wire(8, b"\x03\xe8yours")
            ),
        )
        assert (session.close_code, session.close_reason) == (4000, "mine")
        assert session.closed_by == "client"

    def test_without_a_code(self, path: Path) -> None:
        ((session,), _, _) = record(path, lambda talk: talk.server(b"\x88\x00"))
        assert (session.close_code, session.close_reason, session.closed_by) == (
            None,
            None,
            "server",
        )

    def test_without_a_close(self, path: Path) -> None:
        ((session,), _, _) = record(path, lambda talk: talk.text("server", "x"))
        assert (session.close_code, session.closed_by, session.clean) == (None, None, True)

    def test_with_a_reason_that_is_no_text(self, path: Path) -> None:
        ((session,), (frames,), _) = record(path, lambda t: t.server(b"\x88\x05\x03\xe8\x00\xffx"))
        assert session.close_reason == "\0\ufffdx"
        assert frames[0].payload == b"\x03\xe8\x00\xffx"
        assert frames[0].anomalies == ("invalid_utf8",)

    @pytest.mark.parametrize("data", [b"\x88", b"\x88\x82", b"\x88\x04\x03\xe8a"])
    def test_a_close_that_was_cut_off_has_not_been_sent(self, path: Path, data: bytes) -> None:
        ((session,), _, _) = record(path, lambda talk: talk.server(data))
        assert (session.close_code, session.close_reason, session.closed_by) == (None, None, None)

    def test_by_the_proxy(self, path: Path) -> None:
        def talk(talk: Conversation) -> None:
            talk.text("client", "hi")
            talk.tap.synthetic("server", b"\x03\xe9drain")
            talk.tap.synthetic("client", b"\x03\xe9drain")
            talk.text("server", "late").server(b"\x88\x02\x03\xe8")

        ((session,), (frames,), (messages,)) = record(path, talk)
        assert (session.close_code, session.close_reason) == (1001, "drain")
        assert session.closed_by == "proxy"
        assert [(f.sender, f.opcode, f.masked, f.anomalies) for f in frames] == [
            ("client", 1, True, ()),
            ("server", 8, False, ("synthetic",)),
            ("client", 8, True, ("synthetic",)),
            ("server", 1, False, ()),
            ("server", 8, False, ()),
        ]
        assert frames[1].payload == b"\x03\xe9drain"
        assert [m.data for m in messages] == ["hi", "late"]
        # What a peer has sent is counted, and what was sent in its name is not.
        assert (session.client_frames, session.client_bytes) == (1, 2)
        assert (session.server_frames, session.server_bytes) == (2, 6)

    def test_waits_for_the_place_between_two_frames(self, path: Path) -> None:
        answers: list[tuple[bool, bool]] = []
        asked = threading.Event()

        def answer(client: bool, server: bool) -> None:
            answers.append((client, server))
            asked.set()

        def talk(talk: Conversation) -> None:
            talk.tap.when_recorded(answer)
            talk.client(wire(1, b"hi", mask=KEY)).server(b"\x81\x05He")
            talk.tap.when_recorded(answer)
            talk.client(b"\x81").server(b"llo")
            talk.tap.when_recorded(answer)

        record(path, talk)
        assert answers == [(True, True), (True, False), (False, True)]


class TestAnySqliteTool:
    def test_reads_messages(self, path: Path) -> None:
        tool = shutil.which("sqlite3")
        if tool is None:
            pytest.skip("no sqlite3 command here")

        def talk(talk: Conversation) -> None:
            talk.text("client", '{"type":"hello"}').server(
                wire(1, b"wor", fin=False) + wire(0, b"ld")
            )
            talk.server(wire(2, b"\x00\xff\x10"))

        record(path, talk)

        def ask(query: str) -> list[str]:
            command = [tool, "-readonly", str(path), query]
            done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
            assert done.stderr == ""
            return done.stdout.splitlines()

        assert ask("select sender, kind, data from messages where kind = 'text'") == [
            'client|text|{"type":"hello"}',
            "server|text|world",
        ]
        assert ask("select hex(data), length(data) from messages where kind = 'binary'") == [
            "00FF10|3"
        ]
        assert ask("select seq, sender, opcode, fin, masked, hex(payload) from frames")[1:3] == [
            "2|server|1|0|0|776F72",
            "3|server|0|1|0|6C64",
        ]
        assert ask("select target, clean, server_frames from sessions") == ["/ws|1|3"]
        assert ask("pragma integrity_check") == ["ok"]
        assert ask("select value from meta where key = 'format_version'") == ["1"]

    def test_finds_json_inside_of_messages(self, path: Path) -> None:
        record(path, lambda t: t.text("client", '{"type":"a"}').text("server", '{"type":"b"}'))
        query = "SELECT json_extract(data, '$.type') FROM messages WHERE sender = 'server'"
        assert rows(path, query) == [("b",)]


SENDERS: tuple[Sender, Sender] = ("client", "server")


def as_bytes(data: str | bytes) -> bytes:
    return data.encode() if isinstance(data, str) else data


Event = tuple[int, Sender, bytes, bool]
"""Session, sender, bytes, and whether they were forwarded at once."""


@st.composite
def interleavings(draw: st.DrawFn) -> list[Event]:
    """Bytes of up to four sessions in any order, cut anywhere."""
    events: list[Event] = []
    rest: dict[tuple[int, Sender], bytes] = {}
    for session in range(draw(st.integers(1, 4))):
        for sender in SENDERS:
            frames = draw(
                st.lists(
                    st.tuples(
                        st.sampled_from([0, 1, 1, 2, 8, 9]), st.booleans(), st.binary(max_size=40)
                    ),
                    max_size=6,
                )
            )
            rest[session, sender] = b"".join(
                wire(opcode, data, fin=fin, mask=KEY if sender == "client" else None)
                for opcode, fin, data in frames
            )
    while any(rest.values()):
        session, sender = key = draw(st.sampled_from([key for key, data in rest.items() if data]))
        size = draw(st.integers(1, 60))
        events.append((session, sender, rest[key][:size], draw(st.booleans())))
        rest[key] = rest[key][size:]
    return events


@settings(max_examples=40, deadline=None)
@given(interleavings(), st.sampled_from([8, PART_SIZE]))
def test_any_interleaving_of_sessions(
    tmp_path_factory: pytest.TempPathFactory, events: list[Event], part_size: int
) -> None:
    path = tmp_path_factory.mktemp("any") / "session.db"
    streams: dict[tuple[int, Sender], bytes] = {}
    expected: dict[int, list[tuple[Sender, int, bytes]]] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wsrec.wire.decoder.PART_SIZE", part_size)
        patch.setattr("wsrec.wire.messages.PART_SIZE", part_size)
        with recorder_at(path) as recorder:
            count = 1 + max((event[0] for event in events), default=0)
            talks = [Conversation(recorder) for _ in range(count)]
            for session, sender, data, forwarded in events:
                talks[session].send(sender, data, forwarded=forwarded)
                if not forwarded:
                    talks[session].tap.forwarded(sender, time.monotonic_ns())
                before = streams.get((session, sender), b"")
                streams[session, sender] = before + data
                known = sum(cut.whole for cut in split(before))
                for cut in split(before + data)[known:]:
                    if cut.whole:
                        frame = (sender, cut.header[0], cut.payload)
                        expected.setdefault(session, []).append(frame)
            for talk in talks:
                talk.end()
        alone = {key: listen(data, client=key[1] == "client") for key, data in streams.items()}
    read = contents(path)
    assert len(read.sessions) == count
    for session, frames in enumerate(read.frames):
        assert [
            (f.sender, f.fin << 7 | f.rsv << 4 | f.opcode, f.payload) for f in frames
        ] == expected.get(session, [])
        assert [f.seq for f in frames] == [*range(1, len(frames) + 1)]
        assert all(f.forwarded_ns is not None for f in frames)
        assert [f.at_ns for f in frames] == sorted(f.at_ns for f in frames)
        of_client = [f for f in frames if f.sender == "client"]
        facts = read.sessions[session]
        assert facts.client_frames == len(of_client)
        assert facts.client_bytes == sum(len(f.payload) for f in of_client)
        assert facts.client_frames + facts.server_frames == len(frames)
        assert facts.clean
        for sender in SENDERS:
            # Each peer's half tells what it would have told alone.
            seen, told = alone.get((session, sender), ([], []))
            mine = [f for f in frames if f.sender == sender]
            assert [(f.opcode, f.payload, f.anomalies) for f in mine] == seen
            assert [
                (m.first_seq, m.seq, m.kind, as_bytes(m.data), m.anomalies)
                for m in read.messages[session]
                if m.sender == sender
            ] == [(mine[first - 1].seq, mine[last - 1].seq, *rest) for first, last, *rest in told]
        for message in read.messages[session]:
            is_text = message.kind == "text" and "invalid_utf8" not in message.anomalies
            assert isinstance(message.data, str) is is_text
