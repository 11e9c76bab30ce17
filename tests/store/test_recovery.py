"""Whatever the instant at which a recorder is killed: all that it was told is recovered."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from support.frames import KEY, chop, wire
from support.killed import PART, Deflate, Life, Talk, comparable, find, small
from wsrec.store.begin import open_to_write
from wsrec.store.model import Sender
from wsrec.store.recovery import recover_into
from wsrec.store.spool import spool_folder
from wsrec.upkeep.recover import recover

SENDERS: tuple[Sender, Sender] = ("client", "server")
DEFLATE = "permessage-deflate"


class Step(NamedTuple):
    """One thing that happens to a session."""

    session: int
    what: str
    data: bytes = b""


@st.composite
def streams(draw: st.DrawFn, sender: Sender, *, deflate: bool, fragments: bool) -> bytes:
    """What one peer of a session sends: messages in one frame or more, large ones, faulty ones."""
    mask = KEY if sender == "client" else None
    compress = Deflate()
    out = b""
    for _ in range(draw(st.integers(0, 6))):
        size = draw(st.sampled_from([0, 3, 20, 70, 130, 300]))
        words = draw(st.one_of(st.just(b"again and again, these words; "), st.binary(min_size=1)))
        data = (words * (size + 1))[:size]
        opcode, rsv = draw(st.sampled_from([1, 2])), 0
        if deflate and draw(st.booleans()):
            data, rsv = compress(data), 4
            if not fragments and len(data) > PART:
                rsv = 0
        pieces = [data]
        if (fragments or not rsv) and draw(st.booleans()):
            pieces = chop(data, draw(st.lists(st.integers(0, 300), max_size=3)))
        for n, piece in enumerate(pieces):
            last = n == len(pieces) - 1
            out += wire(0 if n else opcode, piece, fin=last, rsv=0 if n else rsv, mask=mask)
            if draw(st.integers(0, 5)) == 0:
                out += wire(draw(st.sampled_from([9, 10, 3])), b"!", mask=mask)
    ending = draw(st.integers(0, 7))
    if ending == 0:
        out += wire(8, b"\x03\xe9bye", mask=mask)
    elif ending == 1:
        out += draw(st.binary(max_size=40))
    return out


@st.composite
def scripts(draw: st.DrawFn, *, fragments: bool) -> list[Step]:
    """Several sessions, interleaved, each cut off anywhere or ended."""
    lanes: list[list[Step]] = []
    for number in range(draw(st.integers(1, 3))):
        deflate = draw(st.booleans())
        sides = []
        for sender in SENDERS:
            stream = draw(streams(sender, deflate=deflate, fragments=fragments))
            chunks = chop(stream, draw(st.lists(st.integers(0, 2000), max_size=8)))
            sides.append([Step(number, sender, chunk) for chunk in chunks])
        steps = [Step(number, "answer")]
        while any(sides):
            steps.append(draw(st.sampled_from([side for side in sides if side])).pop(0))
        if draw(st.integers(0, 3)) == 0:
            steps.append(Step(number, "synthetic"))
        if draw(st.booleans()):
            steps.append(Step(number, "end"))
        lanes.append([Step(number, DEFLATE if deflate else "open"), *steps])
    script = []
    while lanes := [lane for lane in lanes if lane]:
        script.append(draw(st.sampled_from(lanes)).pop(0))
    return script[: draw(st.integers(1, len(script)))]


def perform(life: Life, script: list[Step], stop: int, settle: int) -> dict[int, Talk]:
    """Do all of it; the recorder's thread gets no further than to step `stop`."""
    talks: dict[int, Talk] = {}
    for n, (session, what, data) in enumerate(script):
        if n == settle <= stop:
            life.settle()
        if n == stop:
            life.stop_here()
        if what in ("open", DEFLATE):
            talks[session] = Talk(life.recorder, DEFLATE if what == DEFLATE else None)
        elif what == "answer":
            talks[session].answer()
        elif what in SENDERS:
            talks[session].send("client" if what == "client" else "server", data)
        elif what == "synthetic":
            talks[session].tap.synthetic("server", b"\x03\xe9")
        else:
            talks.pop(session).end()
    if stop >= len(script):
        life.settle()
        life.stop_here()
    return talks


