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
FRAGMENTS = EVENT[:30], EVENT[30:]


def said(mask: bytes | None) -> bytes:
    """Return a message that is whole, one in two fragments, and one that is never completed."""
    first, second = FRAGMENTS
    return (
        wire(1, EVENT, mask=mask)
        + wire(1, first, fin=False, mask=mask)
        + wire(0, second, mask=mask)
        + wire(1, EVENT, fin=False, mask=mask)
    )


@pytest.mark.parametrize("cut", [0, 20])
@conversation_with_process
async def test_nor_in_what_is_made_of_them(mode: str, recording: Path, cut: int) -> None:
    async with backend() as behind:
        proxy = start_in(mode, behind.url, recording, "--redact", "json:/token")
        client = await Peer.connect(proxy.port)
        await client.send(upgrade(f"Authorization: Bearer {CANARY}", target=f"/?token={CANARY}"))
        server = await behind.accept()
        await server.head()
        await server.send(SWITCH)
        assert (await client.head()).encode() == SWITCH
        for sender, far_end, mask in ((client, server, MASK), (server, client, None)):
            data = said(mask) + wire(1, EVENT, mask=mask)
            data = data[: len(data) - cut]  # in the middle of a frame, or behind it
            await sender.send(data)
            assert await far_end.exactly(len(data)) == data
        proxy.signal(signal.SIGKILL)
        assert (await proxy.over())[0] == -signal.SIGKILL
    assert leaks(recording.parent) == []
    recover(mode, recording)
    assert leaks(recording.parent) == []
    intact(recording)
