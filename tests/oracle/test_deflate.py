"""Compressed messages: the bytes that cross are the sender's, whatever they inflate to."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import pytest
from oracle.peers import SENDERS, Talk
from oracle.stage import Stage
from support.frames import KEY, wire
from support.proxying import digest
from wsrec.store.model import Sender
from wsrec.store.reader import Recording

DEFLATE = "permessage-deflate"
FORGETS = f"{DEFLATE}; server_no_context_takeover; client_no_context_takeover"


class Compressor:
    """One direction of permessage-deflate, by zlib alone."""

    def __init__(self, *, keeps_context: bool = True, level: int = 6) -> None:
        self._keeps_context = keeps_context
        self._level = level
        self._begin()

    def _begin(self) -> None:
        self._zlib = zlib.compressobj(self._level, zlib.DEFLATED, -15)

    def __call__(self, message: bytes) -> bytes:
        if not self._keeps_context:
            self._begin()
        flushed = self._zlib.compress(message) + self._zlib.flush(zlib.Z_SYNC_FLUSH)
        assert flushed.endswith(b"\0\0\xff\xff")
        return flushed[:-4]


def key(sender: Sender) -> bytes | None:
    return KEY if sender == "client" else None


def in_fragments(payload: bytes, sizes: Iterable[int], sender: Sender) -> list[bytes]:
    """Return one compressed text message in frames of these payload sizes, and the rest."""
    frames: list[bytes] = []
    for size in sizes:
        piece, payload = payload[:size], payload[size:]
        opcode, rsv = (0, 0) if frames else (1, 4)
        frames.append(wire(opcode, piece, rsv=rsv, fin=False, mask=key(sender)))
    return [*frames, wire(0, payload, mask=key(sender))]


def messages(stage: Stage, number: int) -> list[str | bytes]:
    with Recording.open(stage.path) as opened:
        return [message.data for message in opened.messages(number)]


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("chosen", [DEFLATE, FORGETS])
def test_compressed_and_plain_messages_mixed(stage: Stage, chosen: str, sender: Sender) -> None:
    compress = Compressor(keeps_context=chosen == DEFLATE)
    texts = [b"the same words again", b"the same words again", b"", b"and other words again"]
    frames = []
    for text in texts:
        frames.append(wire(1, compress(text), rsv=4, mask=key(sender)))
        frames.append(wire(2, text, mask=key(sender)))
        frames.append(wire(9, text, mask=key(sender)))

    def conversation(talk: Talk) -> None:
        talk.say(sender, *frames)
        talk.part()

    session = stage.same(conversation, chosen=chosen)
    assert session.extensions == chosen
    told = messages(stage, session.id)
    assert told[0::2] == [text.decode() for text in texts]
    assert told[1::2] == texts


@pytest.mark.parametrize("sender", SENDERS)
def test_a_compressed_message_in_fragments_with_a_ping_inside(stage: Stage, sender: Sender) -> None:
    compress = Compressor()
    first, second = compress(b"fragments " * 50), compress(b"fragments " * 51)
    ping = wire(9, b"?", mask=key(sender))

    def conversation(talk: Talk) -> None:
        one, two, *others = in_fragments(first, (0, 1, 3, 0), sender)
        talk.say(sender, one, ping, two, *others)
        talk.say(sender, b"".join(in_fragments(second, (2, 2), sender)))
        talk.part()

    session = stage.same(conversation, chosen=DEFLATE)
    assert messages(stage, session.id) == ["fragments " * 50, "fragments " * 51]


@pytest.mark.parametrize("level", [0, 1, 9])
def test_both_directions_keep_a_context_of_their_own(stage: Stage, level: int) -> None:
    up, down = Compressor(level=level), Compressor(level=level)
    asked = [b'{"type":"ask","n":%d}' % n for n in range(20)]

    def conversation(talk: Talk) -> None:
        for text, compressed in zip(asked, questions, strict=True):
            talk.say("client", wire(1, compressed, rsv=4, mask=KEY))
            talk.say("server", wire(1, answers[text], rsv=4))
        talk.part()

    questions = [up(text) for text in asked]
    answers = {text: down(text.upper()) for text in asked}
    session = stage.same(conversation, chosen=f"{DEFLATE}; server_max_window_bits=15")
    told = messages(stage, session.id)
    assert told[0::2] == [text.decode() for text in asked]
    assert told[1::2] == [text.upper().decode() for text in asked]


@pytest.mark.parametrize("sender", SENDERS)
def test_a_large_compressed_message(stage: Stage, sender: Sender) -> None:
    text = "".join(f"{n:x}," for n in range(400_000))
    payload = Compressor()(text.encode())

    def conversation(talk: Talk) -> None:
        talk.say(sender, wire(1, payload, rsv=4, mask=key(sender)))
        talk.part()

    session = stage.same(conversation, chosen=DEFLATE)
    (told,) = messages(stage, session.id)
    assert digest(told) == digest(text)


BROKEN = {
    "not-deflate": [(1, 4, b"\xff\xff\xff")],
    "rsv1-on-a-continuation": [(1, 0, b""), (0, 4, b"\x02")],
    "rsv1-on-a-ping": [(9, 4, b"")],
    "rsv2-beside-rsv1": [(1, 6, b"\xf2\x48\xcd\xc9\xc9\x07\x00")],
    "stored-tail-kept": [(1, 4, b"\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff")],
    "final-block": [(1, 4, b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00")],
}


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("name", BROKEN)
def test_what_no_inflater_takes_arrives_as_it_was_sent(
    stage: Stage, name: str, sender: Sender
) -> None:
    frames = [
        wire(opcode, payload, rsv=rsv, mask=key(sender)) for opcode, rsv, payload in BROKEN[name]
    ]

    def conversation(talk: Talk) -> None:
        talk.say(sender, *frames, wire(1, b"behind it", mask=key(sender)))
        talk.part()

    stage.same(conversation, chosen=DEFLATE)
