"""Tests of a client without its backend: a recording answers in its place.

    pytest mock_in_a_test.py

The first test records a session with a real backend, as you would once and keep; the mock plays
its server half to a client, and tells what the client said otherwise than recorded.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
import wsrec


async def client(url: str, question: str) -> str:
    """Ask, and return the answer: this is what is tested, put your client in its place."""
    async with wsrec.connect(f"{url}/ws", user_id="ada") as connection:
        await connection.send({"type": "user_message", "content": question})
        *_, answer = await connection.until("agent_completed")
    assert isinstance(answer.value, dict)
    return str(answer.value["result"])


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record one session with the backend of `wsrec demo`."""
    path = tmp_path_factory.mktemp("recordings") / "how-many.db"
    command = [sys.executable, "-m", "wsrec.demo.backend"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = json.loads(process.stdout.readline())["port"]

            async def record() -> None:
                async with wsrec.Proxy(f"ws://127.0.0.1:{port}", path) as proxy:
                    await client(proxy.url, "How many?")

            asyncio.run(record())
        finally:
            process.terminate()
    return path


def test_the_client_understands_the_answer(recording: Path) -> None:
    """Nothing differs: the client says what it said when it was recorded."""

    async def talk() -> None:
        async with wsrec.Mock(recording) as mock:
            assert "found" in await client(mock.url, "How many?")
        assert mock.report.verdict == "matched", str(mock.report)

    asyncio.run(talk())


def test_another_question_is_noticed(recording: Path) -> None:
    """The difference names what is another than recorded."""

    async def talk() -> None:
        async with wsrec.Mock(recording) as mock:
            await client(mock.url, "How much?")
        (difference,) = mock.differences
        assert difference.kind == "changed"
        assert [change.pointer for change in difference.changes] == ["/content"]

    asyncio.run(talk())
