"""What waits to be taken of a peer: in order, bounded, and not at the cost of others."""

from __future__ import annotations

import asyncio
import time

from wsrec.replay.ear import Ear, Heard
from wsrec.replay.lane import Lane
from wsrec.wire.utterance import Utterance

A_LOT = Utterance("binary", bytes(1 << 18))


def test_what_was_heard_is_taken_in_order_and_then_the_end() -> None:
    async def listen() -> list[Heard | None]:
        ear = Ear(Lane(None, "client", list, list))
        ear.put(Utterance("text", "a"), 1)
        taking = asyncio.ensure_future(take(ear, 4))
        await asyncio.sleep(0)
        ear.put(Utterance("text", "b"), 2)
        ear.end()
        return await taking

    said = [Heard(Utterance("text", "a"), 1), Heard(Utterance("text", "b"), 2)]
    assert asyncio.run(listen()) == [*said, None, None]


def test_the_socket_is_not_read_while_a_lot_waits() -> None:
    told: list[str] = []

    async def listen() -> None:
        ear = Ear(Lane(None, "client", lambda: told.append("halt"), lambda: told.append("go on")))
        for number in range(4):
            ear.put(A_LOT, number)
        assert told == ["halt"]
        await take(ear, 2)
        assert told == ["halt"]
        await take(ear, 1)
        assert told == ["halt", "go on"]
        await take(ear, 1)
        assert ear.size == 0

    asyncio.run(listen())


def test_however_much_there_is_to_take_others_have_their_turn() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async def listen() -> None:
        ear = Ear(Lane(None, "client", list, list))
        for number in range(50):
            ear.put(Utterance("text", ""), number)
        waiting = asyncio.ensure_future(other())
        for _ in range(50):
            assert await ear.take() is not None
            time.sleep(0.001)  # noqa: ASYNC251 - what it takes to make something of it
        waiting.cancel()

    asyncio.run(listen())
    assert turns > 5


async def take(ear: Ear, number: int) -> list[Heard | None]:
    return [await ear.take() for _ in range(number)]
