"""`wsrec scrub`: an existing recording under rules, as if it had been made under them."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest
from support.frames import KEY, wire
from support.proxying import wsrec
from support.recordings import Conversation, contents, recorder_at
from support.secrets import CANARY, deflated, found_in, leaks
from support.tampering import change, record_everything
from wsrec.redaction.payload import LARGEST
from wsrec.redaction.rules import Rules
from wsrec.store.errors import RecordingError
from wsrec.store.reader import Recording
from wsrec.store.verify import Verification
from wsrec.upkeep.scrub import scrub

SECRET = CANARY.encode()
EVENT = b'{"type":"login","token":"' + SECRET + b'"}'
RULES = Rules.parse(["json:/token", f"regex:{re.escape(CANARY)}"])
KEY_OF_DIGESTS = b"k" * 32
HEADERS = [("Cookie", f"a={CANARY}"), ("Sec-WebSocket-Protocol", f"chat, bearer, {CANARY}")]


def say_all(talk: Conversation, mask: bytes | None = None) -> None:
    send = talk.client if mask else talk.server
    send(wire(1, EVENT, mask=mask))
    send(wire(1, b'{"a":1}', mask=mask), forwarded=False)
    send(wire(1, EVENT[:30], fin=False, mask=mask))
    send(wire(9, SECRET, mask=mask))
    send(wire(0, EVENT[30:], mask=mask))
    send(wire(1, deflated(EVENT, level=0), rsv=4, mask=mask))
    send(wire(2, EVENT + bytes(2 * LARGEST), mask=mask))
    send(wire(1, deflated(EVENT + b" " * 2 * LARGEST), rsv=4, mask=mask))
    send(wire(1, b"\xff" + SECRET, mask=mask))
    send(wire(1, b"\xff" + SECRET, rsv=4, mask=mask))
    send(wire(1, deflated(EVENT, level=0), rsv=4, mask=mask))
    send(wire(1, EVENT[:30], fin=False, mask=mask))
    send(wire(8, b"\x0f\xa0" + SECRET, mask=mask))


def record(path: Path, rules: Rules, key: bytes | None = None) -> None:
    with recorder_at(path, redaction=rules, redaction_key=key) as recorder:
        for mask in (KEY, None):
            talk = Conversation(
                recorder,
                target=f"/?token={CANARY}",
                headers=HEADERS,
                extensions="permessage-deflate",
                subprotocol=CANARY,
            )
            say_all(talk, mask)
            talk.end()
        open_ended = Conversation(recorder, extensions="x-unknown")
        open_ended.text("server", EVENT.decode()).server(wire(1, EVENT)[:-3])
        Conversation(recorder, headers=HEADERS).server(wire(8, SECRET * 60_000)).end()


def intact(path: Path) -> bool:
    with Recording.open(path) as recording:
        return not any(fault.damage for fault in Verification(recording).faults())


@pytest.fixture
def old(tmp_path: Path) -> Path:
    (tmp_path / "old").mkdir()
    path = tmp_path / "old" / "session.db"
    record(path, Rules(defaults=False))
    return path


@pytest.fixture
def new(tmp_path: Path) -> Path:
    (tmp_path / "new").mkdir()
    return tmp_path / "new" / "scrubbed.db"


def test_nothing_is_left_of_the_secret_and_the_chain_is_whole(old: Path, new: Path) -> None:
    assert leaks(old.parent)
    done = scrub(old, new, RULES, None, "0")

    assert leaks(new.parent) == []
    assert [path.name for path in new.parent.iterdir()] == ["scrubbed.db"]
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    assert intact(new)
    assert (done.sessions, done.frames) == (4, sum(map(len, contents(old).frames)))


def test_it_is_as_if_it_had_been_recorded_under_the_rules(old: Path, new: Path) -> None:
    live = old.with_name("live.db")
    record(live, RULES, KEY_OF_DIGESTS)
    scrub(old, new, RULES, KEY_OF_DIGESTS, "0")

    one, other = contents(live), contents(new)
    assert [strip(each) for each in one.sessions] == [strip(each) for each in other.sessions]
    assert [[strip(f) for f in each] for each in one.frames] == [
        [strip(f) for f in each] for each in other.frames
    ]
    assert [[strip(m) for m in each] for each in one.messages] == [
        [strip(m) for m in each] for each in other.messages
    ]


def strip(item: object) -> dict[str, object]:
    """The values without what differs from run to run."""
    times = ("started_at", "started_ns", "ended_ns", "at_ns", "forwarded_ns")
    names = [name for name in item.__slots__ if name not in times]  # type: ignore[attr-defined]
    return {name: getattr(item, name) for name in names}


def test_without_rules_about_payloads_only_handshakes_change(old: Path, new: Path) -> None:
    scrub(old, new, Rules(), None, "0")

    before, after = contents(old), contents(new)
    assert before.frames == after.frames
    assert before.messages == after.messages
    assert found_in(str(before.sessions).encode())
    assert not found_in(str([(s.target, s.request_headers) for s in after.sessions]).encode())
    assert intact(new)


def test_any_recording_is_kept_whole(tmp_path: Path) -> None:
    old, new = tmp_path / "a.db", tmp_path / "b.db"
    record_everything(old)
    scrub(old, new, Rules.parse(["header:none"], defaults=False), None, "0")
    assert contents(old) == contents(new)
    scrub(old, tmp_path / "c.db", Rules.parse(["json:/none"]), None, "0")
    assert intact(new)
    assert intact(tmp_path / "c.db")


def test_twice_is_once(old: Path, new: Path) -> None:
    scrub(old, new, RULES, None, "0")
    again = new.with_name("again.db")
    scrub(new, again, RULES, None, "0")
    assert contents(new) == contents(again)


def test_it_says_what_it_was_made_from(old: Path, new: Path) -> None:
    scrub(old, new, RULES, KEY_OF_DIGESTS, "1.2")
    scrub(old, new.with_name("2.db"), RULES, KEY_OF_DIGESTS, "1.2")
    scrub(old, new.with_name("3.db"), RULES, None, "1.2")

    said = []
    for path in (new, new.with_name("2.db"), new.with_name("3.db")):
        with Recording.open(path) as recording:
            (last,) = json.loads(recording.meta["scrubbed"])
            said.append(last["links_hmac"])
            assert last["sessions"] == 4
            assert json.loads(recording.meta["redaction"]) == RULES.listed()
            assert recording.clean
    # By whoever has the key, it can be told that these were made from the same recording.
    assert said[0] == said[1] != said[2]


def test_growth_is_bounded_for_whoever_verifies(tmp_path: Path) -> None:
    old, new = tmp_path / "a.db", tmp_path / "b.db"
    with recorder_at(old) as recorder:
        talk = Conversation(recorder)
        for _ in range(8):
            talk.server(b"".join(wire(1, b"7" * 400) for _ in range(300)))
        talk.end()
    scrub(old, new, Rules.parse(["regex:7"]), None, "0")
    assert intact(new)


def test_a_damaged_recording_is_refused(old: Path, new: Path) -> None:
    assert change(old, "UPDATE frames SET at_ns = at_ns + 1 WHERE seq = 3 AND session_id = 1") == 1
    with pytest.raises(RecordingError, match="damaged: session 1"):
        scrub(old, new, RULES, None, "0")
    assert not new.exists()


def test_the_command(old: Path, new: Path) -> None:
    rules = ("--redact", "json:/token", "--redact", f"regex:{CANARY[:8]}\\S+")
    done = wsrec("scrub", str(old), str(new), *rules)
    assert done.returncode == 0, done.stderr
    assert re.search(r"4 sessions, \d+ frames, \d+ changed", done.stdout)
    assert found_in((done.stdout + done.stderr).encode()) == []
    assert leaks(new.parent) == []
    for command in (["verify"], ["sessions"], ["show", "--full"]):
        shown = wsrec(command[0], str(new), *command[1:])
        assert shown.returncode == 0
        assert found_in(shown.stdout.encode()) == []

    again = wsrec("scrub", str(old), str(new), *rules)
    assert (again.returncode, again.stderr) == (
        2,
        f"wsrec: {new}: exists already; give a new file\n",
    )
    assert wsrec("scrub", str(old), str(new) + "2", "--redact", "x").returncode == 2
    assert wsrec("scrub", str(old), str(new) + "2", "--no-default-redaction").returncode == 2
    assert wsrec("scrub", str(new) + "none", str(new) + "2").returncode == 3
    assert [path.name for path in new.parent.iterdir()] == ["scrubbed.db"]
