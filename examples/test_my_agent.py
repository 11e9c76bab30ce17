"""Tests of an agent backend: each is recorded, and judged when it is over.

    pytest test_my_agent.py

The backend is that of `wsrec demo`; put the command that starts yours in its place.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import wsrec

QUESTION = {"type": "user_message", "content": "How many?"}


@pytest.fixture(scope="session")
def backend() -> Iterator[str]:
    """Start the backend in a process of its own, once for all tests."""
    command = [sys.executable, "-m", "wsrec.demo.backend"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"ws://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
        finally:
            process.terminate()


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """Lend an event loop to the test and its fixtures."""
    with asyncio.Runner() as lent:
        yield lent


@pytest.fixture
def url(runner: asyncio.Runner, backend: str, tmp_path: Path) -> Iterator[str]:
    """Put the proxy before the backend; what it has recorded must pass in the end."""
    recording = tmp_path / "session.db"
    stack = AsyncExitStack()
    proxy = runner.run(stack.enter_async_context(wsrec.Proxy(backend, recording)))
    yield f"{proxy.url}/ws"
    runner.run(stack.aclose())
    verdicts = wsrec.validate(recording, "agent-events")
    assert verdicts.verdict == "pass", str(verdicts)


def test_a_question_is_answered(runner: asyncio.Runner, url: str) -> None:
    """The tool that is used is the tool that is completed, before the answer."""

    async def talk() -> None:
        async with wsrec.connect(url, user_id="ada") as connection:
            await connection.send(QUESTION)
            run = await connection.until("agent_completed", timeout=10)
        assert run[0].event == "agent_started"
        used, completed = (
            next(each for each in run if each.event == name)
            for name in ("tool_executing", "tool_completed")
        )
        assert used.fields["tool"] == completed.fields["tool"]

    runner.run(talk())


def test_a_thread_goes_on_after_the_connection_was_lost(runner: asyncio.Runner, url: str) -> None:
    """The same user is answered again."""

    async def talk() -> None:
        async with wsrec.connect(url, user_id="ada", thread_id="t-1") as connection:
            await connection.send(QUESTION)
            await connection.until("agent_completed")
            seconds = await connection.reconnect()
            await connection.send(QUESTION)
            await connection.until("agent_completed")
        print(f"reconnected in {seconds:.3f} s; first answers after {connection.latencies} s")
        assert len(connection.events_of("agent_completed")) == 2

    runner.run(talk())


def test_users_do_not_hear_of_each_other(runner: asyncio.Runner, url: str) -> None:
    """Ask as 25 users at once."""

    async def talk(user: str) -> None:
        async with wsrec.connect(url, user_id=user) as connection:
            await connection.send(QUESTION)
            run = await connection.until("agent_completed")
        assert {each.fields["user"] for each in run} == {user}

    async def all_at_once() -> None:
        async with asyncio.TaskGroup() as users:
            for number in range(25):
                users.create_task(talk(f"user-{number}"))

    runner.run(all_at_once())
