"""Any damage to an opening handshake: the backend gets nothing, or what the recording has."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from support.frames import wire
from support.hostile import Log, attack, logging_backend, read_requests, switch
from support.proxying import in_process, sessions
from support.raw import SWITCH, upgrade
from wsrec.proxy.server import Proxy
from wsrec.store.model import Session

BASE = upgrade("Origin: https://app.test", "Cookie: a=1", target="/a?b=c")
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: evil.test\r\n\r\n"

PIECES = st.sampled_from(
    [
        *(bytes([each]) for each in b"\r\n\t :,;/#?@*\0\x0b\x7f\x80\xffaZ0"),
        b"\r\n",
        b"\r\n\r\n",
        b"\r\n ",
        b"Host: evil.test\r\n",
        b"Content-Length: 43\r\n",
        b"Content-Length: 0\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Connection: close, Cookie\r\n",
        b"Connection: keep-alive\r\n",
        b"Upgrade: h2c\r\n",
        b"HTTP2-Settings: AA\r\n",
        b"Sec-WebSocket-Version: 8\r\n",
        b"http://evil.test",
        SMUGGLED,
    ]
)
WHERE = st.integers(0, len(BASE))
LINE = st.integers(0, BASE.count(b"\r\n") - 2)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Return a proper opening handshake after a few accidents."""
    lines = BASE.split(b"\r\n")
    for _ in range(draw(st.integers(0, 2))):
        line = lines[draw(LINE)]
        match draw(st.sampled_from(["repeat", "drop", "move", "before"])):
            case "repeat":
                lines.insert(draw(LINE), line)
            case "drop" if line in lines[1:-2]:
                lines.remove(line)
                lines.insert(1, b"X-Name: 1")
            case "move" if line in lines:
                lines.remove(line)
                lines.insert(draw(LINE), line)
            case _:
                lines.insert(1, draw(PIECES).strip(b"\r\n"))
    data = b"\r\n".join(lines)
    for _ in range(draw(st.integers(0, 3))):
        at = min(draw(WHERE), len(data))
        match draw(st.sampled_from(["insert", "remove", "replace"])):
            case "insert":
                data = data[:at] + draw(PIECES) + data[at:]
            case "remove":
                data = data[:at] + data[at + draw(st.integers(1, 12)) :]
            case _:
                data = data[:at] + draw(PIECES) + data[at + 1 :]
    return data + draw(st.sampled_from([b"", SMUGGLED, wire(1, b"early", mask=b"abcd")]))


@dataclass
class Case:
    """One exchange: what was sent, what came back, and the script of the backend."""

    sent: bytes
    proper: bool
    got: bytes
    connections: list[bytes]


class World:
    """A proxy and its backend, for many exchanges one after the other."""

    def __init__(self, proxy: Proxy, log: Log) -> None:
        self.proxy = proxy
        self.log = log
        self.answers_properly = True

    def answer(self, head: bytes) -> bytes:
        """Answer as this exchange has it: properly, or with what proves nothing."""
        return switch(head) if self.answers_properly else SWITCH.replace(b"s3pP", b"AAAA")

    async def run(self, sent: bytes, proper: bool, piece: int) -> Case:
        """Have one exchange."""
        self.answers_properly = proper
        self.log.connections.clear()
        got = await attack(self.proxy.port, sent, piece=piece, patience=0.06)
        return Case(sent, proper, got, [bytes(each) for each in self.log.connections])


def judge(case: Case) -> list[tuple[str, list[bytes], list[bytes]]]:
    """Check one exchange by the grammar alone; return the upgrades that the backend got."""
    upgrades = []
    for connection in case.connections:
        if not connection:
            continue  # opened, and given up before a byte was sent
        request, more = read_requests(connection)
        assert not more or case.proper
        if request.values(b"Upgrade") or request.values(b"Sec-WebSocket-Key"):
            assert request.is_proper_upgrade
            host, key = request.values(b"Host"), request.values(b"Sec-WebSocket-Key")
            assert case.sent.count(key[0]) >= 1
            upgrades.append((request.target, host, key))
        else:
            assert not more
    if case.got.startswith(b"HTTP/1.1 101 "):
        assert case.proper
        assert len(upgrades) == 1
    assert case.got.count(b"HTTP/1.1 101 ") <= (len(upgrades) if case.proper else 0)
    return upgrades


def as_sent(session: Session) -> tuple[str, list[bytes], list[bytes]]:
    """Return what the recording has of what tells one handshake from another."""

    def values(name: str) -> list[bytes]:
        return [
            value.encode("utf-8", "surrogateescape")
            for key, value in session.request_headers
            if key.lower() == name
        ]

    return session.target, values("host"), values("sec-websocket-key")


@contextlib.asynccontextmanager
async def a_world(recording: Path) -> AsyncIterator[World]:
    """Run a proxy and a backend that answers by the world's word."""
    worlds: list[World] = []
    async with (
        logging_backend(lambda head: worlds[0].answer(head)) as log,
        in_process(log.url, recording) as proxy,
    ):
        worlds.append(World(proxy, log))
        yield worlds[0]


def test_no_damage_gets_through(recording: Path) -> None:
    seen: list[tuple[str, list[bytes], list[bytes]]] = []
    with asyncio.Runner() as runner:
        opened = a_world(recording)
        world = runner.run(opened.__aenter__())

        @settings(max_examples=150, deadline=None)
        @given(damaged(), st.booleans(), st.sampled_from([0, 0, 0, 61]))
        def each(sent: bytes, proper: bool, piece: int) -> None:
            seen.extend(judge(runner.run(world.run(sent, proper, piece))))

        try:
            each()
        finally:
            runner.run(opened.__aexit__(None, None, None))

    recorded = [as_sent(session) for session in sessions(recording)]
    assert seen, "not one handshake got through: this test shows nothing"
    assert all(upgraded in recorded for upgraded in seen)
