"""A hundred busy sessions again: as they are without the proxy, and counted right by it."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from support import agents
from support.agents import EVENTS, Transcript
from support.peers import PeerProcess, peer_process
from support.proxying import proxy_process
from wsrec.store.reader import Recording

pytestmark = pytest.mark.real

SESSIONS, REQUESTS = 100, 100
PEER = [sys.executable, str(agents.__file__)]


def run(url: str, backend: PeerProcess) -> tuple[Any, Any]:
    """Have all sessions at once; return what the clients and what the backend say of them."""
    with peer_process([*PEER, "users", url, str(SESSIONS), str(REQUESTS)]) as users:
        return users.says(), backend.says()


def test_the_sessions_are_those_without_the_proxy_and_counted_right(recording: Path) -> None:
    with peer_process([*PEER, "backend", str(SESSIONS)]) as backend:
        direct = run(f"ws://127.0.0.1:{backend.says()}", backend)
    with (
        peer_process([*PEER, "backend", str(SESSIONS)]) as backend,
        proxy_process(f"ws://127.0.0.1:{backend.says()}", recording) as proxy,
    ):
        through = run(proxy.url, backend)

    assert through == direct
    at_clients, at_backend = through
    assert at_clients == at_backend

    messages = 0
    found = set()
    with Recording.open(recording) as opened:
        assert opened.clean
        for session in opened.sessions():
            assert session.clean
            assert session.extensions is None
            (number,) = parse_qs(urlsplit(session.target).query)["session"]
            found.add(number)
            said = {"client": Transcript(), "server": Transcript()}
            payload = Counter[str]()
            for message in opened.messages(session.id):
                assert not message.anomalies
                data = message.data
                payload[message.sender] += len(data.encode() if isinstance(data, str) else data)
                said[message.sender].add(data)
            assert {who: one.summary for who, one in said.items()} == at_clients[number]
            messages += said["server"].count
            frames, sizes = Counter[str](), Counter[str]()
            for frame in opened.frames(session.id):
                frames[frame.sender] += 1
                sizes[frame.sender] += len(frame.payload)
            assert frames == {"client": session.client_frames, "server": session.server_frames}
            assert sizes == {"client": session.client_bytes, "server": session.server_bytes}
            # A message is one frame here, and a Close without a reason one of two bytes.
            assert frames == {"client": REQUESTS + 1, "server": REQUESTS * EVENTS + 1}
            assert sizes == {who: payload[who] + 2 for who in said}
    assert found == {str(number) for number in range(SESSIONS)}
    assert messages == 100_000
