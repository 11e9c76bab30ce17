"""Rules about payloads, at the recorder: what of which frame reaches the file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support.frames import KEY, wire
from support.recordings import Contents, Conversation, contents, recorder_at
from support.secrets import CANARY, deflated, leaks
from wsrec.redaction.payload import LARGEST
from wsrec.redaction.rules import Rules
from wsrec.store.reader import Recording
from wsrec.store.recorder import Recorder
from wsrec.store.verify import Verification

SECRET = CANARY.encode()
EVENT = b'{"type":"login","token":"' + SECRET + b'"}'
RULES = "json:/token", f"regex:pin=(?P<secret>{re.escape(CANARY)})"
DEFLATE = "permessage-deflate"


def record(
    folder: Path,
    talk: Callable[[Conversation], object],
    *,
    rules: tuple[str, ...] = RULES,
    end: bool = True,
    extensions: str | None = None,
) -> Contents:
    """Record a session under rules; nothing of the secret may be in the folder at any time."""
    path = folder / "session.db"
    with recorder_at(path, redaction=Rules.parse(rules)) as recorder:
        session = Conversation(recorder, extensions=extensions)
        talk(session)
        settle(recorder)
        assert leaks(folder) == []
        if end:
            session.end()
    assert leaks(folder) == []
    with Recording.open(path) as recording:
        assert [each for each in Verification(recording).faults() if each.damage] == []
    return contents(path)


def settle(recorder: Recorder) -> None:
    """Wait until all that was handed over is in the file."""
    import threading

    done = threading.Event()
    recorder.backlog.put(done.set, 0)
    assert done.wait(10)


def marks(contents: Contents) -> list[str]:
    """Each frame's mark, without its digest."""
    return [
        ",".join(name.rpartition(":")[0] or name for name in f.anomalies)
        for f in contents.frames[0]
    ]


def test_a_message_in_one_frame(tmp_path: Path) -> None:
    found = record(
        tmp_path, lambda talk: talk.text("client", EVENT.decode()).text("server", "pin 1")
    )

    changed, kept = found.messages[0]
    assert re.fullmatch(r'{"type":"login","token":"redacted:[0-9a-f]{16}"}', str(changed.data))
    assert marks(found) == [f"redacted:{len(EVENT)}", ""]
    assert kept.data == "pin 1"
    assert found.sessions[0].client_bytes == len(EVENT)


@pytest.mark.parametrize("size", [1, 7, 30])
def test_a_message_in_fragments(tmp_path: Path, size: int) -> None:
    pieces = [EVENT[at : at + size] for at in range(0, len(EVENT), size)]

    def talk(session: Conversation) -> None:
        for n, piece in enumerate(pieces):
            last = n == len(pieces) - 1
            session.client(wire(0 if n else 1, piece, fin=last, mask=KEY))
            session.client(wire(9, SECRET[:2], mask=KEY))

    found = record(tmp_path, talk)

    (message,) = found.messages[0]
    assert re.fullmatch(r'{"type":"login","token":"redacted:[0-9a-f]{16}"}', str(message.data))
    fragments = [frame for frame in found.frames[0] if frame.opcode < 8]
    assert all(re.fullmatch(rb"redacted:[0-9a-f]{16}", frame.payload) for frame in fragments)
    assert marks(found)[0] == f"withheld:{size}"
    assert marks(found)[-2].endswith(f"redacted:{len(EVENT)}")


@pytest.mark.parametrize("level", [0, 9])
def test_a_compressed_message(tmp_path: Path, level: int) -> None:
    data = deflated(EVENT, level=level)
    found = record(
        tmp_path,
        lambda talk: talk.client(wire(1, data, rsv=4, mask=KEY)).server(wire(1, b"hej")),
        extensions=DEFLATE,
    )
    first, second = found.messages[0]
    assert json.loads(first.data)["token"].startswith("redacted:")
    assert second.data == "hej"
    assert marks(found) == [f"withheld:{len(data)},redacted:{len(EVENT)}", ""]


