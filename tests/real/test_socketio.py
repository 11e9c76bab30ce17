"""`python-socketio` on both ends: polling first, then an upgrade, binary attachments, acks."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web
from engineio.async_drivers import aiohttp as driver
from support.proxying import judged, proxy_process, recorded, sessions
from support.socketio_chat import (
    PICTURE,
    Overheard,
    chat,
    converse,
    listening,
    serving,
    until_disconnected,
)

pytestmark = pytest.mark.real


async def run(recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_server, at_client, at_client_direct = Overheard(), Overheard(), Overheard()
    server, heard = chat()
    async with serving(server) as port:
        direct = await converse(port, at_client_direct)
        heard_direct = await until_disconnected(heard)
        kind = listening(web.WebSocketResponse, at_server)
        monkeypatch.setattr(driver, "WebSocketResponse", kind)
        with proxy_process(f"http://127.0.0.1:{port}", recording) as proxy:
            through = await converse(proxy.port, at_client)
            heard_through = await until_disconnected(heard)

    assert through == direct
    assert heard_through == heard_direct
    assert "websocket" in direct  # it began with polling and was upgraded
    assert ("connect", {"token": "t"}, "transport=polling&EIO=4") in heard_direct
    assert ("confirmed", ["fine", b"\x00\x01"]) in heard_direct or (
        "confirmed",
        ("fine", b"\x00\x01"),
    ) in heard_direct
    assert PICTURE[::-1] in direct

    assert at_client.sent[0] == "2probe"
    assert at_client.sent == at_server.received
    assert at_server.sent == at_client.received
    assert recorded(recording) == {"client": at_client.sent, "server": at_server.sent}
    assert PICTURE in at_client.sent
    assert at_client.sent == at_client_direct.sent

    (session,) = sessions(recording)
    assert session.clean
    assert session.target.startswith("/socket.io/?transport=websocket&EIO=4&sid=")


def test_the_same_chat_direct_and_through_the_proxy(
    recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(run(recording, monkeypatch))
    (session,) = judged(recording, "socketio").sessions
    assert session.spans["acknowledgement"] == 3
