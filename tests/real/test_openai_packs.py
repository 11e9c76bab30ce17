"""The official `openai` client against `aimock`, recorded, and judged by the packs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.openai_talks import REALTIME, RESPONSES, held
from support.proxying import judged, proxy_process
from wsrec.checks.outcome import Outcome

pytestmark = pytest.mark.real


def spans(outcome: Outcome, *names: str) -> list[tuple[int, ...]]:
    return [tuple(each.spans[name] for name in names) for each in outcome.sessions]


def test_realtime(recording: Path, aimock: str) -> None:
    with proxy_process(f"ws://{aimock}", recording) as proxy:
        asyncio.run(held(REALTIME, f"127.0.0.1:{proxy.port}"))
    outcome = judged(recording, "openai-realtime")
    # chat, calls, audio, dictate, trouble
    assert spans(outcome, "response", "put", "call", "heard") == [
        (2, 2, 0, 0), (2, 4, 2, 0), (1, 1, 0, 0), (0, 0, 0, 1), (2, 2, 0, 0),
    ]  # fmt: skip


def test_responses(recording: Path, aimock: str) -> None:
    with proxy_process(f"ws://{aimock}", recording) as proxy:
        asyncio.run(held(RESPONSES, f"127.0.0.1:{proxy.port}"))
    outcome = judged(recording, "openai-responses")
    # answers, functions, thought, refused
    assert spans(outcome, "response") == [(2,), (2,), (1,), (1,)]
