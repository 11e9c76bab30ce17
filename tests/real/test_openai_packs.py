"""The official `openai` client against `aimock`, recorded, and judged by the packs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.openai_talks import REALTIME, RESPONSES, held
from support.proxying import proxy_process
from wsrec.checks.judge import Judge
from wsrec.checks.outcome import Outcome
from wsrec.schemas.packs import find
from wsrec.store.reader import Recording

pytestmark = pytest.mark.real


def judged(recording: Path, pack: str) -> Outcome:
    with Recording.open(recording) as opened:
        engine = Judge(find(pack))
        for session in opened.sessions():
            engine.open(session)
            for message in opened.messages(session.id):
                engine.message(session.id, message)
            engine.close(session)
        return engine.finish()


def spans(outcome: Outcome, *names: str) -> list[tuple[int, ...]]:
    return [tuple(each.spans[name] for name in names) for each in outcome.sessions]


def test_realtime(recording: Path, aimock: str) -> None:
    with proxy_process(f"ws://{aimock}", recording) as proxy:
        asyncio.run(held(REALTIME, f"127.0.0.1:{proxy.port}"))
    outcome = judged(recording, "openai-realtime")
    assert outcome.all_findings() == ()
    assert outcome.verdict == "pass"
    # chat, calls, audio, dictate, trouble
    assert spans(outcome, "response", "put", "call", "heard") == [
        (2, 2, 0, 0), (2, 4, 2, 0), (1, 1, 0, 0), (0, 0, 0, 1), (2, 2, 0, 0),
    ]  # fmt: skip


def test_responses(recording: Path, aimock: str) -> None:
    with proxy_process(f"ws://{aimock}", recording) as proxy:
        asyncio.run(held(RESPONSES, f"127.0.0.1:{proxy.port}"))
    outcome = judged(recording, "openai-responses")
    assert outcome.all_findings() == ()
    assert outcome.verdict == "pass"
    # answers, functions, thought, refused
    assert spans(outcome, "response") == [(2,), (2,), (1,), (1,)]
