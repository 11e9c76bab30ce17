"""Talk to an agent backend through the recording proxy, then judge what was recorded.

    python record_and_validate.py ws://127.0.0.1:8000 session.db

Ends with the exit code of `wsrec validate`.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import wsrec


async def talk(backend: str, recording: Path) -> None:
    """Ask one question, and wait for the end of the run that answers it."""
    async with (
        wsrec.Proxy(backend, recording) as proxy,
        wsrec.connect(f"{proxy.url}/ws", user_id="user-1", thread_id="thread-1") as connection,
    ):
        await connection.send({"type": "user_message", "content": "How many?"})
        for received in await connection.until("agent_completed"):
            print(f"{received.latency or 0:8.3f} s  {received.event}")


def main(backend: str, recording: Path) -> int:
    """Record and judge; behind the block of the proxy the recording is complete."""
    asyncio.run(talk(backend, recording))
    verdicts = wsrec.validate(recording, "agent-events")
    for finding in verdicts.findings:
        print(
            f"{finding.code} in session {finding.session}, frame {finding.seq}: {finding.message}"
        )
    print(f"verdict: {verdicts.verdict}")
    return verdicts.exit_code


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
