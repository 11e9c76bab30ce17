"""A backend of agents and its users, on aiohttp; each side says what it has sent and received.

python agents.py backend SESSIONS
python agents.py users URL SESSIONS REQUESTS
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from hashlib import sha256

import aiohttp
from aiohttp import web

__all__ = ["EVENTS", "Transcript"]

EVENTS = 10
"""Events that answer one request."""


class Transcript:
    """One direction of a session as one end saw it: how many messages, and a hash over them."""

    def __init__(self) -> None:
        self.count = 0
        self._hash = sha256()

    def add(self, message: str | bytes) -> None:
        """Note a message: its kind, its size, its content, its place."""
        data = message.encode() if isinstance(message, str) else message
        self._hash.update(f"{type(message).__name__} {len(data)} ".encode() + data)
        self.count += 1

    @property
    def summary(self) -> list[object]:
        """What two equal transcripts have in common."""
        return [self.count, self._hash.hexdigest()]


def text(noise: random.Random, **fields: object) -> str:
    """Return an event as agents send it, of some hundred bytes."""
    return json.dumps({**fields, "text": "ä€😀" + noise.randbytes(noise.randrange(200)).hex()})


async def backend(sessions: int) -> None:
    """Answer each message by ten events, one of them binary; say at the end what crossed."""
    ended: dict[str, dict[str, list[object]]] = {}
    all_ended = asyncio.Event()

    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        sent, received = Transcript(), Transcript()
        session = request.query["session"]
        noise = random.Random(int(session))
        async for message in socket:
            received.add(message.data)
            for number in range(EVENTS - 1):
                event = text(noise, type="agent_thinking", session=session, number=number)
                await socket.send_str(event)
                sent.add(event)
            data = noise.randbytes(noise.randrange(300))
            await socket.send_bytes(data)
            sent.add(data)
        ended[session] = {"server": sent.summary, "client": received.summary}
        if len(ended) == sessions:
            all_ended.set()
        return socket

    app = web.Application()
    app.router.add_get("/ws", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    print(json.dumps(runner.addresses[0][1]), flush=True)
    await all_ended.wait()
    print(json.dumps(ended), flush=True)
    await runner.cleanup()


async def users(url: str, sessions: int, requests: int) -> None:
    """Run sessions at once, each of which asks and reads as fast as it can."""

    async def use(session: int) -> dict[str, list[object]]:
        sent, received = Transcript(), Transcript()
        noise = random.Random(-1 - session)
        async with http.ws_connect(f"{url}/ws?session={session}", max_msg_size=0) as socket:

            async def read() -> None:
                while received.count < requests * EVENTS:
                    message = await socket.receive()
                    assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY)
                    received.add(message.data)

            reading = asyncio.ensure_future(read())
            for number in range(requests):
                request = text(noise, type="ask", number=number)
                await socket.send_str(request)
                sent.add(request)
                await asyncio.sleep(0)
            await reading
        return {"client": sent.summary, "server": received.summary}

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        seen = await asyncio.gather(*(use(session) for session in range(sessions)))
    print(json.dumps(dict(enumerate(seen))), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "backend":
        asyncio.run(backend(int(sys.argv[2])))
    else:
        asyncio.run(users(sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
