"""A recording read as a script: who said what, and in how many pieces."""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
import tracemalloc
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from support.frames import KEY, wire
from support.golden import FOLDER
from support.recordings import Conversation, eventually, recorder_at
from wsrec.match.line import Line, Role
from wsrec.redaction.rules import Rules
from wsrec.replay.script import Pages, Script, Unplayable
from wsrec.store.batch import Batch
from wsrec.store.begin import connect
from wsrec.store.errors import RecordingError
from wsrec.store.reader import Recording
from wsrec.store.recorder import Recorder
from wsrec.store.session import SessionWriter
from wsrec.wire.deflate import Extensions
from wsrec.wire.listening import Listener
from wsrec.wire.mask import xor_mask
from wsrec.wire.speaking import Speaker
from wsrec.wire.utterance import Sender, Utterance

GOLDEN = sorted((FOLDER / "v1").glob("*.db"))
DEFLATE = "permessage-deflate"
BYE = Utterance("close", b"\x03\xe8bye")


def text(data: str, *pieces: int, compressed: bool = False) -> Utterance:
    return Utterance("text", data, pieces, compressed)


async def all_of(pages: Pages) -> list[Line]:
    lines: list[Line] = []
    last = False
    while not last:
        page, last = await pages.page()
        lines += page
    return lines


def lines(path: Path, session: int = 1, role: Role | None = None) -> list[Line]:
    async def read() -> list[Line]:
        async with Script(path) as script:
            return await all_of(script.pages(session, role))

    return asyncio.run(read())


