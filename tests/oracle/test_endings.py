"""How TCP connections end: FIN or RST, which side first, and what still crosses the other way."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from oracle.peers import SENDERS, Talk
from oracle.stage import Stage
from support.frames import KEY, wire
from wsrec.store.model import Sender

IN_EVERY_MODE = True


def other(sender: Sender) -> Sender:
    return "server" if sender == "client" else "client"


def text(sender: Sender, payload: bytes) -> bytes:
    return wire(1, payload, mask=KEY if sender == "client" else None)


@pytest.mark.parametrize("first", SENDERS)
def test_half_close_leaves_the_other_direction_open(stage: Stage, first: Sender) -> None:
    second = other(first)

    def conversation(talk: Talk) -> None:
        ended, open_ = talk.wires(first)
        talk.say(first, text(first, b"that was all"))
        ended.half_close()
        assert open_.rest() == b""
        assert ended.idle
        talk.say(second, *(text(second, b"not for me %d" % n) for n in range(10)))
        talk.say(second, wire(2, bytes(100_000), mask=bytes(4) if second == "client" else None))
        open_.half_close()
        assert ended.rest() == b""
        assert (ended.ended, open_.ended) == ("fin", "fin")

    assert stage.same(conversation).clean


@pytest.mark.parametrize("first", SENDERS)
def test_who_ends_first_is_seen_and_nothing_else_ends(stage: Stage, first: Sender) -> None:
    def conversation(talk: Talk) -> None:
        talk.say("client", wire(8, b"\x03\xe8", mask=KEY))
        talk.say("server", wire(8, b"\x03\xe8"))
        ended, open_ = talk.wires(first)
        ended.half_close()
        assert open_.rest() == b""
        assert ended.idle, "the other side's end was made up"
        open_.close()
        assert ended.rest() == b""
        assert (ended.ended, open_.ended) == ("fin", "fin")

    stage.same(conversation)


@pytest.mark.parametrize("first", SENDERS)
def test_an_end_comes_behind_all_bytes(stage: Stage, first: Sender) -> None:
    """The reader takes its time: the sender has closed long before."""
    flood = b"".join(text(first, b"%04d" % n * 250) for n in range(300))

    def conversation(talk: Talk) -> None:
        ended, open_ = talk.wires(first)
        talk.send(first, flood)
        ended.close()
        assert open_.rest() == flood
        assert open_.ended == "fin"

    stage.same(conversation)


@pytest.mark.parametrize("resetter", SENDERS)
def test_a_reset_is_a_reset(stage: Stage, resetter: Sender) -> None:
    def conversation(talk: Talk) -> None:
        gone, left = talk.wires(resetter)
        talk.say(resetter, text(resetter, b"before"))
        talk.say(other(resetter), text(other(resetter), b"before"))
        gone.reset()
        assert left.rest() == b""
        assert left.ended == "rst"

    assert stage.same(conversation).clean


@pytest.mark.parametrize("resetter", SENDERS)
def test_a_reset_behind_a_close_is_a_reset(stage: Stage, resetter: Sender) -> None:
    def conversation(talk: Talk) -> None:
        gone, left = talk.wires(resetter)
        talk.say(resetter, wire(8, b"\x03\xe9", mask=KEY if resetter == "client" else None))
        gone.reset()
        assert left.rest() == b""
        assert left.ended == "rst"

    assert stage.same(conversation).closed_by == resetter


@pytest.mark.parametrize("resetter", SENDERS)
def test_bytes_that_had_arrived_are_there_before_the_reset(stage: Stage, resetter: Sender) -> None:
    def conversation(talk: Talk) -> None:
        gone, left = talk.wires(resetter)
        last = text(resetter, b"my last words")
        talk.send(resetter, last)
        left.holds(len(last))
        gone.reset()
        assert left.rest() == last
        assert left.ended == "rst"

    stage.same(conversation)


@pytest.mark.parametrize("closer", SENDERS)
def test_closing_over_unread_bytes_is_a_reset(stage: Stage, closer: Sender) -> None:
    """A kernel says so when a program closes a socket without having read it."""

    def conversation(talk: Talk) -> None:
        gone, left = talk.wires(closer)
        unread = text(other(closer), b"never read")
        talk.send(other(closer), unread)
        gone.holds(len(unread))
        gone.close()
        assert left.rest() == b""
        assert left.ended == "rst"

    stage.same(conversation)


@pytest.mark.parametrize("first", SENDERS)
def test_a_reset_behind_a_half_close(stage: Stage, first: Sender) -> None:
    """The peer that still speaks gives up: the one that listens hears it."""

    def conversation(talk: Talk) -> None:
        ended, open_ = talk.wires(first)
        ended.half_close()
        assert open_.rest() == b""
        talk.say(other(first), text(other(first), b"half of"))
        open_.reset()
        assert ended.rest() == b""
        assert ended.ended == "rst"

    stage.same(conversation)


@pytest.mark.parametrize("resetter", SENDERS)
def test_who_only_listened_and_resets_is_heard(stage: Stage, resetter: Sender) -> None:
    def conversation(talk: Talk) -> None:
        gone, left = talk.wires(resetter)
        gone.half_close()
        assert left.rest() == b""
        gone.reset()
        left.breaks()

    stage.same(conversation)


@pytest.mark.parametrize("closer", SENDERS)
def test_who_has_closed_for_good_takes_nothing_more(stage: Stage, closer: Sender) -> None:
    """It looks like a half-close until the other peer speaks: then a kernel says RST."""

    def conversation(talk: Talk) -> None:
        gone, left = talk.wires(closer)
        gone.close()
        assert left.rest() == b""
        talk.send(other(closer), text(other(closer), b"anybody?"))
        left.breaks()

    stage.same(conversation)


@pytest.mark.parametrize("first", SENDERS)
def test_a_half_closed_session_may_be_silent(stage: Stage, first: Sender) -> None:
    """The proxy looks after it many times and finds nothing to do."""

    def conversation(talk: Talk) -> None:
        ended, open_ = talk.wires(first)
        talk.say(first, text(first, b"think about it"))
        ended.half_close()
        assert open_.rest() == b""
        time.sleep(0.3)
        assert ended.idle
        talk.say(other(first), text(other(first), b"42"))
        open_.close()
        assert ended.rest() == b""
        assert ended.ended == "fin"

    stage.same(conversation)


def keeps_alive(local: int, remote: int) -> bool:
    """Whether a kernel's timer runs that will ask whether the other end is still there."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, mine, theirs, _, _, timer, *_ = line.split()
        if (int(mine[-4:], 16), int(theirs[-4:], 16)) == (local, remote):
            return timer.startswith("02:")
    raise AssertionError("no such connection")


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux tells")
def test_a_peer_that_vanishes_without_a_word_is_noticed_by_a_kernel(stage: Stage) -> None:
    talk = stage.open(through=True)
    for wire_ in (talk.client, talk.server):
        ours, proxys = wire_.ports
        assert keeps_alive(proxys, ours)
        assert not keeps_alive(ours, proxys)
    talk.part()


