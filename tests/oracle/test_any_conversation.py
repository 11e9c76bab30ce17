"""Whatever two peers say, however it is cut and mixed: it arrives, and it is recorded, as it is."""

from __future__ import annotations

import threading
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from oracle.peers import SENDERS, Talk
from oracle.stage import Stage
from support.frames import KEY, chop, wire
from wsrec.store.model import Sender

Moves = list[tuple[Sender, bytes]]

extensions = st.sampled_from(
    [None, "permessage-deflate", "permessage-deflate; client_no_context_takeover", "x-unheard-of"]
)


@st.composite
def legal(draw: st.DrawFn, sender: Sender) -> bytes:
    """One message in frames, with control frames between them, as the standard wants it."""
    key = draw(st.binary(min_size=4, max_size=4)) if sender == "client" else None
    opcode = draw(st.sampled_from([1, 2]))
    pieces = draw(st.lists(st.binary(max_size=10), min_size=1, max_size=4))
    stream = b""
    for i, piece in enumerate(pieces):
        piece *= draw(st.sampled_from([1, 1, 1, 13, 7000]))
        stream += wire(0 if i else opcode, piece, fin=i == len(pieces) - 1, mask=key)
        if draw(st.integers(0, 4)) == 0:
            stream += wire(draw(st.sampled_from([9, 10])), b"beat", mask=key)
    return stream


@st.composite
def lawless(draw: st.DrawFn) -> bytes:
    """One frame with any header; its length may be a lie."""
    payload = draw(st.binary(max_size=8)) * draw(st.sampled_from([1, 1, 17, 9000]))
    size = len(payload)
    forms = [0, 2, 8] if size < 126 else [2, 8] if size < 65536 else [8]
    lie = draw(st.sampled_from([None] * 9 + [size + 3, 1 << 63]))
    return wire(
        draw(st.integers(0, 15)),
        payload,
        fin=draw(st.booleans()),
        rsv=draw(st.integers(0, 7)),
        mask=draw(st.sampled_from([None, KEY, bytes(4)])),
        form=8 if lie is not None else draw(st.sampled_from(forms)),
        claim=lie,
    )


def streams(sender: Sender) -> st.SearchStrategy[bytes]:
    pieces = st.one_of(legal(sender), legal(sender), lawless(), lawless(), st.binary(max_size=6))
    return st.lists(pieces, max_size=6).map(b"".join)


@st.composite
def moves(draw: st.DrawFn) -> Moves:
    """What both peers send, in segments, and in which order."""
    cuts = st.lists(st.integers(0, 5000), max_size=8)
    left = {sender: chop(draw(streams(sender)), draw(cuts)) for sender in SENDERS}
    turns = draw(st.lists(st.sampled_from(SENDERS), max_size=18))
    mixed = [(sender, left[sender].pop(0)) for sender in turns if left[sender]]
    return mixed + [(sender, piece) for sender in SENDERS for piece in left[sender]]


def resets(sender: Sender) -> Callable[[Talk], None]:
    def end(talk: Talk) -> None:
        gone, left = talk.wires(sender)
        gone.reset()
        assert left.rest() == b""
        assert left.ended == "rst"
        left.close()

    return end


ENDINGS: dict[str, Callable[[Talk], None]] = {
    "part": Talk.part,
    **{f"{sender}-resets": resets(sender) for sender in SENDERS},
}


@settings(max_examples=220, deadline=None)
@given(moves(), extensions, st.sampled_from(sorted(ENDINGS)))
def test_each_segment_arrives_and_is_recorded_in_its_place(
    stage: Stage, said: Moves, chosen: str | None, ending: str
) -> None:
    talk = stage.open(through=True, chosen=chosen)
    for sender, piece in said:
        talk.say(sender, piece)
    ENDINGS[ending](talk)
    stage.recorded(talk)


@settings(max_examples=70, deadline=None)
@given(moves(), streams("client"), streams("server"), st.sampled_from(SENDERS))
def test_nobody_waits_for_anybody(
    stage: Stage, said: Moves, early: bytes, ahead: bytes, first: Sender
) -> None:
    """Both send as fast as they can, from before the 101 on, and end when they have."""
    talk = stage.open(through=True, early=early, ahead=ahead)

    def act(sender: Sender) -> None:
        wire, _ = talk.wires(sender)
        for who, piece in said:
            if who == sender:
                talk.send(sender, piece)
        if sender != first:
            wire.rest()  # ends second, whatever it still had to say
        wire.half_close()
        if sender == first:
            wire.rest()

    threads = [threading.Thread(target=act, args=(sender,)) for sender in SENDERS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for sender in SENDERS:
        speaker, listener = talk.wires(sender)
        assert bytes(listener.heard) == b"".join(data for who, data in talk.said if who == sender)
        assert listener.ended == "fin"
        speaker.close()
    stage.recorded(talk, ordered=False)
