"""Nothing lost: what a hundred busy sessions said is in the recording, all of it, in order."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from support import agents
from support.agents import EVENTS, Transcript
from support.peers import peer_process
from support.proxying import proxy_process
from wsrec.store.reader import Recording

pytestmark = pytest.mark.real

SESSIONS, REQUESTS = 100, 100


def test_a_hundred_sessions_of_a_thousand_events(recording: Path) -> None:
    peer = [sys.executable, str(agents.__file__)]
    with peer_process([*peer, "backend", str(SESSIONS)]) as backend:
        upstream = f"ws://127.0.0.1:{backend.says()}"
        with proxy_process(upstream, recording) as proxy:
            users = [*peer, "users", proxy.url, str(SESSIONS), str(REQUESTS)]
            with peer_process(users) as clients:
                at_clients = clients.says()
            at_backend = backend.says()

    assert len(at_clients) == SESSIONS
    assert at_clients == at_backend
    assert {seen["server"][0] for seen in at_clients.values()} == {REQUESTS * EVENTS}

    in_recording = {}
    with Recording.open(recording) as opened:
        for session in opened.sessions():
            (number,) = parse_qs(urlsplit(session.target).query)["session"]
            said = {"client": Transcript(), "server": Transcript()}
            for message in opened.messages(session.id):
                said[message.sender].add(message.data)
            in_recording[number] = {who: transcript.summary for who, transcript in said.items()}
            assert session.clean
    assert in_recording == at_clients