MID_FRAME: dict[str, Callable[[bytes | None], bytes]] = {
    "in-the-first-byte-of-a-header": lambda key: wire(1, b"hello", mask=key)[:1],
    "in-a-short-length": lambda key: wire(2, bytes(300), mask=key)[:3],
    "in-a-long-length": lambda key: wire(2, bytes(70_000), mask=key)[:9],
    "behind-a-header": lambda key: wire(2, mask=key, claim=100),
    "in-a-payload": lambda key: wire(1, b"hello", mask=key)[:-2],
    "in-a-large-payload": lambda key: wire(2, bytes(3_000_000), mask=key)[:-1],
    "in-a-masking-key": lambda key: wire(1, b"hello", mask=KEY)[:4],
    "in-a-frame-of-2^63-bytes": lambda key: wire(2, b"a" * 50, mask=key, claim=1 << 63),
    "in-a-frame-of-2^64-1-bytes": lambda key: wire(2, b"", mask=key, claim=(1 << 64) - 1),
    "behind-a-first-fragment": lambda key: wire(1, b"He", fin=False, mask=key),
}


@pytest.mark.parametrize("first", SENDERS)
@pytest.mark.parametrize("name", MID_FRAME)
def test_an_end_in_the_middle(stage: Stage, name: str, first: Sender) -> None:
    cut = MID_FRAME[name](KEY if first == "client" else None)

    def conversation(talk: Talk) -> None:
        ended, open_ = talk.wires(first)
        talk.say(first, text(first, b"whole"), cut)
        ended.half_close()
        assert open_.rest() == b""
        talk.say(other(first), text(other(first), b"and?"))
        open_.close()
        assert ended.rest() == b""
        assert (ended.ended, open_.ended) == ("fin", "fin")

    stage.same(conversation)


@pytest.mark.parametrize("resetter", SENDERS)
def test_a_reset_in_the_middle_of_a_frame_in_both_directions(
    stage: Stage, resetter: Sender
) -> None:
    def conversation(talk: Talk) -> None:
        talk.say("client", wire(1, b"hello", mask=KEY)[:-1])
        talk.say("server", wire(1, b"hello")[:1])
        gone, left = talk.wires(resetter)
        gone.reset()
        assert left.rest() == b""
        assert left.ended == "rst"

    stage.same(conversation)