def test_a_compressed_message_that_no_rule_is_about_is_kept_as_a_message(tmp_path: Path) -> None:
    found = record(
        tmp_path, lambda talk: talk.server(wire(1, deflated(b'{"a":1}'), rsv=4)), extensions=DEFLATE
    )
    assert found.messages[0][0].data == '{"a":1}'
    assert marks(found)[0].startswith("withheld:")


def test_large_messages(tmp_path: Path) -> None:
    large = EVENT + b" " * (2 * LARGEST)

    def talk(session: Conversation) -> None:
        session.client(wire(1, large, mask=KEY))
        session.server(wire(1, large[:LARGEST], fin=False)).server(wire(0, large[LARGEST:]))
        session.client(wire(2, large, mask=KEY)).text("server", "after")

    found = record(tmp_path, talk)
    one, two, binary, after = found.messages[0]
    assert re.fullmatch(r"redacted:[0-9a-f]{16}", str(one.data))
    assert re.fullmatch(r"redacted:[0-9a-f]{16} too large to look into", str(two.data))
    assert isinstance(binary.data, bytes)
    assert after.data == "after"
    assert marks(found) == [
        f"withheld:{len(large)}",
        f"withheld:{LARGEST}",
        f"withheld:{len(large) - LARGEST},redacted:{len(large)}",
        f"withheld:{len(large)}",
        "",
    ]


def test_a_message_that_inflates_beyond_all_bounds(tmp_path: Path) -> None:
    bomb = deflated(EVENT + b" " * (3 * LARGEST))
    found = record(tmp_path, lambda talk: talk.server(wire(1, bomb, rsv=4)), extensions=DEFLATE)
    assert str(found.messages[0][0].data).endswith("too large to look into")


@pytest.mark.parametrize(
    ("extensions", "frames"),
    [
        ("x-unknown", wire(1, EVENT)),
        (f"{DEFLATE}, x-unknown", wire(1, deflated(EVENT, level=0), rsv=4)),
        ("x-unknown", wire(1, EVENT[:30], fin=False) + wire(0, EVENT[30:])),
        ("x-unknown", wire(9, SECRET)),
        (None, wire(1, deflated(EVENT, level=0), rsv=4)),
        (None, wire(1, EVENT[:30], fin=False, rsv=2) + wire(0, EVENT[30:])),
        (None, wire(3, SECRET)),
        (None, wire(0, SECRET)),
        (None, wire(9, SECRET, fin=False)),
        (None, wire(9, b"x" * 2000 + SECRET * 60_000)),
        (None, wire(8, b"\x03\xe8" + SECRET, rsv=1)),
        (None, wire(1, EVENT[:40], fin=False) + wire(1, EVENT[40:])),
        (DEFLATE, wire(1, b"\xff" + SECRET, rsv=4)),
        (DEFLATE, wire(1, b"\xff" + SECRET, rsv=4) + wire(1, deflated(EVENT, level=0), rsv=4)),
        (DEFLATE, wire(1, b"\xff" + SECRET, rsv=4)
         + wire(1, deflated(EVENT, level=0)[:30], fin=False, rsv=4)
         + wire(0, deflated(EVENT, level=0)[30:])),
        (None, wire(1, EVENT)[:-1]),
        (None, wire(1, EVENT, claim=1 << 40)),
        (None, wire(8, b"\x03\xe8pin=" + SECRET)[:-1]),
    ],
)  # fmt: skip
def test_what_no_rule_can_be_applied_to_is_withheld(
    tmp_path: Path, extensions: str | None, frames: bytes
) -> None:
    everything = "json:/token", f"regex:{re.escape(CANARY)}"
    found = record(
        tmp_path, lambda talk: talk.server(frames), rules=everything, extensions=extensions
    )
    assert any("withheld" in mark for mark in marks(found))


