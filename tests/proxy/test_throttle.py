"""Whose turn it is while the recorder is behind."""

from __future__ import annotations

import asyncio

from wsrec.proxy.throttle import Throttle

REASON = 2


class Stream:
    def __init__(self, name: int, log: list[str]) -> None:
        self.name = name
        self.log = log

    def hold(self, reason: int) -> None:
        assert reason == REASON
        self.log.append(f"hold {self.name}")

    def release(self, reason: int) -> None:
        assert reason == REASON
        self.log.append(f"release {self.name}")


async def turn() -> None:
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def test_those_that_have_waited_longest_read_on_first_and_few_at_a_time() -> None:
    async def scenario() -> list[str]:
        log: list[str] = []
        throttle = Throttle(REASON, has_room=lambda: True)
        for name in range(20):
            throttle.wait(Stream(name, log))
        assert len(throttle.waiting) == 20
        log.clear()

        throttle.release()

        assert log == [f"release {name}" for name in range(8)]
        for _ in range(3):
            await turn()
        assert not throttle.waiting
        return log

    assert asyncio.run(scenario()) == [f"release {name}" for name in range(20)]


def test_without_room_the_rest_waits_until_there_is_some() -> None:
    async def scenario() -> None:
        log: list[str] = []
        throttle = Throttle(REASON, has_room=lambda: False)
        for name in range(10):
            throttle.wait(Stream(name, log))
        log.clear()

        throttle.release()
        await turn()

        assert log == [f"release {name}" for name in range(8)]
        throttle.release()
        assert log[8:] == ["release 8", "release 9"]

    asyncio.run(scenario())


def test_who_has_had_its_turn_queues_behind_the_others() -> None:
    log: list[str] = []
    throttle = Throttle(REASON, has_room=lambda: False)
    streams = [Stream(name, log) for name in range(9)]
    for stream in streams:
        throttle.wait(stream)

    throttle.release()
    throttle.wait(streams[0])

    assert list(throttle.waiting) == [streams[8], streams[0]]
