"""The official `openai` client on its realtime API, against the mock server `aimock`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from openai import AsyncOpenAI
from support.openai_chat import MODEL, converse, without_names
from support.proxying import proxy_process, recorded, sessions

pytestmark = pytest.mark.real


def test_the_same_conversation_direct_and_through_the_proxy(recording: Path, aimock: str) -> None:
    said, direct = asyncio.run(converse(aimock))
    assert "Hello! I am a recording of nobody: ä, €, 😀. How can I help you today?" in said
    assert '{"city":"Köln"}' in said
    assert "It is sunny in Köln." in said

    with proxy_process(f"ws://{aimock}", recording) as proxy:
        said_through, through = asyncio.run(converse(f"127.0.0.1:{proxy.port}"))

    assert said_through == said
    assert without_names(through.received) == without_names(direct.received)
    assert through.sent == direct.sent
    assert recorded(recording) == {"client": through.sent, "server": through.received}

    (session,) = sessions(recording)
    assert session.status == 101
    assert session.target == f"/v1/realtime?model={MODEL}"
    assert session.clean
    assert session.close_code == 1000
    assert session.closed_by == "client"
    assert dict(session.request_headers)["Authorization"].startswith("Bearer redacted:")


def test_what_is_refused_direct_is_refused_through_the_proxy(recording: Path, aimock: str) -> None:
    async def ask(address: str) -> tuple[str, str]:
        client = AsyncOpenAI(api_key="none", websocket_base_url=f"ws://{address}/no-such-api")
        async with client:
            with pytest.raises(Exception, match="HTTP") as error:
                async with client.realtime.connect(model=MODEL):
                    pass
        return type(error.value).__name__, str(error.value)

    direct = asyncio.run(ask(aimock))
    with proxy_process(f"ws://{aimock}", recording) as proxy:
        through = asyncio.run(ask(f"127.0.0.1:{proxy.port}"))

    assert through == direct
    assert "404" in direct[1]
    (session,) = sessions(recording)
    assert session.status == 404