def test_ping_pong_and_close(tmp_path: Path) -> None:
    def talk(session: Conversation) -> None:
        session.client(wire(9, b"pin=" + SECRET, mask=KEY)).server(wire(10, EVENT))
        session.server(wire(8, b"\x0f\xa0pin=" + SECRET))

    found = record(tmp_path, talk)
    session = found.sessions[0]
    assert session.close_code == 4000
    assert re.fullmatch(r"pin=redacted:[0-9a-f]{16}", session.close_reason or "")
    assert found.frames[0][-1].payload[:6] == b"\x0f\xa0pin="
    assert len({frame.payload[-16:] for frame in found.frames[0]} - {b""}) == 2  # ping, pong; close


def test_a_close_frame_too_large_for_a_code(tmp_path: Path) -> None:
    found = record(tmp_path, lambda talk: talk.server(wire(8, b"\x03\xe8" + SECRET * 60_000)))
    assert (found.sessions[0].close_code, found.sessions[0].close_reason) == (None, None)
    assert found.sessions[0].closed_by == "server"


def test_binary_and_text_that_is_not_utf8_are_looked_into_as_well(tmp_path: Path) -> None:
    def talk(session: Conversation) -> None:
        session.client(wire(2, EVENT, mask=KEY)).client(wire(1, b"\xff pin=" + SECRET, mask=KEY))

    found = record(tmp_path, talk)
    binary, text = (message.data for message in found.messages[0])
    assert isinstance(binary, bytes)
    assert isinstance(text, bytes)
    assert text.startswith(b"\xff pin=redacted:")


def test_a_session_that_was_never_ended(tmp_path: Path) -> None:
    record(tmp_path, lambda talk: talk.client(wire(1, EVENT, fin=False, mask=KEY)), end=False)


def test_byte_by_byte(tmp_path: Path) -> None:
    stream = (
        wire(1, EVENT)
        + wire(1, EVENT[:30], fin=False)
        + wire(0, EVENT[30:])
        + wire(9, b"pin=" + SECRET)
    )

    def talk(session: Conversation) -> None:
        for byte in stream:
            session.server(bytes([byte]))

    assert len(record(tmp_path, talk).messages[0]) == 2


def test_many_frames_that_grow(tmp_path: Path) -> None:
    """An extent of redacted frames stays within what a verifier reads at once."""
    flood = b"".join(wire(1, b"7" * 400) for _ in range(300))
    found = record(
        tmp_path, lambda talk: [talk.server(flood) for _ in range(8)], rules=("regex:7",)
    )
    assert len(found.frames[0]) == 2400


def test_without_rules_about_payloads_nothing_is_touched(tmp_path: Path) -> None:
    path = tmp_path / "session.db"
    with recorder_at(path, redaction=Rules()) as recorder:
        Conversation(recorder).text("client", EVENT.decode()).end()
    assert contents(path).messages[0][0].data == EVENT.decode()
    assert contents(path).frames[0][0].anomalies == ()


def test_the_recording_names_the_rules_of_every_run(tmp_path: Path) -> None:
    path = tmp_path / "session.db"
    for rules in (Rules(defaults=False), Rules.parse(RULES[:1]), Rules.parse(RULES[:1]), Rules()):
        with recorder_at(path, redaction=rules) as recorder:
            Conversation(recorder).end()
    with Recording.open(path) as recording:
        assert json.loads(recording.meta["redaction"]) == ["default"]
        assert json.loads(recording.meta["redaction_runs"]) == [
            {"from_session": 1, "rules": []},
            {"from_session": 2, "rules": ["default", "json:/token"]},
            {"from_session": 4, "rules": ["default"]},
        ]


def test_each_run_has_a_key_of_its_own_unless_one_is_given(tmp_path: Path) -> None:
    headers = [("Cookie", "a=b")]

    def cookies(path: Path, key: bytes | None) -> set[str]:
        for _ in range(2):
            with recorder_at(path, redaction=Rules(), redaction_key=key) as recorder:
                Conversation(recorder, headers=headers).end()
                Conversation(recorder, headers=headers).end()
        return {session.request_headers[0][1] for session in contents(path).sessions}

    assert len(cookies(tmp_path / "a.db", None)) == 2
    assert len(cookies(tmp_path / "b.db", b"k" * 32)) == 1
