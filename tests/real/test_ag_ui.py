"""Agents that speak AG-UI through the proxy, and the pack against the client's own verifier."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support.agui import Event, streams
from support.agui_agent import agent
from support.conversation import messages, session
from support.proxying import in_process
from support.validating import passed
from websockets.asyncio.server import serve
from wsrec.checks.finding import Finding
from wsrec.checks.judge import Judge
from wsrec.schemas.packs import find

pytestmark = pytest.mark.real

CLIENT = Path(__file__).with_name("ag_ui_client.mjs")
VERIFY = Path(__file__).with_name("ag_ui_verify.mjs")
PAGE = Path(__file__).parents[2] / "docs" / "packs" / "ag-ui.md"
TABLE = re.compile(r"<!-- differences -->\n(.*?)\n<!-- /differences -->", re.DOTALL)
SESSIONS = ["hello,weather", "plan,think", "delegate", "chunk,fail,hello", "search"]
STREAMS = 10_000


async def conversations(recording: Path, folder: Path) -> list[list[tuple[str, Any]]]:
    """Have all sessions through the proxy; return what each client holds at the end."""
    async with serve(agent, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with in_process(f"ws://127.0.0.1:{port}", recording) as proxy:
            client = await asyncio.create_subprocess_exec(
                "node", str(CLIENT), f"ws://127.0.0.1:{proxy.port}/agent/ws", *SESSIONS,
                cwd=folder, stdout=subprocess.PIPE,
            )  # fmt: skip
            try:
                said, _ = await asyncio.wait_for(client.communicate(), 30)
            finally:
                if client.returncode is None:
                    client.kill()
    assert client.returncode == 0
    return [[(role, text) for role, text in talk] for talk in json.loads(said)]


def test_an_agent_and_the_official_client_pass(recording: Path, node_folder: Path) -> None:
    held = asyncio.run(conversations(recording, node_folder))
    assert ("reasoning", "The user wants an answer. A short one will do.") in held[1]
    assert ("assistant", "Here it comes: in chunks.") in held[3]
    sessions = passed(recording, "ag-ui")
    assert [one["spans"] for one in sessions] == [
        {"request": runs, "run": runs} for runs in (2, 2, 1, 3, 1)
    ]
    assert sessions[2]["events"]["SUBAGENT_STARTED"] == 3


def ended(events: list[Event]) -> list[Event]:
    """Return a stream whose last run does not simply stop: only the pack minds that."""
    runs = [event["type"] for event in events if event["type"].startswith("RUN_")]
    return [*events, {"type": "RUN_ERROR", "message": "over"}] if runs[-1:] == ["RUN_STARTED"] \
        else events  # fmt: skip


def refused(every: list[list[Event]], folder: Path) -> list[str | None]:
    """Return what `verifyEvents` has against each stream."""
    asked = subprocess.run(
        ["node", str(VERIFY)], cwd=folder, input="\n".join(map(json.dumps, every)),
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return [json.loads(line) for line in asked.stdout.splitlines()]


def found(every: list[list[Event]]) -> list[list[Finding]]:
    """Return the errors that the pack finds in each stream, in one go."""
    engine, all_found = Judge(find("ag-ui")), []
    for number, events in enumerate(every, start=1):
        one = session(number)
        engine.open(one)
        here = []
        for message in messages((("server", event) for event in events), number):
            here += engine.message(number, message)
        here += engine.close(one)
        all_found.append([each for each in here if each.severity == "error"])
    return all_found


def kind(reason: str | None, findings: list[Finding]) -> tuple[str, str]:
    """Return who alone has something against a stream, and what."""
    if reason is None:
        spans = {str(each.span) for each in findings}
        if spans == {"run"}:
            return "pack", "`RUN_FINISHED` with the id of another run"
        return "pack", f"a tag on an id that text and reasoning share ({', '.join(spans)})"
    if "parentSubagentRunId" in reason:
        return "verifyEvents", "a sub-agent called by one that was not started"
    if "TOOL_CALL" in reason:
        return "verifyEvents", "a tag on a call that has its owner from its message"
    if "REASONING_ENCRYPTED_VALUE" in reason:
        return "verifyEvents", "a tag on an encrypted value"
    return "verifyEvents", reason


def test_the_pack_agrees_with_the_verifier_of_the_client(node_folder: Path) -> None:
    every = [ended(events) for events in streams(seed=1, count=STREAMS)]
    verdicts = list(zip(refused(every, node_folder), found(every), strict=True))
    assert len(verdicts) == STREAMS
    assert {type_ for events in every for type_ in (e["type"] for e in events)} >= KINDS
    assert 0.3 < sum(reason is None for reason, _ in verdicts) / STREAMS < 0.7
    alone = Counter(kind(*each) for each in verdicts if (each[0] is None) != (not each[1]))
    rows = ["| who refuses it | what | streams |", "|---|---|---|"]
    rows += [f"| {who} | {what} | {n} |" for (who, what), n in sorted(alone.items())]
    same = STREAMS - sum(alone.values())
    rows.append(f"| **both or neither** | | **{same} of {STREAMS} ({same / STREAMS:.1%})** |")
    shown = TABLE.search(PAGE.read_text("utf-8"))
    assert shown is not None
    assert shown[1] == "\n".join(rows), "\n".join(rows)


KINDS = set(find("ag-ui").events.types) - {
    "RunAgentInput", "user", "assistant", "system", "developer", "tool", "reasoning", "activity",
    "function", "THINKING_TEXT_MESSAGE_START", "THINKING_TEXT_MESSAGE_CONTENT",
    "THINKING_TEXT_MESSAGE_END",
}  # fmt: skip
"""Every event of the protocol is in some stream."""
