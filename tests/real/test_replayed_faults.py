"""An agent that is right but for one thing: replay, diff and validate each name that, and it alone.

The agent runs on aiohttp, and its user on `websockets`; the fault is in one of nine runs.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.proxying import proxy_process, wsrec
from support.roles import contrasted, differences, replayed_to
from support.streaming_agent import Fault, serving, use, write_contract

pytestmark = pytest.mark.real

USERS = ("bert", "anna", "carl")
Found = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Said:
    """What the three say of one recording and its replay: kind or code, session, frame, event."""

    replay: Found
    diff: Found
    validate: Found


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a recording of an agent without a fault."""
    recording = tmp_path_factory.mktemp("right") / "session.db"

    async def talk() -> None:
        async with serving() as url:
            with proxy_process(url, recording) as proxy:
                for user in USERS:
                    await use(proxy.url, user)

    asyncio.run(talk())
    return recording


def said_of(fault: Fault, right: Path, folder: Path, *options: str) -> Said:
    """Replay a recording to an agent with a fault; return what all three say."""
    new, contract = folder / "new.db", ("-c", str(write_contract(folder)))

    async def replay() -> tuple[int, dict[str, Any]]:
        async with serving(fault) as url:
            return await asyncio.to_thread(
                replayed_to, url, right, "-o", str(new), "--timeout", "5s", *contract
            )

    code, replayed = asyncio.run(replay())
    found = differences(replayed)
    assert code == (1 if found else 0)
    code, diff = contrasted(right, new, *contract, *options)
    assert code == (0 if diff["verdict"] == "same" else 1)
    ended = wsrec("validate", str(new), "--format", "json", *contract)
    assert ended.stderr == ""
    (judged,) = json.loads(ended.stdout)["recordings"]
    findings = [each for session in judged["sessions"] for each in session["findings"]]
    assert ended.returncode == (1 if findings else 0)
    return Said(
        [(one["kind"], one["session"], one["seq"], one["event"]) for one in found]
        + [("note", one["session"], note) for one in replayed["sessions"] for note in one["notes"]],
        [(one["kind"], one["session"], *_place(one)) for one in differences(diff)]
        + [("slower", one["event"], one["measure"]) for one in diff["latency"] if one["slower"]],
        [(one["code"], one["session"], one["seq"], one["event"]) for one in findings],
    )


def _place(one: dict[str, Any]) -> tuple[Any, ...]:
    return () if one["a"] is None else (one["a"]["seq"], one["a"]["event"])


def test_nothing_is_wrong(right: Path, tmp_path: Path) -> None:
    assert said_of("none", right, tmp_path) == Said([], [], [])


def test_one_changed_field(right: Path, tmp_path: Path) -> None:
    place = (2, 18, "tool_completed")
    # What a tool gives is not for this contract to say.
    assert said_of("changed", right, tmp_path) == Said(
        [("changed", *place)], [("changed", *place)], []
    )


def test_one_changed_field_that_the_contract_knows(right: Path, tmp_path: Path) -> None:
    place = (2, 18, "tool_completed")
    assert said_of("user", right, tmp_path) == Said(
        [("changed", *place)], [("changed", *place)], [("span.differs", *place)]
    )


def test_one_dropped_delta(right: Path, tmp_path: Path) -> None:
    assert said_of("dropped", right, tmp_path) == Said(
        [("missing", 2, 23, "agent_token")],
        [("changed", 2, 19, "agent_token")],  # the text, which begins there
        [("span.fold", 2, 25, "agent_completed")],  # where it does not add up
    )


def test_one_slow_tool(right: Path, tmp_path: Path) -> None:
    said = said_of("slow", right, tmp_path, "--max-slower", "60")
    ((kind, session, note),) = said.replay  # no difference: it came in time
    assert (kind, session) == ("note", 2)
    assert re.fullmatch(r"frame 18 \(tool_completed\) came after 1\.\d+ s, recorded were .*", note)
    assert said.validate == [("latency.total", 2, 18, "tool_completed")]
    assert said.diff == [("slower", "tool_completed", "step")]  # and nothing that waited for it


def test_one_early_close(right: Path, tmp_path: Path) -> None:
    said = said_of("closed", right, tmp_path)
    assert said.replay == [("close", 2, 18, "tool_completed")]
    assert said.validate == [("span.unclosed", 2, 15, "agent_started")]
    # All that was still to come; the close is the server's now, and no other code.
    assert said.diff == [("missing", 2, 18, "tool_completed"), ("close", 2)]


def test_one_early_close_with_another_code(right: Path, tmp_path: Path) -> None:
    said = said_of("failed", right, tmp_path)
    assert [each[0] for each in said.replay] == ["close"]
    assert [each[0] for each in said.validate] == ["span.unclosed", "session.close_code"]
    assert said.diff == [("missing", 2, 18, "tool_completed"), ("close", 2)]
