"""Close frames, also those that no library would send, and what comes behind them."""

from __future__ import annotations

from functools import partial

import pytest
from oracle.peers import SENDERS, Talk
from oracle.stage import Stage
from support.frames import KEY, wire
from wsrec.store.model import Sender

IN_EVERY_MODE = True


def keys(sender: Sender) -> tuple[bytes | None, bytes | None]:
    """Return the masks of a peer's frames and of the other one's."""
    return (KEY, None) if sender == "client" else (None, KEY)


def other(sender: Sender) -> Sender:
    return "server" if sender == "client" else "client"


def coded(code: int, reason: bytes = b"") -> bytes:
    return code.to_bytes(2, "big") + reason


FORBIDDEN = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535)
CODES = (*FORBIDDEN, 1007, 1011, 1012, 1013, 1014, 3000, 4999)

BODIES: dict[str, tuple[bytes, int | None, str | None]] = {
    "empty": (b"", None, None),
    "one-byte": (b"\x03", None, None),
    "normal": (coded(1000), 1000, ""),
    "with-reason": (coded(1001, "à bientôt".encode()), 1001, "à bientôt"),
    "longest-reason": (coded(3000, b"x" * 123), 3000, "x" * 123),
    "too-long": (coded(4999, b"x" * 200), 4999, "x" * 200),
    "reason-not-utf8": (coded(1000, b"a\xff\xc3"), 1000, "a\ufffd\ufffd"),
    "reason-with-nul": (coded(1000, b"a\0b"), 1000, "a\0b"),
    **{f"code-{code}": (coded(code, b"why"), code, "why") for code in CODES},
}


@pytest.mark.parametrize("closer", SENDERS)
@pytest.mark.parametrize("name", BODIES)
def test_a_close_body_arrives_as_it_was_sent(stage: Stage, name: str, closer: Sender) -> None:
    body, code, reason = BODIES[name]
    mine, theirs = keys(closer)

    def conversation(talk: Talk) -> None:
        talk.say(closer, wire(8, body, mask=mine))
        talk.say(other(closer), wire(8, body[:125], mask=theirs))
        talk.part()

    session = stage.same(conversation)
    assert (session.close_code, session.close_reason) == (code, reason)
    assert session.closed_by == closer


@pytest.mark.parametrize("closer", SENDERS)
def test_a_close_may_be_answered_with_another_one(stage: Stage, closer: Sender) -> None:
    mine, theirs = keys(closer)

    def conversation(talk: Talk) -> None:
        talk.say(closer, wire(8, coded(4001, b"first"), mask=mine))
        talk.say(other(closer), wire(8, coded(1002, b"second"), mask=theirs))
        talk.part()

    session = stage.same(conversation)
    assert (session.close_code, session.close_reason) == (4001, "first")
    assert session.closed_by == closer


@pytest.mark.parametrize("closer", SENDERS)
def test_a_close_may_stay_unanswered(stage: Stage, closer: Sender) -> None:
    def conversation(talk: Talk) -> None:
        talk.say(closer, wire(8, coded(1000), mask=keys(closer)[0]))
        assert talk.wires(closer)[0].idle
        talk.part()

    assert stage.same(conversation).closed_by == closer


@pytest.mark.parametrize("closer", SENDERS)
def test_what_follows_a_close_arrives_too(stage: Stage, closer: Sender) -> None:
    mine, theirs = keys(closer)

    def conversation(talk: Talk) -> None:
        close = wire(8, coded(1000), mask=mine)
        talk.say(closer, close + wire(1, b"one more thing", mask=mine))
        talk.say(other(closer), wire(2, b"on the way", mask=theirs), wire(9, b"p", mask=theirs))
        talk.say(closer, wire(10, b"p", mask=mine), wire(8, coded(1011), mask=mine))
        talk.say(other(closer), wire(8, b"", mask=theirs), wire(1, b"bye", mask=theirs))
        talk.part()

    session = stage.same(conversation)
    assert (session.close_code, session.closed_by) == (1000, closer)


@pytest.mark.parametrize("closer", SENDERS)
def test_a_close_inside_a_message(stage: Stage, closer: Sender) -> None:
    mine = keys(closer)[0]

    def conversation(talk: Talk) -> None:
        talk.say(closer, wire(1, b"He", fin=False, mask=mine), wire(8, coded(1000), mask=mine))
        talk.say(closer, wire(0, b"llo", mask=mine))
        talk.part()

    assert stage.same(conversation).closed_by == closer


@pytest.mark.parametrize("closer", SENDERS)
def test_a_close_of_which_only_a_part_arrives_is_none(stage: Stage, closer: Sender) -> None:
    def conversation(talk: Talk) -> None:
        talk.say(closer, wire(8, coded(1000, b"cut off"), mask=keys(closer)[0])[:-1])
        talk.part()

    assert stage.same(conversation).closed_by is None


@pytest.mark.parametrize("fin", [True, False])
@pytest.mark.parametrize("rsv", [0, 4, 7])
def test_a_close_with_bits_that_make_no_sense(stage: Stage, rsv: int, fin: bool) -> None:
    close = partial(wire, 8, coded(1000), rsv=rsv, fin=fin)

    def conversation(talk: Talk) -> None:
        talk.say("server", close())
        talk.say("client", close(mask=bytes(4)))
        talk.part()

    assert stage.same(conversation).closed_by == "server"
