"""An agent that nobody here would notice to be another one, a client of it, and replays of both.

Each run of the agent makes its ids anew, so that a client that says what was recorded, word for
word, is not understood: it must send back the ids that it was given.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from support.proxying import in_process
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from wsrec.checks.scope import EVERYTHING, Scope
from wsrec.match.difference import Difference
from wsrec.match.rules import Patience
from wsrec.net.upstream import Upstream
from wsrec.replay.replaying import Output, Replayed, replay
from wsrec.replay.stage import Settings

__all__ = [
    "HASTY",
    "Handler",
    "agent",
    "agent_with",
    "ask",
    "differences",
    "free_port",
    "kinds",
    "recorded_from",
    "replayed",
    "serving",
    "until_somebody_listens",
]

MS = 1_000_000
HASTY = Settings(patience=Patience(message_ns=400 * MS, close_ns=400 * MS), connect=1.0)
"""For a server that is not worth waiting for."""

Handler = Callable[[ServerConnection], Awaitable[None]]
Event = dict[str, Any]
Fault = Callable[[ServerConnection, Event], Awaitable[Event | None]]
"""Takes an event that is about to be sent; returns what is sent in its place, None: nothing."""


async def _no_fault(connection: ServerConnection, event: Event) -> Event | None:
    return event


def agent_with(fault: Fault) -> Handler:
    """Return an agent that is right but for one thing."""

    async def handle(connection: ServerConnection) -> None:
        async def say(event: Event) -> None:
            said = await fault(connection, event)
            if said is not None:
                await connection.send(json.dumps(said))

        session = str(uuid.uuid4())
        with contextlib.suppress(ConnectionClosed):
            await say({"type": "session.created", "session": {"id": session}})
            async for message in connection:
                asked = json.loads(message)
                if asked["type"] == "ask":
                    assert asked["session_id"] == session, "a client that does not listen"
                    run = f"run_{uuid.uuid4().hex}"
                    await say({"type": "run.started", "run_id": run})
                    for word in ("The", "answer", "is", "42."):
                        await say({"type": "run.word", "run_id": run, "word": word})
                    await say({"type": "run.done", "run_id": run, "tokens": 4})
                else:
                    assert asked == {"type": "thanks", "run_id": run}, (
                        "a client that does not listen"
                    )
                    await say({"type": "thanked", "run_id": run})

    return handle


agent: Handler = agent_with(_no_fault)


async def ask(connection: ClientConnection) -> None:
    """Ask the agent, and thank it for its answer."""
    session = json.loads(await connection.recv())["session"]["id"]
    await connection.send(json.dumps({"type": "ask", "session_id": session}))
    event: Event = {}
    while event.get("type") != "run.done":
        event = json.loads(await connection.recv())
    await connection.send(json.dumps({"type": "thanks", "run_id": event["run_id"]}))
    await connection.recv()


@contextlib.asynccontextmanager
async def serving(handler: Handler, refuse: HTTPStatus | None = None) -> AsyncIterator[str]:
    """Run a server for a while, which may refuse whoever comes; give its URL."""

    def answer(connection: ServerConnection, request: Request) -> Response | None:
        return None if refuse is None else connection.respond(refuse, "no\n")

    async with serve(handler, "127.0.0.1", 0, process_request=answer, max_size=None) as server:
        (listening,) = server.sockets
        yield f"ws://127.0.0.1:{listening.getsockname()[1]}"


async def recorded_from(
    recording: Path,
    handler: Handler = agent,
    talk: Callable[[ClientConnection], Awaitable[None]] = ask,
    *,
    times: int = 1,
    **connecting: Any,
) -> Path:
    """Record a client's sessions with a server, one after the other."""
    async with serving(handler) as url, in_process(url, recording) as proxy:
        for _ in range(times):
            async with connect(f"{proxy.url}/ws?room=1", max_size=None, **connecting) as client:
                await talk(client)
    return recording


async def replayed(
    recording: Path,
    url: str,
    settings: Settings = HASTY,
    *,
    scope: Scope = EVERYTHING,
    output: Path | None = None,
) -> Replayed:
    """Replay a recording to a server."""
    kept = None if output is None else Output(path=output)
    work = replay(recording, Upstream.parse(url), settings, scope=scope, output=kept)
    return await asyncio.wait_for(work, 15.0)


def differences(replayed: Replayed) -> list[Difference]:
    """Return all that is wrong, session by session."""
    return [each for played in replayed.sessions for each in played.differences]


def kinds(replayed: Replayed) -> list[str]:
    """Return the kinds of all that is wrong."""
    return [each.kind for each in differences(replayed)]


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def until_somebody_listens(port: int) -> None:
    """Wait until a process listens on a port of this machine, ten seconds at most."""
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return
        time.sleep(0.05)
    raise AssertionError(f"nobody listens on port {port}")


async def _main() -> None:
    async with serve(agent, "127.0.0.1", int(os.environ["WSREC_PORT"])) as server:
        await server.serve_forever()


if __name__ == "__main__":  # what `-- COMMAND` is in tests
    asyncio.run(_main())
