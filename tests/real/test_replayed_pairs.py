"""Software that nobody here wrote, recorded; then each half of it against the recorded other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.known_pairs import PAIRS, Pair, Places
from support.openai_talks import REALTIME, held
from support.proxying import proxy_process, sessions
from support.roles import contrasted, differences, mock_process, replayed_to

pytestmark = pytest.mark.real

TIMES = 3


@pytest.fixture
def places(node_folder: Path, aimock: str) -> Places:
    return Places(node_folder, aimock)


def contracts(pair: Pair) -> Iterator[tuple[str, ...]]:
    """Yield how messages may be compared: by their shape, and by a contract if there is one."""
    yield ()
    if pair.pack is not None:
        yield ("-c", pair.pack)


def in_peace(options: tuple[str, ...], report: dict[str, object]) -> None:
    """Expect that nothing is wrong."""
    assert differences(report) == [], options
    assert report["verdict"] in ("matched", "same")


@pytest.mark.parametrize("pair", PAIRS, ids=[pair.name for pair in PAIRS])
def test_both_halves(pair: Pair, places: Places, recording: Path) -> None:
    seen = asyncio.run(served(pair, places, recording))
    for options in contracts(pair):
        times = 1 if options else TIMES
        with mock_process(recording, "--loop", "--fresh-ids", *options) as mock:
            for _ in range(times):
                assert asyncio.run(used(pair, places, mock.url)) == seen
        assert mock.told == ""
        in_peace(options, mock.report)
        assert mock.code == 0
        played = mock.report["sessions"]
        assert len(played) == times * pair.sessions
        assert {each["verdict"] for each in played} == {"matched"}


def test_clients_that_begin_alike_at_once(aimock: str, recording: Path) -> None:
    """Each gets the session that it means, though it is clear only later which that is."""
    with proxy_process(f"ws://{aimock}", recording) as proxy:
        asyncio.run(held(REALTIME, f"127.0.0.1:{proxy.port}"))

    async def all_at_once(address: str) -> None:
        async with asyncio.timeout(30), asyncio.TaskGroup() as clients:
            for name, talk in list(REALTIME.items())[::-1]:
                clients.create_task(held({name: talk}, address))

    with mock_process(recording) as mock:
        asyncio.run(all_at_once(mock.url.removeprefix("ws://")))
    assert mock.told == ""
    in_peace((), mock.report)
    assert mock.code == 0
    played = [each["session"] for each in mock.report["sessions"]]
    assert sorted(played) == [1, 2, 3, 4, 5]


async def used(pair: Pair, places: Places, url: str) -> object:
    async with asyncio.timeout(30):
        return await pair.use(places, url)


async def served(pair: Pair, places: Places, recording: Path) -> object:
    """Record a pair; replay that to the server; return what the client saw."""
    async with pair.serving(places) as url:
        seen = await used(pair, places, url)
        with proxy_process(url, recording) as proxy:
            assert await used(pair, places, proxy.url) == seen
        assert len(sessions(recording)) == pair.sessions
        await asyncio.to_thread(replays, pair, url, recording)
    return seen


def replays(pair: Pair, url: str, recording: Path) -> None:
    """Expect that the server says to a replay what it said, with and without a contract."""
    for number, options in enumerate(contracts(pair)):
        again = recording.with_name(f"again-{number}.db")
        code, report = replayed_to(url, recording, "-o", str(again), *options)
        in_peace(options, report)
        assert code == 0
        code, report = contrasted(recording, again, *options)
        in_peace(options, report)
        assert code == 0