def recover_only(path: Path) -> None:
    """Recover, and be killed before the spool is removed."""
    with closing(open_to_write(path)) as connection:
        recover_into(connection, path)


class Killed(NamedTuple):
    path: Path
    """What was left."""
    whole: Path
    """What there would have been, had the sessions ended instead."""
    cut: frozenset[int]


def kill(folder: Path, script: list[Step], stop: int, settle: int) -> Killed:
    (folder / "live").mkdir()
    life = Life(folder / "live" / "session.db")
    try:
        talks = perform(life, script, stop, settle)
        left = life.copy(folder / "left")
        cut = frozenset(talk.tap.id for talk in talks.values())
        life.go_on()
        for talk in talks.values():
            talk.end()
    finally:
        life.close()
    return Killed(left, life.path, cut)


moments = st.integers(0, 60)
sizes = st.sampled_from([60, 150, 400, 2000])
few = settings(max_examples=35, deadline=None)


@few
@given(scripts(fragments=False), moments, moments, sizes)
def test_nothing_is_lost_and_nothing_is_another(
    script: list[Step], stop: int, settle: int, segment: int
) -> None:
    with tempfile.TemporaryDirectory() as folder, small(segment):
        path, whole, cut = kill(Path(folder), script, stop, settle)
        expected = comparable(find(whole), cut=cut)
        assert expected.damage == []
        seen_before = find(path)
        assert comparable(seen_before, cut=cut) == expected
        recover_only(path)
        recovered = recover(path)
        assert recovered is None
        assert not spool_folder(path).exists()
        assert find(path) == seen_before
        assert recover(path) is None
        assert find(path) == seen_before


@few
@given(scripts(fragments=True), moments, moments, sizes)
def test_only_a_compressed_message_that_was_halfway_stays_as_it_came(
    script: list[Step], stop: int, settle: int, segment: int
) -> None:
    with tempfile.TemporaryDirectory() as folder, small(segment):
        path, whole, cut = kill(Path(folder), script, stop, settle)
        expected = comparable(find(whole), cut=cut)
        seen = comparable(find(path), cut=cut)
        assert seen.damage == []
        assert seen.frames == expected.frames
        assert seen.contents.sessions == expected.contents.sessions
        for frames, others in zip(seen.contents.frames, expected.contents.frames, strict=True):
            assert [each.payload for each in frames] == [each.payload for each in others]
            for one, other in zip(frames, others, strict=True):
                lost = {*one.anomalies} - {*other.anomalies}
                assert lost <= {"inflate_failed", "not_inflated"}
        both = zip(seen.contents.messages, expected.contents.messages, strict=True)
        for messages, other_messages in both:
            for message, as_told in zip(messages, other_messages, strict=True):
                if not {"inflate_failed", "not_inflated"} & {*message.anomalies}:
                    assert message == as_told
        unsettled = find(path)
        recover(path)
        assert find(path) == unsettled


def test_a_context_is_carried_into_the_next_segment() -> None:
    compress = Deflate()
    said = [b"again and again, these words; %d" % n for n in range(80)]
    chunks = [wire(1, compress(each), rsv=4) for each in said]
    script = [Step(0, DEFLATE), Step(0, "answer"), *(Step(0, "server", each) for each in chunks)]
    with tempfile.TemporaryDirectory() as folder, small(150):
        path, _, _ = kill(Path(folder), script, stop=60, settle=40)
        ((*messages,),) = find(path).contents.messages
        assert [each.data for each in messages] == [each.decode() for each in said]
        assert {each.anomalies for each in messages} == {()}
