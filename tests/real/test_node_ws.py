"""The npm package `ws` on both ends, each in a process of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.peers import peer_process
from support.proxying import digest, proxy_process, sessions
from wsrec.store.reader import Recording

pytestmark = pytest.mark.real


def test_a_session_between_two_node_processes(recording: Path, node_folder: Path) -> None:
    shutil.copy(Path(__file__).with_name("peer.mjs"), node_folder)
    node = ["node", str(node_folder / "peer.mjs")]
    with (
        peer_process([*node, "server"]) as server,
        proxy_process(f"ws://127.0.0.1:{server.says()}", recording) as proxy,
        peer_process([*node, "client", f"{proxy.url}/"]) as client,
    ):
        at_client, at_server = client.says(), server.says()

    assert len(at_client["sent"]) == 14
    assert at_client["sent"] == at_server["received"]
    assert at_server["sent"] == at_client["received"]
    assert at_client["pings"] == [f"server {number}" for number in range(14)]
    assert at_client["pongs"] == [f"client {number}" for number in range(14)]
    assert at_client["close"] == at_server["close"] == [4001, "done: ä"]

    (session,) = sessions(recording)
    assert (session.close_code, session.close_reason) == (4001, "done: ä")
    assert session.closed_by == "client"
    assert session.extensions is not None
    recorded: dict[str, list[list[object]]] = {"client": [], "server": []}
    with Recording.open(recording) as opened:
        for message in opened.messages(1):
            recorded[message.sender].append(list(digest(message.data)))
        frames = list(opened.frames(1))
    assert recorded == {"client": at_client["sent"], "server": at_server["sent"]}
    assert any(frame.rsv == 4 for frame in frames)
    assert any(frame.opcode == 0 for frame in frames)
