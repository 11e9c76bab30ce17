"""Node's `ws` on both ends: forty compressed sessions at once, half of them closed with 4001."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.peers import PeerProcess, peer_process
from support.proxying import digest, proxy_process, sessions
from wsrec.store.reader import Recording

pytestmark = pytest.mark.real

SCRIPT = Path(__file__).with_name("ws_peers.cjs")
SESSIONS = 40
MESSAGES = 20
"""Of each peer in each session."""
PINGS = ["5", "10", "15", "20"]

ENDS = {
    0: ("client", 1000, ""),
    1: ("client", 4001, "the client has had enough, ä€"),
    2: ("client", 1000, ""),
    3: ("server", 4001, "the server has"),
}
"""Who closes a session, and how, by its number modulo four."""


def run(server: PeerProcess, url: str, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Have every session at once; return what the clients and what the server saw."""
    command = ["node", str(SCRIPT), "client", url, str(SESSIONS)]
    with peer_process(command, cwd=folder) as client:
        return client.says(), server.says()


def test_the_same_sessions_direct_and_through_the_proxy(recording: Path, node_folder: Path) -> None:
    command = ["node", str(SCRIPT), "server", str(SESSIONS)]
    with peer_process(command, cwd=node_folder) as server:
        upstream = f"ws://127.0.0.1:{server.says()}"
        direct = run(server, upstream, node_folder)
        with proxy_process(upstream, recording) as proxy:
            through = run(server, proxy.url, node_folder)

    assert through == direct
    clients, servers = through
    assert clients.keys() == servers.keys() == {str(number) for number in range(SESSIONS)}
    found = {one.target.partition("session=")[2]: one for one in sessions(recording)}
    assert found.keys() == clients.keys()

    with Recording.open(recording) as opened:
        for number, session in found.items():
            client, server_seen = clients[number], servers[number]
            closed_by, code, reason = ENDS[int(number) % 4]
            assert client["closed"] == server_seen["closed"] == [code, reason]
            assert (session.closed_by, session.close_code) == (closed_by, code)
            assert session.close_reason == reason
            assert session.clean
            assert session.extensions is not None
            assert client["extensions"] == server_seen["extensions"] == "permessage-deflate"

            said: dict[str, list[list[object]]] = {"client": [], "server": []}
            for message in opened.messages(session.id):
                assert not message.anomalies
                said[message.sender].append([*digest(message.data)])
            assert said["client"] == client["sent"] == server_seen["received"]
            assert said["server"] == server_seen["sent"] == client["received"]
            assert len(said["client"]) == len(said["server"]) == MESSAGES

            frames = list(opened.frames(session.id))
            assert any(frame.rsv == 4 for frame in frames), "nothing was compressed"
            for sender, peer in (("client", server_seen), ("server", client)):
                sent = [frame for frame in frames if frame.sender == sender]
                pings = [frame.payload.decode() for frame in sent if frame.opcode == 9]
                assert pings == peer["pings"] == [f"{sender} {count}" for count in PINGS]
                counted = len(sent), sum(len(frame.payload) for frame in sent)
                if sender == "client":
                    assert counted == (session.client_frames, session.client_bytes)
                else:
                    assert counted == (session.server_frames, session.server_bytes)
