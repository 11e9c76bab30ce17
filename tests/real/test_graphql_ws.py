"""npm's `graphql-ws` on both ends: queries, streams, stops, errors, pings and a refusal."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.peers import peer_process
from support.proxying import judged, proxy_process, sessions

pytestmark = pytest.mark.real

SCRIPT = Path(__file__).with_name("graphql_ws_peers.cjs")


def test_the_same_operations_direct_and_through_the_proxy(
    recording: Path, node_folder: Path
) -> None:
    def run(url: str) -> object:
        command = ["node", str(SCRIPT), "client", f"{url}/graphql"]
        with peer_process(command, cwd=node_folder) as client:
            return client.says()

    with peer_process(["node", str(SCRIPT), "server"], cwd=node_folder) as server:
        upstream = f"ws://127.0.0.1:{server.says()}"
        direct = run(upstream)
        with proxy_process(upstream, recording) as proxy:
            through = run(proxy.url)

    assert through == direct
    ends = [(each.subprotocol, each.close_code) for each in sessions(recording)]
    assert ends == [("graphql-transport-ws", 1000)] * 5 + [("graphql-transport-ws", 4403)]

    spans = [each.spans for each in judged(recording, "graphql-transport-ws").sessions]
    assert [each["connection"] for each in spans] == [1] * 6
    assert [each["operation"] for each in spans] == [3, 3, 3, 3, 1, 0]
    assert spans[1]["ping"] > 0  # the client's
    assert spans[4]["ping"] == 1  # the server's
