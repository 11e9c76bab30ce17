"""Many sessions at once, as they were: replayed to a real server, and real clients on the mock."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.proxying import proxy_process, sessions
from support.roles import contrasted, differences, mock_process, replayed_to
from support.streaming_agent import serving, use, write_contract

pytestmark = pytest.mark.real

QUESTIONS = 2


def at_once(recording: Path) -> int:
    """Return how many sessions of a recording went on at the same time."""
    found = sessions(recording)
    ends = [each.started_ns + (each.ended_ns or 0) for each in found]
    return sum(each.started_ns < min(ends) for each in found)


async def crowd(url: str, size: int) -> list[list[object]]:
    """Have so many users ask at once; return what each of them sees."""
    users = (use(url, f"user-{number}", QUESTIONS) for number in range(size))
    async with asyncio.timeout(60):
        return await asyncio.gather(*users)


async def served(recording: Path, new: Path, size: int, *options: str) -> list[list[object]]:
    """Record a crowd at a server, and replay it to that; return what the users saw."""
    async with serving() as url:
        with proxy_process(url, recording) as proxy:
            seen = await crowd(proxy.url, size)
        assert at_once(recording) == size
        code, report = await asyncio.to_thread(
            replayed_to, url, recording, "-o", str(new), *options
        )
    assert (code, report["verdict"], differences(report)) == (0, "matched", [])
    assert len(report["sessions"]) == size
    assert at_once(new) == size
    return seen


@pytest.mark.parametrize("size", [25, 100])
def test_as_many_at_once_as_there_were(size: int, recording: Path, tmp_path: Path) -> None:
    new, contract = tmp_path / "new.db", ("-c", str(write_contract(tmp_path)))
    seen = asyncio.run(served(recording, new, size, *contract))

    code, diff = contrasted(recording, new, *contract)
    assert (code, diff["verdict"], differences(diff)) == (0, "same", [])

    with mock_process(recording, *contract) as mock:
        assert asyncio.run(crowd(mock.url, size)) == seen
    assert (mock.told, mock.code, mock.report["verdict"]) == ("", 0, "matched")
    # Each was played to one user.
    assert sorted(each["session"] for each in mock.report["sessions"]) == list(range(1, size + 1))
