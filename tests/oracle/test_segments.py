"""How bytes are cut into segments, mixed with other sessions', and how many there are."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from hashlib import sha256

import pytest
from oracle.peers import SENDERS, Talk, Wire
from oracle.stage import Stage
from support.frames import KEY, wire
from support.raw import SWITCH, upgrade
from wsrec.store.model import Sender

IN_EVERY_MODE = True

HELLO, ASK = wire(1, b"hello"), wire(1, b"ask", mask=KEY)

EARLY = {
    "a-frame": ASK,
    "many": ASK * 50,
    "half-a-frame": ASK[:5],
    "one-byte": ASK[:1],
    "a-blank-line": b"\r\n\r\n",
    "another-request": upgrade(),
    "large": wire(2, bytes(100_000), mask=KEY),
}


@pytest.mark.parametrize("name", EARLY)
def test_what_comes_in_one_segment_with_the_request(stage: Stage, name: str) -> None:
    def conversation(talk: Talk) -> None:
        talk.say("client", ASK)
        talk.say("server", HELLO)
        talk.part()

    stage.same(conversation, early=EARLY[name])


AHEAD = {
    "a-frame": HELLO,
    "many": HELLO * 50,
    "half-a-frame": HELLO[:3],
    "one-byte": HELLO[:1],
    "a-blank-line": b"\r\n\r\n",
    "another-101": SWITCH,
    "large": wire(2, bytes(100_000)),
}


@pytest.mark.parametrize("name", AHEAD)
def test_what_comes_in_one_segment_with_the_101(stage: Stage, name: str) -> None:
    def conversation(talk: Talk) -> None:
        talk.say("server", HELLO)
        talk.say("client", ASK)
        talk.part()

    stage.same(conversation, ahead=AHEAD[name])


def test_both_at_once(stage: Stage) -> None:
    """Which of them the recording names first is open: neither peer had heard the other."""
    talk = stage.open(through=True, early=ASK * 3, ahead=HELLO * 3)
    talk.part()
    stage.recorded(talk, ordered=False)


@pytest.mark.parametrize("how", ["half_close", "close", "reset"])
def test_a_server_that_ends_right_behind_its_101(stage: Stage, how: str) -> None:
    """Many times: the end may come with the 101 or a moment later."""
    for through in [False] + [True] * 20:
        client, server = stage.dial(upgrade(), through=through)
        server.head()
        server.send(SWITCH + HELLO)
        getattr(server, how)()
        assert client.head() == SWITCH
        assert client.rest() == HELLO
        assert client.ended == ("rst" if how == "reset" else "fin")
        client.close()
        server.close()
        talk = Talk(client, server)
        talk.said.append(("server", HELLO))
    stage.recorded(talk)


def test_a_client_that_half_closes_before_the_101_has_left(stage: Stage) -> None:
    """This is not the same: without the proxy it would still hear the answer."""
    client, server = stage.dial(upgrade(), through=True)
    assert server.head() == upgrade()
    client.half_close()
    assert server.rest() == client.rest() == b""
    assert (client.ended, server.ended) == ("fin", "fin")
    client.close()
    server.close()
    session, frames = stage.recording()
    assert (session.status, frames) == (None, [])


def test_a_client_that_ends_right_behind_the_101(stage: Stage) -> None:
    def conversation(talk: Talk) -> None:
        talk.client.close()
        assert talk.server.rest() == b""
        talk.server.close()

    stage.same(conversation)


def test_everything_byte_by_byte(stage: Stage) -> None:
    """The heads too, and frames of every kind in both directions."""
    request = [bytes([byte]) for byte in upgrade()]
    for through in (False, True):
        client, server = stage.dial(*request, through=through)
        assert server.head() == upgrade()
        for byte in SWITCH:
            server.send(bytes([byte]))
        assert client.head() == SWITCH
        talk = Talk(client, server)
        for opcode in (1, 2, 9, 10, 3, 8):
            up, down = wire(opcode, b"\x03\xe8ab", mask=KEY), wire(opcode, b"\x03\xe8abcd")
            talk.say("client", *(bytes([byte]) for byte in up))
            talk.say("server", *(bytes([byte]) for byte in down))
        talk.part()
    assert stage.recorded(talk).closed_by == "client"


def test_the_bytes_of_two_peers_between_each_other(stage: Stage) -> None:
    """Each frame of one peer ends inside a frame of the other one."""
    up, down = [wire(1, b"up", mask=KEY), wire(1, b"up!", mask=KEY)], [wire(1, b"down")] * 2

    def conversation(talk: Talk) -> None:
        talk.say("client", up[0][:3])
        talk.say("server", down[0][:2])
        talk.say("client", up[0][3:] + up[1][:4])
        talk.say("server", down[0][2:] + down[1][:1])
        talk.say("client", up[1][4:])
        talk.say("server", down[1][1:])
        talk.part()

    stage.same(conversation)


def test_sessions_between_each_other(stage: Stage) -> None:
    """Each has its own bytes, its own context and its own end."""
    talks = [stage.open(through=True) for _ in range(5)]
    for turn in range(6):
        for number, talk in enumerate(talks):
            say = b"%d:%d" % (number, turn)
            frame = wire(1, say, mask=KEY)
            talk.say("client", frame[: turn + 1])
            talks[number - 1].say("server", wire(2, say))
            talk.say("client", frame[turn + 1 :])
    for talk in talks[::2]:
        talk.part()
    for talk in talks[1::2]:
        talk.client.reset()
        assert talk.server.rest() == b""
        assert talk.server.ended == "rst"
        talk.server.close()
    for number, talk in enumerate(reversed(talks)):
        stage.recorded(talk, stage.sessions - number)


def volume(seed: int, size: int, sender: Sender) -> list[bytes]:
    """Return frames of many sizes, no two alike."""
    chance = random.Random(seed)
    frames: list[bytes] = []
    while size > 0:
        length = min(size, chance.choice((0, 5, 125, 126, 4000, 65535, 65536, 300_000, 1 << 21)))
        size -= length + 1
        key = chance.randbytes(4) if sender == "client" else None
        frames.append(wire(2, chance.randbytes(length), mask=key))
    return frames


def at_once(*jobs: Callable[[], object]) -> None:
    """Do things in threads of their own, and wait for all of them."""
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize(
    "pause", [0.0, 0.001], ids=["as-fast-as-it-goes", "readers-take-their-time"]
)
def test_a_lot_in_both_directions_at_once(stage: Stage, pause: float) -> None:
    """Several MB each way, far more than kernels and the proxy hold between them."""
    streams = {sender: volume(index, 6 << 20, sender) for index, sender in enumerate(SENDERS)}
    heard: dict[Sender, str] = {}

    def read(sender: Sender, wire: Wire) -> None:
        digest = sha256()
        left = sum(map(len, streams[sender]))
        while left:
            taken = wire.take(min(left, 50_000))
            left -= len(taken)
            digest.update(taken)
            time.sleep(pause)
        heard[sender] = digest.hexdigest()

    def write(talk: Talk, sender: Sender) -> None:
        for frame in streams[sender]:
            talk.send(sender, frame)

    talk = stage.open(through=True)
    at_once(
        lambda: write(talk, "client"),
        lambda: write(talk, "server"),
        lambda: read("client", talk.server),
        lambda: read("server", talk.client),
    )
    for sender in SENDERS:
        assert heard[sender] == sha256(b"".join(streams[sender])).hexdigest()
    talk.part()
    session = stage.recorded(talk, ordered=False)
    assert session.client_frames == len(streams["client"])
    assert session.server_frames == len(streams["server"])


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("size", [1 << 20, 12 << 20], ids=["kernels-hold-it", "more-than-that"])
def test_a_peer_that_closes_long_before_the_other_has_read(
    stage: Stage, size: int, sender: Sender
) -> None:
    """What is still on its way is not lost, however long the reader takes."""
    frames = volume(7, size, sender)
    talk = stage.open(through=True)
    speaker, listener = talk.wires(sender)

    def write() -> None:
        for frame in frames:
            talk.send(sender, frame)
        speaker.close()

    def read() -> None:
        time.sleep(0.5)
        assert listener.rest() == b"".join(frames)

    at_once(write, read)
    assert listener.ended == "fin"
    listener.close()
    stage.recorded(talk)
