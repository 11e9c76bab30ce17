"""The proxy is killed: what must not be recorded is in no file that it leaves behind."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from support.frames import KEY as MASK
from support.frames import wire
from support.modes import recover, start_in
from support.promise import intact
from support.raw import SWITCH, Peer, backend, conversation_with_process, upgrade
from support.secrets import CANARY, leaks

EVENT = b'{"type":"login","token":"' + CANARY.encode() + b'"}'


def said(text: bytes, mask: bytes | None) -> bytes:
    """Return a message that is whole, one in two fragments, and one that is never completed."""
    return (
        wire(1, text, mask=mask)
        + wire(1, text[:30], fin=False, mask=mask)
        + wire(0, text[30:], mask=mask)
        + wire(1, text, fin=False, mask=mask)
        + wire(0, text, fin=False, mask=mask)
    )


@pytest.mark.parametrize("cut", [0, 20])
@conversation_with_process
async def test_nor_in_what_is_made_of_them(mode: str, recording: Path, cut: int) -> None:
    # A rule about messages is refused where bytes are kept before they are whole messages.
    rules, text = (("--redact", "json:/token"), EVENT) if mode == "async" else ((), b"{}" * 30)
    async with backend() as behind:
        proxy = start_in(mode, behind.url, recording, *rules)
        client = await Peer.connect(proxy.port)
        await client.send(upgrade(f"Authorization: Bearer {CANARY}", target=f"/?token={CANARY}"))
        server = await behind.accept()
        await server.head()
        await server.send(SWITCH)
        assert (await client.head()).encode() == SWITCH
        for sender, far_end, mask in ((client, server, MASK), (server, client, None)):
            data = said(text, mask)
            data = data[: len(data) - cut]  # in the middle of a frame, or behind it
            await sender.send(data)
            assert await far_end.exactly(len(data)) == data
        proxy.signal(signal.SIGKILL)
        assert (await proxy.over())[0] == -signal.SIGKILL
    assert leaks(recording.parent) == []
    recover(mode, recording)
    assert leaks(recording.parent) == []
    intact(recording)