def said(
    path: Path, session: int = 1, role: Role | None = None
) -> list[tuple[int, Sender, Utterance]]:
    return [(line.seq, line.sender, line.said) for line in lines(path, session, role)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session.db"


def golden(name: str, tmp_path: Path) -> Path:
    """A copy: nothing beside the kept ones may change."""
    return Path(shutil.copy(FOLDER / "v1" / f"{name}.db", tmp_path))


class TestRecordingsThatAreKept:
    def test_messages_and_control_frames(self, tmp_path: Path) -> None:
        found = said(golden("messages", tmp_path))
        assert found == [
            (1, "client", text("hello")),
            (2, "server", text("世界 \x1b[31m")),
            (3, "server", text("")),
            (4, "server", Utterance("binary", bytes(range(256)))),
            (5, "server", Utterance("binary", b"")),
            (6, "server", Utterance("ping", b"?")),
            (7, "client", Utterance("pong", b"?")),
            (8, "server", BYE),
            (9, "client", Utterance("close", b"\x03\xe8")),
        ]

    def test_fragments(self, tmp_path: Path) -> None:
        assert said(golden("messages", tmp_path), 3) == [
            (2, "server", Utterance("ping", b"p")),
            (5, "client", Utterance("binary", b"\x00\x01", (1, 1))),
            (6, "client", Utterance("pong", b"")),
            (7, "server", text("one two dreü", 4, 4, 5)),
            (8, "server", Utterance("frame", b"never completed", head=0x01)),
        ]

    def test_compressed_messages(self, tmp_path: Path) -> None:
        path = golden("messages", tmp_path)
        hello = text("Hello", compressed=True)
        assert said(path, 4) == [
            (1, "server", hello),
            (2, "server", hello),
            (3, "server", text("as it is")),
        ]
        long = text("abc" * 1000, compressed=True)
        assert said(path, 5) == [(1, "server", long), (2, "server", long)]

    def test_payloads_in_parts(self, tmp_path: Path) -> None:
        assert said(golden("parts", tmp_path)) == [
            (1, "server", Utterance("binary", bytes(range(256)) * 20)),
            (2, "client", text("x" * 5000)),
            (3, "server", text(bytes(range(32, 127)).decode() * 100, compressed=True)),
            (5, "server", text("y" * 3000 + "z" * 3000, 3000, 3000)),
        ]

    def test_what_rfc_6455_forbids(self, tmp_path: Path) -> None:
        path = golden("anomalies", tmp_path)
        assert said(path) == [
            (1, "client", text("not masked")),
            (2, "server", text("masked")),
            (3, "server", Utterance("text", b"\xff\xfe")),
            (4, "server", Utterance("frame", b"?", head=0x83)),
            (5, "server", Utterance("frame", b"rsv", head=0xA1)),
            (6, "server", Utterance("frame", b"of nothing", head=0x80)),
            (7, "server", Utterance("ping", b"p" * 126)),
            (8, "server", text("long")),
            (9, "server", Utterance("close", b"\x03")),
        ]
        assert said(path, 2) == []  # its only frame was cut off
        assert said(path, 3) == [(1, "server", Utterance("frame", b"\xff" * 3, head=0xC1))]

    def test_a_session_that_the_proxy_ended(self, tmp_path: Path) -> None:
        path = golden("anomalies", tmp_path)
        draining = (1, "client", text("draining"))
        away = Utterance("close", b"\x03\xe9")
        assert said(path, 6) == [draining, (2, "server", away), (3, "client", away)]
        assert said(path, 6, "client") == [draining, (3, "client", away)]
        assert said(path, 6, "server") == [draining, (2, "server", away)]

    def test_sessions_without_messages_and_without_an_end(self, tmp_path: Path) -> None:
        assert said(golden("anomalies", tmp_path), 4) == []
        assert said(golden("continued", tmp_path), 3) == [(1, "server", text("second run"))]
        assert said(golden("continued", tmp_path), 99) == []

    @pytest.mark.parametrize("kept", GOLDEN, ids=lambda kept: kept.stem)
    def test_every_message_is_a_line(self, kept: Path, tmp_path: Path) -> None:
        path = golden(kept.stem, tmp_path)

        async def read() -> None:
            async with Script(path) as script:
                assert not script.unplayable
                assert list(script.sessions) == sessions
                for session, messages in zip(sessions, expected, strict=True):
                    found = await all_of(script.pages(session.id))
                    data = [line.said.data for line in found if line.said.is_message]
                    assert data == messages

        with Recording.open(path) as recording:
            sessions = list(recording.sessions())
            expected = [
                [
                    message.data
                    for message in recording.messages(session.id)
                    if not {"inflate_failed", "reserved_bits"} & set(message.anomalies)
                ]
                for session in sessions
            ]
        asyncio.run(read())


def _random_speech(noise: random.Random, sender: Sender, agreed: str | None) -> bytes:
    """What a peer says, most of it in order, in frames."""
    speaker = Speaker(sender, Extensions.parse(agreed))
    kinds = ["text", "binary", "ping", "pong", "frame"]
    out = b""
    for _ in range(noise.randrange(12)):
        kind = noise.choice(kinds)
        data = noise.randbytes(noise.choice([0, 1, 100])) * noise.choice([1, 1, 50])
        each: Utterance
        if kind in ("text", "binary"):
            sizes = tuple(noise.randrange(60) for _ in range(noise.choice([0, 0, 2, 4])))
            body = data.hex() if kind == "text" else data
            each = Utterance(kind, body, sizes, noise.random() < 0.5)  # type: ignore[arg-type]
        elif kind == "frame":
            each = Utterance("frame", data, head=noise.choice([0x01, 0x00, 0x80, 0x83, 0x42, 0xA1]))
        else:
            each = Utterance(kind, data[:125])  # type: ignore[arg-type]
        out += speaker.encode(each)
    return out + (speaker.encode(BYE) if noise.random() < 0.5 else b"")


@pytest.mark.parametrize("seed", range(8))
def test_what_is_read_is_what_a_listener_would_have_heard(seed: int, path: Path) -> None:
    noise = random.Random(seed)
    heard: list[dict[Sender, list[Utterance]]] = []
    senders: Sequence[Sender] = ("client", "server")
    with recorder_at(path) as recorder:
        for agreed in (None, DEFLATE, f"{DEFLATE}; server_no_context_takeover", "x-unknown"):
            talk = Conversation(recorder, extensions=agreed)
            both: dict[Sender, list[Utterance]] = {}
            streams = {sender: _random_speech(noise, sender, agreed) for sender in senders}
            for sender, stream in streams.items():
                listener = Listener(sender, Extensions.parse(agreed), 1 << 20)
                both[sender] = [*listener.feed(stream), *listener.finish()]
            while any(streams.values()):
                sender = noise.choice(senders)
                size = noise.randrange(400)
                talk.send(sender, streams[sender][:size])
                streams[sender] = streams[sender][size:]
            talk.end()
            heard.append(both)
    for number, expected in enumerate(heard, 1):
        found = lines(path, number)
        for sender in senders:
            assert [line.said for line in found if line.sender == sender] == expected[sender]


class TestOneSession:
    def test_a_message_of_many_parts(self, path: Path) -> None:
        big = random.Random(1).randbytes(3 << 20)
        agreed = Speaker("server", Extensions.parse(DEFLATE))
        squeezed = Utterance("binary", big, (1 << 20, 2 << 20), compressed=True)
        with recorder_at(path) as recorder:
            talk = Conversation(recorder, extensions=DEFLATE)
            talk.server(wire(2, big)).client(wire(2, big, mask=KEY, fin=False))
            talk.client(wire(0, big, mask=KEY)).server(agreed.encode(squeezed)).end()
        first, second, third = (line.said for line in lines(path))
        assert first == Utterance("binary", big)
        assert second == Utterance("binary", big + big, (len(big), len(big)))
        assert (third.data, third.compressed, len(third.pieces)) == (big, True, 2)

    def test_is_read_by_several_at_once(self, path: Path) -> None:
        with recorder_at(path) as recorder:
            talk = Conversation(recorder)
            for _ in range(3):
                talk.server(wire(2, bytes(1 << 20), fin=False) + wire(0, b"end"))
            talk.end()

        async def read() -> list[int]:
            async with Script(path) as script:
                every = [script.pages(1) for _ in range(8)]
                found = [await pages.page() for _ in range(3) for pages in every]
                return [len(line.said.data) for page, _ in found for line in page]

        assert asyncio.run(read()) == [(1 << 20) + 3] * 24

    def test_times_and_numbers_are_those_of_the_last_frame(self, path: Path) -> None:
        with recorder_at(path) as recorder:
            talk = Conversation(recorder).server(wire(1, b"a", fin=False))
            talk.text("client", "b").server(wire(0, b"c")).end()
        with Recording.open(path) as recording:
            frames = list(recording.frames(1))
        assert [(line.seq, line.at_ns) for line in lines(path)] == [
            (frame.seq, frame.at_ns) for frame in frames[1:]
        ]

    def test_what_a_peer_says_behind_its_close_is_left_out(self, path: Path) -> None:
        with recorder_at(path) as recorder:
            talk = Conversation(recorder).server(wire(8, b"\x03\xe8bye") + wire(1, b"more"))
            talk.text("client", "still here").end()
        assert said(path) == [(1, "server", BYE), (3, "client", text("still here"))]

    def test_redacted_pieces_keep_their_sizes(self, path: Path) -> None:
        rules = Rules.parse(["regex:secret"])
        with recorder_at(path, redaction=rules, redaction_key=bytes(32)) as recorder:
            talk = Conversation(recorder)
            talk.server(wire(1, b"a sec", fin=False) + wire(0, b"ret") + wire(1, b"plain")).end()
        redacted, plain = (line.said for line in lines(path))
        assert redacted.pieces == (5, 3)
        assert isinstance(redacted.data, str)
        assert redacted.data.startswith("a redacted:")
        assert plain == text("plain")

    def test_one_that_still_runs_goes_as_far_as_it_is_written(self, path: Path) -> None:
        recorder = Recorder(path)
        talk = Conversation(recorder).text("client", "hello")
        eventually(lambda: bool(said(path)))
        assert said(path) == [(1, "client", text("hello"))]
        talk.end()
        recorder.close()

    def test_one_of_which_frames_were_not_recorded_cannot_be_played(self, path: Path) -> None:
        Recorder(path).close()
        with closing(sqlite3.connect(path)) as connection, connection:  # it is recorded into again
            connection.execute("DELETE FROM meta WHERE key IN ('ended_at', 'sessions')")
        batch = Batch(connect(path, synced=False), most_kept=1)
        session = SessionWriter(batch, 1, 0, xor_mask)
        session.opened("2030-01-31T09:00:00.000000+00:00", 0, None, "/", [])
        session.client.feed(1, 1, wire(1, b"kept", mask=KEY))
        batch.commit()
        batch.error = sqlite3.OperationalError("full")
        batch.lose()
        session.client.feed(2, 2, wire(1, b"lost", mask=KEY))
        batch.commit()
        batch.connection.close()
        batch.resume(connect(path, synced=False), "full")
        session.client.feed(3, 3, wire(1, b"kept", mask=KEY))
        batch.commit()
        batch.connection.close()

        async def unplayable() -> list[Unplayable]:
            async with Script(path) as script:
                return list(script.unplayable.values())

        assert asyncio.run(unplayable()) == [Unplayable(1, "frames are missing, from frame 2 on")]

    def test_none_is_played_of_a_recording_that_is_damaged(self, path: Path) -> None:
        with recorder_at(path) as recorder:
            for _ in range(2):
                Conversation(recorder).text("client", "a").text("server", "b").end()
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("DELETE FROM frames WHERE session_id = 2 AND seq = 2")

        async def opened() -> None:
            async with Script(path):
                pytest.fail("it was believed")

        with pytest.raises(RecordingError, match=r"session\.db: damaged: session 2: "):
            asyncio.run(opened())


def test_no_recording_is_no_script(path: Path) -> None:
    path.write_bytes(b"no recording")
    with pytest.raises(RecordingError, match="not a wsrec recording"):
        lines(path)


def _write(path: Path, sessions: Iterable[int], count: int, data: bytes) -> None:
    with recorder_at(path) as recorder:
        for _ in sessions:
            talk = Conversation(recorder)
            for _ in range(count):
                while recorder.backlog.is_full():
                    eventually(lambda: not recorder.backlog.is_full())
                talk.server(data)
            talk.end()


def test_memory_is_bounded_for_a_hundred_sessions_at_once(path: Path) -> None:
    _write(path, range(100), 100, wire(2, bytes(4096)))  # 40 MB

    async def read() -> int:
        async with Script(path) as script:
            every = [script.pages(session.id) for session in script.sessions]
            again = [script.pages(1) for _ in range(20)]  # of the same session, side by side
            tracemalloc.start()
            for pages in [*every, *again]:
                page, last = await pages.page()
                assert page
                assert not last
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            rest = [len(await all_of(pages)) for pages in [*every, *again]]
            assert rest == [100 - len(page)] * 120
        return peak

    assert asyncio.run(read()) < 64 << 20
