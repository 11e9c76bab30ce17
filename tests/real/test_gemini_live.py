"""The official `google-genai` client, which speaks TLS only, recorded and judged by the pack."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest
import trustme
from support.gemini_live import TALKS, held, live_server
from support.proxying import judged, start

pytestmark = pytest.mark.real


async def record(recording: Path, certificate: Path) -> None:
    async with live_server() as port:
        upstream, tls = f"ws://127.0.0.1:{port}", ("--tls-cert", str(certificate))
        proxy = await asyncio.to_thread(start, upstream, recording, *tls)
        await held(TALKS, proxy.port)
        proxy.signal(signal.SIGTERM)
        assert await proxy.over() == (0, "")


def test_the_live_client(recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    trusted, certificate = tmp_path / "ca.pem", tmp_path / "cert.pem"
    authority.cert_pem.write_to_path(str(trusted))
    issued = authority.issue_cert("localhost").private_key_and_cert_chain_pem
    issued.write_to_path(str(certificate))
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))

    asyncio.run(record(recording, certificate))

    outcome = judged(recording, "gemini-live")
    kinds = ("setup", "turn", "call", "activity")
    assert [tuple(each.spans[kind] for kind in kinds) for each in outcome.sessions] == [
        (1, 2, 0, 0),  # chat
        (1, 1, 2, 0),  # calls
        (1, 2, 1, 0),  # cancelled
        (1, 2, 0, 0),  # interrupted
        (1, 1, 0, 1),  # voice
        (1, 1, 0, 0),  # leaving
    ]
